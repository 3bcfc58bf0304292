/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a BPF object file holds, read with libelf and without privilege: programs with their hooks, maps,
 * variables, license. Nothing is loaded, nothing of the file is trusted: every offset and length is checked. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/look/hook.h"
#include "src/base/diag.h"

typedef struct InspectProgram {
        char *name;
        char *section;
        Hook hook; /* _HOOK_INVALID where the section names none of our hooks */
        size_t instructions;
} InspectProgram;

typedef struct InspectMap {
        char *name;
        uint32_t type, key_size, value_size, max_entries, flags;
        bool pinned_by_name;
} InspectMap;

typedef struct InspectVariable {
        char *name;
        char *section; /* .rodata, .data, .bss and their dotted kin */
        char *type; /* BTF type in words ("unsigned int", "char[16]"); NULL without BTF */
        size_t size; /* bytes */
        bool is_constant; /* lives in .rodata: fixed at load */
} InspectVariable;

typedef struct Inspect {
        InspectProgram *programs;
        size_t n_programs;
        InspectMap *maps; /* those of the .maps section; not .rodata and its kin */
        size_t n_maps;
        InspectVariable *variables;
        size_t n_variables;
        char *license; /* NULL if the object has none */
        bool has_btf;
        bool has_state; /* maps or writable variables: not shared between units by itself */
} Inspect;

/* Reads the object at fd from offset 0 to its end (at most LIMIT_OBJECT_BYTES); the position of fd is left
 * alone. name is used in messages. -ENOEXEC: no ELF object for BPF, -EBADMSG: damaged, -EFBIG. */
int inspect_fd(int fd, const char *name, Inspect **ret, Diag *diag);

/* The same from memory; the buffer may go afterwards. */
int inspect_memory(const void *data, size_t size, const char *name, Inspect **ret, Diag *diag);

/* The program called name, or, with name NULL, the only one that fits hook. -ENOENT if there is none,
 * -ENOTUNIQ if several fit (their names are in diag), -EINVAL if the named one does not fit hook. A name
 * that is nearly one of them is suggested. */
int inspect_select(
        const Inspect *inspect,
        const char *name,
        Hook hook,
        const InspectProgram **ret,
        Diag *diag
);

Inspect *inspect_free(Inspect *inspect);
DEFINE_CLEANUP(Inspect, inspect_free);
