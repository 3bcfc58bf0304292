/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libunitbpf as another unit manager uses it: attach, list, write, execve() itself, read, detach. Needs root, for a
 * cgroup and programs. */

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/call.h"
#include "bpf/kernel-ops.h"
#include "bpf/look/hook.h"
#include "src/base/fd.h"
#include "src/base/text.h"
#include "src/lib/unitbpf.h"
#include "tests/integration/bpf/kernel-host.h"
#include "tests/unit/check-main.h"

static int open_cgroup(const char *name) {
        _cleanup_free_ char *path = kernel_host_path(name);
        int fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        return fd;
}

static Unitbpf *begin(void) {
        Unitbpf *unitbpf = NULL;

        ck_assert_int_eq(unitbpf_new(NULL, NULL, &unitbpf), 0);
        ck_assert_int_eq(unitbpf_deserialize(unitbpf, NULL, 0, NULL, 0), 0);
        return unitbpf;
}

START_TEST(programs_are_attached_listed_and_detached)
{
        _cleanup_close_ int cgroup = -EBADF, program = -EBADF;
        UnitbpfAttachment a = { .struct_size = sizeof a };
        Unitbpf *unitbpf;
        uint64_t id, other;
        uint32_t link_id;

        kernel_host_make("a");
        cgroup = open_cgroup("a");
        program = kernel_host_program(HOOK_EGRESS);
        unitbpf = begin();
        ck_assert_int_eq(
                unitbpf_attach(unitbpf, "a.service", cgroup, program, "egress", UNITBPF_MULTI, &id),
                0
        );
        ck_assert_int_eq(
                unitbpf_attach(
                        unitbpf, "a.service", cgroup, program, "cgroup_inet_egress",
                        UNITBPF_MULTI | UNITBPF_LEGACY, &other
                ),
                0
        );
        ck_assert_int_eq(unitbpf_get(unitbpf, 0, &a), 0);
        ck_assert_uint_eq(a.id, id);
        ck_assert_str_eq(a.unit, "a.service");
        ck_assert_str_eq(a.hook, "egress");
        ck_assert_str_eq(a.via, "cgroup-link");
        ck_assert_str_eq(a.flags, "multi");
        ck_assert_str_eq(a.state, "attached");
        link_id = a.link_id;
        ck_assert_int_eq(unitbpf_get(unitbpf, 1, &a), 0);
        ck_assert_str_eq(a.via, "cgroup-legacy");
        ck_assert_int_eq(unitbpf_get(unitbpf, 2, &a), -ENOENT);
        ck_assert_int_eq(unitbpf_detach(unitbpf, id), 0);
        ck_assert_int_eq(unitbpf_detach(unitbpf, id), -ENOENT);
        ck_assert_int_eq(unitbpf_detach_unit(unitbpf, "a.service"), 0);
        ck_assert_int_eq(unitbpf_detach_unit(unitbpf, "a.service"), 0);
        ck_assert_int_eq(unitbpf_get(unitbpf, 0, &a), -ENOENT);
        ck_assert_ptr_null(unitbpf_free(unitbpf));
        kernel_host_wait_gone(BPF_LINK_GET_FD_BY_ID, link_id);
        kernel_host_remove("a");
        kernel_host_end();
}
END_TEST

START_TEST(mistakes_are_errors_with_words)
{
        _cleanup_close_ int cgroup = -EBADF, program = -EBADF, foreign = -EBADF;
        UnitbpfAttachment a = { .struct_size = sizeof a + 1 };
        Unitbpf *unitbpf;
        uint64_t id = 4711;

        kernel_host_make("a");
        cgroup = open_cgroup("a");
        program = kernel_host_program(HOOK_EGRESS);
        foreign = kernel_host_program(HOOK_EGRESS);
        ck_assert_int_eq(unitbpf_new(NULL, NULL, &unitbpf), 0);
        ck_assert_int_eq(unitbpf_attach(unitbpf, "a", cgroup, program, "egress", 0, &id), -EINVAL);
        ck_assert_ptr_nonnull(strstr(unitbpf_last_error(unitbpf), "unitbpf_deserialize"));
        ck_assert_ptr_null(unitbpf_free(unitbpf)); /* also one that was never used */
        unitbpf = begin();
        ck_assert_int_eq(unitbpf_deserialize(unitbpf, NULL, 0, NULL, 0), -EINVAL);
        ck_assert_int_eq(unitbpf_get(unitbpf, 0, &a), -EINVAL);
        ck_assert_int_eq(unitbpf_attach(unitbpf, "a", cgroup, program, "nowhere", 0, &id), -EINVAL);
        ck_assert_str_eq(unitbpf_last_error(unitbpf), "unknown hook 'nowhere'");
        ck_assert_int_eq(unitbpf_attach(unitbpf, "a", cgroup, program, "egress", 3, &id), -EINVAL);
        ck_assert_int_eq(
                unitbpf_attach(unitbpf, "a", cgroup, program, "connect4", 0, &id), -EINVAL
        );
        ck_assert_ptr_nonnull(strstr(unitbpf_last_error(unitbpf), "does not fit connect4"));
        ck_assert_int_eq(unitbpf_attach(unitbpf, "a", cgroup, cgroup, "egress", 0, &id), -EINVAL);
        ck_assert_int_lt(unitbpf_attach(unitbpf, "a", program, program, "egress", 0, &id), 0);
        ck_assert_int_lt(unitbpf_attach(unitbpf, "a", cgroup, program, "xdp", 0, &id), 0);
        ck_assert_uint_eq(id, 4711);
        ck_assert_int_eq(
                unitbpf_attach(unitbpf, "a", cgroup, foreign, "egress", UNITBPF_EXCLUSIVE, &id), 0
        );
        ck_assert_int_eq(
                unitbpf_attach(unitbpf, "a", cgroup, program, "egress", UNITBPF_EXCLUSIVE, &id),
                -EBUSY
        );
        ck_assert_ptr_null(unitbpf_free(unitbpf));
        kernel_host_remove("a");
        kernel_host_end();
}
END_TEST

static size_t count(int cgroup, uint32_t prog_id) {
        const KernelOps *ops = kernel_ops_real();
        QueryResult query = {};
        size_t n = 0;

        ck_assert_int_ge(
                ops->query(ops, cgroup, hook_info(HOOK_EGRESS)->attach_type, false, &query), 0
        );
        for (size_t i = 0; i < query.n_prog_ids; i++)
                n += query.prog_ids[i] == prog_id;
        query_result_done(&query);
        return n;
}

/* A program of somebody else is displaced if that is said, one of the library's own never. */
START_TEST(takeover_displaces_the_foreign_alone)
{
        const KernelOps *ops = kernel_ops_real();
        _cleanup_close_ int cgroup = -EBADF, program = -EBADF, foreign = -EBADF;
        AttachArguments arguments = { .replace_prog_fd = -EBADF };
        const unsigned flags = UNITBPF_OVERRIDE | UNITBPF_TAKEOVER;
        ProgramInfo info;
        Unitbpf *unitbpf;
        uint64_t id;

        kernel_host_make("a");
        cgroup = arguments.cgroup_fd = open_cgroup("a");
        program = kernel_host_program(HOOK_EGRESS);
        foreign = arguments.prog_fd = kernel_host_program(HOOK_EGRESS);
        arguments.attach_type = hook_info(HOOK_EGRESS)->attach_type;
        arguments.flags = BPF_F_ALLOW_OVERRIDE;
        ck_assert_int_eq(ops->prog_attach(ops, &arguments), 0);
        ck_assert_int_eq(ops->prog_info(ops, foreign, &info), 0);
        unitbpf = begin();
        ck_assert_int_eq(
                unitbpf_attach(unitbpf, "a", cgroup, program, "egress", UNITBPF_OVERRIDE, &id),
                -EBUSY
        );
        ck_assert_uint_eq(count(cgroup, info.id), 1);
        ck_assert_int_eq(unitbpf_attach(unitbpf, "a", cgroup, program, "egress", flags, &id), 0);
        ck_assert_uint_eq(count(cgroup, info.id), 0);
        ck_assert_int_eq(
                unitbpf_attach(unitbpf, "b", cgroup, foreign, "egress", flags, &id), -EBUSY
        );
        ck_assert_ptr_nonnull(strstr(unitbpf_last_error(unitbpf), "of 'a'"));
        ck_assert_uint_eq(count(cgroup, info.id), 0);
        ck_assert_ptr_null(unitbpf_free(unitbpf));
        kernel_host_remove("a");
        kernel_host_end();
}
END_TEST

/* The new image: text in a memfd, links beside it. Argument: TEXT-FD LINK-FD LINK-ID. */
static int new_image(char **argv) {
        _cleanup_free_ char *text = NULL;
        UnitbpfAttachment a = { .struct_size = sizeof a };
        Unitbpf *unitbpf;
        size_t size;
        int text_fd = atoi(argv[2]), link_fd = atoi(argv[3]);
        unsigned long link_id = strtoul(argv[4], NULL, 10);

        if (lseek(text_fd, 0, SEEK_SET) < 0 || fd_read_all(text_fd, 1 << 20, &text, &size) < 0)
                return 10;
        (void)fd_close(text_fd);
        if (unitbpf_new(NULL, NULL, &unitbpf) < 0)
                return 11;
        if (unitbpf_deserialize(unitbpf, text, size, &link_fd, 1) < 0)
                return 12;
        if (unitbpf_get(unitbpf, 0, &a) < 0 || a.link_id != link_id || strcmp(a.state, "attached"))
                return 13;
        if (fcntl(link_fd, F_GETFD) != FD_CLOEXEC)
                return 14; /* it must not go on into the next program */
        if (unitbpf_detach_unit(unitbpf, "a.service") < 0 || unitbpf_get(unitbpf, 0, &a) != -ENOENT)
                return 15;
        unitbpf_free(unitbpf);
        return 0;
}

static _Noreturn void exec_new_image(const Unitbpf *unitbpf, uint32_t link_id) {
        _cleanup_free_ char *text = NULL, *text_arg = NULL, *link_arg = NULL, *id_arg = NULL;
        _cleanup_free_ int *fds = NULL;
        size_t size, n_fds;
        int memfd = memfd_create("state", 0);

        if (unitbpf_serialize(unitbpf, &text, &size, &fds, &n_fds) < 0 || n_fds != 1)
                _exit(20);
        if (fd_write_all(memfd, text, size) < 0 || fcntl(fds[0], F_SETFD, 0) < 0)
                _exit(21);
        text_arg = text_format("%d", memfd);
        link_arg = text_format("%d", fds[0]);
        id_arg = text_format("%u", link_id);
        (void)execl(
                "/proc/self/exe", "unitbpf", "--new-image", text_arg, link_arg, id_arg, (char *)NULL
        );
        _exit(22);
}

START_TEST(everything_survives_execve)
{
        _cleanup_close_ int cgroup = -EBADF, program = -EBADF;
        UnitbpfAttachment a = { .struct_size = sizeof a };
        Unitbpf *unitbpf;
        uint64_t id;
        int status;
        pid_t pid;

        kernel_host_make("a");
        cgroup = open_cgroup("a");
        program = kernel_host_program(HOOK_EGRESS);
        unitbpf = begin();
        ck_assert_int_eq(
                unitbpf_attach(unitbpf, "a.service", cgroup, program, "egress", 0, &id), 0
        );
        ck_assert_int_eq(unitbpf_get(unitbpf, 0, &a), 0);
        pid = fork();
        if (pid == 0)
                exec_new_image(unitbpf, a.link_id);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 0);
        ck_assert_ptr_null(unitbpf_forget(unitbpf));
        kernel_host_wait_gone(BPF_LINK_GET_FD_BY_ID, a.link_id);
        kernel_host_remove("a");
        kernel_host_end();
}
END_TEST

int main(int argc, char **argv) {
        const TTest *const tests[] = {
                programs_are_attached_listed_and_detached,
                mistakes_are_errors_with_words,
                takeover_displaces_the_foreign_alone,
                everything_survives_execve,
        };

        if (argc == 5 && strcmp(argv[1], "--new-image") == 0)
                return new_image(argv);
        kernel_host_require();
        return check_main("lib/unitbpf", tests, ELEMENTS(tests), 30);
}
