/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/bus-authority.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <glib.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/daemon/bus-error.h"

#define WAITING_MAX        64U /* in all */
#define WAITING_CALLER_MAX 8U /* of one caller */
#define ASK_FLAG           1U /* CheckAuthorization: people may be asked for a password */
#define PEOPLE_USEC        (120U * 1000U * 1000U)

struct BusAuthority {
        sd_bus *bus;
        BusAllowed allowed;
        void *userdata;
        GHashTable *waiting; /* of Question */
};

typedef struct Question {
        BusAuthority *authority;
        sd_bus_message *message;
        const char *action; /* static */
        sd_bus_slot *call; /* under way */
        sd_bus_track *caller;
} Question;

static void question_free(Question *question) {
        (void)sd_bus_slot_unref(question->call);
        (void)sd_bus_track_unref(question->caller);
        (void)sd_bus_message_unref(question->message);
        g_free(question);
}

static void question_end(Question *question) {
        (void)g_hash_table_remove(question->authority->waiting, question);
        question_free(question);
}

static void refuse(Question *question, const char *text) {
        (void)bus_error_reply(question->message, SD_BUS_ERROR_ACCESS_DENIED, text);
        question_end(question);
}

static void allow(Question *question) {
        BusAuthority *authority = question->authority;
        _cleanup_(sd_bus_message_unrefp)
                sd_bus_message *message = sd_bus_message_ref(question->message);

        question_end(question);
        authority->allowed(message, authority->userdata);
}

static int on_caller_gone(sd_bus_track *track, void *userdata) {
        log_debug("a caller has gone while it was not known yet what it may do");
        question_end(userdata);
        return 0;
}

static int on_polkit(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Question *question = userdata;
        int authorized = 0, challenge = 0;

        if (sd_bus_message_is_method_error(message, NULL)) {
                refuse(question,
                       "only root may do this, since polkit, which could allow it to others, "
                       "does not answer");
                return 0;
        }
        if (sd_bus_message_enter_container(message, 'r', "bba{ss}") >= 0)
                (void)sd_bus_message_read(message, "bb", &authorized, &challenge);
        if (authorized)
                allow(question);
        else if (challenge)
                refuse(question, "authentication is needed, and nobody may be asked for it");
        else
                refuse(question, "only root, or who polkit allows it, may do this");
        return 0;
}

static int ask_polkit(Question *question) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        bool interactive = sd_bus_message_get_allow_interactive_authorization(question->message) >
                           0;
        int r = sd_bus_message_new_method_call(
                question->authority->bus, &call, "org.freedesktop.PolicyKit1",
                "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
                "CheckAuthorization"
        );

        if (r >= 0)
                r = sd_bus_message_append(
                        call, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                        sd_bus_message_get_sender(question->message), question->action, 0,
                        interactive ? ASK_FLAG : 0U, ""
                );
        if (r < 0)
                return r;
        question->call = sd_bus_slot_unref(question->call);
        return sd_bus_call_async(
                question->authority->bus, &question->call, call, on_polkit, question, PEOPLE_USEC
        );
}

static int on_user(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Question *question = userdata;
        uint32_t uid = UINT32_MAX;

        if (sd_bus_message_is_method_error(message, NULL) ||
            sd_bus_message_read(message, "u", &uid) < 0)
                refuse(question, "the bus does not tell who asks");
        else if (uid == 0)
                allow(question);
        else if (ask_polkit(question) < 0)
                refuse(question, "only root may do this, since polkit cannot be asked");
        return 0;
}

static int ask_user(Question *question) {
        const char *sender = sd_bus_message_get_sender(question->message);
        int r = sd_bus_track_new(
                question->authority->bus, &question->caller, on_caller_gone, question
        );

        if (r >= 0)
                r = sd_bus_track_add_name(question->caller, sender);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(
                question->authority->bus, &question->call, "org.freedesktop.DBus",
                "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser", on_user,
                question, "s", sender
        );
}

static unsigned count_of_caller(const BusAuthority *authority, const char *sender) {
        GHashTableIter iter;
        void *item;
        unsigned n = 0;

        g_hash_table_iter_init(&iter, authority->waiting);
        while (g_hash_table_iter_next(&iter, &item, NULL))
                n += g_strcmp0(sd_bus_message_get_sender(((Question *)item)->message), sender) == 0;
        return n;
}

int bus_authority_ask(BusAuthority *authority, sd_bus_message *message, const char *action) {
        const char *sender = sd_bus_message_get_sender(message);
        Question *question;
        int r;

        if (!sender)
                return -EINVAL;
        if (g_hash_table_size(authority->waiting) >= WAITING_MAX ||
            count_of_caller(authority, sender) >= WAITING_CALLER_MAX)
                return -ENOSPC;
        question = g_new0(Question, 1);
        question->authority = authority;
        question->message = sd_bus_message_ref(message);
        question->action = action;
        g_hash_table_add(authority->waiting, question);
        r = ask_user(question);
        if (r < 0)
                question_end(question);
        return r;
}

int bus_authority_new(sd_bus *bus, BusAllowed allowed, void *userdata, BusAuthority **ret) {
        BusAuthority *authority = g_new0(BusAuthority, 1);

        authority->bus = bus;
        authority->allowed = allowed;
        authority->userdata = userdata;
        authority->waiting = g_hash_table_new(NULL, NULL);
        *ret = authority;
        return 0;
}

BusAuthority *bus_authority_free(BusAuthority *authority) {
        GHashTableIter iter;
        void *question;

        if (!authority)
                return NULL;
        g_hash_table_iter_init(&iter, authority->waiting);
        while (g_hash_table_iter_next(&iter, &question, NULL))
                question_free(question);
        g_hash_table_unref(authority->waiting);
        g_free(authority);
        return NULL;
}
