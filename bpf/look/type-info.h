/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Type information (section .BTF) of an object, read without libbpf and without belief: every offset, count
 * and type number is checked, chains of types have a bound, so a loop of types ends. */

#include <stddef.h>
#include <stdint.h>

#include "src/base/cleanup.h"

typedef struct TypeInfo TypeInfo;

typedef struct Type {
        unsigned kind; /* BTF_KIND_*; BTF_KIND_UNKN is void */
        uint32_t n; /* members, or variables of a data section */
        const char *name; /* empty if it has none */
        uint32_t value; /* size in bytes or number of the next type, as the kind has it */
        const uint8_t *more; /* what follows the common part */
} Type;

/* Member of a struct; or variable of a data section, then with size. */
typedef struct TypeMember {
        const char *name;
        uint32_t type;
        uint32_t size;
} TypeMember;

/* data must outlive what is returned. -EBADMSG if it is damaged. */
int type_info_new(const void *data, size_t size, TypeInfo **ret);
TypeInfo *type_info_free(TypeInfo *info);
DEFINE_CLEANUP(TypeInfo, type_info_free);

/* Types are 0 (void) .. n - 1. */
uint32_t type_info_n(const TypeInfo *info);

/* -EBADMSG: no such type. */
int type_info_get(const TypeInfo *info, uint32_t id, Type *ret);

/* As type_info_get(), behind typedefs and qualifiers. */
int type_info_resolve(const TypeInfo *info, uint32_t id, Type *ret);

/* Member i < type->n of a struct or union. */
int type_info_member(const TypeInfo *info, const Type *type, uint32_t i, TypeMember *ret);

/* Variable i < type->n of a data section. */
int type_info_variable(const TypeInfo *info, const Type *type, uint32_t i, TypeMember *ret);

/* Enumerator i < type->n of an enum of 32 or 64 bits; a negative value comes as its two's complement. */
int type_info_enumerator(
        const TypeInfo *info,
        const Type *type,
        uint32_t i,
        const char **ret_name,
        uint64_t *ret_value
);

/* BTF_INT_* bits of an integer type, 0 of any other. */
unsigned type_int_encoding(const Type *type);

/* Number of the type of an array's elements; -EBADMSG if it is no array. */
int type_array_element(const Type *type, uint32_t *ret);

/* Bytes of a value of the type; -EBADMSG if it has no size or one beyond 32 bits. */
int type_info_size(const TypeInfo *info, uint32_t id, uint32_t *ret);

/* Bytes of what a pointer type points to. */
int type_info_pointed_size(const TypeInfo *info, uint32_t id, uint32_t *ret);

/* The number written as int (*name)[NUMBER], the way map definitions have it. */
int type_info_number(const TypeInfo *info, uint32_t id, uint32_t *ret);

/* The type in words: "unsigned int", "char[16]", "struct limits", "const char *". Typedefs are resolved unless
 * what is behind them has no name; qualifiers of the value itself are left out. */
int type_info_words(const TypeInfo *info, uint32_t id, char **ret);
