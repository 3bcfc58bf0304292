/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "tests/unit/check-main.h"

START_TEST(escape_and_back_for_every_byte)
{
        char all[256], *escaped, *back;

        for (int i = 1; i < 256; i++)
                all[i - 1] = (char)i;
        all[255] = 0;
        escaped = text_escape(all);
        for (const char *p = escaped; *p; p++)
                ck_assert_msg(*p > ' ' && *p < 0x7f, "byte %d left bare", *p);
        ck_assert_int_eq(text_unescape(escaped, strlen(escaped), &back), 0);
        ck_assert_str_eq(back, all);
        free(back);
        free(escaped);
}
END_TEST

/* A long line is taken apart in place: the text shrinks over itself. */
START_TEST(escape_and_unescape_work_in_memory_of_the_caller)
{
        static const char text[] = "a b\\c\303\274\n";
        char buffer[4 * sizeof text];
        char *end = text_escape_to(buffer, text);

        ck_assert_str_eq(buffer, "a\\x20b\\\\c\\xc3\\xbc\\x0a");
        ck_assert_ptr_eq(end, buffer + strlen(buffer));
        ck_assert_int_eq(text_unescape_to(buffer, buffer, (size_t)(end - buffer)), 0);
        ck_assert_str_eq(buffer, text);
        ck_assert_int_eq(text_unescape_to(buffer, "a\\q", 3), -EINVAL);
        ck_assert_int_eq(text_unescape_to(buffer, "a\\x41", 4), -EINVAL); /* ends in the escape */
        ck_assert_ptr_eq(text_escape_to(buffer, ""), buffer);
}
END_TEST

/* Eight bytes are looked at in one: none of them hides another. */
START_TEST(escape_sees_every_byte_at_every_place_of_a_word)
{
        for (int byte = 1; byte < 256; byte++)
                for (size_t place = 0; place < 16; place++) {
                        char text[17] = "~!~!~!~!~!~!~!~!", escaped[sizeof text + 3], *back;
                        bool plain = byte > ' ' && byte < 0x7f && byte != '\\';
                        char *end;

                        text[place] = (char)byte;
                        end = text_escape_bytes_to(escaped, text, sizeof text - 1);
                        ck_assert_int_eq(*end, 0);
                        ck_assert_int_eq(end - escaped, plain ? 16 : byte == '\\' ? 17 : 19);
                        ck_assert_int_eq(text_unescape(escaped, strlen(escaped), &back), 0);
                        ck_assert_str_eq(back, text);
                        free(back);
                }
}
END_TEST

START_TEST(unescape_refuses_what_escape_never_writes)
{
        static const char *const bad[] = { "\\", "\\x", "\\x4", "\\x00", "\\n", "\\101", "a\\xg1" };

        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                char *out = NULL;

                ck_assert_int_eq(text_unescape(bad[i], strlen(bad[i]), &out), -EINVAL);
                ck_assert_ptr_null(out);
        }
}
END_TEST

START_TEST(c_escapes_of_systemd_are_undone)
{
        static const char text[] = "a\\x20b\\ttab\\303\\274\\\\\\\"\\s.";
        char *out;

        ck_assert_int_eq(text_unescape_c(text, strlen(text), &out), 0);
        ck_assert_str_eq(out, "a b\ttab\303\274\\\" .");
        free(out);
        ck_assert_int_eq(text_unescape_c("\\000", 4, &out), -EINVAL);
        ck_assert_int_eq(text_unescape_c("\\777", 4, &out), -EINVAL);
}
END_TEST

START_TEST(numbers_are_strict)
{
        uint64_t value = 7;
        uint32_t small = 7;
        static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "01", "0x1", "1a" };

        for (size_t i = 0; i < ELEMENTS(bad); i++)
                ck_assert_int_eq(text_to_u64(bad[i], &value), -EINVAL);
        ck_assert_int_eq(text_to_u64("18446744073709551616", &value), -ERANGE);
        ck_assert_uint_eq(value, 7);
        ck_assert_int_eq(text_to_u64("18446744073709551615", &value), 0);
        ck_assert(value == UINT64_MAX);
        ck_assert_int_eq(text_to_u32("4294967296", &small), -ERANGE);
        ck_assert_int_eq(text_to_u32("0", &small), 0);
        ck_assert_uint_eq(small, 0);
}
END_TEST

START_TEST(nearest_finds_slips_and_nothing_far)
{
        static const char *const words[] = { "ingress", "egress", "connect4", "bind4", NULL };

        ck_assert_str_eq(text_nearest("egres", words), "egress");
        ck_assert_str_eq(text_nearest("conect4", words), "connect4");
        ck_assert_str_eq(text_nearest("bidn4", words), "bind4");
        ck_assert_ptr_null(text_nearest("firewall", words));
}
END_TEST

CHECK_MAIN(
        "base/text",
        10,
        escape_and_back_for_every_byte,
        escape_and_unescape_work_in_memory_of_the_caller,
        escape_sees_every_byte_at_every_place_of_a_word,
        unescape_refuses_what_escape_never_writes,
        c_escapes_of_systemd_are_undone,
        numbers_are_strict,
        nearest_finds_slips_and_nothing_far
)
