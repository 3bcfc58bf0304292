/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel as a table of functions: everything the tracker does to or asks of the kernel goes through it.
 * kernel_ops_real() talks to the running kernel; kernel_fake_new() (kernel-fake.h) is a model for tests that
 * behaves as measured. All functions return 0 (or what they say) or a negative errno; nothing is retried here.
 * Descriptors they hand out are close-on-exec, 3 or above, belong to the caller and are given back with
 * ops->close() (a model must see them go). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/look/target.h"
#include "src/base/diag.h"
#include "src/base/fd.h"

#define KERNEL_NAME_MAX         16U /* BPF_OBJ_NAME_LEN, NUL included */
#define KERNEL_PROGRAM_MAPS_MAX 64U

typedef struct LinkInfo {
        uint32_t id, type, prog_id, attach_type;
        uint64_t cgroup_id; /* 0: defunct */
        uint64_t netns_inode;
        uint32_t ifindex;
} LinkInfo;

typedef struct ProgramInfo {
        uint32_t id, type;
        char name[KERNEL_NAME_MAX];
        char tag[17]; /* 16 hex digits */
        uint64_t run_count, run_time_ns,
                load_time_ns; /* counts are 0 unless BPF statistics are on */
        uint32_t map_ids[KERNEL_PROGRAM_MAPS_MAX];
        uint32_t n_maps; /* all of them; only the first KERNEL_PROGRAM_MAPS_MAX ids are there */
        uint32_t btf_id;
} ProgramInfo;

/* What is attached to one cgroup at one hook. */
typedef struct QueryResult {
        uint32_t *prog_ids; /* in list order; belongs to the result */
        size_t n_prog_ids;
        uint32_t attach_flags; /* mode: 0, BPF_F_ALLOW_OVERRIDE, BPF_F_ALLOW_MULTI */
        uint64_t revision; /* 0: this kernel has none, or the query was for the effective list */
} QueryResult;

void query_result_done(QueryResult *result);

/* PROG_ATTACH and PROG_DETACH. */
typedef struct AttachArguments {
        int cgroup_fd;
        int prog_fd;
        int replace_prog_fd; /* -EBADF: none */
        uint32_t attach_type;
        uint32_t flags; /* BPF_F_* as the kernel takes them */
        uint64_t expected_revision; /* 0: do not care */
        uint32_t anchor; /* program to go before or behind: descriptor, with UAPI_F_ID its id; 0: none */
} AttachArguments;

/* LINK_CREATE with all it can carry. */
typedef struct LinkArguments {
        int cgroup_fd;
        int prog_fd;
        uint32_t attach_type;
        uint32_t flags; /* UAPI_F_BEFORE, AFTER, PREORDER, LINK, ID: Linux 6.17 and newer */
        uint64_t expected_revision; /* 0: do not care. Linux 5.7 to 6.16 ignore it without a word */
        uint32_t anchor; /* link to go before or behind: descriptor, with UAPI_F_ID its id; 0: none */
} LinkArguments;

typedef enum Feature {
        FEATURE_CGROUP_LINK,
        FEATURE_LINK_DETACH,
        FEATURE_REPLACE, /* BPF_F_REPLACE of PROG_ATTACH */
        FEATURE_REVISION, /* expected_revision and anchors for cgroups */
        FEATURE_PREORDER, /* for PROG_ATTACH */
        FEATURE_TCX,
        FEATURE_PREORDER_UPDATE, /* LINK_UPDATE hits the right slot beside PREORDER programs (CVE-2026-72427) */
        _FEATURE_MAX,
} Feature;

/* One program object to load. The file is read from fd, which stays the caller's. */
typedef struct LoadRequest {
        int fd;
        const char *path; /* for messages and the name of the object */
        const char *const *programs; /* names to load; the others are left out */
        const Hook *hooks; /* for each program the hook it will be attached to */
        size_t n_programs;
        const TargetVariable *variables;
        size_t n_variables;
        const TargetMap *maps;
        size_t n_maps;
        const uint32_t *donor_prog_ids; /* loaded programs whose equal maps are carried over */
        size_t n_donors;
} LoadRequest;

typedef struct KernelOps KernelOps;

struct KernelOps {
        /* changing */
        int (*link_create)(const KernelOps *ops, int prog_fd, int cgroup_fd, uint32_t attach_type);
        int (*link_create_with)(const KernelOps *ops, const LinkArguments *arguments);
        int (*link_update
        )(const KernelOps *ops, int link_fd, int new_prog_fd, int old_prog_fd
        ); /* old -EBADF: any */
        int (*link_detach)(const KernelOps *ops, int link_fd);
        int (*prog_attach)(const KernelOps *ops, const AttachArguments *arguments);
        int (*prog_detach)(const KernelOps *ops, const AttachArguments *arguments);
        int (*pin)(const KernelOps *ops, int fd, const char *path);
        int (*unpin)(const KernelOps *ops, const char *path);
        /* Loads the programs, ret_fds[i] for programs[i]. All or none. diag gets the condensed verifier message
         * as text and the whole log as detail. -ENOENT: a program, variable or map of that name is not in it. */
        int (*load)(const KernelOps *ops, const LoadRequest *request, int *ret_fds, Diag *diag);

        /* looking */
        int (*pin_open)(const KernelOps *ops, const char *path); /* fd of whatever is pinned */
        int (*pin_open_at)(const KernelOps *ops, int path_fd); /* the same from an O_PATH fd */
        FdKind (*kind)(const KernelOps *ops, int fd);
        void (*kinds)(const KernelOps *ops, const int *fds, size_t n, FdKind *ret); /* of many */
        int (*link_info)(const KernelOps *ops, int link_fd, LinkInfo *ret);
        int (*prog_info)(const KernelOps *ops, int prog_fd, ProgramInfo *ret);
        int (*prog_by_id)(const KernelOps *ops, uint32_t id); /* fd */
        int (*link_by_id)(const KernelOps *ops, uint32_t id); /* fd */
        /* Does the program fit the hook? 0 yes, -EINVAL no; attaches nothing. Cgroup hooks only. */
        int (*prog_fits)(const KernelOps *ops, int prog_fd, uint32_t attach_type);
        /* Does the program use cgroup storage maps (its links must not be updated then)? 0 no, 1 yes. */
        int (*prog_has_cgroup_storage)(const KernelOps *ops, int prog_fd);
        int (*query
        )(const KernelOps *ops, int cgroup_fd, uint32_t attach_type, bool effective, QueryResult *ret
        );
        int (*cgroup_open
        )(const KernelOps *ops, const char *path, uint64_t *ret_id
        ); /* O_PATH fd of a cgroup v2 dir */
        int (*cgroup_by_id
        )(const KernelOps *ops, uint64_t id, char **ret_path); /* fd; -ESTALE: gone */
        int (*cgroup_parent)(const KernelOps *ops, int cgroup_fd); /* fd; -ENOENT above the root */
        int (*cgroup_id)(const KernelOps *ops, int cgroup_fd, uint64_t *ret_id);
        int (*cgroup_alive)(const KernelOps *ops, int cgroup_fd); /* 1 alive, 0 removed */
        /* Number of cgroups below, at most max is counted. */
        int (*cgroup_descendants)(const KernelOps *ops, int cgroup_fd, unsigned max);
        bool (*has)(const KernelOps *ops, Feature feature);
        /* Names in a directory of bpffs, NULL at the end; names and array belong to the caller. */
        int (*pins_list)(const KernelOps *ops, const char *directory, char ***ret);
        int (*close)(const KernelOps *ops, int fd); /* -EBADF for assignment */
};

/* The running kernel. Static, never freed. */
const KernelOps *kernel_ops_real(void);
