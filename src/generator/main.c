/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* unitbpf-generator: run by the service manager at boot and at each daemon-reload, before it reads any unit. Writes
 * the drop-ins that make services and sockets with BPF programs start by way of the hook. Nothing in here fails the
 * boot or holds it up: what is wrong goes to the kernel's log, and the exit status is 0. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/generator/coverage.h"
#include "src/generator/drop-in.h"
#include "src/generator/kmsg.h"
#include "src/generator/settings.h"

/* Stands for any unit of a type: it has the drop-ins of that type and no others. */
#define ANY_UNIT "unitbpf"

/* Where the manager that runs us looks, if it has been told another path. */
static char **search_path(void) {
        const char *own = getenv("SYSTEMD_UNIT_PATH");
        g_auto(GStrv) first = NULL, rest = NULL;
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

        if (!own || !*own)
                return unit_search_path_default();
        first = g_strsplit(own, ":", -1);
        for (char **path = first; *path; path++)
                if (**path == '/')
                        g_strv_builder_add(builder, *path);
        if (g_str_has_suffix(own, ":")) {
                rest = unit_search_path_default();
                g_strv_builder_addv(builder, (const char **)rest);
        }
        return g_strv_builder_end(builder);
}

static void write_one(const char *directory, const char *unit, const char *text) {
        _cleanup_diag_ Diag diag = {};
        int r = drop_in_write(directory, unit, text, &diag);

        if (r < 0)
                kmsg_warn("%s: %s", unit, diag_text(&diag, r));
}

/* A drop-in of a whole type is one of unitbpfd as well, unless that has another of the same name. */
static void write_exemptions(const char *type, const char *directory) {
        const char *const *refused = drop_in_refused();

        for (; *refused; refused++)
                if (g_str_has_suffix(*refused, type))
                        write_one(
                                directory, *refused,
                                "# Starts without the hook, see unitbpf-generator(8).\n"
                        );
}

static void cover(Coverage *coverage, const char *unit, uint32_t timeout_sec, const char *directory) {
        _cleanup_(start_lines_done) StartLines lines = {};
        bool type_wide = !strchr(unit, '.');
        g_autofree char *any = type_wide ? g_strdup_printf(ANY_UNIT ".%s", unit) : NULL;
        HookPolicy policy = coverage_of_unit(coverage, any ? any : unit, &lines);
        g_autofree char *text = NULL;
        const char *refusal;

        if (policy == HOOK_NONE)
                return;
        refusal = drop_in_refusal(unit);
        if (refusal) {
                kmsg_warn("%s: has no programs before it starts: %s", unit, refusal);
                return;
        }
        if (type_wide) { /* for units without a file; what they say themselves stays, behind or before */
                lines.unknown = true;
                write_exemptions(unit, directory);
        }
        text = drop_in_text(unit, (HookCall){ policy, timeout_sec }, &lines);
        write_one(directory, unit, text);
}

int main(int argc, char **argv) {
        g_auto(GStrv) path = NULL;
        g_autoptr(GPtrArray) units = NULL;
        Coverage coverage;
        uint32_t timeout_sec;
        Scan scan;

        if (argc != 2 && argc != 4) {
                (void)fputs("usage: unitbpf-generator DIRECTORY [EARLY LATE]\n", stderr);
                return argc == 1 ? EXIT_FAILURE : EXIT_SUCCESS;
        }
        path = search_path();
        scan_run(path, &scan);
        if (g_hash_table_size(scan.hits) > 0) {
                coverage_init(&coverage, path, &scan);
                units = coverage_candidates(&coverage);
                timeout_sec = settings_attach_timeout(&coverage.context, settings_directories());
                for (guint i = 0; i < units->len; i++)
                        cover(&coverage, units->pdata[i], timeout_sec, argv[1]);
                coverage_done(&coverage);
        }
        scan_done(&scan);
        return EXIT_SUCCESS;
}
