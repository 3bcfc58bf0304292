/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/generator/start-lines.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "units/ini.h"
#include "units/unit-file.h"

/* Keys that put something else where the hook or its socket is, for '+' commands as well. InaccessiblePaths= and
 * NoExecPaths= are not among them: the service manager leaves them out for '+' commands. */
static const char *const views[] = {
        "RootDirectory",     "RootImage",   "TemporaryFileSystem", "BindPaths",
        "BindReadOnlyPaths", "MountImages", "ExtensionImages",     "ExtensionDirectories",
};

typedef struct Reading {
        const char *section, *command_key;
        StartLines *lines;
        bool set[ELEMENTS(views)]; /* as last said */
} Reading;

static void take_command(const Reading *reading, const char *value) {
        if (*value)
                g_ptr_array_add(reading->lines->commands, g_strdup(value));
        else
                g_ptr_array_set_size(reading->lines->commands, 0);
}

static int on_entry(const IniEntry *entry, void *userdata) {
        Reading *reading = userdata;

        if (entry->error || !entry->key || !text_equal(entry->section, reading->section))
                return 0;
        if (strcmp(entry->key, reading->command_key) == 0)
                take_command(reading, entry->value);
        if (strcmp(entry->key, "Slice") == 0) {
                g_free(reading->lines->slice);
                reading->lines->slice = *entry->value ? g_strdup(entry->value) : NULL;
        }
        for (size_t i = 0; i < ELEMENTS(views); i++)
                if (strcmp(entry->key, views[i]) == 0)
                        reading->set[i] = *entry->value != 0;
        return 0;
}

static int read_file(const UnitContext *context, const char *path, Reading *reading, Diag *diag) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = unit_file_read(context, path, &text, &size, diag);

        return r <= 0 ? r : ini_read(text, size, on_entry, reading, diag);
}

void start_lines_done(StartLines *lines) {
        g_clear_pointer(&lines->commands, g_ptr_array_unref);
        g_clear_pointer(&lines->slice, g_free);
}

int start_lines_read(
        const UnitContext *context,
        const char *unit,
        const UnitPaths *paths,
        StartLines *ret,
        Diag *diag
) {
        bool socket = g_str_has_suffix(unit, ".socket");
        _cleanup_(start_lines_done) StartLines lines = {
                .commands = g_ptr_array_new_with_free_func(g_free),
        };
        Reading reading = {
                .section = socket ? "Socket" : "Service",
                .command_key = socket ? "ExecStartPre" : "ExecCondition",
                .lines = &lines,
        };
        int r = paths->fragment ? read_file(context, paths->fragment, &reading, diag) : 0;

        for (char **dropin = paths->dropins; r >= 0 && dropin && *dropin; dropin++)
                r = read_file(context, *dropin, &reading, diag);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTS(views); i++)
                lines.own_view = lines.own_view || reading.set[i];
        *ret = lines;
        lines = (StartLines){};
        return 0;
}
