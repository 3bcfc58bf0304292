/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/bpf/matrix-bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void note(MatrixHost *host, int64_t id) {
        ck_assert_uint_lt(host->n_noted, MATRIX_NOTED_MAX);
        host->noted[host->n_noted++] = id;
}

static bool is_gone(MatrixHost *host, int64_t noted) {
        int fd = noted < 0 ? host->ops->link_by_id(host->ops, (uint32_t)-noted)
                           : host->ops->prog_by_id(host->ops, (uint32_t)noted);

        if (fd >= 0)
                (void)host->ops->close(host->ops, fd);
        return fd == -ENOENT;
}

void matrix_prove_clean(MatrixHost *host) {
        time_t end = time(NULL) + 5;

        for (size_t i = 0; i < host->n_noted; i++) {
                while (!is_gone(host, host->noted[i]) && time(NULL) < end)
                        (void)usleep(2000);
                ck_assert_msg(
                        is_gone(host, host->noted[i]), "%s %jd is left behind",
                        host->noted[i] < 0 ? "link" : "program", (intmax_t)host->noted[i]
                );
        }
        host->n_noted = 0;
}

Bench bench_start(MatrixHost *host, size_t n) {
        Bench bench = { .host = host, .ops = host->ops };

        for (size_t i = 0; i < n; i++) {
                char name[] = { (char)('a' + i), 0 };
                ProgramInfo info;

                bench.programs[i] = host->program_new(host, name, HOOK_SOCK_CREATE);
                ck_assert_int_ge(bench.programs[i], 3);
                ck_assert_int_eq(host->ops->prog_info(host->ops, bench.programs[i], &info), 0);
                bench.ids[i] = info.id;
                note(host, info.id);
        }
        return bench;
}

void bench_end(Bench *bench) {
        for (size_t i = 0; i < BENCH_PROGRAMS; i++)
                bench_close(bench, bench->programs[i]);
        *bench = (Bench){};
}

int bench_program(const Bench *bench, char letter) {
        return bench->programs[letter - 'a'];
}

int bench_closed(const Bench *bench) {
        int fd = bench->host->program_new(bench->host, "closed", HOOK_SOCK_CREATE);

        ck_assert_int_ge(fd, 3);
        bench_close(bench, fd);
        return fd;
}

int bench_cgroup(Bench *bench, const char *name) {
        _cleanup_free_ char *path = bench->host->cgroup_path(bench->host, name);
        int fd;

        bench->host->cgroup_make(bench->host, name);
        fd = bench->ops->cgroup_open(bench->ops, path, NULL);
        ck_assert_int_ge(fd, 3);
        return fd;
}

void bench_cgroup_end(Bench *bench, int fd, const char *name) {
        bench_close(bench, fd);
        bench->host->cgroup_remove(bench->host, name);
}

static uint32_t id_of_link(const Bench *bench, int fd) {
        LinkInfo info;

        ck_assert_int_eq(bench->ops->link_info(bench->ops, fd, &info), 0);
        return info.id;
}

static uint32_t anchor_of(const Bench *bench, const Step *step, int link_fd) {
        bool id = step->flags & UAPI_F_ID;

        if (step->anchor == 0)
                return 0;
        if (step->anchor == 'x')
                return 0x7ffffff0;
        if (step->anchor == '^') {
                if (link_fd < 0)
                        return id ? 0x7ffffff0 : (uint32_t)bench_closed(bench);
                return id ? id_of_link(bench, link_fd) : (uint32_t)link_fd;
        }
        return id ? bench->ids[step->anchor - 'a'] : (uint32_t)bench_program(bench, step->anchor);
}

static int step_link(Bench *bench, int cgroup, const Step *step, uint32_t anchor, uint64_t revision) {
        int fd = bench->ops->link_create_with(
                bench->ops,
                &(LinkArguments){
                        .cgroup_fd = cgroup,
                        .prog_fd = bench_program(bench, step->program),
                        .attach_type = SOCK_CREATE,
                        .flags = step->flags,
                        .anchor = anchor,
                        .expected_revision = revision,
                }
        );

        if (fd >= 0)
                note(bench->host, -(int64_t)id_of_link(bench, fd));
        return fd;
}

int bench_step(Bench *bench, int cgroup, const Step *step, int link_fd) {
        uint32_t anchor = anchor_of(bench, step, link_fd);
        uint64_t revision = 0;
        int replace = -EBADF;

        if (step->program == 0)
                return 0;
        if (step->revision != 0)
                revision = bench_revision(bench, cgroup) + (step->revision > 0 ? 0 : 7);
        if (step->replace)
                replace = step->replace == 'x' ? bench_closed(bench)
                                               : bench_program(bench, step->replace);
        if (step->link)
                return step_link(bench, cgroup, step, anchor, revision);
        return bench->ops->prog_attach(
                bench->ops,
                &(AttachArguments){
                        .cgroup_fd = cgroup,
                        .prog_fd = bench_program(bench, step->program),
                        .replace_prog_fd = replace,
                        .attach_type = SOCK_CREATE,
                        .flags = step->flags,
                        .anchor = anchor,
                        .expected_revision = revision,
                }
        );
}

int bench_link(Bench *bench, int cgroup, char letter) {
        int fd = bench->ops->link_create(
                bench->ops, bench_program(bench, letter), cgroup, SOCK_CREATE
        );

        if (fd >= 0)
                note(bench->host, -(int64_t)id_of_link(bench, fd));
        return fd;
}

int bench_attach(Bench *bench, int cgroup, char letter, uint32_t flags) {
        return bench_step(bench, cgroup, &(Step){ .program = letter, .flags = flags }, -EBADF);
}

int bench_detach(Bench *bench, int cgroup, char letter) {
        return bench->ops->prog_detach(
                bench->ops,
                &(AttachArguments){
                        .cgroup_fd = cgroup,
                        .prog_fd = bench_program(bench, letter),
                        .replace_prog_fd = -EBADF,
                        .attach_type = SOCK_CREATE,
                }
        );
}

static char letter_of(const Bench *bench, uint32_t id) {
        for (size_t i = 0; i < BENCH_PROGRAMS; i++)
                if (bench->ids[i] == id)
                        return (char)('a' + i);
        return '?';
}

const char *bench_list(const Bench *bench, int cgroup, bool effective) {
        static char word[200];
        QueryResult result;
        size_t n = 0;
        int r = bench->ops->query(bench->ops, cgroup, SOCK_CREATE, effective, &result);

        ck_assert_msg(r == 0, "query: %s", strerror(-r));
        for (; n < result.n_prog_ids && n < sizeof word - 16; n++)
                word[n] = letter_of(bench, result.prog_ids[n]);
        word[n] = 0;
        if (!effective)
                (void)snprintf(word + n, 16, "/%u", result.attach_flags);
        query_result_done(&result);
        return word;
}

uint64_t bench_revision(const Bench *bench, int cgroup) {
        QueryResult result;
        uint64_t revision;

        ck_assert_int_eq(bench->ops->query(bench->ops, cgroup, SOCK_CREATE, false, &result), 0);
        revision = result.revision;
        query_result_done(&result);
        return revision;
}

void bench_close(const Bench *bench, int fd) {
        if (fd > 0)
                (void)bench->ops->close(bench->ops, fd);
}

const char *bench_word(int r) {
        return r >= 0 ? "ok" : strerrorname_np(-r) ?: "?";
}
