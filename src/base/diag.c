/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_printf_(3, 0) static void diag_record(Diag *diag, int error, const char *format, va_list arguments) {
        char *text = NULL;

        if (!diag || diag->text)
                return;
        if (vasprintf(&text, format, arguments) < 0)
                return;
        if (error != 0) {
                char *longer = NULL;

                if (asprintf(&longer, "%s: %s", text, strerror(error < 0 ? -error : error)) >= 0) {
                        free(text);
                        text = longer;
                }
        }
        diag->text = text;
}

int diag_fail(Diag *diag, int error, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        diag_record(diag, 0, format, arguments);
        va_end(arguments);
        return error;
}

int diag_errno(Diag *diag, int error, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        diag_record(diag, error, format, arguments);
        va_end(arguments);
        return error;
}

void diag_detail(Diag *diag, const char *detail) {
        if (diag && !diag->detail && detail)
                diag->detail = strdup(detail);
}

void diag_prefix(Diag *diag, const char *format, ...) {
        _cleanup_free_ char *prefix = NULL;
        va_list arguments;
        char *text;
        int n;

        if (!diag || !diag->text)
                return;
        va_start(arguments, format);
        n = vasprintf(&prefix, format, arguments);
        va_end(arguments);
        if (n < 0) {
                prefix = NULL;
                return;
        }
        if (asprintf(&text, "%s: %s", prefix, diag->text) < 0)
                return;
        free(diag->text);
        diag->text = text;
}

const char *diag_text(const Diag *diag, int error) {
        if (diag && diag->text)
                return diag->text;
        return strerror(error < 0 ? -error : error);
}

void diag_done(Diag *diag) {
        free(diag->text);
        free(diag->detail);
        *diag = (Diag){};
}
