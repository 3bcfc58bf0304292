/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* tree and maps: what is in the kernel, ours or not. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/answer.h"
#include "src/cli/client.h"
#include "src/cli/output.h"
#include "src/cli/program-tree.h"
#include "src/cli/screen.h"
#include "src/cli/verb.h"
#include "units/unit-name.h"

/* A unit stands for its cgroup. What is no path and no unit is left to the daemon to look for. *ret belongs to the
 * caller; NULL: as it was written. Negative after a report. */
static int cgroup_of_unit(Client *client, const char *word, char **ret) {
        _cleanup_free_ char *name = word && !strchr(word, '/') ? unit_name_complete(word) : NULL;
        g_autoptr(GVariant) unit = NULL;
        const char *cgroup;
        int r;

        if (!name)
                return 0;
        r = client_unit(client, name, &unit);
        if (r != 0)
                return r < 0 ? r : 0;
        cgroup = answer_text(unit, "Cgroup");
        if (!cgroup || !*cgroup) {
                screen_error("'%s' is not running: it has no cgroup.", name);
                return -ENOENT;
        }
        *ret = g_strdup(cgroup);
        return 0;
}

int verb_tree(const Invocation *invocation) {
        const char *cgroup = invocation_argument(invocation, 0);
        g_autofree char *of_unit = NULL;
        _cleanup_client_ Client client = {};
        g_autoptr(GVariant) rows = NULL;
        g_autofree char *count = NULL;

        if (client_open(invocation, &client) < 0 || cgroup_of_unit(&client, cgroup, &of_unit) < 0)
                return EXIT_FAILED;
        if (of_unit)
                cgroup = of_unit;
        if (client_value(&client, "list programs", "Tree", cgroup ? cgroup : "", &rows) < 0)
                return EXIT_FAILED;
        if (output_json(invocation, rows, &schema_program))
                return EXIT_DONE;
        program_tree_print(invocation, rows);
        count = output_count(answer_n(rows), "program");
        output_legend(invocation, "%s, in the order in which they run.", count);
        return EXIT_DONE;
}

static void print_entries(GVariant *map) {
        g_autoptr(GVariant)
                entries = g_variant_lookup_value(map, "Entries", G_VARIANT_TYPE("a(ss)"));
        const char *key, *value;
        GVariantIter iter;

        if (!entries)
                return;
        g_variant_iter_init(&iter, entries);
        while (g_variant_iter_next(&iter, "(&s&s)", &key, &value)) {
                g_autofree char *safe_key = screen_safe(key), *safe_value = screen_safe(value);

                (void)printf("    %s: %s\n", safe_key, safe_value);
        }
        if (answer_flag(map, "Truncated"))
                (void)printf("    (there are more)\n");
}

static void print_map(GVariant *map, bool first) {
        g_autofree char *id = answer_words(map, "MapId"), *type = answer_words(map, "Type");
        g_autofree char *key_size = answer_words(map, "KeySize");
        g_autofree char *value_size = answer_words(map, "ValueSize");
        g_autofree char *max = answer_words(map, "MaxEntries");
        g_autofree char *programs = answer_words(map, "Programs");
        g_autofree char *name = screen_safe(answer_text(map, "Name"));
        const char *pin = answer_text(map, "Pin");

        (void
        )printf("%s%s%s%s: %s, id %s, key %s bytes, value %s bytes, at most %s entries\n",
                first ? "" : "\n", screen_colour(COLOUR_STRONG), name ? name : "?", screen_plain(),
                type ? type : "?", id ? id : "?", key_size ? key_size : "?",
                value_size ? value_size : "?", max ? max : "?");
        if (programs && *programs)
                (void)printf("  programs: %s\n", programs);
        if (pin && *pin)
                (void)printf("  pin: %s\n", pin);
        print_entries(map);
}

static void say_no_maps(Client *client, const char *unit) {
        g_autoptr(GVariant) dict = NULL;
        const char *cgroup = client_unit(client, unit, &dict) == 0 ? answer_text(dict, "Cgroup")
                                                                   : NULL;

        if (dict && (!cgroup || !*cgroup))
                screen_error("'%s' is not running: its maps come with its programs.", unit);
        else
                (void)printf("The programs of '%s' have no maps.\n", unit);
}

int verb_maps(const Invocation *invocation) {
        _cleanup_free_ char *unit = client_unit_name(invocation_argument(invocation, 0));
        _cleanup_client_ Client client = {};
        g_autoptr(GVariant) rows = NULL;
        g_autofree char *what = NULL;

        if (!unit)
                return EXIT_FAILED;
        what = g_strdup_printf("read the maps of '%s'", unit);
        if (client_open(invocation, &client) < 0 ||
            client_value(&client, what, "Maps", unit, &rows) < 0)
                return EXIT_FAILED;
        if (output_json(invocation, rows, &schema_map))
                return EXIT_DONE;
        for (size_t i = 0; i < answer_n(rows); i++) {
                g_autoptr(GVariant) map = answer_row(rows, i);

                print_map(map, i == 0);
        }
        if (answer_n(rows) == 0 && !invocation->quiet)
                say_no_maps(&client, unit);
        return EXIT_DONE;
}
