/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/look.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/cgroup.h"
#include "bpf/link-list.h"
#include "bpf/query.h"
#include "src/base/cleanup.h"
#include "src/base/fd.h"
#include "src/daemon/cgroup-dir.h"

#define DEPTH_MAX    64U
#define PROGRAMS_MAX 100000U /* in one answer */

static const char *const look_owner_table[_LOOK_OWNER_MAX] = {
        [LOOK_UNITBPF] = "unitbpf",
        [LOOK_LINK] = "link",
        [LOOK_LEGACY] = "legacy",
};
DEFINE_NAME_TABLE(LookOwner, look_owner, look_owner_table);

/* One look: what is known once for all programs of it. */
typedef struct Look {
        const Daemon *daemon;
        LinkInfo *links;
        bool *used; /* links already matched with a program */
        size_t n_links;
        GHashTable *holders;
        GHashTable *matched; /* ids of our attachments already matched */
        GPtrArray *programs;
} Look;

static void look_program_free(void *userdata) {
        LookProgram *program = userdata;

        g_free(program->cgroup);
        g_free(program->unit);
        g_free(program->pin);
        g_strfreev(program->holders);
        g_free(program);
}

static void look_done(Look *look) {
        free(look->links);
        g_free(look->used);
        g_clear_pointer(&look->holders, g_hash_table_unref);
        g_clear_pointer(&look->matched, g_hash_table_unref);
        g_clear_pointer(&look->programs, g_ptr_array_unref);
}

static int look_begin(Look *look, const Daemon *daemon, Diag *diag) {
        int r = link_list(&look->links, &look->n_links);

        if (r < 0 && r != -EINVAL) /* a kernel without links has none */
                return diag_errno(diag, r, "cannot list links");
        look->daemon = daemon;
        look->used = g_new0(bool, look->n_links + 1);
        look->holders = look_link_holders();
        look->matched = g_hash_table_new(NULL, NULL);
        look->programs = g_ptr_array_new_with_free_func(look_program_free);
        return 0;
}

static void add_holders_of(GHashTable *holders, const char *pid) {
        g_autofree char *path = g_strdup_printf("/proc/%s/fd", pid);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *link = g_build_filename(path, name, NULL);
                g_autofree char *info = g_strdup_printf("/proc/%s/fdinfo/%s", pid, name);
                g_autofree char *text = NULL, *comm = NULL, *comm_path = NULL;
                char target[32];
                const char *line;
                GPtrArray *list;
                unsigned id;
                ssize_t n = readlink(link, target, sizeof target - 1);

                if (n < 0)
                        continue;
                target[n] = 0;
                if (strcmp(target, "anon_inode:bpf_link") != 0 &&
                    strcmp(target, "anon_inode:bpf-link") != 0)
                        continue;
                if (!g_file_get_contents(info, &text, NULL, NULL))
                        continue;
                line = strstr(text, "link_id:");
                if (!line || sscanf(line, "link_id: %u", &id) != 1)
                        continue;
                comm_path = g_strdup_printf("/proc/%s/comm", pid);
                if (!g_file_get_contents(comm_path, &comm, NULL, NULL))
                        continue; /* has ended */
                list = g_hash_table_lookup(holders, GUINT_TO_POINTER(id));
                if (!list) {
                        list = g_ptr_array_new_with_free_func(g_free);
                        g_hash_table_insert(holders, GUINT_TO_POINTER(id), list);
                }
                g_ptr_array_add(list, g_strdup_printf("%s (%s)", pid, g_strchomp(comm)));
        }
}

static void holders_free(void *list) {
        g_ptr_array_unref(list);
}

GHashTable *look_link_holders(void) {
        GHashTable *holders = g_hash_table_new_full(NULL, NULL, NULL, holders_free);
        g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir)))
                if (g_ascii_isdigit(name[0]))
                        add_holders_of(holders, name);
        return holders;
}

static void describe_program(const Look *look, LookProgram *program) {
        const KernelOps *ops = look->daemon->ops;
        ProgramInfo info;
        int fd = ops->prog_by_id(ops, program->prog_id);

        if (fd < 0)
                return; /* gone since the query */
        if (ops->prog_info(ops, fd, &info) >= 0) {
                memcpy(program->program, info.name, sizeof program->program);
                memcpy(program->tag, info.tag, sizeof program->tag);
        }
        (void)ops->close(ops, fd);
}

static bool match_own(Look *look, LookProgram *program) {
        AttachmentView view;

        for (size_t i = 0; tracker_get_attachment(look->daemon->tracker, i, &view); i++) {
                if (view.prog_id != program->prog_id || view.cgroup_id != program->cgroup_id ||
                    view.hook != program->hook ||
                    (view.state != ATTACHMENT_ATTACHED && view.state != ATTACHMENT_QUARANTINED) ||
                    !g_hash_table_add(look->matched, GSIZE_TO_POINTER(i + 1)))
                        continue;
                program->owner = LOOK_UNITBPF;
                program->unit = g_strdup(view.unit);
                program->id = view.id;
                program->via = view.via;
                program->pin = g_strdup(view.pin);
                program->link_id = view.link_id;
                return true;
        }
        return false;
}

/* The same program can be there by several links: each link is matched once. */
static void match_link(Look *look, LookProgram *program) {
        uint32_t attach_type = hook_info(program->hook)->attach_type;

        for (size_t i = 0; i < look->n_links; i++) {
                const LinkInfo *link = &look->links[i];

                if (look->used[i] || link->prog_id != program->prog_id ||
                    link->cgroup_id != program->cgroup_id || link->attach_type != attach_type)
                        continue;
                if (program->owner == LOOK_UNITBPF && link->id != program->link_id)
                        continue;
                look->used[i] = true;
                program->link_id = link->id;
                if (program->owner != LOOK_UNITBPF)
                        program->owner = LOOK_LINK;
                return;
        }
}

static void find_holders(const Look *look, LookProgram *program) {
        const GPtrArray *list = g_hash_table_lookup(
                look->holders, GUINT_TO_POINTER(program->link_id)
        );

        if (!list)
                return;
        program->holders = g_new0(char *, list->len + 1);
        for (unsigned i = 0; i < list->len; i++)
                program->holders[i] = g_strdup(list->pdata[i]);
}

typedef struct LookPlace {
        const char *path;
        uint64_t id;
        unsigned depth;
} LookPlace;

static LookProgram *add_program(
        Look *look,
        const LookPlace *place,
        Hook hook,
        uint32_t flags,
        uint32_t prog_id
) {
        LookProgram *program = g_new0(LookProgram, 1);

        program->cgroup = g_strdup(place->path);
        program->cgroup_id = place->id;
        program->depth = place->depth;
        program->hook = hook;
        program->attach_flags = flags;
        program->prog_id = prog_id;
        program->owner = LOOK_LEGACY;
        program->via = _VIA_INVALID;
        describe_program(look, program);
        (void)match_own(look, program);
        match_link(look, program);
        if (program->link_id != 0)
                find_holders(look, program);
        g_ptr_array_add(look->programs, program);
        return program;
}

static int look_at_hook(Look *look, int cgroup_fd, const LookPlace *place, Hook hook) {
        QueryResult result = {};
        int r = look->daemon->ops->query(
                look->daemon->ops, cgroup_fd, hook_info(hook)->attach_type, false, &result
        );

        if (r == -EINVAL)
                return 0; /* a hook this kernel does not have */
        if (r < 0)
                return r;
        for (size_t i = 0; i < result.n_prog_ids; i++)
                (void)add_program(look, place, hook, result.attach_flags, result.prog_ids[i]);
        query_result_done(&result);
        return look->programs->len > PROGRAMS_MAX ? -E2BIG : 0;
}

static bool is_cgroup_hook(unsigned hook) {
        const HookInfo *info = hook_info((Hook)hook);

        return info && info->target == HOOK_TARGET_CGROUP;
}

static int look_at_cgroup(Look *look, const LookPlace *place) {
        const KernelOps *ops = look->daemon->ops;
        LookPlace here = *place;
        int r = 0, fd = ops->cgroup_open(ops, place->path, &here.id);

        if (fd < 0)
                return fd;
        for (unsigned hook = 0; r >= 0 && hook < _HOOK_MAX; hook++)
                if (is_cgroup_hook(hook))
                        r = look_at_hook(look, fd, &here, (Hook)hook);
        (void)ops->close(ops, fd);
        return r;
}

static int walk(Look *look, const LookPlace *place) {
        g_autoptr(GDir) dir = NULL;
        const char *name;
        int r = look_at_cgroup(look, place);

        if (r == -ENOENT)
                return place->depth == 0 ? r : 0; /* gone while we walked */
        if (r < 0 || place->depth >= DEPTH_MAX)
                return r;
        dir = g_dir_open(place->path, 0, NULL);
        while (r >= 0 && dir && (name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(place->path, name, NULL);
                const LookPlace child = { .path = path, .depth = place->depth + 1 };
                struct stat st;

                if (lstat(path, &st) >= 0 && S_ISDIR(st.st_mode))
                        r = walk(look, &child);
        }
        return r;
}

int look_tree(const Daemon *daemon, const char *cgroup, GPtrArray **ret, Diag *diag) {
        _cleanup_(look_done) Look look = {};
        const LookPlace place = { .path = cgroup };
        int r = look_begin(&look, daemon, diag);

        if (r < 0)
                return r;
        r = walk(&look, &place);
        if (r < 0)
                return diag_errno(diag, r, "cannot look at cgroup '%s'", cgroup);
        *ret = g_steal_pointer(&look.programs);
        return 0;
}

/* Looks at the cgroup and all above it. The nearest comes first. */
static int look_upwards(Look *look, const char *cgroup, const char *mount) {
        g_autofree char *path = g_strdup(cgroup);
        unsigned depth = 0;

        for (;;) {
                const LookPlace place = { .path = path, .depth = depth++ };
                int r = look_at_cgroup(look, &place);
                char *slash;

                if (r < 0)
                        return r;
                slash = strrchr(path, '/');
                if (strcmp(path, mount) == 0 || !slash || (size_t)(slash - path) < strlen(mount))
                        return 0;
                *slash = 0;
        }
}

/* Puts the programs of one hook in the order of the effective list, which is the kernel's word. A program that is in
 * the tree but not in that list does not run for this cgroup. */
static int order_hook(Look *look, int cgroup_fd, Hook hook, GPtrArray *ordered) {
        QueryResult result = {};
        int r = look->daemon->ops->query(
                look->daemon->ops, cgroup_fd, hook_info(hook)->attach_type, true, &result
        );

        if (r == -EINVAL)
                return 0;
        if (r < 0)
                return r;
        for (size_t i = 0; i < result.n_prog_ids; i++)
                for (unsigned k = 0; k < look->programs->len; k++) {
                        LookProgram *program = look->programs->pdata[k];

                        if (program->hook != hook || program->prog_id != result.prog_ids[i])
                                continue;
                        g_ptr_array_add(ordered, g_ptr_array_steal_index(look->programs, k));
                        break;
                }
        query_result_done(&result);
        return 0;
}

int look_effective(const Daemon *daemon, const char *cgroup, GPtrArray **ret, Diag *diag) {
        _cleanup_(look_done) Look look = {};
        _cleanup_free_ char *mount = NULL;
        _cleanup_close_ int fd = -EBADF;
        g_autoptr(GPtrArray) ordered = g_ptr_array_new_with_free_func(look_program_free);
        int r = cgroup_mount_find(&mount, diag);

        if (r >= 0)
                r = look_begin(&look, daemon, diag);
        if (r < 0)
                return r;
        fd = cgroup_open(cgroup, NULL, diag);
        if (fd < 0)
                return fd;
        r = look_upwards(&look, cgroup, mount);
        for (unsigned hook = 0; r >= 0 && hook < _HOOK_MAX; hook++)
                if (is_cgroup_hook(hook))
                        r = order_hook(&look, fd, (Hook)hook, ordered);
        if (r < 0)
                return diag_errno(diag, r, "cannot look at cgroup '%s'", cgroup);
        *ret = g_steal_pointer(&ordered);
        return 0;
}
