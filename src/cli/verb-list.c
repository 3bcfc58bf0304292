/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* list and units: the two tables everything else starts from. */

#include <stdio.h>
#include <string.h>

#include "src/base/text.h"
#include "src/cli/answer.h"
#include "src/cli/client.h"
#include "src/cli/output.h"
#include "src/cli/table.h"
#include "src/cli/verb.h"

static const TableColumn list_columns[] = {
        { "" },      { "ID", TABLE_RIGHT },    { "UNIT", TABLE_CUT },   { "HOOK" },
        { "VIA" },   { "PROGRAM", TABLE_CUT }, { "PROG", TABLE_RIGHT }, { "LINK", TABLE_RIGHT },
        { "STATE" }, { "SINCE", TABLE_CUT },   { "RUNS", TABLE_RIGHT },
};

static void list_add(Table *table, GVariant *row) {
        const char *state = answer_text(row, "State");
        g_autofree char *id = answer_words(row, "Id"), *program = output_program(row);
        g_autofree char *prog = answer_words(row, "ProgId"), *link = answer_words(row, "LinkId");
        g_autofree char *since = output_since(row, "SinceUsec");
        g_autofree char *runs = answer_words(row, "RunCount");
        bool well = text_equal(state, "attached");
        const char *cells[ELEMENTS(list_columns)] = {
                well ? "" : screen_bullet(state),
                id,
                answer_text(row, "Unit"),
                answer_text(row, "Hook"),
                answer_text(row, "Via"),
                program,
                prog,
                link,
                state,
                since,
                runs,
        };
        TableLine *line = table_add(table, NULL, cells);

        if (!well)
                table_colour(line, 0, screen_state_colour(state));
        table_colour(line, 8, screen_state_colour(state));
}

/* ", 1 failed, 2 quarantined": every state but the good one. The text belongs to the caller. */
static char *count_states(GVariant *rows, const char *good) {
        static const char *const states[] = {
                "pending",  "failed",  "drifted",  "quarantined",
                "held-off", "defunct", "degraded", "inactive",
        };
        GString *text = g_string_new(NULL);

        for (size_t i = 0; i < ELEMENTS(states); i++) {
                g_autoptr(GVariant) found = answer_filter(rows, "State", states[i]);

                if (answer_n(found) > 0 && strcmp(states[i], good) != 0)
                        g_string_append_printf(text, ", %zu %s", answer_n(found), states[i]);
        }
        return g_string_free(text, FALSE);
}

int verb_list(const Invocation *invocation) {
        _cleanup_client_ Client client = {};
        g_autoptr(GVariant) all = NULL, rows = NULL;
        _cleanup_(table_free_ptr) Table *table = NULL;
        g_autofree char *count = NULL, *others = NULL;

        if (client_open(invocation, &client) < 0 ||
            client_value(&client, "list attachments", "ListAttachments", NULL, &all) < 0)
                return EXIT_FAILED;
        client_report_unmatched(&client, all);
        rows = output_select(invocation, all, "Unit");
        if (output_json(invocation, rows, &schema_attachment))
                return EXIT_DONE;
        table = table_new(invocation, list_columns, ELEMENTS(list_columns));
        for (size_t i = 0; i < answer_n(rows); i++) {
                g_autoptr(GVariant) row = answer_row(rows, i);

                list_add(table, row);
        }
        table_print(table);
        count = output_count(answer_n(rows), "attachment");
        others = count_states(rows, "attached");
        output_legend(
                invocation, "%s listed%s.%s", count, others,
                *others ? " 'unitbpfctl status' tells more." : ""
        );
        return EXIT_DONE;
}

static const TableColumn unit_columns[] = {
        { "" },
        { "UNIT", TABLE_CUT },
        { "STATE" },
        { "PROGRAMS", TABLE_RIGHT },
        { "FROM-START" },
        { "SINCE", TABLE_CUT },
        { "CGROUP", TABLE_CUT },
};

static void unit_add(Table *table, GVariant *row) {
        const char *state = answer_text(row, "State");
        g_autofree char *programs = answer_words(row, "Attachments");
        g_autofree char *from_start = answer_words(row, "CoveredFromStart");
        g_autofree char *since = output_since(row, "SinceUsec");
        bool well = text_equal(state, "covered") || text_equal(state, "inactive");
        bool held_off = answer_flag(row, "HeldOff");
        const char *cells[ELEMENTS(unit_columns)] = {
                well && !held_off ? "" : screen_bullet(held_off ? "held-off" : state),
                answer_text(row, "Unit"),
                state,
                programs,
                from_start,
                since,
                answer_text(row, "Cgroup"),
        };
        TableLine *line = table_add(table, NULL, cells);

        if (!well || held_off)
                table_colour(line, 0, screen_state_colour(held_off ? "held-off" : state));
        table_colour(line, 2, screen_state_colour(state));
}

/* Inactive units without problems are many and say little: shown on demand, as systemctl does. */
static bool unit_is_shown(const Invocation *invocation, GVariant *row) {
        g_autofree const char **errors = answer_list(row, "Errors");

        return invocation->all || invocation_n(invocation) > 0 || (errors && *errors) ||
               !text_equal(answer_text(row, "State"), "inactive");
}

int verb_units(const Invocation *invocation) {
        _cleanup_client_ Client client = {};
        g_autoptr(GVariant) all = NULL, rows = NULL;
        _cleanup_(table_free_ptr) Table *table = NULL;
        g_autofree char *count = NULL;
        size_t shown = 0;

        if (client_open(invocation, &client) < 0 ||
            client_value(&client, "list units", "ListUnits", NULL, &all) < 0)
                return EXIT_FAILED;
        client_report_unmatched(&client, all);
        rows = output_select(invocation, all, "Unit");
        if (output_json(invocation, rows, &schema_unit))
                return EXIT_DONE;
        table = table_new(invocation, unit_columns, ELEMENTS(unit_columns));
        for (size_t i = 0; i < answer_n(rows); i++) {
                g_autoptr(GVariant) row = answer_row(rows, i);

                if (!unit_is_shown(invocation, row))
                        continue;
                unit_add(table, row);
                shown++;
        }
        table_print(table);
        count = output_count(shown, "unit");
        if (shown < answer_n(rows))
                output_legend(
                        invocation, "%s listed; --all shows %zu more, inactive.", count,
                        answer_n(rows) - shown
                );
        else
                output_legend(invocation, "%s listed.", count);
        return EXIT_DONE;
}
