/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/bus-manager.h"

#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/daemon/bus-dict.h"
#include "src/daemon/bus-error.h"
#include "src/daemon/bus-system.h"
#include "src/daemon/version.h"

typedef struct MethodRow {
        const char *name;
        BusAccess access;
        BusMethod run;
} MethodRow;

static const MethodRow method_rows[] = {
        { "ListAttachments", BUS_PUBLIC, bus_list_attachments },
        { "ListUnits", BUS_PUBLIC, bus_list_units },
        { "GetUnit", BUS_PUBLIC, bus_get_unit },
        { "Hooks", BUS_PUBLIC, bus_hooks },
        { "Subscribe", BUS_PUBLIC, bus_subscribe },
        { "Effective", BUS_ROOT, bus_effective },
        { "Tree", BUS_ROOT, bus_tree },
        { "Plan", BUS_ROOT, bus_plan },
        { "Maps", BUS_ROOT, bus_maps },
        { "Dump", BUS_ROOT, bus_dump },
        { "Doctor", BUS_ROOT, bus_doctor },
        { "SetLogLevel", BUS_ROOT, bus_set_log_level },
        { "Reexecute", BUS_ROOT, bus_reexecute },
        { "AttachUnit", BUS_CHANGE, bus_attach_unit },
        { "DetachUnit", BUS_CHANGE, bus_detach_unit },
        { "DetachAttachment", BUS_CHANGE, bus_detach_attachment },
        { "DetachAll", BUS_CHANGE, bus_detach_all },
        { "StartTransient", BUS_CHANGE, bus_start_transient },
        { "AttachProgram", BUS_CHANGE, bus_attach_program },
        { "Adopt", BUS_CHANGE, bus_adopt },
        { "Reload", BUS_CHANGE, bus_reload },
};

static const MethodRow *find_method(const char *name) {
        for (size_t i = 0; i < ELEMENTS(method_rows); i++)
                if (strcmp(method_rows[i].name, name) == 0)
                        return &method_rows[i];
        return NULL;
}

BusAccess bus_manager_access(const char *method) {
        const MethodRow *row = find_method(method);

        return row ? row->access : _BUS_ACCESS_MAX;
}

Unit *bus_unit_of(
        BusConnection *connection,
        sd_bus_message *message,
        const char *name,
        int *ret_answered
) {
        Unit *unit = unit_table_find(connection->daemon->units, name);
        g_autofree char *text = NULL;
        UnitRow row;
        bool known;

        if (unit) {
                known = unit_row_fill(&row, connection->daemon, unit);
                unit_row_done(&row);
                if (known)
                        return unit;
        }
        text = g_strdup_printf(
                unit ? "unit '%s' has no [X-BPF] lines" : "there is no unit '%s'", name
        );
        *ret_answered = bus_error_reply(message, BUS_ERROR_NO_SUCH_UNIT, text);
        return NULL;
}

Unit *bus_present_unit_of(
        BusConnection *connection,
        sd_bus_message *message,
        const char *name,
        int *ret_answered,
        Diag *diag
) {
        Unit *unit = bus_unit_of(connection, message, name, ret_answered);

        if (!unit || unit->present)
                return unit;
        *ret_answered = diag_fail(diag, -ESRCH, "unit '%s' has no cgroup now", name);
        return NULL;
}

int bus_reply_array(BusConnection *connection, sd_bus_message *message, BusAppend append) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r >= 0)
                r = append(connection, reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(connection->bus, reply, NULL);
}

int bus_manager_run(BusConnection *connection, sd_bus_message *message) {
        const MethodRow *row = find_method(sd_bus_message_get_member(message));
        _cleanup_diag_ Diag diag = {};
        int r;

        if (!row)
                return -EBADRQC;
        if (row->access == BUS_CHANGE && tracker_is_read_only(connection->daemon->tracker))
                return bus_error_reply(
                        message, BUS_ERROR_READ_ONLY,
                        "the state was written by a newer version, nothing is changed until that one runs again"
                );
        r = row->run(connection, message, &diag);
        return r < 0 ? bus_error_reply_diag(message, r, &diag) : 1;
}

/* All methods come through here: one place decides who may. */
static int on_method(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusConnection *connection = userdata;
        const MethodRow *row = find_method(sd_bus_message_get_member(message));

        if (!row)
                return -EBADRQC;
        if (row->access != BUS_PUBLIC && connection->system)
                return bus_system_ask(connection->system, message, row->access);
        if (row->access != BUS_PUBLIC && connection->uid != 0)
                return bus_error_reply(
                        message, SD_BUS_ERROR_ACCESS_DENIED, "only root may do this"
                );
        return bus_manager_run(connection, message);
}

static int on_hello(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        /* tools made for a bus with a daemon want a name; any will do */
        return sd_bus_reply_method_return(message, "s", ":1.1");
}

static uint64_t count_degraded(const Daemon *daemon) {
        UnitView view;
        uint64_t n = 0;

        for (size_t i = 0; tracker_get_unit(daemon->tracker, i, &view); i++)
                n += view.state == UNIT_DEGRADED || view.state == UNIT_FAILED;
        return n;
}

typedef struct ManagerRow {
        const char *version, *instance, *source, *cgroup_root, *bpffs_root, *runtime_directory,
                *log_level;
        uint64_t generation, n_units, n_attachments, n_degraded, started_usec;
        bool read_only;
} ManagerRow;

#define M(key, field_kind, member) \
        { .name = key, .kind = field_kind, .offset = offsetof(ManagerRow, member) }

static const Field manager_field_rows[] = {
        M("Version", FIELD_TEXT, version),
        M("Instance", FIELD_TEXT, instance),
        M("Generation", FIELD_NUMBER, generation),
        M("Source", FIELD_TEXT, source),
        M("CgroupRoot", FIELD_TEXT, cgroup_root),
        M("BpffsRoot", FIELD_TEXT, bpffs_root),
        M("RuntimeDirectory", FIELD_TEXT, runtime_directory),
        M("NUnits", FIELD_NUMBER, n_units),
        M("NAttachments", FIELD_NUMBER, n_attachments),
        M("NDegraded", FIELD_NUMBER, n_degraded),
        M("LogLevel", FIELD_TEXT, log_level),
        M("ReadOnly", FIELD_TRUTH, read_only),
        M("StartedUsec", FIELD_NUMBER, started_usec),
};

static const FieldTable manager_fields = { manager_field_rows, ELEMENTS(manager_field_rows) };

static int get_manager_property(
        sd_bus *bus,
        const char *path,
        const char *interface,
        const char *property,
        sd_bus_message *reply,
        void *userdata,
        sd_bus_error *error
) {
        const BusConnection *connection = userdata;
        const Daemon *daemon = connection->daemon;
        const ManagerRow row = {
                .version = UNITBPF_VERSION,
                .instance = daemon->instance,
                .generation = tracker_generation(daemon->tracker),
                .source = daemon->source->ops->name,
                .cgroup_root = daemon->cgroup_root,
                .bpffs_root = daemon->bpffs,
                .runtime_directory = daemon->options.runtime_directory,
                .n_units = tracker_n_units(daemon->tracker),
                .n_attachments = tracker_n_attachments(daemon->tracker),
                .n_degraded = count_degraded(daemon),
                .log_level = log_level_to_string(log_get_max_level()),
                .read_only = tracker_is_read_only(daemon->tracker),
                .started_usec = daemon->started_usec,
        };

        return dict_append_property(reply, &manager_fields, property, &row);
}

/* Whether a caller may is for on_method() to say: sd-bus would ask the kernel about a process that need not be the
 * one that connected. */
#define METHOD(name, in, out)     SD_BUS_METHOD(name, in, out, on_method, SD_BUS_VTABLE_UNPRIVILEGED)
#define PROPERTY(name, signature) SD_BUS_PROPERTY(name, signature, get_manager_property, 0, 0)

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("ListAttachments", NULL, "aa{sv}"),
        METHOD("ListUnits", NULL, "aa{sv}"),
        METHOD("GetUnit", "s", "a{sv}"),
        METHOD("Effective", "s", "aa{sv}"),
        METHOD("Tree", "s", "aa{sv}"),
        METHOD("Plan", "s", "aa{sv}"),
        METHOD("Maps", "s", "aa{sv}"),
        METHOD("AttachUnit", "s", NULL),
        METHOD("DetachUnit", "s", NULL),
        METHOD("DetachAttachment", "t", NULL),
        METHOD("DetachAll", NULL, NULL),
        METHOD("StartTransient", "ssas", "ssth"),
        METHOD("AttachProgram", "hhsas", "th"),
        METHOD("Adopt", "st", "t"),
        METHOD("Reload", NULL, NULL),
        METHOD("Reexecute", NULL, NULL),
        METHOD("Dump", NULL, "s"),
        METHOD("SetLogLevel", "s", NULL),
        METHOD("Subscribe", NULL, NULL),
        METHOD("Hooks", NULL, "aa{sv}"),
        METHOD("Doctor", NULL, "aa{sv}"),
        PROPERTY("Version", "s"),
        PROPERTY("Instance", "s"),
        PROPERTY("Generation", "t"),
        PROPERTY("Source", "s"),
        PROPERTY("CgroupRoot", "s"),
        PROPERTY("BpffsRoot", "s"),
        PROPERTY("RuntimeDirectory", "s"),
        PROPERTY("NUnits", "t"),
        PROPERTY("NAttachments", "t"),
        PROPERTY("NDegraded", "t"),
        PROPERTY("LogLevel", "s"),
        PROPERTY("ReadOnly", "b"),
        PROPERTY("StartedUsec", "t"),
        SD_BUS_SIGNAL("AttachmentNew", "ta{sv}", 0),
        SD_BUS_SIGNAL("AttachmentChanged", "ta{sv}", 0),
        SD_BUS_SIGNAL("AttachmentRemoved", "ta{sv}", 0),
        SD_BUS_SIGNAL("UnitChanged", "sa{sv}", 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable hello_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_HIDDEN),
        SD_BUS_METHOD("Hello", NULL, "s", on_hello, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int bus_manager_add(BusConnection *connection) {
        int r = sd_bus_add_object_vtable(
                connection->bus, NULL, BUS_PATH, BUS_MANAGER_INTERFACE, manager_vtable, connection
        );

        if (r < 0 || connection->system)
                return r;
        return sd_bus_add_object_vtable(
                connection->bus, NULL, "/org/freedesktop/DBus", "org.freedesktop.DBus",
                hello_vtable, connection
        );
}
