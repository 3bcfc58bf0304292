/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hooks: the table of hooks. It is known without the daemon; only that one knows what its kernel can do. */

#include <stdio.h>
#include <string.h>

#include "bpf/look/hook.h"
#include "src/base/text.h"
#include "src/cli/answer.h"
#include "src/cli/client.h"
#include "src/cli/output.h"
#include "src/cli/screen.h"
#include "src/cli/table.h"
#include "src/cli/verb.h"

static const char *const target_names[_HOOK_TARGET_MAX] = {
        [HOOK_TARGET_CGROUP] = "cgroup",
        [HOOK_TARGET_INTERFACE] = "interface",
        [HOOK_TARGET_NETNS] = "netns",
};

static void insert_text(GVariantDict *dict, const char *key, const char *text) {
        if (text)
                g_variant_dict_insert(dict, key, "s", text);
}

/* Whether the daemon's answer (NULL: none) says that the kernel can do it; a borrowed value is put in as it is. */
static void insert_support(GVariantDict *dict, GVariant *answers, const char *hook) {
        g_autoptr(GVariant) found = answers ? answer_filter(answers, "Hook", hook) : NULL;
        g_autoptr(GVariant) row = NULL, supported = NULL;

        if (!found || answer_n(found) == 0)
                return;
        row = answer_row(found, 0);
        supported = g_variant_lookup_value(row, "Supported", NULL);
        if (supported)
                g_variant_dict_insert_value(dict, "Supported", supported);
}

static GVariant *hook_row(const HookInfo *info, GVariant *answers) {
        GVariantDict dict;

        g_variant_dict_init(&dict, NULL);
        insert_text(&dict, "Hook", info->name);
        insert_text(&dict, "AttachType", info->uapi);
        insert_text(&dict, "ProgType", program_type_to_string(info->prog_type));
        insert_text(&dict, "Section", info->section);
        insert_text(&dict, "Target", target_names[info->target]);
        insert_text(&dict, "Since", info->since);
        insert_text(&dict, "What", info->what);
        insert_support(&dict, answers, info->name);
        return g_variant_dict_end(&dict);
}

/* Marks the hooks the arguments name, in any spelling; all without arguments. */
static int mark_wanted(const Invocation *invocation, bool *wanted) {
        size_t n = invocation_n(invocation);

        for (size_t i = 0; i < _HOOK_MAX; i++)
                wanted[i] = n == 0;
        for (size_t i = 0; i < n; i++) {
                const char *word = invocation_argument(invocation, i), *near;
                Hook hook = hook_from_string(word);

                if (hook >= 0) {
                        wanted[hook] = true;
                        continue;
                }
                screen_error("There is no hook '%s'.", word);
                near = text_nearest(word, hook_names());
                if (near)
                        screen_hint("did you mean '%s'?", near);
                return -1;
        }
        return 0;
}

static GVariant *hook_rows(const bool *wanted, GVariant *answers) {
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; i < _HOOK_MAX; i++)
                if (wanted[i])
                        g_variant_builder_add_value(
                                &builder, hook_row(hook_info((Hook)i), answers)
                        );
        return g_variant_ref_sink(g_variant_builder_end(&builder));
}

static const TableColumn hook_columns[] = {
        { "HOOK" },
        { "SECTION" },
        { "TYPE" },
        { "TARGET" },
        { "SINCE" },
        { "SUPPORTED" },
        { "RUNS WHEN", TABLE_CUT },
};

static void print_rows(const Invocation *invocation, GVariant *rows) {
        _cleanup_(table_free_ptr)
                Table *table = table_new(invocation, hook_columns, ELEMENTS(hook_columns));

        for (size_t i = 0; i < answer_n(rows); i++) {
                g_autoptr(GVariant) row = answer_row(rows, i);
                g_autofree char *supported = answer_words(row, "Supported");
                const char *cells[ELEMENTS(hook_columns)] = {
                        answer_text(row, "Hook"),     answer_text(row, "Section"),
                        answer_text(row, "ProgType"), answer_text(row, "Target"),
                        answer_text(row, "Since"),    supported,
                        answer_text(row, "What"),
                };
                TableLine *line = table_add(table, NULL, cells);

                if (supported)
                        table_colour(
                                line, 5, strcmp(supported, "yes") == 0 ? COLOUR_GOOD : COLOUR_BAD
                        );
        }
        table_print(table);
}

/* The daemon says what the kernel can do, which for these is more than unitbpf does. */
static bool any_is_not_of_cgroups(const bool *wanted) {
        for (size_t i = 0; i < _HOOK_MAX; i++)
                if (wanted[i] && hook_info((Hook)i)->target != HOOK_TARGET_CGROUP)
                        return true;
        return false;
}

int verb_hooks(const Invocation *invocation) {
        _cleanup_client_ Client client = {};
        g_autoptr(GVariant) answers = NULL, rows = NULL;
        g_autofree char *count = NULL;
        bool wanted[_HOOK_MAX];

        if (mark_wanted(invocation, wanted) < 0)
                return EXIT_FAILED;
        if (client_try(invocation, &client) >= 0)
                (void
                )client_value_quiet(&client, "Hooks", NULL, &answers); /* else it is not known */
        rows = hook_rows(wanted, answers);
        if (output_json(invocation, rows, &schema_hook))
                return EXIT_DONE;
        print_rows(invocation, rows);
        count = output_count(answer_n(rows), "hook");
        output_legend(
                invocation, "%s.%s%s", count,
                any_is_not_of_cgroups(wanted)
                        ? " This build attaches to cgroups only, not to interfaces and netns."
                        : "",
                answers ? "" : " unitbpfd does not answer: what this kernel supports is not known."
        );
        return EXIT_DONE;
}
