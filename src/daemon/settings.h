/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Settings of the running daemon: configuration files with the command line on top. */

#include "src/daemon/daemon.h"

/* Reads everything for the first time. -EINVAL: something the daemon cannot run with, explained in diag. */
int settings_load(Daemon *daemon, Diag *diag);

/* Reads the files again. What can change at run time does: log level, unit path, what happens at the end. */
void settings_reload(Daemon *daemon);
