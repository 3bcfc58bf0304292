/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* status: is a unit covered, and if not, why not and what next. The exit status says it to scripts. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/text.h"
#include "src/cli/answer.h"
#include "src/cli/client.h"
#include "src/cli/human.h"
#include "src/cli/output.h"
#include "src/cli/program-tree.h"
#include "src/cli/screen.h"
#include "src/cli/status.h"
#include "src/cli/verb.h"

typedef struct StatusRun {
        Client *client;
        GVariant *attachments;
        GVariantBuilder rows; /* dictionaries for JSON */
        size_t shown;
        int result; /* the highest exit status so far */
} StatusRun;

static void worsen(StatusRun *run, int result) {
        if (result > run->result)
                run->result = result;
}

static int show_effective(StatusRun *run, const char *unit) {
        const Invocation *invocation = run->client->invocation;
        g_autofree char *what = g_strdup_printf("list the programs that run for '%s'", unit);
        g_autoptr(GVariant) rows = NULL;

        if (client_value(run->client, what, "Effective", unit, &rows) < 0)
                return -EIO;
        if (invocation->json != JSON_FORMAT_OFF) {
                for (size_t i = 0; i < answer_n(rows); i++) {
                        g_autoptr(GVariant) row = answer_row(rows, i);

                        g_variant_builder_add_value(&run->rows, row);
                }
                return 0;
        }
        (void)printf("\n");
        program_tree_print_list(invocation, rows);
        return 0;
}

static void show_unit(StatusRun *run, GVariant *unit) {
        const Invocation *invocation = run->client->invocation;
        const char *name = answer_text(unit, "Unit");
        g_autoptr(GVariant) attachments = answer_filter(run->attachments, "Unit", name);

        worsen(run, status_exit_code(unit));
        if (invocation->json == JSON_FORMAT_OFF && !invocation->quiet) {
                (void)printf("%s", run->shown ? "\n" : "");
                status_print_unit(unit, attachments, invocation->full);
        } else if (invocation->json != JSON_FORMAT_OFF && !invocation->effective) {
                g_variant_builder_add_value(&run->rows, unit);
        }
        if (invocation->effective && !invocation->quiet && show_effective(run, name) < 0)
                worsen(run, EXIT_FAILED);
        run->shown++;
}

static void show_named(StatusRun *run, const char *word) {
        _cleanup_free_ char *name = client_unit_name(word);
        g_autoptr(GVariant) unit = NULL;
        int r;

        if (!name) {
                worsen(run, EXIT_NO_UNIT);
                return;
        }
        r = client_unit(run->client, name, &unit);
        if (r == CLIENT_NO_SUCH_UNIT) {
                client_report_no_unit(run->client, name);
                worsen(run, EXIT_NO_UNIT);
        } else if (r < 0) {
                worsen(run, EXIT_FAILED);
        } else {
                show_unit(run, unit);
        }
}

/* Units that match the globs among the arguments; without any argument, those that are not well. */
static int show_matching(StatusRun *run, bool only_bad) {
        const Invocation *invocation = run->client->invocation;
        g_autoptr(GVariant) all = NULL, units = NULL;

        if (client_value(run->client, "list units", "ListUnits", NULL, &all) < 0)
                return -EIO;
        units = output_select(invocation, all, "Unit");
        for (size_t i = 0; i < answer_n(units); i++) {
                g_autoptr(GVariant) unit = answer_row(units, i);
                const char *state = answer_text(unit, "State");
                bool well = text_equal(state, "covered") || text_equal(state, "inactive");

                if (only_bad && !invocation->all && well)
                        continue;
                show_unit(run, unit);
        }
        return 0;
}

/* The daemon as a whole, then every unit that is not as it should be. */
static int status_of_all(StatusRun *run) {
        const Invocation *invocation = run->client->invocation;
        g_autoptr(GVariant) manager = NULL;
        int r;

        if (client_properties(run->client, &manager) < 0)
                return EXIT_FAILED;
        if (invocation->json == JSON_FORMAT_OFF && !invocation->quiet) {
                status_print_manager(manager, run->attachments);
                run->shown++;
        }
        r = show_matching(run, invocation->json == JSON_FORMAT_OFF);
        if (r < 0 || answer_flag(manager, "ReadOnly"))
                worsen(run, EXIT_FAILED);
        return run->result == EXIT_NOT_ACTIVE ? EXIT_DONE : run->result;
}

static int status_of_named(StatusRun *run) {
        const Invocation *invocation = run->client->invocation;
        bool globs = false;

        for (size_t i = 0; i < invocation_n(invocation); i++) {
                const char *word = invocation_argument(invocation, i);

                if (output_is_glob(word))
                        globs = true;
                else
                        show_named(run, word);
        }
        if (globs && show_matching(run, false) < 0)
                worsen(run, EXIT_FAILED);
        if (globs && run->shown == 0 && run->result == EXIT_DONE) {
                screen_error("No unit matches.");
                worsen(run, EXIT_NO_UNIT);
        }
        return run->result;
}

int verb_status(const Invocation *invocation) {
        _cleanup_client_ Client client = {};
        g_autoptr(GVariant) attachments = NULL, rows = NULL;
        StatusRun run = { .client = &client };
        int result;

        if (client_open(invocation, &client) < 0 ||
            client_value(&client, "list attachments", "ListAttachments", NULL, &attachments) < 0)
                return EXIT_FAILED;
        run.attachments = attachments;
        g_variant_builder_init(&run.rows, G_VARIANT_TYPE("aa{sv}"));
        result = invocation_n(invocation) == 0 ? status_of_all(&run) : status_of_named(&run);
        rows = g_variant_ref_sink(g_variant_builder_end(&run.rows));
        if (!invocation->quiet)
                (void)output_json(
                        invocation, rows, invocation->effective ? &schema_program : &schema_unit
                );
        return result;
}
