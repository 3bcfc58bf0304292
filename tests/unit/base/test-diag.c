/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "src/base/diag.h"
#include "tests/unit/check-main.h"

START_TEST(first_explanation_is_kept)
{
        Diag diag = {};

        ck_assert_int_eq(diag_fail(&diag, -EPERM, "cause %d", 1), -EPERM);
        ck_assert_int_eq(diag_errno(&diag, -EIO, "consequence"), -EIO);
        ck_assert_str_eq(diag_text(&diag, -EIO), "cause 1");
        diag_done(&diag);
        ck_assert_ptr_null(diag.text);
        ck_assert_int_eq(diag_fail(&diag, -EIO, "anew"), -EIO);
        ck_assert_str_eq(diag.text, "anew");
        diag_done(&diag);
}
END_TEST

START_TEST(errno_is_told_in_words)
{
        Diag diag = {};

        ck_assert_int_eq(diag_errno(&diag, -ENOENT, "cannot open '%s'", "/x"), -ENOENT);
        ck_assert_str_eq(diag.text, "cannot open '/x': No such file or directory");
        diag_done(&diag);
        ck_assert_str_eq(diag_text(&diag, -ENOENT), strerror(ENOENT));
        ck_assert_str_eq(diag_text(&diag, ENOENT), strerror(ENOENT));
        ck_assert_str_eq(diag_text(NULL, -ENOENT), strerror(ENOENT));
}
END_TEST

START_TEST(nobody_listening_is_fine)
{
        ck_assert_int_eq(diag_fail(NULL, -EPERM, "x"), -EPERM);
        ck_assert_int_eq(diag_errno(NULL, -EPERM, "x"), -EPERM);
        diag_detail(NULL, "x");
        diag_prefix(NULL, "x");
}
END_TEST

START_TEST(prefix_stands_in_front_and_only_of_a_text)
{
        Diag diag = {};

        diag_prefix(&diag, "early");
        ck_assert_ptr_null(diag.text);
        (void)diag_fail(&diag, -EINVAL, "bad %% word");
        diag_prefix(&diag, "line %d", 3);
        diag_prefix(&diag, "file%%s");
        ck_assert_str_eq(diag.text, "file%s: line 3: bad % word");
        diag_done(&diag);
}
END_TEST

START_TEST(first_detail_is_kept)
{
        Diag diag = {};

        diag_detail(&diag, NULL);
        ck_assert_ptr_null(diag.detail);
        diag_detail(&diag, "one\ntwo\n");
        diag_detail(&diag, "three");
        ck_assert_str_eq(diag.detail, "one\ntwo\n");
        diag_done(&diag);
        ck_assert_ptr_null(diag.detail);
}
END_TEST

CHECK_MAIN(
        "base/diag",
        10,
        first_explanation_is_kept,
        errno_is_told_in_words,
        nobody_listening_is_fine,
        prefix_stands_in_front_and_only_of_a_text,
        first_detail_is_kept
)
