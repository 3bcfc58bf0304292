/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Methods that answer from what the daemon knows, without looking at other programs. */

#include <errno.h>
#include <inttypes.h>

#include "bpf/probe.h"
#include "serialize/fdset.h"
#include "serialize/writer.h"
#include "src/base/cleanup.h"
#include "src/daemon/bus-dict.h"
#include "src/daemon/bus-manager.h"
#include "src/daemon/reconcile.h"

/* Counts attachments of one cgroup and hook; the answer is the place of this one. */
static uint64_t next_order(GHashTable *counts, const AttachmentView *view) {
        g_autofree char *key = g_strdup_printf("%" PRIu64 " %d", view->cgroup_id, (int)view->hook);
        size_t order = GPOINTER_TO_SIZE(g_hash_table_lookup(counts, key)) + 1;

        (void)g_hash_table_insert(counts, g_steal_pointer(&key), GSIZE_TO_POINTER(order));
        return order;
}

static int append_attachments(BusConnection *connection, sd_bus_message *reply) {
        const Daemon *daemon = connection->daemon;
        g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        AttachmentView view;
        AttachmentRow row;
        int r = 0;

        for (size_t i = 0; r >= 0 && tracker_get_attachment(daemon->tracker, i, &view); i++) {
                attachment_row_fill(
                        &row, daemon, &view, next_order(counts, &view), connection->uid == 0
                );
                r = dict_append_row(reply, &attachment_fields, &row);
        }
        return r;
}

int bus_list_attachments(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        return bus_reply_array(connection, message, append_attachments);
}

static int append_units(BusConnection *connection, sd_bus_message *reply) {
        const Daemon *daemon = connection->daemon;
        g_autoptr(GPtrArray) units = unit_table_list(daemon->units);
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < units->len; i++) {
                UnitRow row;

                if (unit_row_fill(&row, daemon, units->pdata[i]))
                        r = dict_append_row(reply, &unit_fields, &row);
                unit_row_done(&row);
        }
        return r;
}

int bus_list_units(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        return bus_reply_array(connection, message, append_units);
}

int bus_get_unit(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *name;
        UnitRow row;
        Unit *unit;
        int r = sd_bus_message_read(message, "s", &name);

        if (r < 0)
                return r;
        unit = bus_unit_of(connection, message, name, &r);
        if (!unit)
                return r;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        (void)unit_row_fill(&row, connection->daemon, unit); /* known, or it had not been found */
        r = dict_append_row(reply, &unit_fields, &row);
        unit_row_done(&row);
        return r < 0 ? r : sd_bus_send(connection->bus, reply, NULL);
}

static const char *const hook_target_names[_HOOK_TARGET_MAX] = {
        [HOOK_TARGET_CGROUP] = "cgroup",
        [HOOK_TARGET_INTERFACE] = "interface",
        [HOOK_TARGET_NETNS] = "netns",
};

static int append_hooks(BusConnection *connection, sd_bus_message *reply) {
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < _HOOK_MAX; i++) {
                const HookInfo *info = hook_info((Hook)i);
                int supported;

                if (!info)
                        continue;
                supported = probe_hook((Hook)i);
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
                if (r >= 0)
                        r = dict_append_text(reply, "Hook", info->name);
                if (r >= 0)
                        r = dict_append_text(reply, "AttachType", info->uapi);
                if (r >= 0)
                        r = dict_append_text(
                                reply, "ProgType", program_type_to_string(info->prog_type)
                        );
                if (r >= 0)
                        r = dict_append_text(reply, "Section", info->section);
                if (r >= 0)
                        r = dict_append_text(reply, "Target", hook_target_names[info->target]);
                if (r >= 0)
                        r = dict_append_text(reply, "Since", info->since);
                if (r >= 0 && supported >= 0)
                        r = dict_append_truth(reply, "Supported", supported > 0);
                if (r >= 0)
                        r = dict_append_text(reply, "What", info->what);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        return r;
}

int bus_hooks(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        return bus_reply_array(connection, message, append_hooks);
}

int bus_subscribe(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        if (!connection->system) /* signals go to all there, as the bus has it */
                connection->subscribed = true;
        return sd_bus_reply_method_return(message, NULL);
}

int bus_dump(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        _cleanup_(fdset_free_ptr) FdSet *fds = fdset_new();
        const char *text;
        size_t size;
        int r;

        if (!writer || !fds)
                return -ENOMEM;
        r = tracker_snapshot(connection->daemon->tracker, writer, fds);
        if (r >= 0)
                r = writer_finish(writer, &text, &size);
        if (r < 0)
                return diag_errno(diag, r, "cannot write the state down");
        return sd_bus_reply_method_return(message, "s", text);
}

static int append_step(sd_bus_message *reply, const PlanStep *step) {
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0)
                r = dict_append_text(reply, "Operation", step->operation);
        if (r >= 0)
                r = dict_append_text(reply, "Hook", step->hook);
        if (r >= 0)
                r = dict_append_text(reply, "Call", step->call);
        if (r >= 0)
                r = dict_append_text(reply, "Object", step->object);
        if (r >= 0)
                r = dict_append_text(reply, "Origin", step->origin);
        if (r >= 0)
                r = dict_append_text(reply, "Cost", step->cost);
        if (r >= 0 && step->id != 0)
                r = dict_append_number(reply, "Id", step->id);
        if (r >= 0)
                r = dict_append_truth(reply, "Conflict", step->conflict);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_steps(sd_bus_message *message, const PlanStep *steps, size_t n) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_step(reply, &steps[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(sd_bus_message_get_bus(message), reply, NULL);
}

int bus_plan(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        _cleanup_(unit_wish_free_ptr) UnitWish *wish = NULL;
        _cleanup_(target_set_free_ptr) TargetSet *targets = NULL;
        Daemon *daemon = connection->daemon;
        UnitPlace place;
        PlanStep *steps;
        const char *name;
        size_t n;
        Unit *unit;
        int r = sd_bus_message_read(message, "s", &name);

        if (r < 0)
                return r;
        unit = bus_present_unit_of(connection, message, name, &r, diag);
        if (!unit)
                return r;
        r = reconcile_read(daemon, unit, &wish, diag);
        if (r >= 0)
                r = reconcile_resolve(wish, &targets);
        if (r < 0)
                return r;
        place = reconcile_place(unit);
        r = tracker_plan(daemon->tracker, &place, targets, &steps, &n, diag);
        if (r < 0)
                return r;
        r = reply_steps(message, steps, n);
        plan_steps_free(steps, n);
        return r;
}
