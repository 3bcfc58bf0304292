/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Methods that look at the kernel: every program on the cgroups, and the contents of maps. */

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "bpf/cgroup.h"
#include "src/base/cleanup.h"
#include "src/daemon/bus-dict.h"
#include "src/daemon/bus-manager.h"
#include "src/daemon/look.h"

static const char *flags_text(uint32_t flags) {
        return flags & BPF_F_ALLOW_MULTI      ? "multi"
               : flags & BPF_F_ALLOW_OVERRIDE ? "override"
                                              : "exclusive";
}

static int append_program(sd_bus_message *reply, const LookProgram *program) {
        const char *const flags[] = { flags_text(program->attach_flags), NULL };
        const char *via = program->owner == LOOK_UNITBPF ? via_to_string(program->via)
                          : program->link_id != 0        ? via_to_string(VIA_CGROUP_LINK)
                                                         : via_to_string(VIA_CGROUP_LEGACY);
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0)
                r = dict_append_text(reply, "Cgroup", program->cgroup);
        if (r >= 0)
                r = dict_append_number(reply, "CgroupId", program->cgroup_id);
        if (r >= 0)
                r = dict_append_number(reply, "Depth", program->depth);
        if (r >= 0)
                r = dict_append_text(reply, "Hook", hook_to_string(program->hook));
        if (r >= 0)
                r = dict_append_list(reply, "Flags", flags);
        if (r >= 0)
                r = dict_append_number(reply, "ProgId", program->prog_id);
        if (r >= 0 && *program->program)
                r = dict_append_text(reply, "Program", program->program);
        if (r >= 0 && *program->tag)
                r = dict_append_text(reply, "ProgTag", program->tag);
        if (r >= 0)
                r = dict_append_text(reply, "Owner", look_owner_to_string(program->owner));
        if (r >= 0)
                r = dict_append_text(reply, "Unit", program->unit);
        if (r >= 0 && program->id != 0)
                r = dict_append_number(reply, "Id", program->id);
        if (r >= 0 && program->link_id != 0)
                r = dict_append_number(reply, "LinkId", program->link_id);
        if (r >= 0)
                r = dict_append_text(reply, "Via", via);
        if (r >= 0)
                r = dict_append_text(reply, "Pin", program->pin);
        if (r >= 0)
                r = dict_append_list(reply, "Holders", (const char *const *)program->holders);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_programs(sd_bus_message *message, const GPtrArray *programs) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (unsigned i = 0; r >= 0 && i < programs->len; i++)
                r = append_program(reply, programs->pdata[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(sd_bus_message_get_bus(message), reply, NULL);
}

int bus_tree(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        g_autoptr(GPtrArray) programs = NULL;
        _cleanup_free_ char *mount = NULL;
        g_autofree char *path = NULL;
        const char *cgroup;
        int r = sd_bus_message_read(message, "s", &cgroup);

        if (r >= 0)
                r = cgroup_mount_find(&mount, diag);
        if (r < 0)
                return r;
        /* a path of the file system, or one inside the hierarchy as /proc/PID/cgroup has it */
        if (g_str_has_prefix(cgroup, mount))
                path = g_strdup(cgroup);
        else
                path = g_build_filename(mount, cgroup, NULL);
        while (g_str_has_suffix(path, "/"))
                path[strlen(path) - 1] = 0;
        r = look_tree(connection->daemon, path, &programs, diag);
        return r < 0 ? r : reply_programs(message, programs);
}

int bus_effective(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        g_autoptr(GPtrArray) programs = NULL;
        const char *name;
        const Unit *unit;
        int r = sd_bus_message_read(message, "s", &name);

        if (r < 0)
                return r;
        unit = bus_present_unit_of(connection, message, name, &r, diag);
        if (!unit)
                return r;
        r = look_effective(connection->daemon, unit->cgroup, &programs, diag);
        return r < 0 ? r : reply_programs(message, programs);
}
