/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Loaded programs: what the kernel says of them, and the ways to one that do not go through an object file: a pin,
 * and instructions made by an embedder. There is no half-loaded state: a program exists from the moment a
 * descriptor of it does, and nothing can be added to it then. */

#include <stddef.h>
#include <stdint.h>

#include "bpf/kernel-ops.h"
#include "src/base/diag.h"

struct bpf_insn;

/* A program as instructions of the kernel's own. What it points to stays the caller's. */
typedef struct ProgramRaw {
        uint32_t type, expected_attach_type;
        const struct bpf_insn *instructions; /* maps by descriptor, as BPF_PSEUDO_MAP_FD */
        size_t n_instructions;
        const char *name; /* made fit for the kernel; NULL: none */
        const char *license; /* NULL: not compatible with the GPL, so few helpers can be called */
} ProgramRaw;

/* Loads it; *ret_fd belongs to the caller. If the verifier refuses it, diag has the condensed reason as text and the
 * whole log as detail. -E2BIG: no instructions, or more than the kernel takes. */
int program_load_raw(const ProgramRaw *raw, int *ret_fd, Diag *diag);

/* Opens a program from its pin, by path or by an O_PATH descriptor of it. Returns a descriptor of the caller's;
 * -EINVAL: what is pinned there is a map or a link. */
int program_open_pin(const char *path, Diag *diag);
int program_open_pin_at(int path_fd, Diag *diag);

/* -EINVAL: the descriptor is no program. */
int program_info(int prog_fd, ProgramInfo *ret);

/* Ids of all maps the program uses. The array belongs to the caller, NULL if there are none. */
int program_map_ids(int prog_fd, uint32_t **ret_ids, size_t *ret_n);

/* Does it use cgroup storage maps? 0 no, 1 yes. A link of such a program must not be updated. */
int program_has_cgroup_storage(int prog_fd);

/* Does it fit this attach type of cgroups? 0 yes, -EINVAL no. Nothing is attached. */
int program_fits(int prog_fd, uint32_t attach_type);

/* Makes a name the kernel takes for programs and objects: of text the first 15 bytes, all but letters, digits and '_' made
 * '_'. out has KERNEL_NAME_MAX bytes. */
void program_name_fit(const char *text, char *out);
