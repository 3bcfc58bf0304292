/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/cli/client.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "src/base/text.h"
#include "src/cli/answer.h"
#include "src/cli/connect.h"
#include "src/cli/output.h"
#include "src/cli/screen.h"
#include "src/cli/variant.h"
#include "units/unit-name.h"

#define CALL_TIMEOUT_USEC (25ULL * G_USEC_PER_SEC)

#define ERROR_PREFIX       "org.unitbpf1.Error."
#define ERROR_NO_SUCH_UNIT ERROR_PREFIX "NoSuchUnit"

static void free_message_ptr(sd_bus_message **message) {
        sd_bus_message_unref(*message);
}

int client_try(const Invocation *invocation, Client *ret) {
        Client client = { .invocation = invocation };
        int r = connect_bus(invocation, &client.bus, &client.destination);

        if (r < 0)
                return r;
        *ret = client;
        return 0;
}

int client_open(const Invocation *invocation, Client *ret) {
        int r = client_try(invocation, ret);

        if (r < 0)
                connect_report(invocation, r);
        return r;
}

void client_done(Client *client) {
        client->bus = sd_bus_flush_close_unref(client->bus);
}

/* The sentence of the daemon, with a mark at its end. */
static char *error_sentence(const sd_bus_error *error, int r) {
        const char *text = error->message && *error->message ? error->message : strerror(-r);
        size_t n = strlen(text);

        return g_strconcat(text, n > 0 && strchr(".?!", text[n - 1]) ? "" : ".", NULL);
}

static bool connection_ended(int r) {
        return r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || r == -ESHUTDOWN;
}

void client_report(const char *what, const sd_bus_error *error, int r) {
        g_autofree char *sentence = error_sentence(error, r);

        if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) || r == -ETIMEDOUT) {
                screen_error("Failed to %s: unitbpfd did not answer within 25 s.", what);
                screen_hint("its messages may tell why; 'unitbpfctl doctor' looks at the rest.");
        } else if (connection_ended(r)) {
                screen_error("Failed to %s: unitbpfd closed the connection.", what);
        } else if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED)) {
                screen_error("Failed to %s: access denied: %s", what, sentence);
                if (geteuid() != 0)
                        screen_hint("try it as root, for example with sudo.");
        } else if (sd_bus_error_has_name(error, ERROR_PREFIX "ReadOnly")) {
                screen_error("Failed to %s: %s", what, sentence);
                screen_hint("'unitbpfctl doctor' says why unitbpfd changes nothing.");
        } else if (sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_METHOD)) {
                screen_error("Failed to %s: this unitbpfd cannot do that: %s", what, sentence);
        } else {
                screen_error("Failed to %s: %s", what, sentence);
        }
}

static int call_message(
        Client *client,
        const char *what, /* NULL: no report */
        sd_bus_message *message,
        sd_bus_message **ret_reply
) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(free_message_ptr) sd_bus_message *reply = NULL;
        int r = sd_bus_call(client->bus, message, CALL_TIMEOUT_USEC, &error, &reply);

        if (r < 0 && what)
                client_report(what, &error, r);
        sd_bus_error_free(&error);
        if (r < 0)
                return r;
        if (ret_reply)
                *ret_reply = TAKE_PTR(reply);
        return 0;
}

int client_send(
        Client *client,
        const char *what,
        sd_bus_message *message,
        sd_bus_message **ret_reply
) {
        return call_message(client, what, message, ret_reply);
}

int client_call(
        Client *client,
        const char *what,
        sd_bus_message **ret_reply,
        const char *method,
        const char *types,
        ...
) {
        _cleanup_(free_message_ptr) sd_bus_message *message = NULL;
        va_list arguments;
        int r = sd_bus_message_new_method_call(
                client->bus, &message, client->destination, CLIENT_PATH, CLIENT_INTERFACE, method
        );

        if (r >= 0 && types) {
                va_start(arguments, types);
                r = sd_bus_message_appendv(message, types, arguments);
                va_end(arguments);
        }
        if (r < 0) {
                screen_error("Failed to %s: %s.", what, strerror(-r));
                return r;
        }
        return call_message(client, what, message, ret_reply);
}

static int ask(
        Client *client,
        const char *what,
        const char *method,
        const char *argument,
        GVariant **ret
) {
        _cleanup_(free_message_ptr) sd_bus_message *message = NULL, *reply = NULL;
        int r = sd_bus_message_new_method_call(
                client->bus, &message, client->destination, CLIENT_PATH, CLIENT_INTERFACE, method
        );

        if (r >= 0 && argument)
                r = sd_bus_message_append(message, "s", argument);
        if (r >= 0) {
                r = call_message(client, what, message, &reply);
                if (r < 0)
                        return r;
                r = variant_from_message(reply, ret);
        }
        if (r < 0 && what)
                screen_error("Failed to %s: %s.", what, strerror(-r));
        return r;
}

int client_value(
        Client *client,
        const char *what,
        const char *method,
        const char *argument,
        GVariant **ret
) {
        return ask(client, what, method, argument, ret);
}

int client_value_quiet(Client *client, const char *method, const char *argument, GVariant **ret) {
        return ask(client, NULL, method, argument, ret);
}

int client_unit(Client *client, const char *unit, GVariant **ret) {
        _cleanup_(free_message_ptr) sd_bus_message *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(
                client->bus, client->destination, CLIENT_PATH, CLIENT_INTERFACE, "GetUnit", &error,
                &reply, "s", unit
        );

        if (r < 0 && sd_bus_error_has_name(&error, ERROR_NO_SUCH_UNIT)) {
                r = CLIENT_NO_SUCH_UNIT;
        } else if (r >= 0) {
                r = 0; /* sd-bus answers 1 */
        } else {
                g_autofree char *what = g_strdup_printf("get unit '%s'", unit);

                client_report(what, &error, r);
        }
        sd_bus_error_free(&error);
        if (r != 0)
                return r;
        r = variant_from_message(reply, ret);
        if (r < 0)
                screen_error("Failed to get unit '%s': %s.", unit, strerror(-r));
        return r;
}

void client_report_no_unit(Client *client, const char *unit) {
        g_autoptr(GVariant) rows = NULL;
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const char *near;

        screen_error("There is no unit '%s'.", unit);
        if (client_value_quiet(client, "ListUnits", NULL, &rows) < 0)
                return;
        for (size_t i = 0; i < answer_n(rows); i++) {
                g_autoptr(GVariant) row = answer_row(rows, i);
                const char *name = answer_text(row, "Unit");

                if (name)
                        g_ptr_array_add(names, g_strdup(name));
        }
        g_ptr_array_add(names, NULL);
        near = text_nearest(unit, (const char *const *)names->pdata);
        if (near)
                screen_hint("did you mean '%s'?", near);
        else
                screen_hint("'unitbpfctl units --all' lists those that are known.");
}

void client_report_unmatched(Client *client, GVariant *rows) {
        const Invocation *invocation = client->invocation;

        for (size_t i = 0; i < invocation_n(invocation); i++) {
                const char *word = invocation_argument(invocation, i);
                g_autofree char *name = output_is_glob(word) ? NULL : unit_name_complete(word);
                g_autoptr(GVariant) found = name ? answer_filter(rows, "Unit", name) : NULL;
                g_autoptr(GVariant) unit = NULL;

                if (name && answer_n(found) == 0 &&
                    client_unit(client, name, &unit) == CLIENT_NO_SUCH_UNIT)
                        client_report_no_unit(client, name);
        }
}

static int get_property_message(
        Client *client,
        const char *method,
        const char *name,
        sd_bus_message **ret
) {
        _cleanup_(free_message_ptr) sd_bus_message *message = NULL;
        int r = sd_bus_message_new_method_call(
                client->bus, &message, client->destination, CLIENT_PATH,
                "org.freedesktop.DBus.Properties", method
        );

        if (r < 0)
                return r;
        r = name ? sd_bus_message_append(message, "ss", CLIENT_INTERFACE, name)
                 : sd_bus_message_append(message, "s", CLIENT_INTERFACE);
        if (r < 0)
                return r;
        return call_message(client, name ? NULL : "read the properties", message, ret);
}

int client_properties(Client *client, GVariant **ret) {
        _cleanup_(free_message_ptr) sd_bus_message *reply = NULL;
        int r = get_property_message(client, "GetAll", NULL, &reply);

        if (r < 0)
                return r;
        r = variant_from_message(reply, ret);
        if (r < 0)
                screen_error("Failed to read the properties: %s.", strerror(-r));
        return r;
}

int client_property_quiet(Client *client, const char *name, char **ret) {
        _cleanup_(free_message_ptr) sd_bus_message *reply = NULL;
        g_autoptr(GVariant) boxed = NULL, value = NULL;
        int r = get_property_message(client, "Get", name, &reply);

        if (r < 0)
                return r;
        r = variant_from_message(reply, &boxed);
        if (r < 0)
                return r;
        value = g_variant_get_variant(boxed);
        *ret = answer_value_words(value);
        return 0;
}

char *client_unit_name(const char *word) {
        char *name = unit_name_complete(word);

        if (!name)
                screen_error("'%s' is not a name a unit can have.", word);
        return name;
}
