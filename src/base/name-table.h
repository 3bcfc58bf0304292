/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Enum <-> word tables. A table is an array of names indexed by the enum; DEFINE_NAME_TABLE makes the
 * two lookups out of it. A missing entry is refused at compile time only by length, so each table has
 * a test that walks it both ways. */

#include <errno.h>
#include <string.h>

#define DECLARE_NAME_TABLE(type, prefix)            \
        const char *prefix##_to_string(type value); \
        type prefix##_from_string(const char *name)

/* prefix_to_string() answers NULL for a value outside the table, prefix_from_string() -EINVAL for a
 * word that is not in it. The words are compared exactly. */
#define DEFINE_NAME_TABLE(type, prefix, table)                                             \
        const char *prefix##_to_string(type value) {                                       \
                size_t index = (size_t)value;                                              \
                return index < sizeof(table) / sizeof((table)[0]) ? (table)[index] : NULL; \
        }                                                                                  \
        type prefix##_from_string(const char *name) {                                      \
                for (size_t i = 0; name && i < sizeof(table) / sizeof((table)[0]); i++)    \
                        if ((table)[i] && strcmp((table)[i], name) == 0)                   \
                                return (type)i;                                            \
                return (type)-EINVAL;                                                      \
        }                                                                                  \
        struct unitbpf_swallow_semicolon
