/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/base/cleanup.h"
#include "src/cli/answer.h"
#include "tests/unit/check-main.h"

static GVariant *dicts(const char *text) {
        GVariant *rows = g_variant_parse(G_VARIANT_TYPE("aa{sv}"), text, NULL, NULL, NULL);

        ck_assert_ptr_nonnull(rows);
        return rows;
}

START_TEST(missing_keys_are_values_not_known)
{
        g_autoptr(GVariant) rows = dicts("[@a{sv} {}]"), row = answer_row(rows, 0);
        uint64_t number = 5;

        ck_assert_ptr_null(answer_text(row, "Unit"));
        ck_assert(!answer_number(row, "Id", &number));
        ck_assert_uint_eq(number, 5);
        ck_assert(!answer_flag(row, "HeldOff"));
        ck_assert_ptr_null(answer_list(row, "Errors"));
        ck_assert_ptr_null(answer_words(row, "Id"));
}
END_TEST

START_TEST(values_of_another_type_are_not_taken)
{
        g_autoptr(GVariant) rows = dicts("[{'Unit': <uint64 1>, 'Id': <'x'>, 'HeldOff': <'yes'>}]");
        g_autoptr(GVariant) row = answer_row(rows, 0);
        uint64_t number = 5;

        ck_assert_ptr_null(answer_text(row, "Unit"));
        ck_assert(!answer_number(row, "Id", &number));
        ck_assert(!answer_flag(row, "HeldOff"));
}
END_TEST

START_TEST(words_are_what_people_read)
{
        g_autoptr(GVariant) rows = dicts("[{'A': <true>, 'B': <uint64 12>, 'C': <['x', 'y']>,"
                                         " 'D': <'text'>, 'E': <@as []>}]");
        g_autoptr(GVariant) row = answer_row(rows, 0);
        static const char *const pairs[][2] = {
                { "A", "yes" }, { "B", "12" }, { "C", "x y" }, { "D", "text" }, { "E", "" },
        };

        for (size_t i = 0; i < ELEMENTS(pairs); i++) {
                g_autofree char *words = answer_words(row, pairs[i][0]);

                ck_assert_str_eq(words, pairs[i][1]);
        }
}
END_TEST

START_TEST(filter_keeps_rows_whole_and_in_order)
{
        g_autoptr(GVariant) rows = dicts("[{'Unit': <'a'>, 'Id': <uint64 1>}, {'Unit': <'b'>},"
                                         " {'Unit': <'a'>, 'Id': <uint64 3>}, {}]");
        g_autoptr(GVariant) found = answer_filter(rows, "Unit", "a"), last = NULL;
        uint64_t id;

        ck_assert_uint_eq(answer_n(found), 2);
        last = answer_row(found, 1);
        ck_assert(answer_number(last, "Id", &id));
        ck_assert_uint_eq(id, 3);
}
END_TEST

CHECK_MAIN(
        "cli/answer",
        10,
        missing_keys_are_values_not_known,
        values_of_another_type_are_not_taken,
        words_are_what_people_read,
        filter_keeps_rows_whole_and_in_order
)
