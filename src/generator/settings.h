/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one setting of unitbpfd.conf that a start has to know before the daemon can be asked. */

#include <stdint.h>

#include "units/wish.h"

/* AttachTimeoutSec= in seconds, from the file unitbpfd.conf of the first directory and then from the drop-ins in
 * unitbpfd.conf.d of all of them (NULL at the end), read as unitbpfd(8) says. The default where nothing is said;
 * what is wrong is said in the kernel's log and passed over. */
uint32_t settings_attach_timeout(const UnitContext *context, const char *const *directories);

/* The directories of an installed unitbpf; NULL at the end, static. */
const char *const *settings_directories(void);
