/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Verbs that are about the daemon itself: reload, re-exec, dump, log level, doctor. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/text.h"
#include "src/cli/answer.h"
#include "src/cli/client.h"
#include "src/cli/output.h"
#include "src/cli/screen.h"
#include "src/cli/table.h"
#include "src/cli/verb.h"

#define RECONNECT_USEC (10LL * G_USEC_PER_SEC)
#define RECONNECT_STEP (20U * 1000U)

int verb_daemon_reload(const Invocation *invocation) {
        _cleanup_client_ Client client = {};

        if (client_open(invocation, &client) < 0 ||
            client_call(&client, "reload", NULL, "Reload", NULL) < 0)
                return EXIT_FAILED;
        return EXIT_DONE;
}

static bool instance_changed(const Invocation *invocation, const char *before) {
        _cleanup_client_ Client client = {};
        g_autofree char *now = NULL;

        return client_try(invocation, &client) >= 0 &&
               client_property_quiet(&client, "Instance", &now) >= 0 && !text_equal(before, now);
}

/* The daemon cuts the connection when it executes anew, so a lost answer is the usual one. */
static int ask_reexec(Client *client) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(
                client->bus, client->destination, CLIENT_PATH, CLIENT_INTERFACE, "Reexecute",
                &error, NULL, NULL
        );
        bool cut = r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || r == -ESHUTDOWN ||
                   sd_bus_error_has_name(&error, SD_BUS_ERROR_NO_REPLY) ||
                   sd_bus_error_has_name(&error, SD_BUS_ERROR_DISCONNECTED);

        if (r < 0 && !cut)
                client_report("re-execute", &error, r);
        sd_bus_error_free(&error);
        return r < 0 && !cut ? r : 0;
}

int verb_daemon_reexec(const Invocation *invocation) {
        g_autofree char *before = NULL;
        int64_t until;

        {
                _cleanup_client_ Client client = {};

                if (client_open(invocation, &client) < 0)
                        return EXIT_FAILED;
                (void)client_property_quiet(&client, "Instance", &before); /* NULL: any will do */
                if (ask_reexec(&client) < 0)
                        return EXIT_FAILED;
        }
        until = g_get_monotonic_time() + RECONNECT_USEC;
        while (!instance_changed(invocation, before)) {
                if (g_get_monotonic_time() > until) {
                        screen_error("Failed to re-execute: unitbpfd did not come back within 10 s."
                        );
                        screen_hint("What it attached stays in force; its messages tell why.");
                        return EXIT_FAILED;
                }
                (void)usleep(RECONNECT_STEP);
        }
        return EXIT_DONE;
}

int verb_dump(const Invocation *invocation) {
        _cleanup_client_ Client client = {};
        g_autoptr(GVariant) state = NULL;

        if (client_open(invocation, &client) < 0 ||
            client_value(&client, "dump the state", "Dump", NULL, &state) < 0)
                return EXIT_FAILED;
        if (!g_variant_is_of_type(state, G_VARIANT_TYPE_STRING)) {
                screen_error("Failed to dump the state: the answer is no text.");
                return EXIT_FAILED;
        }
        (void)fputs(g_variant_get_string(state, NULL), stdout); /* its bytes are escaped already */
        return EXIT_DONE;
}

int verb_log_level(const Invocation *invocation) {
        const char *level = invocation_argument(invocation, 0);
        _cleanup_client_ Client client = {};
        g_autoptr(GVariant) manager = NULL;

        if (client_open(invocation, &client) < 0)
                return EXIT_FAILED;
        if (level)
                return client_call(&client, "set the log level", NULL, "SetLogLevel", "s", level) <
                                       0
                               ? EXIT_FAILED
                               : EXIT_DONE;
        if (client_properties(&client, &manager) < 0)
                return EXIT_FAILED;
        if (!answer_text(manager, "LogLevel")) {
                screen_error("Failed to read the log level: unitbpfd does not tell it.");
                return EXIT_FAILED;
        }
        (void)printf("%s\n", answer_text(manager, "LogLevel"));
        return EXIT_DONE;
}

static const TableColumn check_columns[] = {
        { "" },
        { "CHECK" },
        { "RESULT" },
        { "DETAIL", TABLE_CUT },
};

static bool check_is_well(GVariant *check) {
        const char *result = answer_text(check, "Result");

        return text_equal(result, "ok") || text_equal(result, "absent");
}

static void print_checks(const Invocation *invocation, GVariant *checks) {
        _cleanup_(table_free_ptr)
                Table *table = table_new(invocation, check_columns, ELEMENTS(check_columns));

        for (size_t i = 0; i < answer_n(checks); i++) {
                g_autoptr(GVariant) check = answer_row(checks, i);
                const char *result = answer_text(check, "Result");
                bool well = check_is_well(check);
                const char *state = well                            ? "covered"
                                    : text_equal(result, "warning") ? "degraded"
                                                                    : "failed";
                const char *cells[ELEMENTS(check_columns)] = {
                        well ? "" : screen_bullet(state),
                        answer_text(check, "Check"),
                        result,
                        answer_text(check, "Detail"),
                };
                TableLine *line = table_add(table, NULL, cells);

                table_colour(line, 2, screen_state_colour(state));
        }
        table_print(table);
        for (size_t i = 0; i < answer_n(checks); i++) {
                g_autoptr(GVariant) check = answer_row(checks, i);
                g_autofree char *advice = screen_safe(answer_text(check, "Advice"));

                if (advice && *advice && !check_is_well(check))
                        (void)printf("hint: %s: %s\n", answer_text(check, "Check"), advice);
        }
}

int verb_doctor(const Invocation *invocation) {
        _cleanup_client_ Client client = {};
        g_autoptr(GVariant) checks = NULL;
        int result = EXIT_DONE;

        if (client_open(invocation, &client) < 0 ||
            client_value(&client, "examine the system", "Doctor", NULL, &checks) < 0)
                return EXIT_FAILED;
        for (size_t i = 0; i < answer_n(checks); i++) {
                g_autoptr(GVariant) check = answer_row(checks, i);
                const char *word = answer_text(check, "Result");

                if (!check_is_well(check) && !text_equal(word, "warning"))
                        result = EXIT_FAILED;
        }
        if (!output_json(invocation, checks, &schema_check) && !(invocation->quiet && result == 0))
                print_checks(invocation, checks);
        return result;
}
