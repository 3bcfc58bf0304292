/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Type information made by hand: what no compiler writes (loops, references to nowhere, lying lengths), and
 * the wording of types that real objects seldom have. */

#include <errno.h>
#include <linux/btf.h>
#include <string.h>

#include "bpf/look/type-info.h"
#include "tests/unit/check-main.h"

/* Offsets into the strings below. */
enum {
        NAME_NONE = 0,
        NAME_INT = 1,
        NAME_POINT = 5,
        NAME_ALIAS = 11,
        NAME_CHAR = 17,
};
static const char strings[] = "\0int\0point\0alias\0char";

typedef struct Blob {
        struct btf_header header;
        uint32_t words[256];
        uint32_t n; /* words used by types */
} Blob;

/* The common part of one type. */
static void blob_add(Blob *blob, uint32_t name, uint32_t kind, uint32_t n, uint32_t value) {
        blob->words[blob->n++] = name;
        blob->words[blob->n++] = kind << 24 | n;
        blob->words[blob->n++] = value;
}

/* Three of the words that stand behind it. */
static void blob_add_three(Blob *blob, uint32_t first, uint32_t second, uint32_t third) {
        blob->words[blob->n++] = first;
        blob->words[blob->n++] = second;
        blob->words[blob->n++] = third;
}

static void blob_add_next(Blob *blob, uint32_t kind, uint32_t next) {
        blob_add(blob, kind == BTF_KIND_TYPEDEF ? NAME_ALIAS : NAME_NONE, kind, 0, next);
}

static void blob_add_array(Blob *blob, uint32_t element, uint32_t n) {
        blob_add(blob, NAME_NONE, BTF_KIND_ARRAY, 0, 0);
        blob_add_three(blob, element, element, n);
}

/* Type 1 of every blob: int. */
static void blob_init(Blob *blob) {
        *blob = (Blob){};
        blob_add(blob, NAME_INT, BTF_KIND_INT, 0, 4);
        blob->words[blob->n++] = 32; /* bits */
}

/* Puts header and strings in place; returns the whole length. */
static size_t blob_finish(Blob *blob) {
        uint32_t types = blob->n * 4;

        blob->header = (struct btf_header){
                .magic = BTF_MAGIC,
                .version = BTF_VERSION,
                .hdr_len = sizeof blob->header,
                .type_len = types,
                .str_off = types,
                .str_len = sizeof strings,
        };
        memcpy(&blob->words[blob->n], strings, sizeof strings);
        return sizeof blob->header + types + sizeof strings;
}

static TypeInfo *blob_parse(Blob *blob) {
        TypeInfo *info = NULL;

        ck_assert_int_eq(type_info_new(blob, blob_finish(blob), &info), 0);
        return info;
}

static void assert_words(const TypeInfo *info, uint32_t id, const char *words) {
        _cleanup_free_ char *found = NULL;

        ck_assert_int_eq(type_info_words(info, id, &found), 0);
        ck_assert_str_eq(found, words);
}

START_TEST(types_are_worded_as_in_the_source)
{
        _cleanup_(type_info_free_ptr) TypeInfo *info = NULL;
        Blob blob;

        blob_init(&blob);
        blob_add_next(&blob, BTF_KIND_PTR, 1); /* 2 */
        blob_add_next(&blob, BTF_KIND_PTR, 2); /* 3 */
        blob_add_array(&blob, 1, 3); /* 4: int[3] */
        blob_add_array(&blob, 4, 2); /* 5: int[2][3] */
        blob_add_next(&blob, BTF_KIND_PTR, 4); /* 6: pointer to int[3] */
        blob_add_array(&blob, 2, 4); /* 7: four pointers */
        blob_add_next(&blob, BTF_KIND_CONST, 1); /* 8 */
        blob_add_next(&blob, BTF_KIND_PTR, 8); /* 9 */
        blob_add_next(&blob, BTF_KIND_TYPEDEF, 1); /* 10: named target */
        blob_add(&blob, 0, BTF_KIND_STRUCT, 0, 8); /* 11 */
        blob_add_next(&blob, BTF_KIND_TYPEDEF, 11); /* 12: nameless target */
        blob_add(&blob, NAME_POINT, BTF_KIND_UNION, 0, 8); /* 13 */
        blob_add_next(&blob, BTF_KIND_PTR, 0); /* 14 */
        info = blob_parse(&blob);
        ck_assert_uint_eq(type_info_n(info), 15);
        assert_words(info, 1, "int");
        assert_words(info, 2, "int *");
        assert_words(info, 3, "int **");
        assert_words(info, 5, "int[2][3]");
        assert_words(info, 6, "int (*)[3]");
        assert_words(info, 7, "int *[4]");
        assert_words(info, 8, "int");
        assert_words(info, 9, "const int *");
        assert_words(info, 10, "int");
        assert_words(info, 11, "struct {...}");
        assert_words(info, 12, "alias");
        assert_words(info, 13, "union point");
        assert_words(info, 14, "void *");
}
END_TEST

START_TEST(sizes_multiply_and_do_not_overflow)
{
        _cleanup_(type_info_free_ptr) TypeInfo *info = NULL;
        uint32_t size = 77;
        Blob blob;

        blob_init(&blob);
        blob_add_array(&blob, 1, 3); /* 2 */
        blob_add_array(&blob, 2, 5); /* 3 */
        blob_add_array(&blob, 1, 0x40000000); /* 4: 2^32 bytes */
        blob_add_array(&blob, 4, 0x40000000); /* 5 */
        blob_add_next(&blob, BTF_KIND_PTR, 3); /* 6 */
        info = blob_parse(&blob);
        ck_assert_int_eq(type_info_size(info, 4, &size), -EBADMSG);
        ck_assert_int_eq(type_info_size(info, 5, &size), -EBADMSG);
        ck_assert_int_eq(type_info_size(info, 0, &size), -EBADMSG); /* void */
        ck_assert_int_eq(type_info_pointed_size(info, 3, &size), -EBADMSG);
        ck_assert_int_eq(type_info_number(info, 2, &size), -EBADMSG);
        ck_assert_uint_eq(size, 77);
        ck_assert_int_eq(type_info_size(info, 3, &size), 0);
        ck_assert_uint_eq(size, 60);
        ck_assert_int_eq(type_info_size(info, 6, &size), 0);
        ck_assert_uint_eq(size, 8);
        ck_assert_int_eq(type_info_pointed_size(info, 6, &size), 0);
        ck_assert_uint_eq(size, 60);
        ck_assert_int_eq(type_info_number(info, 6, &size), 0);
        ck_assert_uint_eq(size, 5);
}
END_TEST

START_TEST(loops_and_references_to_nowhere_end_in_an_error)
{
        _cleanup_(type_info_free_ptr) TypeInfo *info = NULL;
        _cleanup_free_ char *words = NULL;
        uint32_t size;
        Type type;
        Blob blob;

        blob_init(&blob);
        blob_add_next(&blob, BTF_KIND_TYPEDEF, 3); /* 2 */
        blob_add_next(&blob, BTF_KIND_CONST, 2); /* 3 */
        blob_add_next(&blob, BTF_KIND_PTR, 4); /* 4: points to itself */
        blob_add_array(&blob, 5, 1); /* 5: array of itself */
        blob_add_next(&blob, BTF_KIND_PTR, 99); /* 6 */
        info = blob_parse(&blob);
        for (uint32_t id = 2; id <= 7; id++) {
                ck_assert_int_eq(type_info_words(info, id, &words), -EBADMSG);
                ck_assert_ptr_null(words);
        }
        ck_assert_int_eq(type_info_resolve(info, 2, &type), -EBADMSG);
        ck_assert_int_eq(type_info_size(info, 3, &size), -EBADMSG);
        ck_assert_int_eq(type_info_size(info, 5, &size), -EBADMSG);
        ck_assert_int_eq(type_info_get(info, 7, &type), -EBADMSG);
        ck_assert_int_eq(type_info_get(info, UINT32_MAX, &type), -EBADMSG);
}
END_TEST

START_TEST(members_and_variables_are_checked)
{
        _cleanup_(type_info_free_ptr) TypeInfo *info = NULL;
        TypeMember member;
        Type structure, section;
        Blob blob;

        blob_init(&blob);
        blob_add(&blob, NAME_POINT, BTF_KIND_STRUCT, 2, 8); /* 2 */
        blob_add_three(&blob, NAME_CHAR, 1, 0);
        blob_add_three(&blob, sizeof strings, 1, 32);
        blob_add(&blob, NAME_ALIAS, BTF_KIND_VAR, 0, 2); /* 3 */
        blob.words[blob.n++] = BTF_VAR_GLOBAL_ALLOCATED;
        blob_add(&blob, NAME_CHAR, BTF_KIND_DATASEC, 2, 8); /* 4 */
        blob_add_three(&blob, 3, 0, 8);
        blob_add_three(&blob, 1, 0, 4);
        info = blob_parse(&blob);
        ck_assert_int_eq(type_info_get(info, 2, &structure), 0);
        ck_assert_int_eq(type_info_get(info, 4, &section), 0);
        ck_assert_int_eq(type_info_member(info, &structure, 0, &member), 0);
        ck_assert_str_eq(member.name, "char");
        ck_assert_uint_eq(member.type, 1);
        ck_assert_int_eq(type_info_member(info, &structure, 1, &member), -EBADMSG); /* name */
        ck_assert_int_eq(type_info_member(info, &structure, 2, &member), -EBADMSG); /* index */
        ck_assert_int_eq(type_info_member(info, &section, 0, &member), -EBADMSG); /* kind */
        ck_assert_int_eq(type_info_variable(info, &section, 0, &member), 0);
        ck_assert_str_eq(member.name, "alias");
        ck_assert_uint_eq(member.type, 2);
        ck_assert_uint_eq(member.size, 8);
        ck_assert_int_eq(type_info_variable(info, &section, 1, &member), -EBADMSG); /* no VAR */
        ck_assert_int_eq(type_info_variable(info, &section, 2, &member), -EBADMSG);
        ck_assert_int_eq(type_info_variable(info, &structure, 0, &member), -EBADMSG);
}
END_TEST

/* Each header field set to a lie in turn. */
START_TEST(lying_headers_are_refused)
{
        for (unsigned lie = 0; lie < 11; lie++) {
                TypeInfo *info = NULL;
                Blob blob;
                size_t size;

                blob_init(&blob);
                size = blob_finish(&blob);
                blob.header.magic ^= lie == 0;
                blob.header.version += lie == 1;
                blob.header.hdr_len += lie == 2 ? 1U << 20 : 0;
                blob.header.hdr_len -= lie == 3 ? 4 : 0;
                blob.header.type_off = lie == 4 ? UINT32_MAX : 0;
                blob.header.type_len = lie == 5 ? UINT32_MAX : blob.header.type_len;
                blob.header.str_off = lie == 6 ? UINT32_MAX - 3 : blob.header.str_off;
                blob.header.str_len -= lie == 7; /* strings without an end */
                blob.header.str_len = lie == 8 ? 0 : blob.header.str_len;
                blob.header.type_len -= lie == 9 ? 4 : 0; /* a type cut off */
                size -= lie == 10;
                ck_assert_msg(type_info_new(&blob, size, &info) == -EBADMSG, "lie %u", lie);
                ck_assert_ptr_null(info);
        }
}
END_TEST

START_TEST(unknown_kinds_and_names_outside_the_strings_are_refused)
{
        TypeInfo *info = NULL;
        Blob blob;

        blob_init(&blob);
        blob_add_next(&blob, 31, 1);
        ck_assert_int_eq(type_info_new(&blob, blob_finish(&blob), &info), -EBADMSG);
        blob_init(&blob);
        blob_add(&blob, sizeof strings, BTF_KIND_STRUCT, 0, 0);
        ck_assert_int_eq(type_info_new(&blob, blob_finish(&blob), &info), -EBADMSG);
        blob_init(&blob);
        blob_add(&blob, 0, BTF_KIND_STRUCT, 0xffff, 0);
        ck_assert_int_eq(type_info_new(&blob, blob_finish(&blob), &info), -EBADMSG);
        ck_assert_int_eq(type_info_new("", 0, &info), -EBADMSG);
        ck_assert_ptr_null(info);
}
END_TEST

CHECK_MAIN(
        "look/type-info",
        10,
        types_are_worded_as_in_the_source,
        sizes_multiply_and_do_not_overflow,
        loops_and_references_to_nowhere_end_in_an_error,
        members_and_variables_are_checked,
        lying_headers_are_refused,
        unknown_kinds_and_names_outside_the_strings_are_refused
)
