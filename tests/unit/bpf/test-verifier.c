/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The logs in verifier-logs/ were written by Linux 6.18 for the objects of tests/integration/load/objects. */

#include <errno.h>
#include <string.h>

#include "bpf/verifier.h"
#include "src/base/file.h"
#include "src/base/text.h"
#include "tests/unit/check-main.h"

static char *read_log(const char *name) {
        _cleanup_free_ char *path = text_format("%s/%s.log", getenv("VERIFIER_LOGS"), name);
        char *log = NULL;
        size_t size;

        ck_assert_int_eq(file_read(path, LIMIT_VERIFIER_LOG_BYTES, &log, &size), 0);
        return log;
}

static const struct {
        const char *log, *expected;
} recorded[] = {
        { "endless-loop",
          "instruction 0 (endless-loop.bpf.c:11 `while (bpf_get_prandom_u32() != 7)`): infinite loop detected at insn 1" },
        { "bad-access",
          "instruction 1 (bad-access.bpf.c:13 `return *p & 1;`): R1 invalid mem access 'scalar'" },
        { "wrong-return",
          "instruction 1 (wrong-return.bpf.c:11 `return 5;`): At program exit the register R0 has smin=5 smax=5 should have been in [0, 1]" },
        { "wrong-helper",
          "instruction 3 (wrong-helper.bpf.c:11 `return bpf_redirect(1, 0) == 0;`): program of this type cannot use helper bpf_redirect#23" },
        { "recursion",
          "instruction 20 (recursion.bpf.c:11 `return descend(skb, n - 1) ^ descend(skb, n / 2);`): the call stack of 9 frames is too deep" },
        { "too-large-tail",
          "instruction 7 (too-large.bpf.c:13 `for (__u32 i = 0; i < 100000000; i++)`): BPF program is too large. Processed 1000001 insn" },
};

START_TEST(test_recorded_logs_become_one_line)
{
        for (size_t i = 0; i < ELEMENTS(recorded); i++) {
                _cleanup_free_ char *log = read_log(recorded[i].log);
                _cleanup_free_ char *condensed = verifier_condense(log);

                ck_assert_str_eq(condensed, recorded[i].expected);
        }
}
END_TEST

START_TEST(test_log_without_file_names_of_older_kernels)
{
        _cleanup_free_ char *condensed = verifier_condense("; return *p & 1;\n"
                                                           "1: (61) r0 = *(u32 *)(r1 +0)\n"
                                                           "R1 invalid mem access 'inv'\n"
                                                           "processed 2 insns (limit 1000000)\n");

        ck_assert_str_eq(
                condensed, "instruction 1 (`return *p & 1;`): R1 invalid mem access 'inv'"
        );
}
END_TEST

START_TEST(test_log_without_type_information)
{
        _cleanup_free_ char *condensed = verifier_condense("0: (b7) r0 = 5\n1: (95) exit\n"
                                                           "At program exit R0 is wrong\n");

        ck_assert_str_eq(condensed, "instruction 1: At program exit R0 is wrong");
}
END_TEST

START_TEST(test_complaint_before_the_walk_has_no_instruction)
{
        _cleanup_free_ char *condensed = verifier_condense("back-edge from insn 3 to 0\n");

        ck_assert_str_eq(condensed, "back-edge from insn 3 to 0");
}
END_TEST

START_TEST(test_nothing_to_complain_of)
{
        static const char *const logs[] = {
                "",
                "\n\n",
                "processed 2 insns (limit 1000000)\n",
                "; int x;\n0: (95) exit\nprocessed 1 insns\n",
        };

        for (size_t i = 0; i < ELEMENTS(logs); i++)
                ck_assert_ptr_null(verifier_condense(logs[i]));
}
END_TEST

/* Any cut of a log, as of a buffer that was too small, must not lead astray. */
START_TEST(test_every_cut_of_a_log)
{
        for (size_t i = 0; i < ELEMENTS(recorded); i++) {
                _cleanup_free_ char *log = read_log(recorded[i].log);
                size_t size = strlen(log), step = size / 500 + 1;

                for (size_t n = 0; n < size; n += step) {
                        _cleanup_free_ char *head = strndup(log, n), *tail = strdup(log + n);
                        _cleanup_free_ char *of_head = verifier_condense(head);
                        _cleanup_free_ char *of_tail = verifier_condense(tail);

                        ck_assert(!of_head || !strchr(of_head, '\n'));
                        ck_assert(!of_tail || !strchr(of_tail, '\n'));
                }
        }
}
END_TEST

/* N8 */
START_TEST(test_log_grows_eightfold_to_its_limit)
{
        static const size_t sizes[] = { 65536, 524288, 4194304, 16777216 };
        size_t size = 0;

        for (size_t i = 0; i < ELEMENTS(sizes); i++) {
                ck_assert(verifier_log_grow(&size));
                ck_assert_uint_eq(size, sizes[i]);
        }
        ck_assert(!verifier_log_grow(&size));
        ck_assert_uint_eq(size, LIMIT_VERIFIER_LOG_BYTES);
}
END_TEST

START_TEST(test_explanation_has_line_and_whole_log)
{
        _cleanup_diag_ Diag diag = {}, silent = {};
        const char *log = "0: (95) exit\nR0 !read_ok\n";

        ck_assert_int_eq(verifier_explain(-EACCES, log, &diag), -EACCES);
        ck_assert_str_eq(diag.text, "instruction 0: R0 !read_ok");
        ck_assert_str_eq(diag.detail, log);
        ck_assert_int_eq(verifier_explain(-EPERM, "", &silent), -EPERM);
        ck_assert_ptr_null(silent.text);
        ck_assert_ptr_null(silent.detail);
}
END_TEST

CHECK_MAIN(
        "verifier",
        60,
        test_recorded_logs_become_one_line,
        test_log_without_file_names_of_older_kernels,
        test_log_without_type_information,
        test_complaint_before_the_walk_has_no_instruction,
        test_nothing_to_complain_of,
        test_every_cut_of_a_log,
        test_log_grows_eightfold_to_its_limit,
        test_explanation_has_line_and_whole_log
)
