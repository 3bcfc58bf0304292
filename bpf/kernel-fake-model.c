/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/kernel-fake-model.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/text.h"

void *fake_allocate(size_t n, size_t size) {
        void *memory = calloc(n, size);

        if (!memory)
                abort();
        return memory;
}

void *fake_grow(void *array, size_t n, size_t size) {
        void *grown = reallocarray(array, n, size);

        if (!grown)
                abort();
        return grown;
}

void fake_object_add(KernelFake *fake, FakeObject *object, FakeKind kind, uint64_t id) {
        object->kind = kind;
        object->id = id;
        object->next = fake->objects;
        fake->objects = object;
}

void fake_object_ref(FakeObject *object) {
        assert(!object->gone);
        object->references++;
}

void fake_object_unref(FakeObject *object) {
        assert(object->references > 0);
        if (--object->references > 0)
                return;
        object->gone = true;
        if (object->kind == FAKE_LINK) {
                FakeLink *link = (FakeLink *)object;

                fake_link_detach(link);
                fake_object_unref(&link->program->object);
        }
}

FakeObject *fake_object_find(KernelFake *fake, FakeKind kind, uint64_t id) {
        for (FakeObject *object = fake->objects; object; object = object->next)
                if (object->kind == kind && object->id == id)
                        return object->gone ? NULL : object;
        return NULL;
}

int fake_fd_new(KernelFake *fake, FakeObject *object) {
        fake->fds = fake_grow(fake->fds, fake->n_fds + 1, sizeof *fake->fds);
        fake->fds[fake->n_fds] = object;
        fake_object_ref(object);
        return KERNEL_FAKE_FD_FIRST + (int)fake->n_fds++;
}

FakeObject *fake_fd_object(const KernelFake *fake, int fd) {
        size_t i = (size_t)(fd - KERNEL_FAKE_FD_FIRST);

        return fd >= KERNEL_FAKE_FD_FIRST && i < fake->n_fds ? fake->fds[i] : NULL;
}

int fake_fd_close(KernelFake *fake, int fd) {
        FakeObject *object = fake_fd_object(fake, fd);

        if (!object)
                return -EBADF;
        fake->fds[fd - KERNEL_FAKE_FD_FIRST] = NULL;
        fake_object_unref(object);
        return 0;
}

static int fd_of_kind(const KernelFake *fake, int fd, FakeKind kind, FakeObject **ret) {
        FakeObject *object = fake_fd_object(fake, fd);

        if (!object)
                return -EBADF;
        if (object->kind != kind) /* cgroups are open with O_PATH, which counts as no descriptor */
                return object->kind == FAKE_CGROUP ? -EBADF : -EINVAL;
        *ret = object;
        return 0;
}

int fake_fd_program(const KernelFake *fake, int fd, FakeProgram **ret) {
        FakeObject *object;
        int r = fd_of_kind(fake, fd, FAKE_PROGRAM, &object);

        if (r >= 0)
                *ret = (FakeProgram *)object;
        return r;
}

int fake_fd_link(const KernelFake *fake, int fd, FakeLink **ret) {
        FakeObject *object;
        int r = fd_of_kind(fake, fd, FAKE_LINK, &object);

        if (r >= 0)
                *ret = (FakeLink *)object;
        return r;
}

int fake_fd_cgroup(const KernelFake *fake, int fd, FakeCgroup **ret) {
        FakeObject *object;

        if (fd_of_kind(fake, fd, FAKE_CGROUP, &object) < 0)
                return -EBADF;
        if (((FakeCgroup *)object)->removed)
                return -ENOENT;
        *ret = (FakeCgroup *)object;
        return 0;
}

FakeCgroup *fake_cgroup_find(KernelFake *fake, const char *path) {
        for (FakeObject *object = fake->objects; object; object = object->next) {
                FakeCgroup *cgroup = (FakeCgroup *)object;

                if (object->kind == FAKE_CGROUP && !cgroup->removed &&
                    text_equal(cgroup->path, path))
                        return cgroup;
        }
        return NULL;
}

static unsigned traits_of(const KernelFake *fake, const char *name) {
        for (size_t i = 0; i < fake->n_traits; i++)
                if (text_equal(fake->traits[i].name, name))
                        return fake->traits[i].traits;
        return 0;
}

FakeProgram *fake_program_new(KernelFake *fake, const char *name, Hook hook) {
        FakeProgram *program = fake_allocate(1, sizeof *program);
        const HookInfo *info = hook_info(hook);

        assert(info);
        fake_object_add(fake, &program->object, FAKE_PROGRAM, ++fake->last_prog_id);
        program->type = info->prog_type;
        program->expected = info->attach_type;
        program->traits = traits_of(fake, name);
        if (program->traits & FAKE_TRAIT_MAPS)
                program->map_id = ++fake->last_map_id;
        program->info.id = (uint32_t)program->object.id;
        program->info.type = program->type;
        program->info.load_time_ns = 1000U * program->info.id;
        (void)snprintf(program->info.name, sizeof program->info.name, "%s", name);
        return program;
}
