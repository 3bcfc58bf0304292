/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/bpf/matrix.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/bpf/matrix-bench.h"

#define COLUMNS 5

/* K2, K3, K4, K5, K13. What was there first. */
static const Step firsts[COLUMNS] = {
        {},
        { .program = 'a' },
        { .program = 'a', .flags = OVERRIDE },
        { .program = 'a', .flags = MULTI },
        { .program = 'a', .link = true },
};

#define ALL(word) \
        { word, word, word, word, word }
#define MULTI_ONLY(nothing, multi, link) \
        { nothing, "EPERM", "EPERM", multi, link }

/* What comes second, and for each of firsts the list and mode afterwards, or the error (the list stays then). */
static const struct {
        const char *name;
        Step step;
        const char *expected[COLUMNS];
} seconds[] = {
        { "P0 a", { .program = 'a' }, { "a/0", "a/0", "EPERM", "EPERM", "EPERM" } },
        { "P0 b", { .program = 'b' }, { "b/0", "b/0", "EPERM", "EPERM", "EPERM" } },
        { "PO a",
          { .program = 'a', .flags = OVERRIDE },
          { "a/1", "EPERM", "a/1", "EPERM", "EPERM" } },
        { "PO b",
          { .program = 'b', .flags = OVERRIDE },
          { "b/1", "EPERM", "b/1", "EPERM", "EPERM" } },
        { "PM a", { .program = 'a', .flags = MULTI }, MULTI_ONLY("a/2", "EINVAL", "aa/2") },
        { "PM b", { .program = 'b', .flags = MULTI }, MULTI_ONLY("b/2", "ab/2", "ab/2") },
        { "PM|REPLACE(a) b",
          { .program = 'b', .flags = MULTI | REPLACE, .replace = 'a' },
          MULTI_ONLY("ENOENT", "b/2", "ENOENT") },
        { "PM|REPLACE(a) a",
          { .program = 'a', .flags = MULTI | REPLACE, .replace = 'a' },
          MULTI_ONLY("ENOENT", "a/2", "ENOENT") },
        { "PM|REPLACE(c) b",
          { .program = 'b', .flags = MULTI | REPLACE, .replace = 'c' },
          MULTI_ONLY("ENOENT", "ENOENT", "ENOENT") },
        { "PM|REPLACE(closed) b",
          { .program = 'b', .flags = MULTI | REPLACE, .replace = 'x' },
          ALL("EBADF") },
        { "P0|REPLACE", { .program = 'b', .flags = REPLACE, .replace = 'a' }, ALL("EINVAL") },
        { "PO|REPLACE",
          { .program = 'b', .flags = OVERRIDE | REPLACE, .replace = 'a' },
          ALL("EINVAL") },
        { "PM b with a to replace but no REPLACE",
          { .program = 'b', .flags = MULTI, .replace = 'a' },
          MULTI_ONLY("b/2", "ab/2", "ab/2") },
        { "OVERRIDE|MULTI", { .program = 'b', .flags = OVERRIDE | MULTI }, ALL("EINVAL") },
        { "unknown flag", { .program = 'b', .flags = MULTI | 1U << 9 }, ALL("EINVAL") },
        { "P0|PREORDER b",
          { .program = 'b', .flags = UAPI_F_PREORDER },
          { "b/0", "b/0", "EPERM", "EPERM", "EPERM" } },
        { "P0|BEFORE b",
          { .program = 'b', .flags = UAPI_F_BEFORE },
          { "b/0", "b/0", "EPERM", "EPERM", "EPERM" } },
        { "PM|PREORDER b",
          { .program = 'b', .flags = MULTI | UAPI_F_PREORDER },
          MULTI_ONLY("b/2", "ab/2", "ab/2") },
        { "PM|BEFORE b",
          { .program = 'b', .flags = MULTI | UAPI_F_BEFORE },
          MULTI_ONLY("b/2", "ba/2", "ba/2") },
        { "PM|AFTER b",
          { .program = 'b', .flags = MULTI | UAPI_F_AFTER },
          MULTI_ONLY("b/2", "ab/2", "ab/2") },
        { "PM|BEFORE|AFTER b",
          { .program = 'b', .flags = MULTI | UAPI_F_BEFORE | UAPI_F_AFTER },
          MULTI_ONLY("b/2", "EINVAL", "EINVAL") },
        { "PM|BEFORE @a",
          { .program = 'b', .flags = MULTI | UAPI_F_BEFORE, .anchor = 'a' },
          MULTI_ONLY("ENOENT", "ba/2", "ENOENT") },
        { "PM|AFTER @a",
          { .program = 'b', .flags = MULTI | UAPI_F_AFTER, .anchor = 'a' },
          MULTI_ONLY("ENOENT", "ab/2", "ENOENT") },
        { "PM|BEFORE|ID @a",
          { .program = 'b', .flags = MULTI | UAPI_F_BEFORE | UAPI_F_ID, .anchor = 'a' },
          MULTI_ONLY("ENOENT", "ba/2", "ENOENT") },
        { "PM @a",
          { .program = 'b', .flags = MULTI, .anchor = 'a' },
          MULTI_ONLY("EINVAL", "EINVAL", "EINVAL") },
        { "PM|BEFORE @c",
          { .program = 'b', .flags = MULTI | UAPI_F_BEFORE, .anchor = 'c' },
          MULTI_ONLY("ENOENT", "ENOENT", "ENOENT") },
        { "PM|BEFORE|ID @unknown",
          { .program = 'b', .flags = MULTI | UAPI_F_BEFORE | UAPI_F_ID, .anchor = 'x' },
          MULTI_ONLY("ENOENT", "ENOENT", "ENOENT") },
        { "PM|BEFORE|LINK @link",
          { .program = 'b', .flags = MULTI | UAPI_F_BEFORE | UAPI_F_LINK, .anchor = '^' },
          MULTI_ONLY("EINVAL", "EINVAL", "EINVAL") },
        { "PM|REPLACE|BEFORE",
          { .program = 'b', .flags = MULTI | REPLACE | UAPI_F_BEFORE, .replace = 'a' },
          ALL("EINVAL") },
        { "PM b, right revision",
          { .program = 'b', .flags = MULTI, .revision = 1 },
          MULTI_ONLY("b/2", "ab/2", "ab/2") },
        { "PM b, wrong revision",
          { .program = 'b', .flags = MULTI, .revision = -1 },
          ALL("ESTALE") },
        { "L a", { .program = 'a', .link = true }, MULTI_ONLY("a/2", "aa/2", "aa/2") },
        { "L b", { .program = 'b', .link = true }, MULTI_ONLY("b/2", "ab/2", "ab/2") },
        { "L MULTI", { .program = 'b', .link = true, .flags = MULTI }, ALL("EINVAL") },
        { "L OVERRIDE", { .program = 'b', .link = true, .flags = OVERRIDE }, ALL("EINVAL") },
        { "L REPLACE", { .program = 'b', .link = true, .flags = REPLACE }, ALL("EINVAL") },
        { "L|PREORDER b",
          { .program = 'b', .link = true, .flags = UAPI_F_PREORDER },
          MULTI_ONLY("b/2", "ab/2", "ab/2") },
        { "L|BEFORE b",
          { .program = 'b', .link = true, .flags = UAPI_F_BEFORE },
          MULTI_ONLY("b/2", "ba/2", "ba/2") },
        { "L|AFTER b",
          { .program = 'b', .link = true, .flags = UAPI_F_AFTER },
          MULTI_ONLY("b/2", "ab/2", "ab/2") },
        { "L|BEFORE @a",
          { .program = 'b', .link = true, .flags = UAPI_F_BEFORE, .anchor = 'a' },
          MULTI_ONLY("EINVAL", "EINVAL", "EINVAL") },
        { "L|BEFORE|LINK @link",
          { .program = 'b', .link = true, .flags = UAPI_F_BEFORE | UAPI_F_LINK, .anchor = '^' },
          MULTI_ONLY("EBADF", "EBADF", "ba/2") },
        { "L|BEFORE|LINK|ID @link",
          { .program = 'b',
            .link = true,
            .flags = UAPI_F_BEFORE | UAPI_F_LINK | UAPI_F_ID,
            .anchor = '^' },
          MULTI_ONLY("ENOENT", "ENOENT", "ba/2") },
        { "L b, right revision",
          { .program = 'b', .link = true, .revision = 1 },
          MULTI_ONLY("b/2", "ab/2", "ab/2") },
        { "L b, wrong revision", { .program = 'b', .link = true, .revision = -1 }, ALL("ESTALE") },
};

/* One cell of the table, on a cgroup of its own. */
static void check_cell(Bench *bench, size_t row, size_t column) {
        const char *expected = seconds[row].expected[column], *name = seconds[row].name;
        int cgroup = bench_cgroup(bench, "cell");
        int first = bench_step(bench, cgroup, &firsts[column], -EBADF);
        _cleanup_free_ char *before = strdup(bench_list(bench, cgroup, false));
        uint64_t revision = bench_revision(bench, cgroup);
        int second = bench_step(bench, cgroup, &seconds[row].step, first > 0 ? first : -EBADF);

        ck_assert_msg(
                first >= 0, "%s: cannot set up column %zu: %s", name, column, bench_word(first)
        );
        ck_assert_uint_eq(revision, column == 0 ? 1 : 2);
        if (expected[0] == 'E') {
                ck_assert_msg(
                        strcmp(bench_word(second), expected) == 0, "%s over column %zu: %s", name,
                        column, bench_word(second)
                );
                expected = before;
        } else {
                ck_assert_msg(
                        second >= 0, "%s over column %zu: %s", name, column, bench_word(second)
                );
                revision++;
        }
        ck_assert_msg(
                strcmp(bench_list(bench, cgroup, false), expected) == 0,
                "%s over column %zu: list %s", name, column, bench_list(bench, cgroup, false)
        );
        ck_assert_uint_eq(bench_revision(bench, cgroup), revision);
        bench_close(bench, second);
        bench_close(bench, first);
        bench_cgroup_end(bench, cgroup, "cell");
}

void matrix_second_operation_on_the_same_cgroup(MatrixHost *host) {
        Bench bench = bench_start(host, 3);

        for (size_t row = 0; row < ELEMENTS(seconds); row++)
                for (size_t column = 0; column < COLUMNS; column++)
                        check_cell(&bench, row, column);
        bench_end(&bench);
}

/* The child's step for each of the columns: nothing, P0 b, PO b, PM b, L b. */
static const Step childs[COLUMNS] = {
        {},
        { .program = 'b' },
        { .program = 'b', .flags = OVERRIDE },
        { .program = 'b', .flags = MULTI },
        { .program = 'b', .link = true },
};

static void check_family(
        Bench *bench,
        const Step *parent,
        const Step *child,
        bool refused,
        const char *runs
) {
        int p = bench_cgroup(bench, "p"), c = bench_cgroup(bench, "p/c");
        int first = bench_step(bench, p, parent, -EBADF),
            second = bench_step(bench, c, child, -EBADF);

        ck_assert_int_ge(first, 0);
        ck_assert_str_eq(bench_word(second), refused ? "EPERM" : "ok");
        ck_assert_str_eq(bench_list(bench, c, true), runs);
        bench_close(bench, second);
        bench_close(bench, first);
        bench_cgroup_end(bench, c, "p/c");
        bench_cgroup_end(bench, p, "p");
}

/* Rows are what the parent has (firsts), columns what the child gets; in the cells what then runs in the child. */
void matrix_child_after_parent(MatrixHost *host) {
        static const char *const runs[COLUMNS][COLUMNS] = {
                { "", "b", "b", "b", "b" },      { "a", "a", "a", "a", "a" },
                { "a", "b", "b", "b", "b" },     { "a", "ba", "ba", "ba", "ba" },
                { "a", "ba", "ba", "ba", "ba" },
        };
        Bench bench = bench_start(host, 2);

        for (size_t row = 0; row < COLUMNS; row++)
                for (size_t column = 0; column < COLUMNS; column++)
                        check_family(
                                &bench, &firsts[row], &childs[column],
                                row == 1 && column > 0, /* exclusive allows nothing below */
                                runs[row][column]
                        );
        bench_end(&bench);
}

/* The parent's attach is always allowed; what differs is what runs and whether the child may have more. */
static void check_late_parent(Bench *bench, const Step *parent, const Step *child, const char *runs) {
        int p = bench_cgroup(bench, "p"), c = bench_cgroup(bench, "p/c");
        int second = bench_step(bench, c, child, -EBADF),
            first = bench_step(bench, p, parent, -EBADF), third;
        bool exclusive = !parent->link && parent->flags == 0;
        bool child_multi = child->link || (child->flags & MULTI);

        ck_assert_int_ge(second, 0);
        ck_assert_str_eq(bench_word(first), "ok");
        ck_assert_str_eq(bench_list(bench, c, true), runs);
        if (child_multi) {
                third = bench_attach(bench, c, 'c', MULTI);
                ck_assert_str_eq(bench_word(third), exclusive ? "EPERM" : "ok");
        }
        bench_close(bench, second);
        bench_close(bench, first);
        bench_cgroup_end(bench, c, "p/c");
        bench_cgroup_end(bench, p, "p");
}

void matrix_parent_after_child(MatrixHost *host) {
        /* by what the parent gets (P0, PO, PM, L), whatever the child has */
        static const char *const runs[4] = { "b", "b", "ba", "ba" };
        Bench bench = bench_start(host, 3);

        for (size_t child = 0; child < 4; child++)
                for (size_t parent = 0; parent < 4; parent++)
                        check_late_parent(
                                &bench, &firsts[parent + 1], &childs[child + 1], runs[parent]
                        );
        bench_end(&bench);
}

/* Grandparent PM a; parent gets b by flags, child then c in multi mode. */
static void check_three(
        Bench *bench,
        uint32_t parent_flags,
        const char *before,
        int answer,
        const char *after
) {
        int g = bench_cgroup(bench, "g"), p = bench_cgroup(bench, "g/p"),
            c = bench_cgroup(bench, "g/p/c");

        ck_assert_int_eq(bench_attach(bench, g, 'a', MULTI), 0);
        ck_assert_int_eq(bench_attach(bench, p, 'b', parent_flags), 0);
        ck_assert_str_eq(bench_list(bench, c, true), before);
        ck_assert_int_eq(bench_attach(bench, c, 'c', MULTI), answer);
        ck_assert_str_eq(bench_list(bench, c, true), after);
        bench_cgroup_end(bench, c, "g/p/c");
        c = bench_cgroup(bench, "g/p/later"); /* inherits */
        ck_assert_str_eq(bench_list(bench, c, true), before);
        bench_cgroup_end(bench, c, "g/p/later");
        bench_cgroup_end(bench, p, "g/p");
        bench_cgroup_end(bench, g, "g");
}

void matrix_three_levels(MatrixHost *host) {
        Bench bench = bench_start(host, 3);

        check_three(&bench, 0, "ba", -EPERM, "ba");
        check_three(&bench, OVERRIDE, "ba", 0, "ca");
        check_three(&bench, MULTI, "ba", 0, "cba");
        bench_end(&bench);
}

/* K12: programs of the parent a b e, preorder g h; of the child c d f, preorder i j. */
void matrix_preorder_runs_first(MatrixHost *host) {
        static const struct {
                bool child;
                char program;
                uint32_t flags;
        } steps[] = {
                { false, 'a', MULTI },
                { false, 'b', MULTI },
                { true, 'c', MULTI },
                { true, 'd', MULTI },
                { false, 'e', MULTI },
                { true, 'f', MULTI },
                { false, 'g', MULTI | UAPI_F_PREORDER },
                { false, 'h', MULTI | UAPI_F_PREORDER },
                { true, 'i', MULTI | UAPI_F_PREORDER },
                { true, 'j', MULTI | UAPI_F_PREORDER },
        };
        Bench bench = bench_start(host, 10);
        int p = bench_cgroup(&bench, "p"), c = bench_cgroup(&bench, "p/c");

        for (size_t i = 0; i < ELEMENTS(steps); i++)
                ck_assert_int_eq(
                        bench_attach(
                                &bench, steps[i].child ? c : p, steps[i].program, steps[i].flags
                        ),
                        0
                );
        ck_assert_str_eq(bench_list(&bench, c, true), "ghijcdfabe");
        ck_assert_str_eq(bench_list(&bench, p, true), "ghabe");
        ck_assert_str_eq(bench_list(&bench, c, false), "cdfij/2");
        bench_cgroup_end(&bench, c, "p/c");
        bench_cgroup_end(&bench, p, "p");
        bench_end(&bench);
}

void matrix_replacing_keeps_the_slot(MatrixHost *host) {
        Bench bench = bench_start(host, 5);
        int cgroup = bench_cgroup(&bench, "cell"), link;
        Step step = { .program = 'd', .flags = MULTI | REPLACE, .replace = 'a' };

        ck_assert_int_eq(bench_attach(&bench, cgroup, 'a', MULTI), 0);
        link = bench_link(&bench, cgroup, 'b');
        ck_assert_int_ge(link, 3);
        ck_assert_int_eq(bench_attach(&bench, cgroup, 'c', MULTI), 0);
        ck_assert_int_eq(bench_step(&bench, cgroup, &step, -EBADF), 0);
        ck_assert_str_eq(bench_list(&bench, cgroup, false), "dbc/2");
        ck_assert_int_eq(
                host->ops->link_update(host->ops, link, bench_program(&bench, 'e'), -EBADF), 0
        );
        ck_assert_str_eq(bench_list(&bench, cgroup, false), "dec/2");
        ck_assert_str_eq(bench_list(&bench, cgroup, true), "dec");
        bench_close(&bench, link);
        ck_assert_str_eq(bench_list(&bench, cgroup, false), "dc/2");
        bench_cgroup_end(&bench, cgroup, "cell");
        bench_end(&bench);
}

void matrix_replacing_takes_the_new_flags(MatrixHost *host) {
        Bench bench = bench_start(host, 3);
        int cgroup = bench_cgroup(&bench, "cell");
        Step step = { .program = 'c', .flags = MULTI | REPLACE, .replace = 'b' };

        ck_assert_int_eq(bench_attach(&bench, cgroup, 'a', MULTI), 0);
        ck_assert_int_eq(bench_attach(&bench, cgroup, 'b', MULTI | UAPI_F_PREORDER), 0);
        ck_assert_str_eq(bench_list(&bench, cgroup, true), "ba");
        ck_assert_int_eq(bench_step(&bench, cgroup, &step, -EBADF), 0);
        ck_assert_str_eq(bench_list(&bench, cgroup, true), "ac");
        bench_cgroup_end(&bench, cgroup, "cell");
        bench_end(&bench);
}
