/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/bus-error.h"

#include <errno.h>

#include <glib.h>

static const struct {
        int error;
        const char *name;
} error_names[] = {
        { EINVAL, SD_BUS_ERROR_INVALID_ARGS }, { EACCES, SD_BUS_ERROR_ACCESS_DENIED },
        { EPERM, BUS_ERROR_REFUSED },          { EROFS, BUS_ERROR_READ_ONLY },
        { EBUSY, BUS_ERROR_CONFLICT },         { EEXIST, BUS_ERROR_CONFLICT },
        { EALREADY, BUS_ERROR_CONFLICT },      { ESTALE, BUS_ERROR_CONFLICT },
        { ENOSPC, BUS_ERROR_LIMITS_EXCEEDED }, { E2BIG, BUS_ERROR_LIMITS_EXCEEDED },
        { EMFILE, BUS_ERROR_LIMITS_EXCEEDED }, { ESRCH, BUS_ERROR_NOT_ACTIVE },
};

const char *bus_error_name(int error) {
        for (size_t i = 0; i < ELEMENTS(error_names); i++)
                if (error_names[i].error == -error)
                        return error_names[i].name;
        return BUS_ERROR_FAILED;
}

int bus_error_reply(sd_bus_message *message, const char *name, const char *text) {
        g_autofree char *valid = g_utf8_make_valid(text, -1);

        return sd_bus_reply_method_errorf(message, name, "%s", valid);
}

int bus_error_reply_diag(sd_bus_message *message, int error, const Diag *diag) {
        return bus_error_reply(message, bus_error_name(error), diag_text(diag, error));
}
