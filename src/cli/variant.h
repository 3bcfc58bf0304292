/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From sd-bus to GVariant. */

#include <glib.h>
#include <systemd/sd-bus.h>

/* Reads the next complete value of a message, whatever its type. *ret belongs to the caller. -ENXIO at the end of
 * the message, -EOPNOTSUPP for descriptors and floating point numbers, -EBADMSG for a damaged message. */
int variant_from_message(sd_bus_message *message, GVariant **ret);
