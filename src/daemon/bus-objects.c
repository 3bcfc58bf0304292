/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/bus-objects.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/daemon/bus-dict.h"
#include "src/daemon/bus-manager.h"

#define UNIT_PATH            BUS_PATH "/unit"
#define ATTACHMENT_PATH      BUS_PATH "/attachment"
#define UNIT_INTERFACE       "org.unitbpf1.Unit"
#define ATTACHMENT_INTERFACE "org.unitbpf1.Attachment"
#define FIELDS_MAX           32U

int bus_attachment_path_parse(const char *path, uint64_t *ret_id) {
        const char *number = text_after_prefix(path, ATTACHMENT_PATH "/");

        return number && text_to_u64(number, ret_id) >= 0 ? 0 : -EINVAL;
}

static const Unit *unit_of_path(const BusConnection *connection, const char *path) {
        _cleanup_free_ char *name = NULL;

        if (sd_bus_path_decode(path, UNIT_PATH, &name) <= 0)
                return NULL;
        return unit_table_find(connection->daemon->units, name);
}

static int get_unit_property(
        sd_bus *bus,
        const char *path,
        const char *interface,
        const char *property,
        sd_bus_message *reply,
        void *userdata,
        sd_bus_error *error
) {
        const BusConnection *connection = userdata;
        const Unit *unit = unit_of_path(connection, path);
        UnitRow row = {};
        int r;

        if (unit)
                (void)unit_row_fill(&row, connection->daemon, unit); /* was found to be known */
        r = dict_append_property(reply, &unit_fields, property, unit ? &row : NULL);
        unit_row_done(&row);
        return r;
}

static int find_unit(
        sd_bus *bus,
        const char *path,
        const char *interface,
        void *userdata,
        void **ret_found,
        sd_bus_error *error
) {
        const BusConnection *connection = userdata;
        const Unit *unit = unit_of_path(connection, path);
        UnitRow row;
        bool known;

        if (!unit)
                return 0;
        known = unit_row_fill(&row, connection->daemon, unit);
        unit_row_done(&row);
        *ret_found = userdata;
        return known;
}

static int list_units(
        sd_bus *bus,
        const char *prefix,
        void *userdata,
        char ***ret_nodes,
        sd_bus_error *error
) {
        const BusConnection *connection = userdata;
        g_autoptr(GPtrArray) units = unit_table_list(connection->daemon->units);
        char **nodes = calloc((size_t)units->len + 1, sizeof *nodes);
        size_t n = 0;

        if (!nodes)
                return -ENOMEM;
        for (unsigned i = 0; i < units->len; i++) {
                const Unit *unit = units->pdata[i];
                UnitRow row;
                bool known = unit_row_fill(&row, connection->daemon, unit);

                unit_row_done(&row);
                if (known && sd_bus_path_encode(UNIT_PATH, unit->name, &nodes[n]) >= 0)
                        n++;
        }
        *ret_nodes = nodes;
        return 0;
}

static int get_attachment_property(
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
        AttachmentView view;
        AttachmentRow row;
        uint64_t id;
        bool found = bus_attachment_path_parse(path, &id) >= 0 &&
                     tracker_find_attachment(daemon->tracker, id, &view);

        if (found)
                attachment_row_fill(
                        &row, daemon, &view, attachment_order(daemon->tracker, &view),
                        connection->uid == 0
                );
        return dict_append_property(reply, &attachment_fields, property, found ? &row : NULL);
}

static int find_attachment(
        sd_bus *bus,
        const char *path,
        const char *interface,
        void *userdata,
        void **ret_found,
        sd_bus_error *error
) {
        const BusConnection *connection = userdata;
        AttachmentView view;
        uint64_t id;

        if (bus_attachment_path_parse(path, &id) < 0 ||
            !tracker_find_attachment(connection->daemon->tracker, id, &view))
                return 0;
        *ret_found = userdata;
        return 1;
}

static int list_attachments(
        sd_bus *bus,
        const char *prefix,
        void *userdata,
        char ***ret_nodes,
        sd_bus_error *error
) {
        const BusConnection *connection = userdata;
        const Tracker *tracker = connection->daemon->tracker;
        char **nodes = calloc(tracker_n_attachments(tracker) + 1, sizeof *nodes);
        AttachmentView view;
        size_t n = 0;

        if (!nodes)
                return -ENOMEM;
        for (size_t i = 0; tracker_get_attachment(tracker, i, &view); i++) {
                if (view.id == 0)
                        continue;
                nodes[n] = text_format(ATTACHMENT_PATH "/%" PRIu64, view.id);
                if (nodes[n])
                        n++;
        }
        *ret_nodes = nodes;
        return 0;
}

/* A vtable with a property for each field; into memory that stays. */
static const sd_bus_vtable *make_vtable(
        sd_bus_vtable *vtable,
        const FieldTable *table,
        sd_bus_property_get_t get
) {
        size_t n = 0;

        vtable[n++] = (sd_bus_vtable)SD_BUS_VTABLE_START(0);
        for (size_t i = 0; i < table->n && n < FIELDS_MAX - 1; i++)
                vtable[n++] = (sd_bus_vtable)SD_BUS_PROPERTY(
                        table->fields[i].name, field_signature(table->fields[i].kind), get, 0, 0
                );
        vtable[n] = (sd_bus_vtable)SD_BUS_VTABLE_END;
        return vtable;
}

int bus_objects_add(BusConnection *connection) {
        static sd_bus_vtable unit_vtable[FIELDS_MAX], attachment_vtable[FIELDS_MAX];
        static bool made;
        int r;

        if (!made) {
                (void)make_vtable(unit_vtable, &unit_fields, get_unit_property);
                (void)make_vtable(attachment_vtable, &attachment_fields, get_attachment_property);
                made = true;
        }
        r = sd_bus_add_fallback_vtable(
                connection->bus, NULL, UNIT_PATH, UNIT_INTERFACE, unit_vtable, find_unit, connection
        );
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(
                        connection->bus, NULL, ATTACHMENT_PATH, ATTACHMENT_INTERFACE,
                        attachment_vtable, find_attachment, connection
                );
        if (r >= 0)
                r = sd_bus_add_node_enumerator(
                        connection->bus, NULL, UNIT_PATH, list_units, connection
                );
        if (r >= 0)
                r = sd_bus_add_node_enumerator(
                        connection->bus, NULL, ATTACHMENT_PATH, list_attachments, connection
                );
        return r;
}
