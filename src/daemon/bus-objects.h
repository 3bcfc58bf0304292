/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One object for each unit (/org/unitbpf1/unit/NAME) and each attachment (/org/unitbpf1/attachment/ID), with
 * properties of the same names as the dictionaries of the manager. */

#include "src/daemon/bus-server.h"

/* Adds both families to a connection not yet started. */
int bus_objects_add(BusConnection *connection);

/* Number at the end of the path of an attachment; -EINVAL for any other path. */
int bus_attachment_path_parse(const char *path, uint64_t *ret_id);
