/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/loader.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/base/text.h"

static void checksum_text(GChecksum *checksum, const char *text) {
        g_checksum_update(checksum, (const guchar *)(text ?: ""), (gssize)strlen(text ?: "") + 1);
}

/* What it is loaded with, and for whom: equal digests mean the same programs in the kernel would do. */
static char *circumstances(const char *unit, const Target *target) {
        bool own = target->has_state && !target->shared;
        GChecksum *checksum;
        char *digest;

        if (!own && target->n_variables == 0 && target->n_maps == 0)
                return g_strdup("-");
        checksum = g_checksum_new(G_CHECKSUM_SHA256);

        for (size_t i = 0; i < target->n_variables; i++) {
                checksum_text(checksum, "variable");
                checksum_text(checksum, target->variables[i].name);
                checksum_text(checksum, target->variables[i].value);
        }
        for (size_t i = 0; i < target->n_maps; i++) {
                checksum_text(checksum, "map");
                checksum_text(checksum, target->maps[i].name);
                checksum_text(checksum, target->maps[i].path);
        }
        if (own) {
                checksum_text(checksum, "unit");
                checksum_text(checksum, unit);
        }
        digest = g_strndup(g_checksum_get_string(checksum), 16);
        g_checksum_free(checksum);
        return digest;
}

static char *pin_object_id(const Tracker *tracker, const Target *target, Diag *diag) {
        ProgramInfo info;
        int fd = tracker->ops->pin_open_at(tracker->ops, target->fd), r;

        if (fd < 0) {
                diag_errno(diag, fd, "cannot open pin '%s'", target->path);
                return NULL;
        }
        r = tracker->ops->kind(tracker->ops, fd) == FD_KIND_PROGRAM ? 0 : -EINVAL;
        if (r < 0)
                diag_fail(diag, r, "'%s' is no pinned program", target->path);
        else {
                r = tracker->ops->prog_info(tracker->ops, fd, &info);
                if (r < 0)
                        diag_errno(
                                diag, r, "cannot look at the program pinned at '%s'", target->path
                        );
        }
        core_close(tracker, &fd);
        return r < 0 ? NULL : g_strdup_printf(KNOWN_PROGRAM_PIN_PREFIX "%u", info.id);
}

char *loader_object_id(const Tracker *tracker, const char *unit, const Target *target, Diag *diag) {
        const FileIdentity *file = &target->identity;
        char *digest, *id;

        if (target->is_pin)
                return pin_object_id(tracker, target, diag);
        digest = circumstances(unit, target);
        id = g_strdup_printf(
                "%" PRIx64 ":%" PRIu64 ":%" PRIu64 ":%" PRId64 ":%" PRId64 ":%s", file->device,
                file->inode, file->size, file->mtime_ns, file->ctime_ns, digest
        );
        g_free(digest);
        return id;
}

static bool needs_program(const Operation *operation) {
        return operation->kind == OPERATION_ATTACH || operation->kind == OPERATION_REPLACE ||
               operation->kind == OPERATION_REMAKE;
}

static void entry_fail(LoadedProgram *entry, int error, const Diag *diag) {
        entry->error = error;
        diag_fail(&entry->diag, error, "%s", diag_text(diag, error));
        diag_detail(&entry->diag, diag->detail);
}

/* Takes fd over into the entry, with the program it is. */
static void entry_learn(Tracker *tracker, LoadedProgram *entry, const Operation *operation, int fd) {
        const Target *target = operation->target;
        ProgramInfo info;
        int r = tracker->ops->prog_info(tracker->ops, fd, &info);

        if (r < 0) {
                core_close(tracker, &fd);
                entry->error = diag_errno(
                        &entry->diag, r, "cannot look at program of '%s'", target->path
                );
                return;
        }
        entry->fd = fd;
        entry->error = 0;
        entry->program = core_learn_program(
                tracker, &info, target->program ?: info.name, target->path, operation->object_id
        );
}

static void load_pin(Tracker *tracker, const Operation *operation, LoadedProgram *entry) {
        _cleanup_diag_ Diag diag = {};
        const Target *target = operation->target;
        int fd = tracker->ops->pin_open_at(tracker->ops, target->fd);
        int r = fd;

        if (fd >= 0) {
                r = tracker->ops->kind(tracker->ops, fd) == FD_KIND_PROGRAM ? 0 : -EINVAL;
                if (r >= 0)
                        r = tracker->ops->prog_fits(
                                tracker->ops, fd, hook_info(target->hook)->attach_type
                        );
        }
        if (r >= 0) {
                entry_learn(tracker, entry, operation, fd);
                return;
        }
        core_close(tracker, &fd);
        if (r == -EINVAL)
                diag_fail(
                        &diag, r, "what is pinned at '%s' is no program that fits %s", target->path,
                        hook_to_string(target->hook)
                );
        else
                diag_errno(&diag, r, "cannot open pin '%s'", target->path);
        entry_fail(entry, r, &diag);
}

/* A program of that exact object version that runs already. */
static bool take_known(Tracker *tracker, const Operation *operation, LoadedProgram *entry) {
        KnownProgram *known = core_find_program_of_object(
                tracker, operation->object_id, operation->target->program
        );
        ProgramInfo info;
        int fd;

        if (known && known->fd >= 0) {
                entry->fd = known->fd;
                entry->borrowed = true;
                entry->program = known_program_ref(known);
                return true;
        }
        fd = known ? tracker->ops->prog_by_id(tracker->ops, known->id) : -ENOENT;
        if (fd < 0)
                return false; /* never loaded, or gone since with its last attachment */
        if (known->tag[0] && tracker->ops->prog_info(tracker->ops, fd, &info) >= 0 &&
            !text_equal(info.tag, known->tag)) { /* gone, and its id given to another */
                core_close(tracker, &fd);
                return false;
        }
        if (!operation->target->has_state) { /* the second unit that wants it will not be the last */
                known->fd = fd;
                return take_known(tracker, operation, entry);
        }
        entry_learn(tracker, entry, operation, fd);
        return entry->error == 0;
}

typedef struct Group {
        Tracker *tracker;
        const Operation *operations;
        LoadedProgram *programs;
        size_t *members; /* indexes of operations */
        size_t n_members;
        GArray *donors; /* program ids */
} Group;

static void add_donor(GArray *donors, const KnownProgram *program) {
        if (program && program->id)
                g_array_append_val(donors, program->id);
}

/* Loads the members from first on, n of them, in one object. */
static int group_load(const Group *group, size_t first, size_t n, Diag *diag) {
        const Operation *operation = &group->operations[group->members[first]];
        const char **names = g_new0(const char *, n);
        Hook *hooks = g_new0(Hook, n);
        int *fds = g_new0(int, n);
        LoadRequest request = {
                .fd = operation->target->fd,
                .path = operation->target->path,
                .programs = names,
                .hooks = hooks,
                .n_programs = n,
                .variables = operation->target->variables,
                .n_variables = operation->target->n_variables,
                .maps = operation->target->maps,
                .n_maps = operation->target->n_maps,
                .donor_prog_ids = (const uint32_t *)(const void *)group->donors->data,
                .n_donors = group->donors->len,
        };
        int r;

        for (size_t i = 0; i < n; i++) {
                const Target *target = group->operations[group->members[first + i]].target;

                names[i] = target->program;
                hooks[i] = target->hook;
        }
        r = group->tracker->ops->load(group->tracker->ops, &request, fds, diag);
        for (size_t i = 0; i < n && r >= 0; i++) {
                size_t member = group->members[first + i];

                entry_learn(
                        group->tracker, &group->programs[member], &group->operations[member], fds[i]
                );
                add_donor(group->donors, group->programs[member].program);
        }
        g_free(names);
        g_free(hooks);
        g_free(fds);
        return r;
}

/* All together first; if that fails one after the other, so that one bad program does not take the others along. They
 * still share their maps, since each is a donor of the next. */
static void group_load_all(const Group *group) {
        _cleanup_diag_ Diag whole = {};
        int r = group_load(group, 0, group->n_members, &whole);

        if (r >= 0)
                return;
        if (group->n_members == 1) {
                entry_fail(&group->programs[group->members[0]], r, &whole);
                return;
        }
        for (size_t i = 0; i < group->n_members; i++) {
                _cleanup_diag_ Diag diag = {};

                r = group_load(group, i, 1, &diag);
                if (r < 0)
                        entry_fail(&group->programs[group->members[i]], r, &diag);
        }
}

static void collect_donors(Group *group, const Operation *operation, const GPtrArray *present) {
        if (operation->target->fresh_maps)
                return;
        if (operation->present)
                add_donor(group->donors, operation->present->program);
        for (guint i = 0; i < present->len; i++) {
                const Attachment *a = present->pdata[i];

                if (a->program && attachment_is_in_force(a) &&
                    text_equal(a->program->object, operation->target->path))
                        add_donor(group->donors, a->program);
        }
}

/* Everything else of the same object version, from operation first on. */
static void load_group(Group *group, size_t first, size_t n, const GPtrArray *present) {
        const char *object_id = group->operations[first].object_id;

        group->n_members = 0;
        g_array_set_size(group->donors, 0);
        for (size_t i = first; i < n; i++) {
                const Operation *operation = &group->operations[i];
                LoadedProgram *entry = &group->programs[i];

                if (!needs_program(operation) || !text_equal(operation->object_id, object_id))
                        continue;
                if (take_known(group->tracker, operation, entry)) {
                        if (operation->target->has_state)
                                add_donor(group->donors, entry->program);
                        continue;
                }
                entry->error = -EINPROGRESS;
                group->members[group->n_members++] = i;
        }
        for (size_t i = 0; i < group->n_members; i++)
                collect_donors(group, &group->operations[group->members[i]], present);
        if (group->n_members > 0)
                group_load_all(group);
}

void loader_load(
        Tracker *tracker,
        const Operation *operations,
        size_t n,
        const GPtrArray *present,
        LoadedProgram *programs
) {
        Group group = {
                .tracker = tracker,
                .operations = operations,
                .programs = programs,
                .members = g_new0(size_t, n + 1),
                .donors = g_array_new(FALSE, FALSE, sizeof(uint32_t)),
        };

        for (size_t i = 0; i < n; i++)
                programs[i].fd = -EBADF;
        for (size_t i = 0; i < n; i++) {
                if (!needs_program(&operations[i]) || programs[i].error || programs[i].fd >= 0)
                        continue;
                if (operations[i].target->is_pin)
                        load_pin(tracker, &operations[i], &programs[i]);
                else
                        load_group(&group, i, n, present);
        }
        g_free(group.members);
        g_array_unref(group.donors);
}

void loaded_programs_free(Tracker *tracker, LoadedProgram *programs, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (!programs[i].borrowed)
                        core_close(tracker, &programs[i].fd);
                core_release_program(tracker, programs[i].program);
                diag_done(&programs[i].diag);
        }
        g_free(programs);
}
