/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/look/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/base/text.h"

/* A value is made here first, so that out is untouched until nothing can fail. */
typedef struct Value {
        const TypeInfo *types;
        const char *text;
        uint8_t *out;
        size_t size;
} Value;

static int hex_digit(char c) {
        static const char digits[] = "0123456789abcdef";
        const char *found = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

        return found ? (int)(found - digits) : -EINVAL;
}

static int value_from_hex(const Value *value, const char *digits, Diag *diag) {
        _cleanup_free_ uint8_t *bytes = calloc(1, value->size + 1);

        if (!bytes)
                return -ENOMEM;
        if (strlen(digits) != value->size * 2)
                return diag_fail(
                        diag, -EINVAL, "%zu hex digits, but %zu bytes need %zu", strlen(digits),
                        value->size, value->size * 2
                );
        for (size_t i = 0; i < value->size; i++) {
                int high = hex_digit(digits[2 * i]), low = hex_digit(digits[2 * i + 1]);

                if (high < 0 || low < 0)
                        return diag_fail(diag, -EINVAL, "'%s' has other than hex digits", digits);
                bytes[i] = (uint8_t)(high << 4 | low);
        }
        (void)memcpy(value->out, bytes, value->size);
        return 0;
}

/* Sign and amount of "[-]123" or "[-]0x7b"; the whole text. */
static int parse_integer(const char *text, bool *ret_negative, uint64_t *ret_amount, Diag *diag) {
        const char *digits = *text == '-' ? text + 1 : text;
        bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
        const char *first = hex ? digits + 2 : digits;
        unsigned long long amount;
        char *end;

        if (hex ? !isxdigit((unsigned char)*first) : !isdigit((unsigned char)*first))
                return diag_fail(diag, -EINVAL, "'%s' is no integer", text);
        errno = 0;
        amount = strtoull(digits, &end, hex ? 16 : 10); /* takes one 0x by itself */
        if (*end)
                return diag_fail(diag, -EINVAL, "'%s' is no integer", text);
        if (errno == ERANGE)
                return diag_fail(diag, -ERANGE, "%s is more than 64 bits", text);
        *ret_negative = *text == '-';
        *ret_amount = amount;
        return 0;
}

static int store_integer(const Value *value, uint64_t number) {
        switch (value->size) {
        case 1:
                *value->out = (uint8_t)number;
                return 0;
        case 2:
                (void)memcpy(value->out, &(uint16_t){ (uint16_t)number }, 2);
                return 0;
        case 4:
                (void)memcpy(value->out, &(uint32_t){ (uint32_t)number }, 4);
                return 0;
        case 8:
                (void)memcpy(value->out, &number, 8);
                return 0;
        default:
                return -EINVAL;
        }
}

/* Highest amounts above and below zero a type takes. */
static int value_from_integer(const Value *value, uint64_t above, uint64_t below, Diag *diag) {
        uint64_t amount = 0;
        bool negative = false;
        int r = parse_integer(value->text, &negative, &amount, diag);

        if (r < 0)
                return r;
        if (amount > (negative ? below : above))
                return diag_fail(
                        diag, -ERANGE, "%s is outside of %s%" PRIu64 "..%" PRIu64, value->text,
                        below ? "-" : "", below, above
                );
        return store_integer(value, negative ? 0 - amount : amount);
}

static int value_from_int_type(const Value *value, const Type *type, Diag *diag) {
        unsigned bits = (unsigned)value->size * 8;
        uint64_t unsigned_max = UINT64_MAX >> (64 - (bits > 64 ? 64 : bits));
        int truth;

        if (bits == 0 || bits > 64)
                return diag_fail(diag, -EINVAL, "an integer of %u bits takes hex: only", bits);
        if (type_int_encoding(type) & BTF_INT_BOOL) {
                truth = text_to_bool(value->text);
                if (truth < 0)
                        return diag_fail(
                                diag, -EINVAL, "'%s' is neither true nor false", value->text
                        );
                return store_integer(value, (uint64_t)truth);
        }
        if (type_int_encoding(type) & BTF_INT_SIGNED)
                return value_from_integer(value, unsigned_max >> 1, (unsigned_max >> 1) + 1, diag);
        return value_from_integer(value, unsigned_max, 0, diag);
}

static int value_from_enum_type(const Value *value, const Type *type, Diag *diag) {
        unsigned bits = (unsigned)value->size * 8;
        uint64_t unsigned_max = UINT64_MAX >> (64 - (bits > 64 ? 64 : bits));

        for (uint32_t i = 0; i < type->n; i++) {
                const char *name;
                uint64_t number;
                int r = type_info_enumerator(value->types, type, i, &name, &number);

                if (r < 0)
                        return diag_fail(diag, r, "its type is damaged");
                if (strcmp(name, value->text) == 0)
                        return store_integer(value, number);
        }
        if (isalpha((unsigned char)*value->text) || *value->text == '_')
                return diag_fail(diag, -EINVAL, "the enum has no '%s'", value->text);
        /* Compilers do not say whether an enum is signed. */
        return value_from_integer(value, unsigned_max, (unsigned_max >> 1) + 1, diag);
}

static bool array_is_text(const Value *value, const Type *array) {
        uint32_t id;
        Type element;

        return type_array_element(array, &id) >= 0 &&
               type_info_resolve(value->types, id, &element) >= 0 && element.kind == BTF_KIND_INT &&
               element.value == 1 && strcmp(element.name, "char") == 0;
}

static int value_from_text(const Value *value, Diag *diag) {
        size_t length = strlen(value->text);

        if (length + 1 > value->size)
                return diag_fail(
                        diag, -ERANGE, "text of %zu bytes, but there is room for %zu", length,
                        value->size ? value->size - 1 : 0
                );
        (void)memset(value->out, 0, value->size);
        (void)memcpy(value->out, value->text, length);
        return 0;
}

int value_to_bytes(
        const TypeInfo *types,
        uint32_t type_id,
        const char *text,
        void *out,
        size_t size,
        Diag *diag
) {
        const Value value = { .types = types, .text = text, .out = out, .size = size };
        const char *hex = text_after_prefix(text, "hex:");
        Type type;

        if (hex)
                return value_from_hex(&value, hex, diag);
        if (type_info_resolve(types, type_id, &type) < 0)
                return diag_fail(diag, -EINVAL, "its type is unknown, so it takes hex: only");
        if (type.kind == BTF_KIND_INT)
                return value_from_int_type(&value, &type, diag);
        if (type.kind == BTF_KIND_ENUM || type.kind == BTF_KIND_ENUM64)
                return value_from_enum_type(&value, &type, diag);
        if (array_is_text(&value, &type))
                return value_from_text(&value, diag);
        return diag_fail(diag, -EINVAL, "a variable of its type takes hex: only");
}
