/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/generator/settings.h"

#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/limits.h"
#include "src/base/text.h"
#include "src/generator/kmsg.h"
#include "src/generator/paths.h"
#include "units/ini.h"
#include "units/unit-file.h"

#define CONFIG_NAME     "unitbpfd.conf"
#define TIMEOUT_SEC_MAX 3600U

typedef struct Reading {
        const char *path;
        uint32_t seconds; /* as last said well */
} Reading;

const char *const *settings_directories(void) {
        static const char *const directories[] = {
                UNITBPF_SYSCONFDIR "/unitbpf",
                "/run/unitbpf",
                "/usr/lib/unitbpf",
                NULL,
        };

        return directories;
}

static int on_entry(const IniEntry *entry, void *userdata) {
        Reading *reading = userdata;
        g_autofree char *digits = NULL;
        uint32_t seconds;

        if (entry->error || !text_equal(entry->section, "Daemon") ||
            !text_equal(entry->key, "AttachTimeoutSec"))
                return 0; /* all else is the daemon's to judge */
        digits = g_strdup(entry->value);
        if (g_str_has_suffix(digits, "s"))
                digits[strlen(digits) - 1] = 0;
        if (text_to_u32(digits, &seconds) < 0 || seconds == 0 || seconds > TIMEOUT_SEC_MAX)
                kmsg_warn(
                        "%s:%u: AttachTimeoutSec=%s must be seconds from 1 to 3600, keeping %u",
                        reading->path, entry->line, entry->value, reading->seconds
                );
        else
                reading->seconds = seconds;
        return 0;
}

static void read_file(const UnitContext *context, const char *path, Reading *reading) {
        _cleanup_diag_ Diag diag = {};
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        if (access(path, F_OK) < 0)
                return;
        reading->path = path;
        r = unit_file_read(context, path, &text, &size, &diag);
        if (r > 0)
                r = ini_read(text, size, on_entry, reading, &diag);
        if (r < 0)
                kmsg_warn("%s: %s, ignoring the file", path, diag_text(&diag, r));
}

/* Name -> path: of several files of one name the first counts. */
static void list_dropins(const char *directory, GTree *ret) {
        g_autofree char *path = g_build_filename(directory, CONFIG_NAME ".d", NULL);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir)))
                if (name[0] != '.' && g_str_has_suffix(name, ".conf") && !g_tree_lookup(ret, name))
                        g_tree_insert(ret, g_strdup(name), g_build_filename(path, name, NULL));
}

static int compare_names(const void *a, const void *b, void *userdata) {
        return strcmp(a, b);
}

uint32_t settings_attach_timeout(const UnitContext *context, const char *const *directories) {
        g_autoptr(GTree) dropins = g_tree_new_full(compare_names, NULL, g_free, g_free);
        g_autofree char *main_file = g_build_filename(directories[0], CONFIG_NAME, NULL);
        Reading reading = { .seconds = LIMIT_ATTACH_TIMEOUT_SEC };

        read_file(context, main_file, &reading);
        for (; *directories; directories++)
                list_dropins(*directories, dropins);
        for (GTreeNode *node = g_tree_node_first(dropins); node; node = g_tree_node_next(node))
                read_file(context, g_tree_node_value(node), &reading);
        return reading.seconds;
}
