/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Error names of the bus interface, and which errno becomes which. */

#include <systemd/sd-bus.h>

#include "src/base/diag.h"

#define BUS_ERROR_PREFIX             "org.unitbpf1.Error."
#define BUS_ERROR_NO_SUCH_UNIT       BUS_ERROR_PREFIX "NoSuchUnit"
#define BUS_ERROR_NO_SUCH_ATTACHMENT BUS_ERROR_PREFIX "NoSuchAttachment"
#define BUS_ERROR_REFUSED            BUS_ERROR_PREFIX "Refused"
#define BUS_ERROR_READ_ONLY          BUS_ERROR_PREFIX "ReadOnly"
#define BUS_ERROR_CONFLICT           BUS_ERROR_PREFIX "Conflict"
#define BUS_ERROR_LIMITS_EXCEEDED    BUS_ERROR_PREFIX "LimitsExceeded"
#define BUS_ERROR_NOT_ACTIVE         BUS_ERROR_PREFIX "NotActive"
#define BUS_ERROR_FAILED             BUS_ERROR_PREFIX "Failed"

/* Name for a negative errno; never NULL. */
const char *bus_error_name(int error);

/* Answers a call with an error; text may hold anything, bytes that are no UTF-8 are replaced. */
int bus_error_reply(sd_bus_message *message, const char *name, const char *text);

/* The same from an errno and what diag says of it. */
int bus_error_reply_diag(sd_bus_message *message, int error, const Diag *diag);
