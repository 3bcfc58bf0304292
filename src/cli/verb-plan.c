/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* plan: what an attach would do to the kernel, call by call, before it is done. */

#include <stdio.h>

#include "src/base/text.h"
#include "src/cli/answer.h"
#include "src/cli/client.h"
#include "src/cli/output.h"
#include "src/cli/table.h"
#include "src/cli/verb.h"

static const TableColumn step_columns[] = {
        { "" },
        { "OPERATION" },
        { "HOOK" },
        { "ID", TABLE_RIGHT },
        { "OBJECT", TABLE_CUT },
        { "CALL", TABLE_CUT },
        { "COST", TABLE_CUT },
        { "ORIGIN", TABLE_CUT },
};

static void step_add(Table *table, GVariant *step) {
        bool conflict = answer_flag(step, "Conflict");
        g_autofree char *id = answer_words(step, "Id");
        const char *cells[ELEMENTS(step_columns)] = {
                conflict ? screen_bullet("failed") : "",
                answer_text(step, "Operation"),
                answer_text(step, "Hook"),
                id,
                answer_text(step, "Object"),
                answer_text(step, "Call"),
                answer_text(step, "Cost"),
                answer_text(step, "Origin"),
        };
        TableLine *line = table_add(table, NULL, cells);

        if (conflict) {
                table_colour(line, 0, COLOUR_BAD);
                table_colour(line, 1, COLOUR_BAD);
        }
}

int verb_plan(const Invocation *invocation) {
        _cleanup_free_ char *unit = client_unit_name(invocation_argument(invocation, 0));
        _cleanup_client_ Client client = {};
        g_autoptr(GVariant) steps = NULL;
        _cleanup_(table_free_ptr) Table *table = NULL;
        g_autofree char *what = NULL, *count = NULL;
        size_t conflicts = 0;

        if (!unit)
                return EXIT_FAILED;
        what = g_strdup_printf("plan '%s'", unit);
        if (client_open(invocation, &client) < 0 ||
            client_value(&client, what, "Plan", unit, &steps) < 0)
                return EXIT_FAILED;
        table = table_new(invocation, step_columns, ELEMENTS(step_columns));
        for (size_t i = 0; i < answer_n(steps); i++) {
                g_autoptr(GVariant) step = answer_row(steps, i);

                conflicts += answer_flag(step, "Conflict");
                step_add(table, step);
        }
        if (!output_json(invocation, steps, &schema_step)) {
                table_print(table);
                count = output_count(answer_n(steps), "step");
                if (conflicts > 0)
                        output_legend(
                                invocation, "%s, of which %zu cannot be done.", count, conflicts
                        );
                else
                        output_legend(invocation, "%s. Nothing was changed.", count);
        }
        return conflicts > 0 ? EXIT_FAILED : EXIT_DONE;
}
