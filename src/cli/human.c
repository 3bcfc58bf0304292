/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/cli/human.h"

#include <glib.h>

#include "src/base/cleanup.h"

/* From large to small; two neighbouring units are shown, as in "2h 5min ago". */
static const struct {
        const char *name, *many;
        uint64_t seconds;
} units[] = {
        { " year", " years", 365ULL * 24 * 3600 },
        { " day", " days", 24 * 3600 },
        { "h", "h", 3600 },
        { "min", "min", 60 },
        { "s", "s", 1 },
};

static char *span(uint64_t seconds) {
        GString *text = g_string_new(NULL);
        unsigned shown = 0;

        for (size_t i = 0; i < ELEMENTS(units) && shown < 2; i++) {
                uint64_t n = seconds / units[i].seconds;

                if (n > 0)
                        g_string_append_printf(
                                text, "%s%" G_GUINT64_FORMAT "%s", shown ? " " : "", n,
                                n == 1 ? units[i].name : units[i].many
                        );
                if (n > 0 || shown > 0)
                        shown++;
                seconds %= units[i].seconds;
        }
        if (text->len == 0)
                g_string_append(text, "0s");
        return g_string_free(text, FALSE);
}

char *human_ago(uint64_t usec, uint64_t now) {
        uint64_t distance = usec > now ? usec - now : now - usec;
        g_autofree char *text = span(distance / G_USEC_PER_SEC);

        return usec > now ? g_strdup_printf("in %s", text) : g_strdup_printf("%s ago", text);
}

char *human_timestamp(uint64_t usec) {
        g_autoptr(GDateTime)
                time = g_date_time_new_from_unix_local((int64_t)(usec / G_USEC_PER_SEC));

        return time ? g_date_time_format(time, "%a %Y-%m-%d %H:%M:%S %Z") : g_strdup("unknown");
}

uint64_t human_now(void) {
        return (uint64_t)g_get_real_time();
}
