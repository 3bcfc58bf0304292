/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a BPF object file holds, read with libelf and without privilege: programs with their hooks, maps,
 * variables, license. Nothing is loaded, nothing of the file is trusted: every offset and length is checked. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/look/hook.h"
#include "bpf/look/type-info.h"
#include "src/base/diag.h"

typedef struct InspectProgram {
        char *name;
        char *section;
        Hook hook; /* _HOOK_INVALID where the section names none of our hooks, or only a type */
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
        char *type; /* BTF type in words ("unsigned int", "bool", "char[16]"), typedefs resolved and the value's
                       own qualifiers left out; NULL without BTF */
        size_t size; /* bytes */
        uint32_t type_id; /* in Inspect.types; 0 without BTF */
        bool is_constant; /* lives in .rodata: fixed at load */
} InspectVariable;

typedef struct Inspect {
        char *name; /* the name used in messages */
        InspectProgram *programs;
        size_t n_programs;
        InspectMap *maps; /* those of the .maps section; not .rodata and its kin */
        size_t n_maps;
        InspectVariable *variables;
        size_t n_variables;
        void *type_data;
        TypeInfo *types; /* of the variables, over type_data; NULL without BTF */
        char *license; /* NULL if the object has none */
        bool has_btf;
        bool has_state; /* maps or writable variables: not shared between units by itself */
} Inspect;

/* Reads the object at fd from offset 0 to its end (at most LIMIT_OBJECT_BYTES); the position of fd is left
 * alone. name is used in messages. -ENOEXEC: no ELF object for BPF, and the message says what it is instead;
 * -EBADMSG: damaged or stripped; -EOPNOTSUPP: maps defined in the way libbpf gave up with 1.0, or without BTF;
 * -EFBIG: too large, or too many programs, maps or variables.
 *
 * Programs are the global functions of executable sections other than .text; those of .text are subprograms. All
 * names are known to be plain ASCII without control characters. */
int inspect_fd(int fd, const char *name, Inspect **ret, Diag *diag);

/* The same from memory; the buffer may go afterwards. */
int inspect_memory(const void *data, size_t size, const char *name, Inspect **ret, Diag *diag);

/* The program called name, or, with name NULL, the only one whose section names the hook, or else the only one
 * that fits it (hook_section_fits()). -ENOENT if there is none, -ENOTUNIQ if several do (their names are in
 * diag), -EINVAL if the named one does not fit hook. A name that is nearly one of them is suggested. */
int inspect_select(
        const Inspect *inspect,
        const char *name,
        Hook hook,
        const InspectProgram **ret,
        Diag *diag
);

/* Can the text be the value of this variable of the object? 0, or -EINVAL and -ERANGE as value_to_bytes() explains
 * them; -EINVAL as well for one without a type, unless it is hex:. */
int inspect_check_value(
        const Inspect *inspect,
        const InspectVariable *variable,
        const char *text,
        Diag *diag
);

Inspect *inspect_free(Inspect *inspect);
DEFINE_CLEANUP(Inspect, inspect_free);
