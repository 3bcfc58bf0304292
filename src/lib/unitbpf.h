/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* libunitbpf: the tracker and the state text of unitbpf for another unit manager.
 *
 * A manager holds one Unitbpf. It attaches loaded programs to cgroups by descriptor, each under the name of a unit,
 * and carries all of it over its own re-exec with unitbpf_serialize() and unitbpf_deserialize(). Attachments are links
 * where the kernel has them. Freeing detaches; unitbpf_forget() does not.
 *
 * Functions return 0 or a negative errno. GLib is used inside: running out of memory ends the process. One Unitbpf is
 * used from one thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Unitbpf Unitbpf;

/* pin_directory: existing directory on a bpffs in which links are pinned so that they outlive the process, or NULL:
 * they are held by descriptors alone. state_path: journal file that lets a crash be survived together with the pins,
 * or NULL. Nothing is attached yet and no state is read: call unitbpf_deserialize() once, with NULL after a start
 * that was no re-exec. */
int unitbpf_new(const char *pin_directory, const char *state_path, Unitbpf **ret);

/* Detaches everything and releases it. NULL is allowed. Returns NULL. */
Unitbpf *unitbpf_free(Unitbpf *unitbpf);

/* Releases it and detaches nothing: for exit when pins hold on, and for the old side of a hand-over. Returns NULL. */
Unitbpf *unitbpf_forget(Unitbpf *unitbpf);

/* Takes over what a former process wrote. text may be NULL (then the journal and the pins are all there is). fds are the
 * descriptors that came with it; all of them belong to the library afterwards, also on failure. What the kernel does
 * not confirm is quarantined: kept, listed, not acted on. -EINVAL: it was called before. Before it is called, the others
 * answer -EINVAL. */
int unitbpf_deserialize(
        Unitbpf *unitbpf,
        const char *text,
        size_t size,
        const int *fds,
        size_t n_fds
);

/* Writes everything as a text. *ret is the caller's (free()), *ret_fds is an array of the caller's (free()) with the
 * descriptors the text names; they are the original ones, still owned by the library and close-on-exec: clear that flag
 * on them right before execve(), set it again if that fails. Nothing of the object changes. */
int unitbpf_serialize(
        const Unitbpf *unitbpf,
        char **ret,
        size_t *ret_size,
        int **ret_fds,
        size_t *ret_n_fds
);

enum {
        UNITBPF_MULTI = 0, /* beside others; a link where the kernel has links */
        UNITBPF_OVERRIDE = 1,
        UNITBPF_EXCLUSIVE = 2,
        UNITBPF_LEGACY = 1 << 8, /* with MULTI: by PROG_ATTACH, no link */
        UNITBPF_TAKEOVER =
                1 << 9, /* with OVERRIDE, EXCLUSIVE: displace a foreign program of the same mode */
};

/* Attaches a loaded program to a cgroup at a hook (any spelling: "egress", "cgroup_inet4_connect", ...) for a unit. The
 * descriptors stay the caller's. -EBUSY: a program is in the way, a foreign one without TAKEOVER or
 * one attached by this library; -E2BIG: the list is full; -EINVAL: the program
 * does not fit. */
int unitbpf_attach(
        Unitbpf *unitbpf,
        const char *unit,
        int cgroup_fd,
        int prog_fd,
        const char *hook,
        unsigned flags,
        uint64_t *ret_id
);

/* Detaches one attachment, or all of a unit. -ENOENT: there is none of that id; an unknown unit is 0. */
int unitbpf_detach(Unitbpf *unitbpf, uint64_t id);
int unitbpf_detach_unit(Unitbpf *unitbpf, const char *unit);

/* One attachment; texts are valid until the next call that changes anything. */
typedef struct UnitbpfAttachment {
        size_t struct_size; /* set by the caller to sizeof: later versions append members */
        uint64_t id, cgroup_id;
        const char *unit; /* NULL: quarantined without one */
        const char *hook; /* canonical name; NULL if not known */
        const char *via; /* "cgroup-link", "cgroup-legacy"; NULL if not known */
        const char *flags; /* "multi", "override", "exclusive" */
        const char *path; /* of the cgroup */
        const char *state; /* "attached", "quarantined", ... */
        const char *error;
        uint32_t prog_id, link_id;
} UnitbpfAttachment;

/* The attachment of that place in the order of ids, from 0: 0, or -ENOENT beyond the last. */
int unitbpf_get(const Unitbpf *unitbpf, size_t index, UnitbpfAttachment *ret);

/* Why the last call failed, in words for people; never NULL. Valid until the next call. */
const char *unitbpf_last_error(const Unitbpf *unitbpf);

#ifdef __cplusplus
}
#endif
