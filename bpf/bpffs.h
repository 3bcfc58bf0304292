/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The BPF file system: where pins live. Finding it is delicate, since a pin in the wrong instance is as good as lost:
 * containers hide the real one behind an empty directory, mounts get stacked, and an instance of our own mount
 * namespace is gone with it. So what is found is looked at, compared with what pid 1 sees, and reported.
 *
 * bpffs refuses names with a dot (EPERM); an open(2) of a pin fails (EIO), only O_PATH and bpf(2) open it. */

#include <stdbool.h>
#include <stdint.h>

#include "src/base/diag.h"

#define BPFFS_DEFAULT_ROOT  "/sys/fs/bpf"
#define BPFFS_FALLBACK_ROOT "/run/unitbpf/bpffs"

typedef struct BpffsOptions {
        const char *root; /* NULL, or equal to the default root: the default procedure */
        const char *default_root; /* NULL: BPFFS_DEFAULT_ROOT */
        const char *fallback_root; /* NULL: BPFFS_FALLBACK_ROOT */
        /* Called with one line for each thing an administrator should know; may be NULL. */
        void (*warn)(void *userdata, const char *text);
        void *userdata;
} BpffsOptions;

/* What is known of one instance. */
typedef struct BpffsReport {
        uint64_t device; /* the instance: st_dev of its root */
        bool pid1_known; /* the root is a mount, and the mount table of pid 1 could be read */
        bool pid1_differs; /* what pid 1 sees at this path is another instance, or none */
        char *options; /* of the mount, as in the mount table; belongs to the report */
        bool lacks_nosuid, lacks_noexec;
        bool delegates; /* hands out BPF tokens (delegate_* options) */
        uint32_t mode; /* permission bits of its root directory */
} BpffsReport;

void bpffs_report_done(BpffsReport *report);

/* Finds bpffs or mounts it, checks it and makes ROOT/unitbpf/links in it, for root alone.
 * Default: the default root if it is bpffs; mounted there if nothing is; and if another file system is in the way
 * (a warning: pins will not outlive this mount namespace) the same with the fallback root. A custom root that is no
 * mount is mounted with a warning. The root belongs to the caller.
 * -EPERM also: the root, unitbpf or links is there already and not ours alone.
 * -EMEDIUMTYPE: another file system where bpffs must be; -ENOTUNIQ: several instances stacked on one path;
 * -ENOTDIR; -ENOENT, -EPERM, ... of the calls. */
int bpffs_prepare(const BpffsOptions *options, char **ret_root, Diag *diag);

/* Looks at an instance without changing it. -EMEDIUMTYPE: no bpffs. */
int bpffs_examine(const char *root, BpffsReport *ret);

/* Directory of our link pins below a root. NULL without memory. */
char *bpffs_links_path(const char *root);

/* 1 if the path, or with a last part that does not exist yet its directory, lies on bpffs, 0 if not. */
int bpffs_contains(const char *path);

/* BPF_OBJ_PIN. -EEXIST: the name is taken; -EPERM: no bpffs, or a dot in the name; -ENOENT: directory missing. */
int bpffs_pin(int fd, const char *path);

/* Takes a pin away; nothing but a pin: -EPERM for a file elsewhere, -EISDIR. The object goes some 25 ms later if
 * this was its last reference. */
int bpffs_unpin(const char *path);

/* Opens what is pinned. Descriptor of the caller's, of a program, map or link. */
int bpffs_pin_open(const char *path);

/* The same from an O_PATH descriptor of the pin, so that what was checked is what is opened. */
int bpffs_pin_open_at(int path_fd);

/* Names of the pins in a directory of bpffs (its directories left out), sorted, NULL at the end; all of it belongs to
 * the caller. -EMEDIUMTYPE: not on bpffs. */
int bpffs_pins_list(const char *directory, char ***ret);

/* Frees a list of names. NULL is fine. */
char **bpffs_names_free(char **names);
