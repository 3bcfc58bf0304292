/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a unit file: entries point at text without line ends and blanks around it, lines count upwards. */

#include <string.h>

#include <glib.h>

#include "tests/fuzz/fuzz.h"
#include "units/ini.h"

static void check_text(const char *text) {
        size_t size = strlen(text);

        g_assert_null(strpbrk(text, "\r\n"));
        g_assert_true(size == 0 || (text[0] != ' ' && text[size - 1] != ' '));
}

static int take(const IniEntry *entry, void *userdata) {
        unsigned *line = userdata;

        g_assert_nonnull(entry->value);
        g_assert_true(entry->key || entry->error);
        g_assert_cmpuint(entry->line, >, *line);
        *line = entry->line;
        check_text(entry->value);
        if (entry->key) {
                check_text(entry->key);
                g_assert_true(*entry->key);
        }
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree char *copy = g_memdup2(data, size); /* exact size: reading on is seen */
        unsigned line = 0;

        (void)ini_read(copy ? copy : "", size, take, &line, NULL);
        return 0;
}
