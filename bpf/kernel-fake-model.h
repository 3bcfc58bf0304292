/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Insides of the model: objects with reference counts, as in the kernel. Descriptors, pins, links and attachments
 * hold references; an object without any is gone, and a link that goes leaves its cgroup's list. Only the
 * kernel-fake*.c files include this. */

#include "bpf/kernel-fake.h"
#include "bpf/uapi.h"
#include "src/base/limits.h"

typedef struct FakeProgram FakeProgram;
typedef struct FakeLink FakeLink;
typedef struct FakeCgroup FakeCgroup;

typedef enum FakeKind {
        FAKE_PROGRAM,
        FAKE_LINK,
        FAKE_CGROUP,
} FakeKind;

/* The head of every object; they stay in memory until the model goes, "gone" once nothing holds them. */
typedef struct FakeObject {
        FakeKind kind;
        unsigned references;
        bool gone;
        struct FakeObject *next;
        uint64_t id; /* 32 bits are enough for all but cgroups */
} FakeObject;

struct FakeProgram {
        FakeObject object;
        uint32_t type, expected; /* program type, attach type it was loaded for */
        unsigned traits;
        uint32_t map_id; /* 0: none */
        ProgramInfo info;
};

struct FakeLink {
        FakeObject object;
        FakeProgram *program;
        FakeCgroup *cgroup; /* NULL: defunct */
        uint32_t attach_type;
};

typedef struct FakeEntry {
        FakeProgram *program; /* of a link the program of the link */
        FakeLink *link; /* NULL: by PROG_ATTACH */
        bool preorder;
} FakeEntry;

typedef struct FakeList {
        FakeEntry entries[LIMIT_HOOK_PROGRAMS];
        size_t n;
        uint32_t mode;
        uint64_t revision;
} FakeList;

struct FakeCgroup {
        FakeObject object;
        char *path;
        FakeCgroup *parent;
        bool removed;
        FakeList lists[_HOOK_MAX];
};

typedef struct FakePin {
        char *path;
        FakeObject *object;
} FakePin;

typedef struct FakeOrder {
        char *operation;
        int error;
        unsigned nth; /* 0: always */
} FakeOrder;

typedef struct FakeTraits {
        char *name;
        unsigned traits;
} FakeTraits;

struct KernelFake {
        KernelOps ops; /* first: the operations find their model by it */
        FakeObject *objects;
        uint32_t last_prog_id, last_link_id, last_map_id;
        uint64_t last_cgroup_id;
        FakeObject **fds; /* index + KERNEL_FAKE_FD_FIRST is the descriptor; NULL: closed */
        size_t n_fds;
        FakePin *pins;
        size_t n_pins;
        FakeOrder *orders;
        size_t n_orders;
        FakeTraits *traits;
        size_t n_traits;
        char **log; /* NULL at the end once there is a line */
        size_t n_log;
        bool features[_FEATURE_MAX];
        bool lingering;
        bool stopping; /* calls_left counts */
        unsigned calls_left;
        void (*watch)(void *userdata);
        void *watch_userdata;
};

/* Aborts without memory: tests need no other answer. */
void *fake_allocate(size_t n, size_t size);
void *fake_grow(void *array, size_t n, size_t size);

/* Puts a new object without references into the model. */
void fake_object_add(KernelFake *fake, FakeObject *object, FakeKind kind, uint64_t id);
void fake_object_ref(FakeObject *object);
void fake_object_unref(FakeObject *object);

/* The living object of this kind with this id, or NULL. */
FakeObject *fake_object_find(KernelFake *fake, FakeKind kind, uint64_t id);

/* A new descriptor for the object. */
int fake_fd_new(KernelFake *fake, FakeObject *object);
/* What a descriptor stands for; NULL for one that is none or closed. */
FakeObject *fake_fd_object(const KernelFake *fake, int fd);
int fake_fd_close(KernelFake *fake, int fd);
/* -EBADF: no descriptor; -EINVAL: of something else. */
int fake_fd_program(const KernelFake *fake, int fd, FakeProgram **ret);
int fake_fd_link(const KernelFake *fake, int fd, FakeLink **ret);
/* -EBADF: no descriptor of a cgroup; -ENOENT: it is removed. */
int fake_fd_cgroup(const KernelFake *fake, int fd, FakeCgroup **ret);

FakeCgroup *fake_cgroup_find(KernelFake *fake, const char *path);
FakeProgram *fake_program_new(KernelFake *fake, const char *name, Hook hook);

/* Fills the table of operations (kernel-fake-ops.c). */
void fake_ops_init(KernelOps *ops);
bool fake_operation_exists(const char *operation);

/* The error a test ordered for this call of the operation; 0: none. */
int fake_ordered_error(KernelFake *fake, const char *operation);

/* Adds a line to the log and returns result. */
int fake_log(KernelFake *fake, int result, const char *format, ...) _printf_(3, 4);

/* What the kernel does with attachments (kernel-fake-attach.c). */
int fake_link_create(KernelFake *fake, const LinkArguments *arguments);
int fake_link_update(KernelFake *fake, int link_fd, int new_fd, int old_fd);
int fake_prog_attach(KernelFake *fake, const AttachArguments *arguments);
int fake_prog_detach(KernelFake *fake, const AttachArguments *arguments);
int fake_prog_fits(KernelFake *fake, int prog_fd, uint32_t attach_type);
int fake_query(
        KernelFake *fake,
        int cgroup_fd,
        uint32_t attach_type,
        bool effective,
        QueryResult *ret
);
/* Takes a link out of its cgroup; it is defunct then. */
void fake_link_detach(FakeLink *link);
/* Empties the lists of a removed cgroup: of programs, of links, or of both. */
void fake_cgroup_drop_programs(FakeCgroup *cgroup);
void fake_cgroup_drop_links(FakeCgroup *cgroup);
