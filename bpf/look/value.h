/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A value as people write it into the bytes of a variable of a BPF object, by the variable's type. */

#include <stddef.h>
#include <stdint.h>

#include "bpf/look/type-info.h"
#include "src/base/diag.h"

/* Writes the bytes of text as a value of this type to out, all size of them, which is the variable's size; out is
 * left alone on failure.
 * Integers of 1 to 8 bytes: decimal or 0x..., with a sign where the type has one; bool: yes/no, true/false, on/off,
 * 1/0; enum: the name of an enumerator, or an integer; arrays of char: text, the rest filled with NUL, at least one.
 * Any type: hex: and the exact number of bytes, two digits each, in memory order.
 * -ERANGE: too large for the type; -EINVAL: no such value, or a type that takes hex: only. */
int value_to_bytes(
        const TypeInfo *types,
        uint32_t type_id,
        const char *text,
        void *out,
        size_t size,
        Diag *diag
);
