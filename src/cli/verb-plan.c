/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* plan: what an attach would do to the kernel, call by call, before it is done. A step is a paragraph and no row of a
 * table: calls and paths are what matters here, and they are too long for columns. */

#include <stdio.h>

#include "src/base/text.h"
#include "src/cli/answer.h"
#include "src/cli/client.h"
#include "src/cli/output.h"
#include "src/cli/screen.h"
#include "src/cli/verb.h"

static void print_detail(GVariant *step, const char *label, const char *key) {
        g_autofree char *safe = screen_safe(answer_text(step, key));

        if (safe && *safe)
                (void)printf("    %6s: %s\n", label, safe);
}

/* "keep egress (attachment 2)", with a mark in front if it cannot be done */
static void print_step(GVariant *step) {
        bool conflict = answer_flag(step, "Conflict");
        g_autofree char *operation = screen_safe(answer_text(step, "Operation"));
        g_autofree char *hook = screen_safe(answer_text(step, "Hook"));
        g_autofree char *id = answer_words(step, "Id");

        if (conflict)
                (void
                )printf("%s%s ", screen_colour(screen_state_colour("failed")),
                        screen_bullet("failed"));
        (void
        )printf("%s %s%s", operation ? operation : "?", hook ? hook : "?",
                conflict ? screen_plain() : "");
        if (id)
                (void)printf(" (attachment %s)", id);
        (void)printf("\n");
        print_detail(step, "object", "Object");
        print_detail(step, "call", "Call");
        print_detail(step, "cost", "Cost");
        print_detail(step, "line", "Origin");
}

static size_t count_conflicts(GVariant *steps) {
        size_t n = 0;

        for (size_t i = 0; i < answer_n(steps); i++) {
                g_autoptr(GVariant) step = answer_row(steps, i);

                n += answer_flag(step, "Conflict");
        }
        return n;
}

static void print_steps(const Invocation *invocation, GVariant *steps, size_t conflicts) {
        g_autofree char *count = output_count(answer_n(steps), "step");

        for (size_t i = 0; i < answer_n(steps); i++) {
                g_autoptr(GVariant) step = answer_row(steps, i);

                print_step(step);
        }
        if (conflicts > 0)
                output_legend(invocation, "%s, of which %zu cannot be done.", count, conflicts);
        else
                output_legend(invocation, "%s. Nothing was changed.", count);
}

int verb_plan(const Invocation *invocation) {
        _cleanup_free_ char *unit = client_unit_name(invocation_argument(invocation, 0));
        _cleanup_client_ Client client = {};
        g_autoptr(GVariant) steps = NULL;
        g_autofree char *what = NULL;
        size_t conflicts;

        if (!unit)
                return EXIT_FAILED;
        what = g_strdup_printf("plan '%s'", unit);
        if (client_open(invocation, &client) < 0 ||
            client_value(&client, what, "Plan", unit, &steps) < 0)
                return EXIT_FAILED;
        conflicts = count_conflicts(steps);
        if (!output_json(invocation, steps, &schema_step))
                print_steps(invocation, steps, conflicts);
        return conflicts > 0 ? EXIT_FAILED : EXIT_DONE;
}
