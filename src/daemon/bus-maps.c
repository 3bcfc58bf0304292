/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Maps(): the maps of a unit's programs with their contents in words. A map that several programs use is shown once,
 * with all of them. */

#include <errno.h>
#include <linux/bpf.h>

#include "bpf/call.h"
#include "bpf/map.h"
#include "bpf/program.h"
#include "src/base/cleanup.h"
#include "src/base/fd.h"
#include "src/base/text.h"
#include "src/daemon/bus-dict.h"
#include "src/daemon/bus-manager.h"

/* Map ids in the order met, and for each the names of its programs. */
typedef struct MapsOfUnit {
        GArray *ids;
        GHashTable *programs; /* id -> GPtrArray of names */
} MapsOfUnit;

static void release_names(void *names) {
        g_ptr_array_unref(names);
}

static void maps_of_unit_done(MapsOfUnit *maps) {
        g_array_unref(maps->ids);
        g_hash_table_unref(maps->programs);
}

static void add_map(MapsOfUnit *maps, uint32_t id, const char *program) {
        GPtrArray *names = g_hash_table_lookup(maps->programs, GUINT_TO_POINTER(id));

        if (!names) {
                names = g_ptr_array_new_with_free_func(g_free);
                g_hash_table_insert(maps->programs, GUINT_TO_POINTER(id), names);
                g_array_append_val(maps->ids, id);
        }
        if (!g_ptr_array_find_with_equal_func(names, program, g_str_equal, NULL))
                g_ptr_array_add(names, g_strdup(program));
}

static int add_maps_of_program(const KernelOps *ops, MapsOfUnit *maps, const AttachmentView *view) {
        _cleanup_free_ uint32_t *ids = NULL;
        size_t n;
        int r, fd = ops->prog_by_id(ops, view->prog_id);

        if (fd < 0)
                return fd == -ENOENT ? 0 : fd; /* gone meanwhile */
        r = program_map_ids(fd, &ids, &n);
        (void)ops->close(ops, fd);
        for (size_t i = 0; r >= 0 && i < n; i++)
                add_map(maps, ids[i], view->program ? view->program : "");
        return r;
}

static int append_entries(sd_bus_message *reply, const MapDump *dump) {
        int r = sd_bus_message_open_container(reply, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "Entries");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a(ss)");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ss)");
        for (size_t i = 0; r >= 0 && i < dump->n; i++) {
                g_autofree char *key = g_utf8_make_valid(dump->entries[i].key, -1);
                g_autofree char *value = g_utf8_make_valid(dump->entries[i].value, -1);

                r = sd_bus_message_append(reply, "(ss)", key, value);
        }
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_contents(sd_bus_message *reply, int fd, Diag *diag) {
        MapDump dump = {};
        int r = map_dump(fd, &dump, diag);

        if (r < 0)
                return r;
        r = dict_append_truth(reply, "Truncated", !dump.complete);
        if (r >= 0 && dump.readable)
                r = append_entries(reply, &dump);
        map_dump_done(&dump);
        return r;
}

static int append_shape(sd_bus_message *reply, const MapInfo *info) {
        const char *type = map_type_to_string(info->type);
        int r = dict_append_text(reply, "Name", info->name);

        if (r >= 0)
                r = dict_append_number(reply, "MapId", info->id);
        if (r >= 0)
                r = dict_append_text(reply, "Type", type);
        if (r >= 0)
                r = dict_append_number(reply, "KeySize", info->key_size);
        if (r >= 0)
                r = dict_append_number(reply, "ValueSize", info->value_size);
        return r < 0 ? r : dict_append_number(reply, "MaxEntries", info->max_entries);
}

static int append_map(
        sd_bus_message *reply,
        const Daemon *daemon,
        const MapsOfUnit *maps,
        uint32_t id,
        Diag *diag
) {
        _cleanup_close_ int fd = call_fd_by_id(BPF_MAP_GET_FD_BY_ID, id);
        g_autoptr(GPtrArray) programs = g_ptr_array_new();
        const GPtrArray *names = g_hash_table_lookup(maps->programs, GUINT_TO_POINTER(id));
        _cleanup_free_ char *pin = NULL;
        MapInfo info;
        int r;

        if (fd == -ENOENT)
                return 0; /* gone meanwhile */
        r = fd < 0 ? fd : map_info(fd, &info);
        if (r < 0)
                return diag_errno(diag, r, "cannot look at map %u", id);
        for (unsigned i = 0; i < names->len; i++)
                g_ptr_array_add(programs, names->pdata[i]);
        g_ptr_array_add(programs, NULL);
        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_shape(reply, &info);
        if (r >= 0)
                r = dict_append_list(
                        reply, "Programs", (const char *const *)(const void *)programs->pdata
                );
        if (r >= 0 && daemon->bpffs && map_find_pin(id, daemon->bpffs, &pin) >= 0)
                r = dict_append_text(reply, "Pin", pin);
        if (r >= 0)
                r = append_contents(reply, fd, diag);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_maps(
        sd_bus_message *message,
        const Daemon *daemon,
        const MapsOfUnit *maps,
        Diag *diag
) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (unsigned i = 0; r >= 0 && i < maps->ids->len; i++)
                r = append_map(reply, daemon, maps, g_array_index(maps->ids, uint32_t, i), diag);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(sd_bus_message_get_bus(message), reply, NULL);
}

int bus_maps(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        const Daemon *daemon = connection->daemon;
        _cleanup_(maps_of_unit_done) MapsOfUnit maps = {
                .ids = g_array_new(FALSE, FALSE, sizeof(uint32_t)),
                .programs = g_hash_table_new_full(NULL, NULL, NULL, release_names),
        };
        AttachmentView view;
        const char *name;
        int r = sd_bus_message_read(message, "s", &name);

        if (r < 0)
                return r;
        if (!bus_unit_of(connection, message, name, &r))
                return r;
        r = 0;
        for (size_t i = 0; r >= 0 && tracker_get_attachment(daemon->tracker, i, &view); i++)
                if (view.prog_id != 0 && text_equal(view.unit, name))
                        r = add_maps_of_program(daemon->ops, &maps, &view);
        if (r < 0)
                return diag_errno(diag, r, "cannot look at the programs of '%s'", name);
        return reply_maps(message, daemon, &maps, diag);
}
