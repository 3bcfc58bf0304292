/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of tests/unit/bpf/matrix*.c against the running kernel, and what only it can answer. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/call.h"
#include "bpf/cgroup.h"
#include "bpf/legacy.h"
#include "bpf/link.h"
#include "bpf/probe.h"
#include "bpf/query.h"
#include "src/base/fd.h"
#include "src/base/file.h"
#include "tests/integration/bpf/kernel-host.h"
#include "tests/unit/bpf/matrix.h"
#include "tests/unit/check-main.h"

static void host_cgroup_make(MatrixHost *host, const char *name) {
        kernel_host_make(name);
}

static void host_cgroup_remove(MatrixHost *host, const char *name) {
        kernel_host_remove(name);
}

static char *host_cgroup_path(MatrixHost *host, const char *name) {
        return kernel_host_path(name);
}

static int host_program_new(MatrixHost *host, const char *name, Hook hook) {
        return kernel_host_program(hook);
}

/* Links of a removed cgroup become defunct within some 20 ms, 36 at most when measured. */
static void host_wait(MatrixHost *host) {
        (void)usleep(300 * 1000);
}

static void run(void (*matrix)(MatrixHost *)) {
        static MatrixHost host;
        unsigned fds;

        host = (MatrixHost){
                .ops = kernel_ops_real(),
                .cgroup_make = host_cgroup_make,
                .cgroup_remove = host_cgroup_remove,
                .cgroup_path = host_cgroup_path,
                .program_new = host_program_new,
                .wait = host_wait,
        };
        (void)cgroup_by_id(1, NULL); /* opens what stays open */
        fds = kernel_host_fds();
        matrix(&host);
        matrix_prove_clean(&host);
        ck_assert_uint_eq(kernel_host_fds(), fds);
        kernel_host_end();
}

#define MATRIX_TEST(name)       \
        START_TEST(name)        \
        { run(matrix_##name); } \
        END_TEST
MATRIX_TESTS(MATRIX_TEST)

#define SOCK_CREATE ((uint32_t)BPF_CGROUP_INET_SOCK_CREATE)

/* All four calls on a target that is no cgroup. */
static void check_refused(int target, int program) {
        AttachArguments attach = {
                .cgroup_fd = target,
                .prog_fd = program,
                .replace_prog_fd = -EBADF,
                .attach_type = SOCK_CREATE,
                .flags = BPF_F_ALLOW_MULTI,
        };
        LinkArguments link = { .cgroup_fd = target,
                               .prog_fd = program,
                               .attach_type = SOCK_CREATE };
        QueryResult result;

        ck_assert_int_eq(legacy_attach(&attach), -EBADF);
        ck_assert_int_eq(legacy_detach(&attach), -EBADF);
        ck_assert_int_eq(link_create(&link), -EBADF);
        ck_assert_int_eq(query_cgroup(target, SOCK_CREATE, false, &result), -EBADF);
}

START_TEST(targets_that_are_no_cgroup_are_refused) /* K1 */
{
        _cleanup_close_ int program = kernel_host_program(HOOK_SOCK_CREATE);
        _cleanup_free_ char *procs = kernel_host_path("cgroup.procs");
        _cleanup_close_ int file = open(procs, O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int folder = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int event = eventfd(0, EFD_CLOEXEC);

        check_refused(file, program);
        check_refused(folder, program);
        check_refused(event, program);
        kernel_host_end();
}
END_TEST

START_TEST(exclusive_detach_takes_whatever_is_named) /* K9 */
{
        _cleanup_close_ int program = kernel_host_program(HOOK_SOCK_CREATE);
        _cleanup_close_ int event = eventfd(0, EFD_CLOEXEC);
        _cleanup_close_ int cgroup = cgroup_open(kernel_host_cgroup(), NULL, NULL);
        const int named[] = { event, 0, -1 };

        for (size_t i = 0; i < ELEMENTS(named); i++) {
                AttachArguments arguments = {
                        .cgroup_fd = cgroup,
                        .prog_fd = program,
                        .replace_prog_fd = -EBADF,
                        .attach_type = SOCK_CREATE,
                };

                ck_assert_int_eq(legacy_attach(&arguments), 0);
                arguments.prog_fd = named[i];
                ck_assert_int_eq(legacy_detach(&arguments), 0);
                ck_assert_int_eq(legacy_detach(&arguments), -ENOENT);
        }
        kernel_host_end();
}
END_TEST

/* Runs in a child, which an assert is to kill. */
_Noreturn static void create_with_type(uint32_t attach_type) {
        struct rlimit none = {};
        LinkArguments arguments = {
                .cgroup_fd = cgroup_open(kernel_host_cgroup(), NULL, NULL),
                .prog_fd = kernel_host_program(HOOK_SOCK_CREATE),
                .attach_type = attach_type,
        };

        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGABRT, SIG_DFL);
        _exit(link_create(&arguments) >= 0 ? 1 : 2);
}

START_TEST(cgroup_descriptor_never_goes_with_another_kind_of_hook)
{
        static const uint32_t types[] = { BPF_XDP, UAPI_TCX_INGRESS, UAPI_NETKIT_PEER,
                                          BPF_SK_LOOKUP, 999 };

        (void)kernel_host_cgroup();
        for (size_t i = 0; i < ELEMENTS(types); i++) {
                pid_t pid = fork();
                int status;

                ck_assert_int_ge(pid, 0);
                if (pid == 0)
                        create_with_type(types[i]);
                ck_assert_int_eq(waitpid(pid, &status, 0), pid);
                ck_assert(WIFSIGNALED(status));
                ck_assert_int_eq(WTERMSIG(status), SIGABRT);
        }
        kernel_host_end();
}
END_TEST

/* Every cgroup hook the kernel knows takes a program made for it, both ways, and says so in link info. */
START_TEST(every_cgroup_hook_attaches)
{
        _cleanup_close_ int cgroup = cgroup_open(kernel_host_cgroup(), NULL, NULL);
        unsigned n = 0;

        for (Hook hook = 0; hook < _HOOK_MAX; hook++) {
                const HookInfo *info = hook_info(hook);
                _cleanup_close_ int program = -EBADF, link = -EBADF;
                LinkArguments arguments;
                LinkInfo found;

                if (info->target != HOOK_TARGET_CGROUP || hook == HOOK_LSM_CGROUP ||
                    probe_hook(hook) <= 0)
                        continue;
                program = kernel_host_program(hook);
                ck_assert_msg(program >= 0, "%s: load: %s", info->name, strerror(-program));
                ck_assert_int_eq(legacy_fits(program, info->attach_type), 0);
                arguments = (LinkArguments){
                        .cgroup_fd = cgroup,
                        .prog_fd = program,
                        .attach_type = info->attach_type,
                };
                link = link_create(&arguments);
                ck_assert_msg(link >= 0, "%s: %s", info->name, strerror(-link));
                ck_assert_int_eq(link_info(link, &found), 0);
                ck_assert_uint_eq(found.attach_type, info->attach_type);
                n++;
        }
        ck_assert_uint_ge(n, 23); /* Linux 6.1 */
        kernel_host_end();
}
END_TEST

START_TEST(descriptors_are_close_on_exec_and_above_stdio)
{
        _cleanup_close_ int kept = fd_duplicate(0), program = -EBADF, cgroup = -EBADF;

        (void)close(STDIN_FILENO);
        program = kernel_host_program(HOOK_EGRESS);
        cgroup = cgroup_open(kernel_host_cgroup(), NULL, NULL);
        (void)dup2(kept, STDIN_FILENO);
        ck_assert_int_ge(program, 3);
        ck_assert_int_ge(cgroup, 3);
        ck_assert_int_eq(fd_get_cloexec(program), 1);
        ck_assert_int_eq(fd_get_cloexec(cgroup), 1);
        kernel_host_end();
}
END_TEST

START_TEST(features_are_told_by_the_kernel) /* N10 */
{
        /* whatever is newer implies what is older */
        if (probe_feature(FEATURE_REVISION)) {
                ck_assert(probe_feature(FEATURE_PREORDER));
                ck_assert(probe_feature(FEATURE_TCX));
        }
        if (probe_feature(FEATURE_LINK_DETACH))
                ck_assert(probe_feature(FEATURE_CGROUP_LINK));
        if (probe_feature(FEATURE_CGROUP_LINK))
                ck_assert(probe_feature(FEATURE_REPLACE));
        ck_assert_int_eq(probe_hook(HOOK_EGRESS), 1);
        ck_assert_int_eq(probe_hook(HOOK_XDP), 1);
        ck_assert_int_eq(probe_hook(HOOK_TC_INGRESS), 1);
        ck_assert_int_eq(probe_hook(HOOK_SK_LOOKUP), 1);
        ck_assert_int_eq(probe_hook(_HOOK_INVALID), -EINVAL);
        for (Feature feature = 0; feature < _FEATURE_MAX; feature++)
                ck_assert_ptr_nonnull(probe_feature_name(feature));
}
END_TEST

/* A child of this process in the cgroup of the tests; writes the error of socket() for every byte it reads. With
 * keep it holds the first socket and leaves the cgroup. */
static pid_t spawn(int *ret_ask, int *ret_answer, bool keep) {
        int ask[2], answer[2];
        pid_t pid;

        ck_assert_int_eq(pipe2(ask, O_CLOEXEC), 0);
        ck_assert_int_eq(pipe2(answer, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0) {
                _cleanup_free_ char *procs = kernel_host_path("a/cgroup.procs"), *away = NULL;
                char byte;

                (void)close(ask[1]);
                (void)close(answer[0]);
                if (file_write(procs, "0") < 0)
                        _exit(1);
                while (read(ask[0], &byte, 1) == 1) {
                        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

                        byte = (char)(fd < 0 ? errno : 0);
                        if (!keep)
                                (void)fd_close(fd);
                        away = kernel_host_path("cgroup.procs");
                        if (keep && file_write(away, "0") < 0)
                                _exit(1);
                        if (write(answer[1], &byte, 1) != 1)
                                _exit(1);
                }
                _exit(0);
        }
        (void)close(ask[0]);
        (void)close(answer[1]);
        *ret_ask = ask[1];
        *ret_answer = answer[0];
        return pid;
}

static int socket_error(int ask, int answer) {
        char byte = 0;

        ck_assert_int_eq(write(ask, "?", 1), 1);
        ck_assert_int_eq(read(answer, &byte, 1), 1);
        return byte;
}

static void reap(pid_t pid, int ask, int answer) {
        int status;

        (void)close(ask);
        (void)close(answer);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
}

START_TEST(link_acts_on_processes_of_the_cgroup)
{
        _cleanup_close_ int deny = call_load_return(BPF_PROG_TYPE_CGROUP_SOCK, 0, 0);
        _cleanup_close_ int allow = kernel_host_program(HOOK_SOCK_CREATE), cgroup = -EBADF,
                            link = -EBADF;
        _cleanup_free_ char *path = kernel_host_path("a");
        int ask, answer;
        pid_t pid;

        kernel_host_make("a");
        cgroup = cgroup_open(path, NULL, NULL);
        pid = spawn(&ask, &answer, false);
        ck_assert_int_eq(socket_error(ask, answer), 0);
        link = link_create(&(LinkArguments){
                .cgroup_fd = cgroup,
                .prog_fd = deny,
                .attach_type = SOCK_CREATE,
        });
        ck_assert_int_ge(link, 3);
        ck_assert_int_eq(socket_error(ask, answer), EPERM);
        ck_assert_int_eq(link_update(link, allow, deny), 0);
        ck_assert_int_eq(socket_error(ask, answer), 0);
        ck_assert_int_eq(link_update(link, deny, -EBADF), 0);
        ck_assert_int_eq(socket_error(ask, answer), EPERM);
        link = fd_close(link);
        ck_assert_int_eq(socket_error(ask, answer), 0);
        reap(pid, ask, answer);
        kernel_host_remove("a");
        kernel_host_end();
}
END_TEST

/* The link looks alive while a socket of the cgroup is; the id tells that the cgroup is gone. */
START_TEST(dying_cgroup_is_told_by_its_id)
{
        _cleanup_close_ int program = kernel_host_program(HOOK_EGRESS), cgroup = -EBADF,
                            link = -EBADF;
        _cleanup_free_ char *path = kernel_host_path("a");
        LinkInfo info;
        uint64_t id;
        int ask, answer;
        pid_t pid;

        kernel_host_make("a");
        cgroup = cgroup_open(path, &id, NULL);
        link = link_create(&(LinkArguments){
                .cgroup_fd = cgroup,
                .prog_fd = program,
                .attach_type = BPF_CGROUP_INET_EGRESS,
        });
        pid = spawn(&ask, &answer, true);
        ck_assert_int_eq(socket_error(ask, answer), 0);
        kernel_host_remove("a");
        (void)usleep(300 * 1000);
        ck_assert_int_eq(link_info(link, &info), 0);
        ck_assert_uint_eq(info.cgroup_id, id);
        ck_assert_int_eq(cgroup_by_id(id, NULL), -ESTALE);
        ck_assert_int_eq(cgroup_alive(cgroup), 0);
        reap(pid, ask, answer);
        for (int i = 0; i < 1000 && info.cgroup_id != 0; i++) {
                (void)usleep(5000);
                ck_assert_int_eq(link_info(link, &info), 0);
        }
        ck_assert_uint_eq(info.cgroup_id, 0);
        kernel_host_end();
}
END_TEST

#define MATRIX_NAME(name) name,

int main(void) {
        const TTest *const tests[] = {
                MATRIX_TESTS(MATRIX_NAME) targets_that_are_no_cgroup_are_refused,
                exclusive_detach_takes_whatever_is_named,
                cgroup_descriptor_never_goes_with_another_kind_of_hook,
                every_cgroup_hook_attaches,
                descriptors_are_close_on_exec_and_above_stdio,
                features_are_told_by_the_kernel,
                link_acts_on_processes_of_the_cgroup,
                dying_cgroup_is_told_by_its_id,
        };

        kernel_host_require();
        return check_main("integration/bpf/kernel", tests, ELEMENTS(tests), 60);
}
