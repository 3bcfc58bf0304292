/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* attach, detach, adopt: the operator's hand on what is in force. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/text.h"
#include "src/cli/answer.h"
#include "src/cli/client.h"
#include "src/cli/screen.h"
#include "src/cli/verb.h"

/* Calls a method for each argument, completed to a unit name; goes on after a failure. */
static int for_each_unit(const Invocation *invocation, const char *verb, const char *method) {
        _cleanup_client_ Client client = {};
        int result = EXIT_DONE;

        if (client_open(invocation, &client) < 0)
                return EXIT_FAILED;
        for (size_t i = 0; i < invocation_n(invocation); i++) {
                _cleanup_free_ char *unit = client_unit_name(invocation_argument(invocation, i));
                g_autofree char *what = g_strdup_printf("%s '%s'", verb, unit);

                if (!unit || client_call(&client, what, NULL, method, "s", unit) < 0)
                        result = EXIT_FAILED;
        }
        return result;
}

int verb_attach(const Invocation *invocation) {
        return for_each_unit(invocation, "attach", "AttachUnit");
}

static void hint_attach(const Client *client, const char *unit, const char *what) {
        if (!client->invocation->quiet)
                screen_hint(
                        "%s held off: the next start of '%s' or 'unitbpfctl attach %s' ends that.",
                        what, unit, unit
                );
}

/* Unit of an attachment; NULL if it has none or is not known. The text belongs to the caller. */
static char *unit_of_attachment(Client *client, uint64_t id) {
        g_autoptr(GVariant) rows = NULL;

        if (client_value_quiet(client, "ListAttachments", NULL, &rows) < 0)
                return NULL;
        for (size_t i = 0; i < answer_n(rows); i++) {
                g_autoptr(GVariant) row = answer_row(rows, i);
                const char *unit = answer_text(row, "Unit");
                uint64_t number;

                if (answer_number(row, "Id", &number) && number == id)
                        return unit && *unit ? g_strdup(unit) : NULL;
        }
        return NULL;
}

static int detach_attachment(Client *client, const char *word, uint64_t id) {
        g_autofree char *what = g_strdup_printf("detach attachment %s", word);
        g_autofree char *unit = unit_of_attachment(client, id);
        int r = client_call(client, what, NULL, "DetachAttachment", "t", id);

        if (r >= 0 && unit)
                hint_attach(client, unit, "it is");
        return r;
}

static int detach_unit(Client *client, const char *word) {
        _cleanup_free_ char *unit = client_unit_name(word);
        g_autofree char *what = NULL;
        int r;

        if (!unit)
                return -EINVAL;
        what = g_strdup_printf("detach '%s'", unit);
        r = client_call(client, what, NULL, "DetachUnit", "s", unit);
        if (r >= 0)
                hint_attach(client, unit, "its programs are");
        return r;
}

static int detach_one(Client *client, const char *word) {
        uint64_t id;

        if (text_to_u64(word, &id) == 0)
                return detach_attachment(client, word, id);
        return detach_unit(client, word);
}

int verb_detach(const Invocation *invocation) {
        _cleanup_client_ Client client = {};
        int result = EXIT_DONE;

        if (invocation->all && invocation_n(invocation) > 0) {
                screen_error("--all detaches everything: name no unit beside it.");
                return EXIT_USAGE;
        }
        if (client_open(invocation, &client) < 0)
                return EXIT_FAILED;
        if (invocation->all)
                return client_call(&client, "detach everything", NULL, "DetachAll", NULL) < 0
                               ? EXIT_FAILED
                               : EXIT_DONE;
        for (size_t i = 0; i < invocation_n(invocation); i++)
                if (detach_one(&client, invocation_argument(invocation, i)) < 0)
                        result = EXIT_FAILED;
        return result;
}

int verb_adopt(const Invocation *invocation) {
        const char *program = invocation_argument(invocation, 1);
        _cleanup_free_ char *unit = client_unit_name(invocation_argument(invocation, 0));
        _cleanup_client_ Client client = {};
        sd_bus_message *reply = NULL;
        g_autofree char *what = NULL;
        uint64_t prog_id, id;
        int r;

        if (!unit)
                return EXIT_FAILED;
        if (text_to_u64(program, &prog_id) < 0) {
                screen_error("'%s' is not the id of a BPF program.", program);
                screen_hint("'unitbpfctl tree' shows the ids under PROG.");
                return EXIT_USAGE;
        }
        what = g_strdup_printf("adopt program %s for '%s'", program, unit);
        if (client_open(invocation, &client) < 0 ||
            client_call(&client, what, &reply, "Adopt", "st", unit, prog_id) < 0)
                return EXIT_FAILED;
        r = sd_bus_message_read(reply, "t", &id);
        if (r < 0)
                screen_error("Failed to %s: %s.", what, strerror(-r));
        else if (!invocation->quiet)
                (void
                )printf("Program %s is attachment %" G_GUINT64_FORMAT " of '%s' now.\n", program,
                        id, unit);
        sd_bus_message_unref(reply);
        return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
