/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/kernel-fake-model.h"
#include "src/base/text.h"

/* The table of operations over the model. Each one first asks whether a test ordered it to fail. */

static KernelFake *fake_of(const KernelOps *ops) {
        return (KernelFake *)ops;
}

/* Id behind a descriptor, for the log; -1 where it is none. */
static intmax_t id_of(const KernelFake *fake, int fd) {
        const FakeObject *object = fake_fd_object(fake, fd);

        return object ? (intmax_t)object->id : -1;
}

static int op_link_create_with(const KernelOps *ops, const LinkArguments *arguments) {
        KernelFake *fake = fake_of(ops);
        int r = fake_ordered_error(fake, "link_create_with");

        if (r >= 0)
                r = fake_link_create(fake, arguments);
        return fake_log(
                fake, r, "link_create_with prog=%jd cgroup=%jd type=%u flags=%#x",
                id_of(fake, arguments->prog_fd), id_of(fake, arguments->cgroup_fd),
                arguments->attach_type, arguments->flags
        );
}

static int op_link_create(const KernelOps *ops, int prog_fd, int cgroup_fd, uint32_t attach_type) {
        KernelFake *fake = fake_of(ops);
        LinkArguments arguments = {
                .cgroup_fd = cgroup_fd,
                .prog_fd = prog_fd,
                .attach_type = attach_type,
        };
        int r = fake_ordered_error(fake, "link_create");

        if (r >= 0)
                r = fake_link_create(fake, &arguments);
        return fake_log(
                fake, r, "link_create prog=%jd cgroup=%jd type=%u", id_of(fake, prog_fd),
                id_of(fake, cgroup_fd), attach_type
        );
}

static int op_link_update(const KernelOps *ops, int link_fd, int new_fd, int old_fd) {
        KernelFake *fake = fake_of(ops);
        int r = fake_ordered_error(fake, "link_update");

        if (r >= 0)
                r = fake_link_update(fake, link_fd, new_fd, old_fd);
        return fake_log(
                fake, r, "link_update link=%jd new=%jd old=%jd", id_of(fake, link_fd),
                id_of(fake, new_fd), id_of(fake, old_fd)
        );
}

static int op_link_detach(const KernelOps *ops, int link_fd) {
        KernelFake *fake = fake_of(ops);
        FakeLink *link = NULL;
        int r = fake_ordered_error(fake, "link_detach");

        if (r >= 0 && !fake->features[FEATURE_LINK_DETACH])
                r = -EINVAL;
        if (r >= 0)
                r = fake_fd_link(fake, link_fd, &link);
        if (r >= 0)
                fake_link_detach(link);
        return fake_log(fake, r, "link_detach link=%jd", id_of(fake, link_fd));
}

static int op_prog_attach(const KernelOps *ops, const AttachArguments *arguments) {
        KernelFake *fake = fake_of(ops);
        intmax_t replaced = arguments->flags & BPF_F_REPLACE
                                    ? id_of(fake, arguments->replace_prog_fd)
                                    : -1;
        int r = fake_ordered_error(fake, "prog_attach");

        if (r >= 0)
                r = fake_prog_attach(fake, arguments);
        return fake_log(
                fake, r, "prog_attach prog=%jd cgroup=%jd type=%u flags=%#x replace=%jd",
                id_of(fake, arguments->prog_fd), id_of(fake, arguments->cgroup_fd),
                arguments->attach_type, arguments->flags, replaced
        );
}

static int op_prog_detach(const KernelOps *ops, const AttachArguments *arguments) {
        KernelFake *fake = fake_of(ops);
        int r = fake_ordered_error(fake, "prog_detach");

        if (r >= 0)
                r = fake_prog_detach(fake, arguments);
        return fake_log(
                fake, r, "prog_detach prog=%jd cgroup=%jd type=%u", id_of(fake, arguments->prog_fd),
                id_of(fake, arguments->cgroup_fd), arguments->attach_type
        );
}

static FakePin *find_pin(KernelFake *fake, const char *path) {
        for (size_t i = 0; i < fake->n_pins; i++)
                if (text_equal(fake->pins[i].path, path))
                        return &fake->pins[i];
        return NULL;
}

static int pin(KernelFake *fake, int fd, const char *path) {
        FakeObject *object = fake_fd_object(fake, fd);
        const char *slash = strrchr(path, '/');
        char *copy;

        if (!object)
                return -EBADF;
        if (object->kind == FAKE_CGROUP)
                return -EINVAL;
        if (!slash || !slash[1])
                return -ENOENT;
        if (find_pin(fake, path))
                return -EEXIST;
        if (strchr(slash, '.'))
                return -EPERM; /* as bpffs */
        copy = strdup(path);
        if (!copy)
                abort();
        fake->pins = fake_grow(fake->pins, fake->n_pins + 1, sizeof *fake->pins);
        fake->pins[fake->n_pins++] = (FakePin){ .path = copy, .object = object };
        fake_object_ref(object);
        return 0;
}

static int op_pin(const KernelOps *ops, int fd, const char *path) {
        KernelFake *fake = fake_of(ops);
        int r = fake_ordered_error(fake, "pin");

        if (r >= 0)
                r = pin(fake, fd, path);
        return fake_log(fake, r, "pin object=%jd path=%s", id_of(fake, fd), path);
}

static int op_unpin(const KernelOps *ops, const char *path) {
        KernelFake *fake = fake_of(ops);
        FakePin *found = find_pin(fake, path);
        int r = fake_ordered_error(fake, "unpin");

        if (r >= 0 && !found)
                r = -ENOENT;
        if (r >= 0) {
                FakeObject *object = found->object;

                free(found->path);
                *found = fake->pins[--fake->n_pins];
                fake_object_unref(object);
        }
        return fake_log(fake, r, "unpin path=%s", path);
}

/* The tag says which file and which program, so that the same object loaded twice shows as the same code. */
static void name_identity(FakeProgram *program, const struct stat *st, const char *name) {
        _cleanup_free_ char *identity = text_format(
                "%ju %ju %jd %ju %jd %s", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino,
                (intmax_t)st->st_size, (uintmax_t)st->st_mtim.tv_sec, (intmax_t)st->st_mtim.tv_nsec,
                name
        );
        uint64_t hash = 14695981039346656037U; /* FNV-1a */

        if (!identity)
                abort();
        for (const char *p = identity; *p; p++)
                hash = (hash ^ (unsigned char)*p) * 1099511628211U;
        (void)snprintf(program->info.tag, sizeof program->info.tag, "%016jx", (uintmax_t)hash);
}

/* A map goes over from the donor of the same program name. */
static void take_map(KernelFake *fake, FakeProgram *program, const LoadRequest *request) {
        for (size_t i = 0; i < request->n_donors; i++) {
                const FakeProgram *donor = (FakeProgram *)fake_object_find(
                        fake, FAKE_PROGRAM, request->donor_prog_ids[i]
                );

                if (donor && donor->map_id && text_equal(donor->info.name, program->info.name))
                        program->map_id = donor->map_id;
        }
}

static int op_load(const KernelOps *ops, const LoadRequest *request, int *ret_fds, Diag *diag) {
        KernelFake *fake = fake_of(ops);
        struct stat st;
        int r = fake_ordered_error(fake, "load");

        if (r >= 0 && fstat(request->fd, &st) < 0)
                r = -errno;
        for (size_t i = 0; r >= 0 && i < request->n_programs; i++) {
                FakeProgram *program = fake_program_new(
                        fake, request->programs[i], request->hooks[i]
                );

                name_identity(program, &st, request->programs[i]);
                if (program->map_id)
                        take_map(fake, program, request);
                ret_fds[i] = fake_fd_new(fake, &program->object);
        }
        if (r < 0)
                (void)diag_errno(diag, r, "cannot load '%s'", request->path);
        return fake_log(
                fake, r, "load path=%s programs=%zu donors=%zu", request->path, request->n_programs,
                request->n_donors
        );
}

static int op_pin_open(const KernelOps *ops, const char *path) {
        KernelFake *fake = fake_of(ops);
        FakePin *found = find_pin(fake, path);
        int r = fake_ordered_error(fake, "pin_open");

        if (r < 0)
                return r;
        return found ? fake_fd_new(fake, found->object) : -ENOENT;
}

/* The descriptor is a real one, of a file whose path is that of the pin. */
static int op_pin_open_at(const KernelOps *ops, int path_fd) {
        KernelFake *fake = fake_of(ops);
        char link[32], path[4096];
        ssize_t n;
        int r = fake_ordered_error(fake, "pin_open_at");

        if (r < 0)
                return r;
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", path_fd);
        n = readlink(link, path, sizeof path - 1);
        if (n < 0)
                return -EBADF;
        path[n] = 0;
        return find_pin(fake, path) ? fake_fd_new(fake, find_pin(fake, path)->object) : -ENOENT;
}

static FdKind op_kind(const KernelOps *ops, int fd) {
        const FakeObject *object = fake_fd_object(fake_of(ops), fd);

        if (!object)
                return fd_kind(fd); /* tests may hand in a real one */
        return object->kind == FAKE_PROGRAM ? FD_KIND_PROGRAM
               : object->kind == FAKE_LINK  ? FD_KIND_LINK
                                            : FD_KIND_OTHER;
}

static void op_kinds(const KernelOps *ops, const int *fds, size_t n, FdKind *ret) {
        for (size_t i = 0; i < n; i++)
                ret[i] = op_kind(ops, fds[i]);
}

static int op_link_info(const KernelOps *ops, int link_fd, LinkInfo *ret) {
        KernelFake *fake = fake_of(ops);
        FakeLink *link = NULL;
        int r = fake_ordered_error(fake, "link_info");

        if (r >= 0)
                r = fake_fd_link(fake, link_fd, &link);
        if (r < 0)
                return r;
        *ret = (LinkInfo){
                .id = (uint32_t)link->object.id,
                .type = BPF_LINK_TYPE_CGROUP,
                .prog_id = (uint32_t)link->program->object.id,
                .attach_type = link->attach_type,
                .cgroup_id = link->cgroup ? link->cgroup->object.id : 0,
        };
        return 0;
}

static int op_prog_info(const KernelOps *ops, int prog_fd, ProgramInfo *ret) {
        KernelFake *fake = fake_of(ops);
        FakeProgram *program = NULL;
        int r = fake_ordered_error(fake, "prog_info");

        if (r >= 0)
                r = fake_fd_program(fake, prog_fd, &program);
        if (r < 0)
                return r;
        *ret = program->info;
        if (program->map_id) {
                ret->map_ids[0] = program->map_id;
                ret->n_maps = 1;
        }
        return 0;
}

static int open_by_id(KernelFake *fake, const char *operation, FakeKind kind, uint32_t id) {
        FakeObject *object = fake_object_find(fake, kind, id);
        int r = fake_ordered_error(fake, operation);

        if (r < 0)
                return r;
        return object ? fake_fd_new(fake, object) : -ENOENT;
}

static int op_prog_by_id(const KernelOps *ops, uint32_t id) {
        return open_by_id(fake_of(ops), "prog_by_id", FAKE_PROGRAM, id);
}

static int op_link_by_id(const KernelOps *ops, uint32_t id) {
        return open_by_id(fake_of(ops), "link_by_id", FAKE_LINK, id);
}

static int op_prog_fits(const KernelOps *ops, int prog_fd, uint32_t attach_type) {
        int r = fake_ordered_error(fake_of(ops), "prog_fits");

        return r < 0 ? r : fake_prog_fits(fake_of(ops), prog_fd, attach_type);
}

static int op_prog_has_cgroup_storage(const KernelOps *ops, int prog_fd) {
        FakeProgram *program = NULL;
        int r = fake_ordered_error(fake_of(ops), "prog_has_cgroup_storage");

        if (r >= 0)
                r = fake_fd_program(fake_of(ops), prog_fd, &program);
        return r < 0 ? r : (program->traits & FAKE_TRAIT_STORAGE) != 0;
}

static int op_query(
        const KernelOps *ops,
        int cgroup_fd,
        uint32_t attach_type,
        bool effective,
        QueryResult *ret
) {
        int r = fake_ordered_error(fake_of(ops), "query");

        return r < 0 ? r : fake_query(fake_of(ops), cgroup_fd, attach_type, effective, ret);
}

static int op_cgroup_open(const KernelOps *ops, const char *path, uint64_t *ret_id) {
        FakeCgroup *cgroup = fake_cgroup_find(fake_of(ops), path);
        int r = fake_ordered_error(fake_of(ops), "cgroup_open");

        if (r < 0)
                return r;
        if (!cgroup)
                return -ENOENT;
        if (ret_id)
                *ret_id = cgroup->object.id;
        return fake_fd_new(fake_of(ops), &cgroup->object);
}

static int op_cgroup_by_id(const KernelOps *ops, uint64_t id, char **ret_path) {
        FakeCgroup *cgroup = (FakeCgroup *)fake_object_find(fake_of(ops), FAKE_CGROUP, id);
        int r = fake_ordered_error(fake_of(ops), "cgroup_by_id");

        if (r < 0)
                return r;
        if (!cgroup || cgroup->removed)
                return -ESTALE;
        if (ret_path) {
                *ret_path = strdup(cgroup->path);
                if (!*ret_path)
                        abort();
        }
        return fake_fd_new(fake_of(ops), &cgroup->object);
}

/* The cgroup behind a descriptor, alive or not. */
static int cgroup_of(const KernelOps *ops, const char *operation, int fd, FakeCgroup **ret) {
        FakeObject *object = fake_fd_object(fake_of(ops), fd);
        int r = fake_ordered_error(fake_of(ops), operation);

        if (r < 0)
                return r;
        if (!object || object->kind != FAKE_CGROUP)
                return -EBADF;
        *ret = (FakeCgroup *)object;
        return 0;
}

static int op_cgroup_parent(const KernelOps *ops, int cgroup_fd) {
        FakeCgroup *cgroup = NULL;
        int r = cgroup_of(ops, "cgroup_parent", cgroup_fd, &cgroup);

        if (r < 0)
                return r;
        if (cgroup->removed)
                return -ESTALE;
        return cgroup->parent ? fake_fd_new(fake_of(ops), &cgroup->parent->object) : -ENOENT;
}

static int op_cgroup_id(const KernelOps *ops, int cgroup_fd, uint64_t *ret_id) {
        FakeCgroup *cgroup = NULL;
        int r = cgroup_of(ops, "cgroup_id", cgroup_fd, &cgroup);

        if (r >= 0)
                *ret_id = cgroup->object.id;
        return r;
}

static int op_cgroup_alive(const KernelOps *ops, int cgroup_fd) {
        FakeCgroup *cgroup = NULL;
        int r = cgroup_of(ops, "cgroup_alive", cgroup_fd, &cgroup);

        return r < 0 ? r : !cgroup->removed;
}

static bool is_below(const FakeCgroup *cgroup, const FakeCgroup *top) {
        while (cgroup && cgroup != top)
                cgroup = cgroup->parent;
        return cgroup;
}

static int op_cgroup_descendants(const KernelOps *ops, int cgroup_fd, unsigned max) {
        FakeCgroup *cgroup = NULL;
        unsigned n = 0;
        int r = cgroup_of(ops, "cgroup_descendants", cgroup_fd, &cgroup);

        if (r < 0)
                return r;
        if (cgroup->removed)
                return -ENOENT;
        for (FakeObject *object = fake_of(ops)->objects; object; object = object->next) {
                const FakeCgroup *other = (FakeCgroup *)object;

                n += object->kind == FAKE_CGROUP && other != cgroup && !other->removed &&
                     is_below(other, cgroup);
        }
        return (int)(n < max ? n : max);
}

static bool op_has(const KernelOps *ops, Feature feature) {
        return fake_of(ops)->features[feature];
}

static int compare(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int op_pins_list(const KernelOps *ops, const char *directory, char ***ret) {
        KernelFake *fake = fake_of(ops);
        size_t n = 0, length = strlen(directory);
        char **names;
        int r = fake_ordered_error(fake, "pins_list");

        if (r < 0)
                return r;
        names = fake_allocate(fake->n_pins + 1, sizeof *names);
        for (size_t i = 0; i < fake->n_pins; i++) {
                const char *rest = text_after_prefix(fake->pins[i].path, directory);

                if (!rest || *rest != '/' || strchr(rest + 1, '/'))
                        continue;
                names[n] = strdup(fake->pins[i].path + length + 1);
                if (!names[n++])
                        abort();
        }
        qsort(names, n, sizeof *names, compare);
        *ret = names;
        return 0;
}

static int op_close(const KernelOps *ops, int fd) {
        if (fd >= KERNEL_FAKE_FD_FIRST) {
                int r = fake_fd_close(fake_of(ops), fd);

                assert(r >= 0); /* closed twice */
        } else
                (void)fd_close(fd);
        return -EBADF;
}

static const KernelOps model = {
        .link_create = op_link_create,
        .link_create_with = op_link_create_with,
        .link_update = op_link_update,
        .link_detach = op_link_detach,
        .prog_attach = op_prog_attach,
        .prog_detach = op_prog_detach,
        .pin = op_pin,
        .unpin = op_unpin,
        .load = op_load,
        .pin_open = op_pin_open,
        .pin_open_at = op_pin_open_at,
        .kind = op_kind,
        .kinds = op_kinds,
        .link_info = op_link_info,
        .prog_info = op_prog_info,
        .prog_by_id = op_prog_by_id,
        .link_by_id = op_link_by_id,
        .prog_fits = op_prog_fits,
        .prog_has_cgroup_storage = op_prog_has_cgroup_storage,
        .query = op_query,
        .cgroup_open = op_cgroup_open,
        .cgroup_by_id = op_cgroup_by_id,
        .cgroup_parent = op_cgroup_parent,
        .cgroup_id = op_cgroup_id,
        .cgroup_alive = op_cgroup_alive,
        .cgroup_descendants = op_cgroup_descendants,
        .has = op_has,
        .pins_list = op_pins_list,
        .close = op_close,
};

void fake_ops_init(KernelOps *ops) {
        *ops = model;
}

bool fake_operation_exists(const char *operation) {
        static const char *const names[] = {
                "link_create",
                "link_create_with",
                "link_update",
                "link_detach",
                "prog_attach",
                "prog_detach",
                "pin",
                "unpin",
                "load",
                "pin_open",
                "pin_open_at",
                "link_info",
                "prog_info",
                "prog_by_id",
                "link_by_id",
                "prog_fits",
                "prog_has_cgroup_storage",
                "query",
                "cgroup_open",
                "cgroup_by_id",
                "cgroup_parent",
                "cgroup_id",
                "cgroup_alive",
                "cgroup_descendants",
                "pins_list",
        };

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (text_equal(names[i], operation))
                        return true;
        return false;
}
