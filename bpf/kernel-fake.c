/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/kernel-fake.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/kernel-fake-model.h"
#include "src/base/text.h"

KernelFake *kernel_fake_new(void) {
        KernelFake *fake = calloc(1, sizeof *fake);

        if (!fake)
                return NULL;
        fake_ops_init(&fake->ops);
        for (size_t i = 0; i < _FEATURE_MAX; i++)
                fake->features[i] = true;
        fake->last_cgroup_id = 100; /* so that no id of one kind passes for one of another */
        return fake;
}

static void object_free(FakeObject *object) {
        if (object->kind == FAKE_CGROUP)
                free(((FakeCgroup *)object)->path);
        free(object);
}

KernelFake *kernel_fake_free(KernelFake *fake) {
        if (!fake)
                return NULL;
        for (FakeObject *object = fake->objects, *next; object; object = next) {
                next = object->next;
                object_free(object);
        }
        for (size_t i = 0; i < fake->n_pins; i++)
                free(fake->pins[i].path);
        for (size_t i = 0; i < fake->n_traits; i++)
                free(fake->traits[i].name);
        for (size_t i = 0; i < fake->n_orders; i++)
                free(fake->orders[i].operation);
        kernel_fake_log_clear(fake);
        free(fake->log);
        free(fake->pins);
        free(fake->traits);
        free(fake->orders);
        free(fake->fds);
        free(fake);
        return NULL;
}

const KernelOps *kernel_fake_ops(KernelFake *fake) {
        return &fake->ops;
}

/* The cgroup whose path is the longest that path lies below. */
static FakeCgroup *find_parent(KernelFake *fake, const char *path) {
        _cleanup_free_ char *up = strdup(path);

        if (!up)
                abort();
        for (char *slash = strrchr(up, '/'); slash && slash > up; slash = strrchr(up, '/')) {
                FakeCgroup *cgroup;

                *slash = 0;
                cgroup = fake_cgroup_find(fake, up);
                if (cgroup)
                        return cgroup;
        }
        return fake_cgroup_find(fake, "/");
}

uint64_t kernel_fake_cgroup_make(KernelFake *fake, const char *path) {
        FakeCgroup *cgroup;

        if (fake_cgroup_find(fake, path))
                return 0;
        cgroup = fake_allocate(1, sizeof *cgroup);
        cgroup->parent = find_parent(fake, path);
        cgroup->path = strdup(path);
        if (!cgroup->path)
                abort();
        for (Hook hook = 0; hook < _HOOK_MAX; hook++)
                cgroup->lists[hook].revision = 1;
        fake_object_add(fake, &cgroup->object, FAKE_CGROUP, ++fake->last_cgroup_id);
        fake_object_ref(&cgroup->object);
        return cgroup->object.id;
}

int kernel_fake_cgroup_remove(KernelFake *fake, const char *path) {
        FakeCgroup *cgroup = fake_cgroup_find(fake, path);

        if (!cgroup)
                return -ENOENT;
        for (FakeObject *object = fake->objects; object; object = object->next) {
                FakeCgroup *child = (FakeCgroup *)object;

                if (object->kind == FAKE_CGROUP && !child->removed && child->parent == cgroup)
                        return -EBUSY;
        }
        cgroup->removed = true;
        fake_cgroup_drop_programs(cgroup);
        if (!fake->lingering)
                fake_cgroup_drop_links(cgroup);
        fake_object_unref(&cgroup->object);
        return 0;
}

void kernel_fake_set_lingering(KernelFake *fake, bool lingering) {
        fake->lingering = lingering;
}

void kernel_fake_settle(KernelFake *fake) {
        for (FakeObject *object = fake->objects; object; object = object->next)
                if (object->kind == FAKE_CGROUP && ((FakeCgroup *)object)->removed)
                        fake_cgroup_drop_links((FakeCgroup *)object);
}

int kernel_fake_program_new(KernelFake *fake, const char *name, Hook hook) {
        return fake_fd_new(fake, &fake_program_new(fake, name, hook)->object);
}

void kernel_fake_set_traits(KernelFake *fake, const char *name, unsigned traits) {
        char *copy = strdup(name);

        if (!copy)
                abort();
        for (size_t i = 0; i < fake->n_traits; i++)
                if (text_equal(fake->traits[i].name, name)) {
                        fake->traits[i].traits = traits;
                        free(copy);
                        return;
                }
        fake->traits = fake_grow(fake->traits, fake->n_traits + 1, sizeof *fake->traits);
        fake->traits[fake->n_traits++] = (FakeTraits){ .name = copy, .traits = traits };
}

void kernel_fake_set_runs(
        KernelFake *fake,
        uint32_t prog_id,
        uint64_t run_count,
        uint64_t run_time_ns
) {
        FakeProgram *program = (FakeProgram *)fake_object_find(fake, FAKE_PROGRAM, prog_id);

        assert(program);
        program->info.run_count = run_count;
        program->info.run_time_ns = run_time_ns;
}

static void order_drop(KernelFake *fake, size_t i) {
        free(fake->orders[i].operation);
        memmove(&fake->orders[i], &fake->orders[i + 1],
                (--fake->n_orders - i) * sizeof *fake->orders);
}

void kernel_fake_fail(KernelFake *fake, const char *operation, int error, unsigned nth) {
        char *copy;

        assert(fake_operation_exists(operation));
        assert(error <= 0);
        if (error == 0) {
                for (size_t i = fake->n_orders; i-- > 0;)
                        if (text_equal(fake->orders[i].operation, operation))
                                order_drop(fake, i);
                return;
        }
        copy = strdup(operation);
        if (!copy)
                abort();
        fake->orders = fake_grow(fake->orders, fake->n_orders + 1, sizeof *fake->orders);
        fake->orders[fake->n_orders++] = (FakeOrder){
                .operation = copy,
                .error = error,
                .nth = nth,
        };
}

void kernel_fake_stop_after(KernelFake *fake, unsigned n) {
        fake->stopping = true;
        fake->calls_left = n;
}

void kernel_fake_set_watch(KernelFake *fake, FakeWatch watch, void *userdata) {
        fake->watch = watch;
        fake->watch_userdata = userdata;
}

static bool changes_something(const char *operation) {
        static const char *const names[] = {
                "link_create", "link_create_with", "link_update", "link_detach",
                "prog_attach", "prog_detach",      "pin",         "unpin",
                "load",
        };

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (text_equal(names[i], operation))
                        return true;
        return false;
}

int fake_ordered_error(KernelFake *fake, const char *operation) {
        int error = 0;

        if (fake->stopping && changes_something(operation)) {
                if (fake->calls_left == 0)
                        return -EIO;
                fake->calls_left--;
        }

        for (size_t i = fake->n_orders; i-- > 0;) {
                FakeOrder *order = &fake->orders[i];

                if (!text_equal(order->operation, operation))
                        continue;
                if (order->nth > 1) {
                        order->nth--;
                        continue;
                }
                error = order->error;
                if (order->nth == 1)
                        order_drop(fake, i);
        }
        return error;
}

void kernel_fake_set_feature(KernelFake *fake, Feature feature, bool on) {
        fake->features[feature] = on;
}

void kernel_fake_crash(KernelFake *fake) {
        fake->stopping = false;
        for (size_t i = 0; i < fake->n_fds; i++)
                if (fake->fds[i])
                        (void)fake_fd_close(fake, KERNEL_FAKE_FD_FIRST + (int)i);
}

size_t kernel_fake_open_fds(KernelFake *fake) {
        size_t n = 0;

        for (size_t i = 0; i < fake->n_fds; i++)
                n += fake->fds[i] != NULL;
        return n;
}

static size_t count(KernelFake *fake, FakeKind kind) {
        size_t n = 0;

        for (const FakeObject *object = fake->objects; object; object = object->next)
                n += object->kind == kind && !object->gone;
        return n;
}

size_t kernel_fake_programs(KernelFake *fake) {
        return count(fake, FAKE_PROGRAM);
}

size_t kernel_fake_links(KernelFake *fake) {
        return count(fake, FAKE_LINK);
}

size_t kernel_fake_pins(KernelFake *fake) {
        return fake->n_pins;
}

int fake_log(KernelFake *fake, int result, const char *format, ...) {
        _cleanup_free_ char *call = NULL;
        va_list arguments;
        int n;

        va_start(arguments, format);
        n = vasprintf(&call, format, arguments);
        va_end(arguments);
        if (n < 0)
                abort();
        fake->log = fake_grow(fake->log, fake->n_log + 2, sizeof *fake->log);
        fake->log[fake->n_log] = text_format("%s -> %d", call, result < 0 ? result : 0);
        if (!fake->log[fake->n_log])
                abort();
        fake->log[++fake->n_log] = NULL;
        if (result >= 0 && fake->watch)
                fake->watch(fake->watch_userdata);
        return result;
}

const char *const *kernel_fake_log(KernelFake *fake) {
        static const char *const empty[] = { NULL };

        return fake->log ? (const char *const *)fake->log : empty;
}

void kernel_fake_log_clear(KernelFake *fake) {
        for (size_t i = 0; i < fake->n_log; i++)
                free(fake->log[i]);
        fake->n_log = 0;
        if (fake->log)
                fake->log[0] = NULL;
}
