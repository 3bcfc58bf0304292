/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/generator/start-lines.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "units/ini.h"
#include "units/unit-file.h"

typedef struct Reading {
        const char *section, *command_key;
        StartLines *lines;
        bool root_directory, root_image;
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
        else if (strcmp(entry->key, "Slice") == 0) {
                g_free(reading->lines->slice);
                reading->lines->slice = *entry->value ? g_strdup(entry->value) : NULL;
        } else if (strcmp(entry->key, "RootDirectory") == 0)
                reading->root_directory = *entry->value && strcmp(entry->value, "/") != 0;
        else if (strcmp(entry->key, "RootImage") == 0)
                reading->root_image = *entry->value;
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
        lines.own_root = reading.root_directory || reading.root_image;
        *ret = lines;
        lines = (StartLines){};
        return 0;
}
