/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/bpf/matrix-bench.h"
#include "tests/unit/bpf/matrix.h"

/* Detach, links, removal, limits and lookups: the part of the tables that goes over time. */

static int detach_fd(const Bench *bench, int cgroup, int prog_fd, uint32_t type, uint64_t revision) {
        return bench->ops->prog_detach(
                bench->ops,
                &(AttachArguments){
                        .cgroup_fd = cgroup,
                        .prog_fd = prog_fd,
                        .replace_prog_fd = -EBADF,
                        .attach_type = type,
                        .expected_revision = revision,
                }
        );
}

/* K9. What is there, what is named: 'a' right, 'b' another program, 't' one of another type, 'x' closed. */
static const struct {
        Step first;
        const char *expected[4];
        const char *after_right; /* list after the right one was detached */
} detaches[] = {
        { { .program = 'a' }, { "ok", "ok", "ok", "ok" }, "/0" },
        { { .program = 'a', .flags = OVERRIDE }, { "ok", "ok", "ok", "ok" }, "/0" },
        { { .program = 'a', .flags = MULTI }, { "ok", "ENOENT", "EINVAL", "EINVAL" }, "/0" },
        { {}, { "ENOENT", "ENOENT", "ENOENT", "ENOENT" }, "/0" },
        { { .program = 'a', .link = true }, { "ENOENT", "ENOENT", "EINVAL", "EINVAL" }, "a/2" },
};

static void check_detach(Bench *bench, size_t row, size_t column) {
        int cgroup = bench_cgroup(bench, "cell");
        int first = bench_step(bench, cgroup, &detaches[row].first, -EBADF);
        int other = bench->host->program_new(bench->host, "t", HOOK_EGRESS);
        int named = column == 0   ? bench_program(bench, 'a')
                    : column == 1 ? bench_program(bench, 'b')
                    : column == 2 ? other
                                  : bench_closed(bench);
        int r = detach_fd(bench, cgroup, named, SOCK_CREATE, 0);

        ck_assert_int_ge(first, 0);
        ck_assert_msg(
                strcmp(bench_word(r), detaches[row].expected[column]) == 0,
                "row %zu column %zu: %s", row, column, bench_word(r)
        );
        if (r >= 0)
                ck_assert_str_eq(bench_list(bench, cgroup, false), "/0");
        if (column == 0)
                ck_assert_str_eq(bench_list(bench, cgroup, false), detaches[row].after_right);
        bench_close(bench, other);
        bench_close(bench, first);
        bench_cgroup_end(bench, cgroup, "cell");
}

void matrix_detach_in_each_mode(MatrixHost *host) {
        Bench bench = bench_start(host, 2);
        int cgroup, link;

        for (size_t row = 0; row < ELEMENTS(detaches); row++)
                for (size_t column = 0; column < 4; column++)
                        check_detach(&bench, row, column);

        cgroup = bench_cgroup(&bench, "both");
        ck_assert_int_eq(bench_attach(&bench, cgroup, 'a', MULTI), 0);
        link = bench_link(&bench, cgroup, 'a');
        ck_assert_int_eq(bench_detach(&bench, cgroup, 'a'), 0);
        ck_assert_str_eq(bench_list(&bench, cgroup, false), "a/2"); /* the link's stays */
        ck_assert_int_eq(bench_detach(&bench, cgroup, 'a'), -ENOENT);
        bench_close(&bench, link);
        bench_cgroup_end(&bench, cgroup, "both");
        bench_end(&bench);
}

void matrix_detach_checks_the_revision(MatrixHost *host) {
        Bench bench = bench_start(host, 2);
        int cgroup = bench_cgroup(&bench, "cell"), a = bench_program(&bench, 'a');

        ck_assert_int_eq(bench_attach(&bench, cgroup, 'a', 0), 0);
        ck_assert_int_eq(detach_fd(&bench, cgroup, a, SOCK_CREATE, 1), -ESTALE);
        ck_assert_int_eq(detach_fd(&bench, cgroup, a, SOCK_CREATE, 2), 0);
        ck_assert_uint_eq(bench_revision(&bench, cgroup), 3);
        ck_assert_int_eq(detach_fd(&bench, cgroup, a, BPF_CGROUP_DEVICE, 0), -ENOENT);
        bench_cgroup_end(&bench, cgroup, "cell");
        bench_end(&bench);
}

/* K7, K10: a link that was detached stays as a defunct one. */
void matrix_link_life(MatrixHost *host) {
        Bench bench = bench_start(host, 2);
        const KernelOps *ops = host->ops;
        int cgroup = bench_cgroup(&bench, "cell"), link = bench_link(&bench, cgroup, 'a'), second;
        LinkInfo info;
        uint64_t id;

        ck_assert_int_eq(ops->cgroup_id(ops, cgroup, &id), 0);
        ck_assert_int_eq(ops->kind(ops, link), FD_KIND_LINK);
        ck_assert_int_eq(ops->kind(ops, bench_program(&bench, 'a')), FD_KIND_PROGRAM);
        ck_assert_int_eq(ops->kind(ops, cgroup), FD_KIND_OTHER);
        ck_assert_int_eq(ops->link_info(ops, link, &info), 0);
        ck_assert_uint_eq(info.type, BPF_LINK_TYPE_CGROUP);
        ck_assert_uint_eq(info.prog_id, bench.ids[0]);
        ck_assert_uint_eq(info.cgroup_id, id);
        ck_assert_uint_eq(info.attach_type, SOCK_CREATE);
        second = ops->link_by_id(ops, info.id);
        ck_assert_int_ge(second, 3);
        ck_assert_int_ne(second, link);
        ck_assert_int_eq(ops->kind(ops, second), FD_KIND_LINK);

        ck_assert_int_eq(ops->link_detach(ops, link), 0);
        ck_assert_int_eq(ops->link_detach(ops, link), 0);
        ck_assert_str_eq(bench_list(&bench, cgroup, false), "/0");
        ck_assert_int_eq(ops->link_info(ops, second, &info), 0);
        ck_assert_uint_eq(info.cgroup_id, 0);
        ck_assert_uint_eq(info.prog_id, bench.ids[0]);
        ck_assert_uint_eq(info.attach_type, SOCK_CREATE);
        ck_assert_int_eq(ops->link_update(ops, link, bench_program(&bench, 'b'), -EBADF), -ENOLINK);
        ck_assert_int_eq(
                ops->link_update(ops, link, bench_program(&bench, 'b'), bench_program(&bench, 'b')),
                -ENOLINK
        );
        bench_close(&bench, second);
        bench_close(&bench, link);
        bench_cgroup_end(&bench, cgroup, "cell");
        bench_end(&bench);
}

/* K8 */
void matrix_link_update_answers(MatrixHost *host) {
        Bench bench = bench_start(host, 3);
        const KernelOps *ops = host->ops;
        int cgroup = bench_cgroup(&bench, "cell"), link = bench_link(&bench, cgroup, 'a');
        int a = bench_program(&bench, 'a'), b = bench_program(&bench, 'b'),
            c = bench_program(&bench, 'c');
        int other = host->program_new(host, "t", HOOK_EGRESS);
        uint64_t revision = bench_revision(&bench, cgroup);

        ck_assert_int_eq(ops->link_update(ops, link, b, -EBADF), 0);
        ck_assert_uint_eq(bench_revision(&bench, cgroup), revision + 1);
        ck_assert_int_eq(ops->link_update(ops, link, b, -EBADF), 0);
        ck_assert_int_eq(ops->link_update(ops, link, a, b), 0);
        ck_assert_int_eq(ops->link_update(ops, link, c, b), -EPERM);
        ck_assert_int_eq(ops->link_update(ops, link, c, bench_closed(&bench)), -EBADF);
        ck_assert_int_eq(ops->link_update(ops, link, c, link), -EINVAL);
        ck_assert_int_eq(ops->link_update(ops, link, other, -EBADF), -EINVAL);
        ck_assert_int_eq(ops->link_update(ops, link, bench_closed(&bench), -EBADF), -EBADF);
        ck_assert_int_eq(ops->link_update(ops, link, link, -EBADF), -EINVAL);
        ck_assert_int_eq(ops->link_update(ops, a, b, -EBADF), -EINVAL);
        ck_assert_int_eq(ops->link_update(ops, bench_closed(&bench), b, -EBADF), -EBADF);
        ck_assert_str_eq(bench_list(&bench, cgroup, false), "a/2");
        bench_close(&bench, other);
        bench_close(&bench, link);
        bench_cgroup_end(&bench, cgroup, "cell");
        bench_end(&bench);
}

/* Why prog_fits() exists: what a fresh link refuses, an update takes. */
void matrix_link_update_ignores_expected_type(MatrixHost *host) {
        Bench bench = bench_start(host, 1);
        const KernelOps *ops = host->ops;
        int cgroup = bench_cgroup(&bench, "cell"), link = bench_link(&bench, cgroup, 'a');
        int bind = host->program_new(host, "bind", HOOK_POST_BIND4);

        ck_assert_int_eq(ops->prog_fits(ops, bind, SOCK_CREATE), -EINVAL);
        ck_assert_int_eq(ops->link_create(ops, bind, cgroup, SOCK_CREATE), -EINVAL);
        ck_assert_int_eq(ops->link_update(ops, link, bind, -EBADF), 0);
        bench_close(&bench, bind);
        bench_close(&bench, link);
        bench_cgroup_end(&bench, cgroup, "cell");
        bench_end(&bench);
}

/* K6 */
void matrix_last_reference_of_a_link_detaches(MatrixHost *host) {
        Bench bench = bench_start(host, 1);
        const KernelOps *ops = host->ops;
        int cgroup = bench_cgroup(&bench, "cell"), link = bench_link(&bench, cgroup, 'a'), second;
        LinkInfo info;

        ck_assert_int_eq(ops->link_info(ops, link, &info), 0);
        second = ops->link_by_id(ops, info.id);
        bench_close(&bench, link);
        ck_assert_str_eq(bench_list(&bench, cgroup, false), "a/2");
        bench_close(&bench, second);
        ck_assert_str_eq(bench_list(&bench, cgroup, false), "/0");
        ck_assert_int_eq(ops->link_by_id(ops, info.id), -ENOENT);
        bench_cgroup_end(&bench, cgroup, "cell");
        bench_end(&bench);
}

/* K7 */
void matrix_removed_cgroup(MatrixHost *host) {
        Bench bench = bench_start(host, 2);
        const KernelOps *ops = host->ops;
        int cgroup = bench_cgroup(&bench, "cell"), link = bench_link(&bench, cgroup, 'a'), fd;
        QueryResult result;
        LinkInfo info;
        uint64_t id, again = 0;

        ck_assert_int_eq(bench_attach(&bench, cgroup, 'b', MULTI), 0);
        ck_assert_int_eq(ops->cgroup_id(ops, cgroup, &id), 0);
        ck_assert_int_eq(ops->cgroup_alive(ops, cgroup), 1);
        host->cgroup_remove(host, "cell");
        ck_assert_int_eq(ops->cgroup_alive(ops, cgroup), 0);
        ck_assert_int_eq(ops->cgroup_id(ops, cgroup, &again), 0);
        ck_assert_uint_eq(again, id);
        ck_assert_int_eq(ops->cgroup_by_id(ops, id, NULL), -ESTALE);
        ck_assert_int_eq(ops->cgroup_parent(ops, cgroup), -ESTALE);
        ck_assert_int_eq(ops->cgroup_descendants(ops, cgroup, 10), -ENOENT);
        ck_assert_int_eq(bench_attach(&bench, cgroup, 'a', MULTI), -ENOENT);
        ck_assert_int_eq(bench_detach(&bench, cgroup, 'b'), -ENOENT);
        ck_assert_int_eq(ops->query(ops, cgroup, SOCK_CREATE, false, &result), -ENOENT);
        fd = bench_link(&bench, cgroup, 'a');
        ck_assert_int_eq(fd, -ENOENT);
        host->wait(host);
        ck_assert_int_eq(ops->link_info(ops, link, &info), 0);
        ck_assert_uint_eq(info.cgroup_id, 0);
        ck_assert_uint_eq(info.prog_id, bench.ids[0]);
        ck_assert_int_eq(ops->link_update(ops, link, bench_program(&bench, 'b'), -EBADF), -ENOLINK);
        ck_assert_int_eq(ops->link_detach(ops, link), 0);
        bench_close(&bench, link);
        bench_close(&bench, cgroup);
        bench_end(&bench);
}

void matrix_recreated_cgroup_is_another(MatrixHost *host) {
        Bench bench = bench_start(host, 1);
        const KernelOps *ops = host->ops;
        int old = bench_cgroup(&bench, "cell"), link = bench_link(&bench, old, 'a'), cgroup;
        uint64_t first, second;
        LinkInfo info;

        ck_assert_int_eq(ops->cgroup_id(ops, old, &first), 0);
        host->cgroup_remove(host, "cell");
        cgroup = bench_cgroup(&bench, "cell");
        ck_assert_int_eq(ops->cgroup_id(ops, cgroup, &second), 0);
        ck_assert_uint_ne(first, second);
        ck_assert_str_eq(bench_list(&bench, cgroup, false), "/0");
        ck_assert_int_eq(bench_attach(&bench, old, 'a', MULTI), -ENOENT);
        ck_assert_int_eq(ops->cgroup_by_id(ops, first, NULL), -ESTALE);
        host->wait(host);
        ck_assert_int_eq(ops->link_info(ops, link, &info), 0);
        ck_assert_uint_eq(info.cgroup_id, 0);
        bench_close(&bench, link);
        bench_close(&bench, old);
        bench_cgroup_end(&bench, cgroup, "cell");
        bench_end(&bench);
}

/* K5 */
void matrix_sixty_four_and_no_more(MatrixHost *host) {
        Bench bench = bench_start(host, 3);
        int p = bench_cgroup(&bench, "p"), c = bench_cgroup(&bench, "p/c"), links[64], child[64];
        Step replace = { .program = 'c', .flags = MULTI | REPLACE, .replace = 'b' };
        QueryResult result;

        ck_assert_int_eq(bench_attach(&bench, p, 'b', MULTI), 0);
        for (size_t i = 0; i < 63; i++) {
                links[i] = bench_link(&bench, p, 'a');
                ck_assert_int_ge(links[i], 3);
        }
        for (size_t i = 0; i < 64; i++) {
                child[i] = bench_link(&bench, c, 'a');
                ck_assert_int_ge(child[i], 3);
        }
        ck_assert_int_eq(bench_link(&bench, p, 'a'), -E2BIG);
        ck_assert_int_eq(bench_attach(&bench, p, 'c', MULTI), -E2BIG);
        ck_assert_int_eq(bench_step(&bench, p, &replace, -EBADF), -E2BIG);
        ck_assert_int_eq(
                host->ops->link_update(host->ops, links[0], bench_program(&bench, 'c'), -EBADF), 0
        );
        ck_assert_int_eq(host->ops->query(host->ops, p, SOCK_CREATE, false, &result), 0);
        ck_assert_uint_eq(result.n_prog_ids, 64);
        query_result_done(&result);
        /* more than the first round of a query has room for */
        ck_assert_int_eq(host->ops->query(host->ops, c, SOCK_CREATE, true, &result), 0);
        ck_assert_uint_eq(result.n_prog_ids, 128);
        ck_assert_uint_eq(result.prog_ids[0], bench.ids[0]);
        ck_assert_uint_eq(result.prog_ids[64], bench.ids[1]);
        ck_assert_uint_eq(result.prog_ids[65], bench.ids[2]);
        query_result_done(&result);
        for (size_t i = 0; i < 64; i++) {
                bench_close(&bench, i < 63 ? links[i] : -EBADF);
                bench_close(&bench, child[i]);
        }
        bench_cgroup_end(&bench, c, "p/c");
        bench_cgroup_end(&bench, p, "p");
        bench_end(&bench);
}

/* K11, K13 */
void matrix_query_effective_and_revision(MatrixHost *host) {
        Bench bench = bench_start(host, 2);
        int p = bench_cgroup(&bench, "p"), c = bench_cgroup(&bench, "p/c");
        QueryResult result;

        ck_assert_int_eq(bench_attach(&bench, p, 'a', MULTI), 0);
        ck_assert_int_eq(bench_attach(&bench, c, 'b', MULTI), 0);
        ck_assert_int_eq(host->ops->query(host->ops, c, SOCK_CREATE, true, &result), 0);
        ck_assert_uint_eq(result.n_prog_ids, 2);
        ck_assert_uint_eq(result.attach_flags, 0);
        ck_assert_uint_eq(result.revision, 0);
        query_result_done(&result);
        ck_assert_uint_eq(bench_revision(&bench, c), 2);
        ck_assert_int_eq(host->ops->query(host->ops, c, BPF_CGROUP_DEVICE, false, &result), 0);
        ck_assert_uint_eq(result.n_prog_ids, 0);
        ck_assert_uint_eq(result.revision, 1); /* each hook has its own */
        query_result_done(&result);
        bench_cgroup_end(&bench, c, "p/c");
        bench_cgroup_end(&bench, p, "p");
        bench_end(&bench);
}

/* K1 */
void matrix_wrong_descriptors(MatrixHost *host) {
        Bench bench = bench_start(host, 1);
        const KernelOps *ops = host->ops;
        int cgroup = bench_cgroup(&bench, "cell"), a = bench_program(&bench, 'a'), link;
        const int targets[] = { a, bench_closed(&bench), -1 };
        QueryResult result;

        for (size_t i = 0; i < ELEMENTS(targets); i++) {
                ck_assert_int_eq(bench_attach(&bench, targets[i], 'a', MULTI), -EBADF);
                ck_assert_int_eq(bench_link(&bench, targets[i], 'a'), -EBADF);
                ck_assert_int_eq(bench_detach(&bench, targets[i], 'a'), -EBADF);
                ck_assert_int_eq(ops->query(ops, targets[i], SOCK_CREATE, false, &result), -EBADF);
        }
        ck_assert_int_eq(ops->link_create(ops, bench_closed(&bench), cgroup, SOCK_CREATE), -EBADF);
        /* an O_PATH descriptor counts as none where a program must be, a link as a wrong one */
        ck_assert_int_eq(ops->link_create(ops, cgroup, cgroup, SOCK_CREATE), -EBADF);
        link = bench_link(&bench, cgroup, 'a');
        ck_assert_int_eq(ops->link_create(ops, link, cgroup, SOCK_CREATE), -EINVAL);
        bench_close(&bench, link);
        bench_cgroup_end(&bench, cgroup, "cell");
        bench_end(&bench);
}

void matrix_program_fits_its_hook_only(MatrixHost *host) {
        static const struct {
                Hook made_for, asked;
                int answer;
        } rows[] = {
                { HOOK_SOCK_CREATE, HOOK_SOCK_CREATE, 0 },
                { HOOK_SOCK_CREATE, HOOK_POST_BIND4, -EINVAL },
                { HOOK_POST_BIND4, HOOK_POST_BIND4, 0 },
                { HOOK_POST_BIND4, HOOK_SOCK_CREATE, -EINVAL },
                { HOOK_INGRESS, HOOK_EGRESS, 0 },
                { HOOK_EGRESS, HOOK_CONNECT4, -EINVAL },
                { HOOK_CONNECT4, HOOK_CONNECT4, 0 },
                { HOOK_CONNECT4, HOOK_CONNECT6, -EINVAL },
                { HOOK_CONNECT_UNIX, HOOK_CONNECT_UNIX, 0 },
                { HOOK_GETSOCKOPT, HOOK_SETSOCKOPT, -EINVAL },
                { HOOK_DEVICE, HOOK_DEVICE, 0 },
                { HOOK_SYSCTL, HOOK_DEVICE, -EINVAL },
        };
        const KernelOps *ops = host->ops;

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                int program = host->program_new(host, "p", rows[i].made_for);

                ck_assert_int_ge(program, 3);
                ck_assert_msg(
                        ops->prog_fits(ops, program, hook_info(rows[i].asked)->attach_type) ==
                                rows[i].answer,
                        "program for %s asked for %s", hook_to_string(rows[i].made_for),
                        hook_to_string(rows[i].asked)
                );
                (void)ops->close(ops, program);
        }
        ck_assert_int_eq(ops->prog_fits(ops, -EBADF, SOCK_CREATE), -EBADF);
}

void matrix_cgroup_lookups(MatrixHost *host) {
        Bench bench = bench_start(host, 0);
        const KernelOps *ops = host->ops;
        int p = bench_cgroup(&bench, "p"), c = bench_cgroup(&bench, "p/c"), fd;
        _cleanup_free_ char *expected = host->cgroup_path(host, "p/c"), *path = NULL;
        uint64_t id, found, opened;

        ck_assert_int_eq(ops->cgroup_id(ops, c, &id), 0);
        fd = ops->cgroup_by_id(ops, id, &path);
        ck_assert_int_ge(fd, 3);
        ck_assert_str_eq(path, expected);
        ck_assert_int_eq(ops->cgroup_id(ops, fd, &found), 0);
        ck_assert_uint_eq(found, id);
        bench_close(&bench, fd);

        fd = ops->cgroup_open(ops, expected, &opened);
        ck_assert_int_ge(fd, 3);
        ck_assert_uint_eq(opened, id);
        bench_close(&bench, fd);

        fd = ops->cgroup_parent(ops, c);
        ck_assert_int_ge(fd, 3);
        ck_assert_int_eq(ops->cgroup_id(ops, fd, &found), 0);
        ck_assert_int_eq(ops->cgroup_id(ops, p, &id), 0);
        ck_assert_uint_eq(found, id);
        bench_close(&bench, fd);

        ck_assert_int_eq(ops->cgroup_descendants(ops, p, 10), 1);
        ck_assert_int_eq(ops->cgroup_descendants(ops, p, 0), 0);
        ck_assert_int_eq(ops->cgroup_descendants(ops, c, 10), 0);
        bench_cgroup_end(&bench, c, "p/c");
        bench_cgroup_end(&bench, p, "p");
        ck_assert_int_eq(ops->cgroup_open(ops, expected, NULL), -ENOENT);
        bench_end(&bench);
}
