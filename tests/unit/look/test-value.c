/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <bpf/btf.h>

#include "bpf/look/value.h"
#include "tests/unit/check-main.h"

/* Types by number; they are added in this order. */
enum {
        TYPE_CHAR = 1,
        TYPE_S8,
        TYPE_U8,
        TYPE_S16,
        TYPE_U32,
        TYPE_S64,
        TYPE_U64,
        TYPE_BOOL,
        TYPE_U128,
        TYPE_ENUM,
        TYPE_TEXT, /* char[8] */
        TYPE_BYTES, /* unsigned char[4] */
        TYPE_CONST_U32,
        TYPE_VOLATILE_CONST_U32,
        TYPE_TYPEDEF, /* of the one before */
        TYPE_STRUCT,
};

static struct btf *make_types(void) {
        struct btf *types = btf__new_empty();

        ck_assert_int_eq(btf__add_int(types, "char", 1, BTF_INT_SIGNED), TYPE_CHAR);
        ck_assert_int_eq(btf__add_int(types, "signed char", 1, BTF_INT_SIGNED), TYPE_S8);
        ck_assert_int_eq(btf__add_int(types, "unsigned char", 1, 0), TYPE_U8);
        ck_assert_int_eq(btf__add_int(types, "short", 2, BTF_INT_SIGNED), TYPE_S16);
        ck_assert_int_eq(btf__add_int(types, "unsigned int", 4, 0), TYPE_U32);
        ck_assert_int_eq(btf__add_int(types, "long", 8, BTF_INT_SIGNED), TYPE_S64);
        ck_assert_int_eq(btf__add_int(types, "unsigned long", 8, 0), TYPE_U64);
        ck_assert_int_eq(btf__add_int(types, "_Bool", 1, BTF_INT_BOOL), TYPE_BOOL);
        ck_assert_int_eq(btf__add_int(types, "unsigned __int128", 16, 0), TYPE_U128);
        ck_assert_int_eq(btf__add_enum(types, "color", 4), TYPE_ENUM);
        ck_assert_int_eq(btf__add_enum_value(types, "RED", 3), 0);
        ck_assert_int_eq(btf__add_enum_value(types, "NEGATIVE", -2), 0);
        ck_assert_int_eq(btf__add_array(types, TYPE_U32, TYPE_CHAR, 8), TYPE_TEXT);
        ck_assert_int_eq(btf__add_array(types, TYPE_U32, TYPE_U8, 4), TYPE_BYTES);
        ck_assert_int_eq(btf__add_const(types, TYPE_U32), TYPE_CONST_U32);
        ck_assert_int_eq(btf__add_volatile(types, TYPE_CONST_U32), TYPE_VOLATILE_CONST_U32);
        ck_assert_int_eq(btf__add_typedef(types, "mine", TYPE_VOLATILE_CONST_U32), TYPE_TYPEDEF);
        ck_assert_int_eq(btf__add_struct(types, "pair", 8), TYPE_STRUCT);
        return types;
}

typedef struct Row {
        int type;
        size_t size;
        const char *text;
        int result;
        const char *bytes; /* little endian, as many as size; NULL on failure */
} Row;

static const Row rows[] = {
        { TYPE_S8, 1, "-128", 0, "\x80" },
        { TYPE_S8, 1, "127", 0, "\x7f" },
        { TYPE_S8, 1, "128", -ERANGE, NULL },
        { TYPE_S8, 1, "-129", -ERANGE, NULL },
        { TYPE_CHAR, 1, "65", 0, "A" },
        { TYPE_U8, 1, "255", 0, "\xff" },
        { TYPE_U8, 1, "256", -ERANGE, NULL },
        { TYPE_U8, 1, "-1", -ERANGE, NULL },
        { TYPE_U8, 1, "-0", 0, "\0" },
        { TYPE_S16, 2, "-2", 0, "\xfe\xff" },
        { TYPE_S16, 2, "32768", -ERANGE, NULL },
        { TYPE_U32, 4, "0x01020304", 0, "\x04\x03\x02\x01" },
        { TYPE_U32, 4, "4294967295", 0, "\xff\xff\xff\xff" },
        { TYPE_U32, 4, "4294967296", -ERANGE, NULL },
        { TYPE_U32, 4, "010", 0, "\x0a\0\0\0" },
        { TYPE_U32, 4, "", -EINVAL, NULL },
        { TYPE_U32, 4, " 1", -EINVAL, NULL },
        { TYPE_U32, 4, "1 ", -EINVAL, NULL },
        { TYPE_U32, 4, "+1", -EINVAL, NULL },
        { TYPE_U32, 4, "0x", -EINVAL, NULL },
        { TYPE_U32, 4, "0x-1", -EINVAL, NULL },
        { TYPE_U32, 4, "0x0x1", -EINVAL, NULL },
        { TYPE_U32, 4, "true", -EINVAL, NULL },
        { TYPE_S64, 8, "-9223372036854775808", 0, "\0\0\0\0\0\0\0\x80" },
        { TYPE_S64, 8, "9223372036854775808", -ERANGE, NULL },
        { TYPE_U64, 8, "18446744073709551615", 0, "\xff\xff\xff\xff\xff\xff\xff\xff" },
        { TYPE_U64, 8, "18446744073709551616", -ERANGE, NULL },
        { TYPE_BOOL, 1, "true", 0, "\1" },
        { TYPE_BOOL, 1, "No", 0, "\0" },
        { TYPE_BOOL, 1, "2", -EINVAL, NULL },
        { TYPE_U128, 16, "1", -EINVAL, NULL },
        { TYPE_U128, 16, "hex:000102030405060708090a0b0c0d0e0f", 0,
          "\0\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf" },
        { TYPE_ENUM, 4, "RED", 0, "\3\0\0\0" },
        { TYPE_ENUM, 4, "NEGATIVE", 0, "\xfe\xff\xff\xff" },
        { TYPE_ENUM, 4, "77", 0, "\x4d\0\0\0" },
        { TYPE_ENUM, 4, "BLUE", -EINVAL, NULL },
        { TYPE_TEXT, 8, "", 0, "\0\0\0\0\0\0\0\0" },
        { TYPE_TEXT, 8, "seven77", 0, "seven77" },
        { TYPE_TEXT, 8, "eight888", -ERANGE, NULL },
        { TYPE_TEXT, 8, "hex:4141414141414141", 0, "AAAAAAAA" },
        { TYPE_BYTES, 4, "abc", -EINVAL, NULL },
        { TYPE_BYTES, 4, "hex:7F000001", 0, "\x7f\0\0\1" },
        { TYPE_BYTES, 4, "hex:7f0000", -EINVAL, NULL },
        { TYPE_BYTES, 4, "hex:7f00000g", -EINVAL, NULL },
        { TYPE_BYTES, 4, "hex:7f00000001", -EINVAL, NULL },
        { TYPE_TYPEDEF, 4, "7", 0, "\7\0\0\0" },
        { TYPE_STRUCT, 8, "7", -EINVAL, NULL },
        { TYPE_STRUCT, 8, "hex:0000000000000007", 0, "\0\0\0\0\0\0\0\7" },
        { 999, 4, "7", -EINVAL, NULL },
};

START_TEST(test_values_by_type)
{
        struct btf *made = make_types();
        TypeInfo *types;
        uint32_t size;
        const void *data = btf__raw_data(made, &size);

        ck_assert_int_eq(type_info_new(data, size, &types), 0);
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                const Row *row = &rows[i];
                _cleanup_diag_ Diag diag = {};
                uint8_t out[16], untouched[16];
                int r;

                (void)memset(out, 0xa5, sizeof out);
                (void)memset(untouched, 0xa5, sizeof untouched);
                r = value_to_bytes(types, (uint32_t)row->type, row->text, out, row->size, &diag);
                ck_assert_msg(r == row->result, "'%s': %d (%s)", row->text, r, diag.text ?: "");
                ck_assert_msg((r < 0) == (diag.text != NULL), "'%s' without a word", row->text);
                ck_assert_msg(
                        memcmp(out, r < 0 ? (const char *)untouched : row->bytes, row->size) == 0,
                        "'%s' has other bytes", row->text
                );
                ck_assert_mem_eq(out + row->size, untouched, sizeof out - row->size);
        }
        (void)type_info_free(types);
        btf__free(made);
}
END_TEST

CHECK_MAIN("value", 60, test_values_by_type)
