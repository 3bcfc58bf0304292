/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/manager.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <glib.h>
#include <systemd/sd-bus.h>

#include "src/base/log.h"
#include "src/base/text.h"
#include "src/daemon/bus-pump.h"
#include "src/daemon/priority.h"

#define NAME      "org.freedesktop.systemd1"
#define PATH      "/org/freedesktop/systemd1"
#define INTERFACE "org.freedesktop.systemd1.Manager"

#define RETRY_USEC_MIN 20000U
#define RETRY_USEC_MAX 1000000U

struct Manager {
        sd_event *event;
        char *address;
        ManagerEvents events;
        sd_bus *bus; /* NULL: not connected */
        BusPump *pump;
        sd_event_source *retry;
        uint64_t retry_usec; /* how long to wait next time */
        GPtrArray *scopes; /* of PendingScope: asked for, not made yet */
};

typedef struct PendingScope {
        Manager *manager;
        char *name;
        UnitScopeDone done;
        void *userdata;
} PendingScope;

static void pending_scope_free(void *userdata) {
        PendingScope *scope = userdata;

        g_free(scope->name);
        g_free(scope);
}

/* Answers and releases it. */
static void scope_answer(PendingScope *scope, const char *error) {
        UnitScopeDone done = scope->done;
        void *userdata = scope->userdata;

        (void)g_ptr_array_remove(scope->manager->scopes, scope);
        done(userdata, error);
}

static PendingScope *scope_find(const Manager *manager, const char *name) {
        for (guint i = 0; i < manager->scopes->len; i++) {
                PendingScope *scope = manager->scopes->pdata[i];

                if (strcmp(scope->name, name) == 0)
                        return scope;
        }
        return NULL;
}

static void disconnect(Manager *manager) {
        manager->pump = bus_pump_free(manager->pump);
        manager->bus = sd_bus_close_unref(manager->bus);
}

/* Fails only on a dead source. */
static void connect_later(Manager *manager) {
        (void)sd_event_source_set_time_relative(manager->retry, manager->retry_usec);
        (void)sd_event_source_set_enabled(manager->retry, SD_EVENT_ONESHOT);
        manager->retry_usec = MIN(manager->retry_usec * 2, RETRY_USEC_MAX);
}

static void on_broken(void *userdata) {
        Manager *manager = userdata;

        log_debug("the connection to the service manager has ended");
        while (manager->scopes->len > 0)
                scope_answer(
                        manager->scopes->pdata[0], "the connection to the service manager has ended"
                );
        manager->retry_usec = RETRY_USEC_MIN;
        connect_later(manager); /* which also releases this one */
}

static int on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const Manager *manager = userdata;
        int active, r = sd_bus_message_read(message, "b", &active);

        if (r >= 0 && !active)
                manager->events.reloaded(manager->events.userdata);
        return 0;
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const Manager *manager = userdata;
        const char *unit, *result;
        PendingScope *scope;
        int r = sd_bus_message_read(message, "uoss", NULL, NULL, &unit, &result);

        if (r < 0)
                return 0;
        manager->events.job_done(manager->events.userdata, unit);
        scope = scope_find(manager, unit);
        if (scope) {
                g_autofree char *why = g_strdup_printf("the job of '%s' ended: %s", unit, result);

                scope_answer(scope, strcmp(result, "done") == 0 ? NULL : why);
        }
        return 0;
}

static int on_subscribed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Manager *manager = userdata;

        if (sd_bus_message_is_method_error(message, NULL)) {
                const sd_bus_error *why = sd_bus_message_get_error(message);

                log_warning(
                        "cannot subscribe to the service manager: %s, edited unit files are applied "
                        "by 'unitbpfctl daemon-reload' only",
                        why->message
                );
                return 0;
        }
        manager->retry_usec = RETRY_USEC_MIN;
        manager->events.connected(manager->events.userdata);
        return 0;
}

static int subscribe(Manager *manager) {
        static const struct {
                const char *member;
                sd_bus_message_handler_t handler;
        } signals[] = {
                { "Reloading", on_reloading },
                { "JobRemoved", on_job_removed },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTS(signals); i++)
                r = sd_bus_match_signal_async(
                        manager->bus, NULL, NULL, PATH, INTERFACE, signals[i].member,
                        signals[i].handler, NULL, manager
                );
        if (r < 0)
                return r;
        return sd_bus_call_method_async(
                manager->bus, NULL, NAME, PATH, INTERFACE, "Subscribe", on_subscribed, manager, NULL
        );
}

static int connect_now(Manager *manager) {
        const BusPumpOptions options = {
                .priority = PRIORITY_SOURCE,
                .broken = on_broken,
                .userdata = manager,
        };
        int r = sd_bus_new(&manager->bus);

        if (r < 0)
                return r;
        r = sd_bus_set_address(manager->bus, manager->address);
        if (r >= 0)
                r = sd_bus_set_bus_client(manager->bus, false); /* nobody there to say Hello to */
        if (r >= 0)
                r = sd_bus_start(manager->bus);
        if (r >= 0)
                r = bus_pump_new(manager->event, manager->bus, &options, &manager->pump);
        return r < 0 ? r : subscribe(manager);
}

static int on_retry(sd_event_source *timer, uint64_t usec, void *userdata) {
        Manager *manager = userdata;
        int r;

        disconnect(manager);
        r = connect_now(manager);
        if (r < 0) {
                log_debug("cannot connect to the service manager: %s", strerror(-r));
                disconnect(manager);
                connect_later(manager);
        }
        return 0;
}

int manager_new(
        sd_event *event,
        const char *path,
        const ManagerEvents *events,
        Manager **ret,
        Diag *diag
) {
        Manager *manager = g_new0(Manager, 1);
        int r;

        manager->event = sd_event_ref(event);
        manager->address = g_strdup_printf("unix:path=%s", path);
        manager->events = *events;
        manager->scopes = g_ptr_array_new_with_free_func(pending_scope_free);
        manager->retry_usec = RETRY_USEC_MIN;
        r = sd_event_add_time_relative(
                event, &manager->retry, CLOCK_MONOTONIC, 0, 1, on_retry, manager
        );
        if (r < 0) {
                (void)manager_free(manager);
                return diag_errno(diag, r, "cannot set up events");
        }
        (void)sd_event_source_set_priority(manager->retry, PRIORITY_SOURCE);
        (void)sd_event_source_set_description(manager->retry, "manager-connect");
        *ret = manager;
        return 0;
}

Manager *manager_free(Manager *manager) {
        if (!manager)
                return NULL;
        disconnect(manager);
        (void)sd_event_source_disable_unref(manager->retry);
        g_ptr_array_unref(manager->scopes); /* nobody is left to be answered */
        (void)sd_event_unref(manager->event);
        g_free(manager->address);
        g_free(manager);
        return NULL;
}

static int on_stopped(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const sd_bus_error *why = sd_bus_message_get_error(message);

        if (sd_bus_message_is_method_error(message, NULL))
                log_error("The service manager does not stop a unit: %s", why->message);
        return 0;
}

int manager_stop_unit(Manager *manager, const char *unit) {
        int r;

        if (!manager->bus || sd_bus_is_open(manager->bus) <= 0)
                return -ENOTCONN;
        /* a start that is under way gives way to it */
        r = sd_bus_call_method_async(
                manager->bus, NULL, NAME, PATH, INTERFACE, "StopUnit", on_stopped, NULL, "ss", unit,
                "replace"
        );
        return r < 0 ? r : 0;
}

static int on_scope_asked(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        PendingScope *scope = userdata;

        if (sd_bus_message_is_method_error(message, NULL))
                scope_answer(scope, sd_bus_message_get_error(message)->message);
        return 0; /* else its job says how it ends */
}

static int append_properties(sd_bus_message *message, const UnitScope *scope) {
        int r = sd_bus_message_open_container(message, 'a', "(sv)");

        if (r >= 0)
                r = sd_bus_message_append(message, "(sv)", "PIDs", "au", 1, (uint32_t)scope->pid);
        if (r >= 0)
                r = sd_bus_message_append(
                        message, "(sv)", "CollectMode", "s", "inactive-or-failed"
                );
        if (r >= 0 && scope->slice && *scope->slice)
                r = sd_bus_message_append(message, "(sv)", "Slice", "s", scope->slice);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int manager_start_scope(
        Manager *manager,
        const UnitScope *scope,
        UnitScopeDone done,
        void *userdata
) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        PendingScope *pending;
        int r;

        if (!manager->bus || sd_bus_is_open(manager->bus) <= 0)
                return -ENOTCONN;
        r = sd_bus_message_new_method_call(
                manager->bus, &message, NAME, PATH, INTERFACE, "StartTransientUnit"
        );
        if (r >= 0)
                r = sd_bus_message_append(message, "ss", scope->name, "fail");
        if (r >= 0)
                r = append_properties(message, scope);
        if (r >= 0)
                r = sd_bus_message_append(message, "a(sa(sv))", 0);
        if (r < 0)
                return r;
        pending = g_new0(PendingScope, 1);
        *pending = (PendingScope){ manager, g_strdup(scope->name), done, userdata };
        r = sd_bus_call_async(manager->bus, NULL, message, on_scope_asked, pending, 0);
        if (r < 0) {
                pending_scope_free(pending);
                return r;
        }
        g_ptr_array_add(manager->scopes, pending);
        return 0;
}
