/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any text as the assignments of a unit: nothing crashes, and whatever becomes a good wish is complete. */

#include <string.h>

#include <glib.h>

#include "tests/fuzz/fuzz.h"
#include "units/directive.h"
#include "units/ini.h"
#include "units/program-line.h"

static int take(const IniEntry *entry, void *userdata) {
        DirectiveLine line = {
                .key = entry->key,
                .value = entry->value,
                .file = "fuzz",
                .line = entry->line,
        };

        if (!entry->error)
                directive_apply(userdata, &line);
        return 0;
}

static void check_wish(const Wish *wish) {
        switch (wish->kind) {
        case WISH_PROGRAM:
                g_assert_true(wish->hook && *wish->hook);
                g_assert_true(wish->path && program_line_check_path(wish->path, NULL) == 0);
                g_assert_true(!wish->program || program_line_is_identifier(wish->program));
                break;
        case WISH_MAP:
                g_assert_true(wish->value && program_line_check_path(wish->value, NULL) == 0);
                g_assert_true(wish->name && program_line_is_identifier(wish->name));
                break;
        case WISH_VARIABLE:
                g_assert_true(wish->name && program_line_is_identifier(wish->name));
                g_assert_nonnull(wish->value);
                g_assert_true(!wish->object_stem || *wish->object_stem);
                break;
        case WISH_FAILED:
                g_assert_nonnull(wish->error);
                return;
        }
        g_assert_null(wish->error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        UnitWish *unit = unit_wish_new("a-b@c:d-\\x2e.service");
        g_autofree char *copy = g_memdup2(data, size);

        (void)ini_read(copy ? copy : "", size, take, unit, NULL);
        for (guint i = 0; i < unit->wishes->len; i++)
                check_wish(g_ptr_array_index(unit->wishes, i));
        (void)unit_wish_free(unit);
        return 0;
}
