/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* monitor: what the daemon tells while it happens, one line for each event. It lives through a restart of the daemon,
 * and says that it did not see what happened meanwhile. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "src/base/text.h"
#include "src/cli/answer-json.h"
#include "src/cli/answer.h"
#include "src/cli/client.h"
#include "src/cli/output.h"
#include "src/cli/screen.h"
#include "src/cli/variant.h"
#include "src/cli/verb.h"

#define RECONNECT_USEC (10LL * G_USEC_PER_SEC)
#define RECONNECT_STEP (G_USEC_PER_SEC / 20)
#define WAIT_USEC      (G_USEC_PER_SEC / 2) /* how long a signal to end may have to wait */

static volatile sig_atomic_t ended;

static void on_end(int signal_number) {
        ended = signal_number;
}

typedef enum EventKind {
        EVENT_ATTACHMENT,
        EVENT_UNIT,
} EventKind;

static const struct {
        const char *member, *event;
        EventKind kind;
} events[] = {
        { "AttachmentNew", "attachment-new", EVENT_ATTACHMENT },
        { "AttachmentChanged", "attachment-changed", EVENT_ATTACHMENT },
        { "AttachmentRemoved", "attachment-removed", EVENT_ATTACHMENT },
        { "UnitChanged", "unit-changed", EVENT_UNIT },
};

static char *time_of_day(void) {
        g_autoptr(GDateTime) now = g_date_time_new_now_local();

        return g_date_time_format(now, "%H:%M:%S");
}

static void print_attachment(const char *time, const char *event, GVariant *dict) {
        g_autofree char *id = answer_words(dict, "Id"), *program = output_program(dict);
        const char *unit = answer_text(dict, "Unit"), *hook = answer_text(dict, "Hook");
        const char *state = answer_text(dict, "State"), *error = answer_text(dict, "Error");
        g_autofree char *line = NULL, *safe = NULL;

        line = g_strdup_printf(
                "%s %-18s %s %s %s %s%s%s%s%s", time, event, id ? id : "-",
                unit && *unit ? unit : "-", hook ? hook : "-", program, state ? " " : "",
                state ? state : "", error && *error ? ": " : "", error ? error : ""
        );
        safe = screen_safe(line);
        (void)printf("%s\n", safe);
}

static void print_unit(const char *time, const char *event, GVariant *dict) {
        g_autofree char *n = answer_words(dict, "Attachments"),
                        *errors = answer_words(dict, "Errors");
        const char *unit = answer_text(dict, "Unit"), *state = answer_text(dict, "State");
        g_autofree char *line = g_strdup_printf(
                "%s %-18s %s %s, %s programs%s%s", time, event, unit ? unit : "-",
                state ? state : "-", n ? n : "0", errors && *errors ? ": " : "",
                errors ? errors : ""
        );
        g_autofree char *safe = screen_safe(line);

        (void)printf("%s\n", safe);
}

/* The dictionary of a signal stands behind the id or name, which it need not hold itself. */
static int read_signal(sd_bus_message *message, EventKind kind, GVariant **ret) {
        g_autoptr(GVariant) key = NULL, dict = NULL;
        GVariantDict whole;
        int r = variant_from_message(message, &key);

        if (r >= 0)
                r = variant_from_message(message, &dict);
        if (r < 0)
                return r;
        if (!g_variant_is_of_type(dict, G_VARIANT_TYPE_VARDICT))
                return -EBADMSG;
        g_variant_dict_init(&whole, dict);
        g_variant_dict_insert_value(&whole, kind == EVENT_UNIT ? "Unit" : "Id", key);
        *ret = g_variant_ref_sink(g_variant_dict_end(&whole));
        return 0;
}

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const Invocation *invocation = userdata;
        const char *member = sd_bus_message_get_member(message);

        for (size_t i = 0; i < ELEMENTS(events); i++) {
                g_autoptr(GVariant) dict = NULL;
                g_autofree char *text = NULL;
                bool is_unit = events[i].kind == EVENT_UNIT;

                if (!text_equal(events[i].member, member))
                        continue;
                if (read_signal(message, events[i].kind, &dict) < 0) {
                        screen_error("An event could not be read: %s.", member);
                        return 0;
                }
                if (invocation->json != JSON_FORMAT_OFF) {
                        text = answer_json_event(
                                events[i].event, dict, is_unit ? &schema_unit : &schema_attachment
                        );
                        (void)printf("%s\n", text);
                } else {
                        text = time_of_day();
                        (is_unit ? print_unit : print_attachment)(text, events[i].event, dict);
                }
                (void)fflush(stdout); /* screen_end() sees errors of the stream */
        }
        return 0;
}

static int subscribe(Client *client) {
        int r = sd_bus_add_match(
                client->bus, NULL, "type='signal',interface='" CLIENT_INTERFACE "'", on_signal,
                (void *)client->invocation
        );

        if (r < 0) {
                screen_error("Failed to subscribe: %s.", strerror(-r));
                return r;
        }
        return client_call(client, "subscribe", NULL, "Subscribe", NULL);
}

/* Prints events until the connection ends or a signal comes. */
static int follow(Client *client) {
        while (!ended) {
                int r = sd_bus_process(client->bus, NULL);

                if (r == 0)
                        r = sd_bus_wait(client->bus, WAIT_USEC);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return 0;
}

/* After the daemon has cut the connection: it may be executing anew. */
static int reconnect(const Invocation *invocation, Client *ret) {
        int64_t until = g_get_monotonic_time() + RECONNECT_USEC;
        int r = -ENOTCONN;

        while (!ended && g_get_monotonic_time() < until) {
                r = client_try(invocation, ret);
                if (r >= 0)
                        return r;
                g_usleep(RECONNECT_STEP);
        }
        return r;
}

static void stop_at_signals(void) {
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
        struct sigaction action = { .sa_handler = on_end };

        for (size_t i = 0; i < ELEMENTS(signals); i++)
                (void)sigaction(signals[i], &action, NULL);
}

int verb_monitor(const Invocation *invocation) {
        Client client = {};
        int r = client_open(invocation, &client);

        if (r < 0)
                return EXIT_FAILED;
        stop_at_signals();
        r = subscribe(&client);
        if (r >= 0 && !invocation->quiet)
                screen_error("Waiting for events, Ctrl-C ends.");
        while (r >= 0 && !ended) {
                (void)follow(&client); /* whatever ended it, the next step is to connect again */
                client_done(&client);
                if (ended)
                        return EXIT_DONE;
                screen_error("unitbpfd closed the connection: what happens meanwhile is not seen.");
                r = reconnect(invocation, &client);
                if (r >= 0)
                        r = subscribe(&client);
                if (r >= 0)
                        screen_error("Connected again.");
        }
        client_done(&client);
        if (ended)
                return EXIT_DONE;
        screen_error("unitbpfd did not come back.");
        return EXIT_FAILED;
}
