/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Objects into the kernel: what is set in them, what they may ask for, and what is said of those that are broken. */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bpf/call.h"
#include "bpf/map.h"
#include "bpf/object.h"
#include "bpf/program.h"
#include "src/base/fd.h"
#include "src/base/file.h"
#include "src/base/limits.h"
#include "src/base/text.h"
#include "tests/integration/bpf/kernel-host.h"
#include "tests/integration/load/load-host.h"
#include "tests/unit/check-main.h"

/* As in objects/variables.bpf.c. */
typedef struct Settings {
        uint64_t wide, seen;
        int32_t small;
        uint32_t flag, color, setting;
        char word[8];
        uint8_t bytes[4];
        uint32_t padding;
} Settings;

static int make_socket(void *userdata) {
        return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

static Settings run_and_read(int prog_fd) {
        _cleanup_close_ _unused_ int link = load_host_attach(prog_fd, HOOK_SOCK_CREATE);
        _cleanup_close_ int map = load_host_map(prog_fd, "settings");
        Settings result;

        ck_assert_int_eq(load_host_inside(make_socket, NULL), 0);
        ck_assert_int_eq(map_lookup(map, &(uint32_t){ 0 }, &result), 0);
        return result;
}

START_TEST(test_variables_are_set_before_the_program_runs)
{
        const LoadCase wanted = {
                .object = "variables.bpfobj",
                .wishes = { { "note", HOOK_SOCK_CREATE } },
                .variables = { { .name = "small", .value = "-100" },
                               { .name = "wide", .value = "0xfedcba9876543210" },
                               { .name = "flag", .value = "yes" },
                               { .name = "color", .value = "COLOR_GREEN" },
                               { .name = "word", .value = "xy" },
                               { .name = "bytes", .value = "hex:01fF80aa" },
                               { .name = "setting", .value = "4000000000" },
                               { .name = "seen", .value = "70" } },
        };
        static const uint8_t bytes[] = { 0x01, 0xff, 0x80, 0xaa };
        int fds[LOAD_MAX];
        Settings settings;

        load_host_load(&wanted, fds);
        settings = run_and_read(fds[0]);
        ck_assert_int_eq(settings.small, -100);
        ck_assert_uint_eq(settings.wide, 0xfedcba9876543210);
        ck_assert_uint_eq(settings.flag, 1);
        ck_assert_uint_eq(settings.color, 5);
        ck_assert_mem_eq(settings.word, "xy\0\0\0\0\0", 8);
        ck_assert_mem_eq(settings.bytes, bytes, sizeof bytes);
        ck_assert_uint_eq(settings.setting, 4000000000);
        ck_assert_uint_eq(settings.seen, 71);
        load_host_close(fds, 1);
        kernel_host_end();
}
END_TEST

START_TEST(test_without_variables_the_values_are_those_of_the_object)
{
        const LoadCase wanted = { .object = "variables.bpfobj",
                                  .wishes = { { "note", HOOK_SOCK_CREATE } } };
        int fds[LOAD_MAX];
        Settings settings;

        load_host_load(&wanted, fds);
        settings = run_and_read(fds[0]);
        ck_assert_int_eq(settings.small, 1);
        ck_assert_uint_eq(settings.color, 3);
        ck_assert_str_eq(settings.word, "abc");
        ck_assert_uint_eq(settings.setting, 10);
        ck_assert_uint_eq(settings.seen, 1);
        load_host_close(fds, 1);
        kernel_host_end();
}
END_TEST

START_TEST(test_wrong_names_and_values_are_refused_with_advice)
{
        static const struct {
                LoadText variable;
                int error;
                const char *text;
        } rows[] = {
                { { .name = "wode", .value = "1" },
                  -ENOENT,
                  "no variable 'wode', did you mean 'wide'?" },
                { { .name = "nothing_like_it", .value = "1" },
                  -ENOENT,
                  "no variable 'nothing_like_it'" },
                { { .name = "small", .value = "128", .origin = "/a.service:3" },
                  -ERANGE,
                  "/a.service:3: variable 'small': 128 is outside of -128..127" },
                { { .name = "flag", .value = "maybe" }, -EINVAL, "neither true nor false" },
                { { .name = "word", .value = "eightlet" }, -ERANGE, "room for 7" },
                { { .name = "bytes", .value = "hex:00" }, -EINVAL, "4 bytes need 8" },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++)
                load_host_refused(
                        &(LoadCase){ .object = "variables.bpfobj",
                                     .wishes = { { "note", HOOK_SOCK_CREATE } },
                                     .variables = { rows[i].variable } },
                        rows[i].error, rows[i].text
                );
        load_host_refused(
                &(LoadCase){ .object = "variables.bpfobj",
                             .wishes = { { "nite", HOOK_SOCK_CREATE } } },
                -ENOENT, "no program 'nite', did you mean 'note'?"
        );
        load_host_refused(
                &(LoadCase){ .object = "variables.bpfobj",
                             .wishes = { { "note", HOOK_SOCK_CREATE } },
                             .maps = { { .name = "cals", .value = "/none" } } },
                -ENOENT, "no map 'cals', did you mean 'calls'?"
        );
}
END_TEST

START_TEST(test_broken_objects_are_explained_in_one_line)
{
        static const struct {
                const char *object, *program;
                Hook hook;
                int error;
                const char *where, *reason;
        } rows[] = {
                { "endless-loop.bpfobj", "endless_loop", HOOK_EGRESS, -EINVAL,
                  "`while (bpf_get_prandom_u32() != 7)`", "infinite loop" },
                { "bad-access.bpfobj", "bad_access", HOOK_INGRESS, -EACCES, "`return *p & 1;`",
                  "invalid mem access 'scalar'" },
                { "wrong-return.bpfobj", "wrong_return", HOOK_SOCK_CREATE, -EINVAL, "`return 5;`",
                  "should have been in [0, 1]" },
                { "wrong-helper.bpfobj", "wrong_helper", HOOK_DEVICE, -EINVAL,
                  "`return bpf_redirect(1, 0) == 0;`", "cannot use helper bpf_redirect" },
                { "recursion.bpfobj", "recursion", HOOK_EGRESS, -E2BIG, "`return descend(",
                  "call stack" },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                const LoadCase wanted = { .object = rows[i].object,
                                          .wishes = { { rows[i].program, rows[i].hook } } };
                _cleanup_free_ char *program = text_format("': program '%s': ", rows[i].program);
                _cleanup_diag_ Diag diag = {};
                int fds[LOAD_MAX], r;

                load_host_refused(&wanted, rows[i].error, program);
                load_host_refused(&wanted, rows[i].error, rows[i].where);
                load_host_refused(&wanted, rows[i].error, rows[i].reason);
                r = load_host_try(&wanted, fds, &diag);
                ck_assert_int_eq(r, rows[i].error);
                ck_assert_ptr_nonnull(strstr(diag.text, "instruction "));
                ck_assert_ptr_nonnull(strstr(diag.detail, "processed "));
        }
}
END_TEST

/* N8: the log of this one is larger than any buffer. Its end is there all the same, and a bound of memory. */
START_TEST(test_log_beyond_the_limit)
{
        const LoadCase wanted = { .object = "too-large.bpfobj",
                                  .wishes = { { "too_large", HOOK_EGRESS } } };
        _cleanup_diag_ Diag diag = {};
        int fds[LOAD_MAX], r = load_host_try(&wanted, fds, &diag);

        ck_assert_msg(r == -E2BIG || r == -EACCES, "%d", r);
        ck_assert_ptr_nonnull(strstr(diag.text, "too large"));
        ck_assert_uint_le(strlen(diag.detail), LIMIT_VERIFIER_LOG_BYTES + 4096);
}
END_TEST

START_TEST(test_nothing_is_printed)
{
        const LoadCase wanted = { .object = "bad-access.bpfobj",
                                  .wishes = { { "bad_access", HOOK_INGRESS } } };
        _cleanup_diag_ Diag diag = {};
        FILE *file = tmpfile();
        int before[2] = { fd_duplicate(1), fd_duplicate(2) }, fds[LOAD_MAX];
        struct stat size;

        ck_assert_ptr_nonnull(file);
        (void)fflush(NULL);
        for (int i = 0; i < 2; i++)
                ck_assert_int_eq(dup2(fileno(file), i + 1), i + 1);
        (void)load_host_try(&wanted, fds, &diag);
        (void)fflush(NULL);
        for (int i = 0; i < 2; i++) {
                ck_assert_int_eq(dup2(before[i], i + 1), i + 1);
                before[i] = fd_close(before[i]);
        }
        ck_assert_int_eq(fstat(fileno(file), &size), 0);
        ck_assert_int_eq(size.st_size, 0);
        (void)fclose(file);
}
END_TEST

START_TEST(test_hook_decides_where_the_section_is_unknown)
{
        const LoadCase wanted = {
                .object = "sections.bpfobj",
                .wishes = { { "unix_deny", HOOK_CONNECT_UNIX },
                            { "any_egress", HOOK_EGRESS },
                            { "released", HOOK_SOCK_RELEASE } },
        };
        int fds[LOAD_MAX];

        load_host_load(&wanted, fds);
        for (size_t i = 0; i < 3; i++)
                ck_assert_int_eq(
                        program_fits(fds[i], hook_info(wanted.wishes[i].hook)->attach_type), 0
                );
        ck_assert_int_eq(program_fits(fds[0], hook_info(HOOK_CONNECT4)->attach_type), -EINVAL);
        load_host_close(fds, 3);
}
END_TEST

/* "return 1" of a section without meaning does for nearly every hook there is. */
START_TEST(test_type_follows_from_the_hook)
{
        for (int hook = 0; hook < _HOOK_MAX; hook++) {
                const LoadCase wanted = { .object = "sections.bpfobj",
                                          .wishes = { { "any_egress", (Hook)hook } } };
                const HookInfo *expected = hook_info((Hook)hook);
                ProgramInfo info;
                int fds[LOAD_MAX];

                if (hook == HOOK_LSM_CGROUP) {
                        load_host_refused(&wanted, -EINVAL, "section lsm_cgroup/");
                        continue;
                }
                load_host_load(&wanted, fds);
                ck_assert_int_eq(program_info(fds[0], &info), 0);
                ck_assert_uint_eq(info.type, expected->prog_type);
                if (expected->target == HOOK_TARGET_CGROUP)
                        ck_assert_int_eq(program_fits(fds[0], expected->attach_type), 0);
                load_host_close(fds, 1);
        }
}
END_TEST

static int connect_unix(void *userdata) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0unitbpf-load-test" };
        int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (bind(server, (struct sockaddr *)&address, sizeof address) < 0 || listen(server, 1) < 0)
                return 99;
        return connect(client, (struct sockaddr *)&address, sizeof address) < 0 ? errno : 0;
}

START_TEST(test_program_of_an_unknown_section_has_effect)
{
        const LoadCase wanted = { .object = "sections.bpfobj",
                                  .wishes = { { "unix_deny", HOOK_CONNECT_UNIX } } };
        int fds[LOAD_MAX], link;

        ck_assert_int_eq(load_host_inside(connect_unix, NULL), 0);
        load_host_load(&wanted, fds);
        link = load_host_attach(fds[0], HOOK_CONNECT_UNIX);
        ck_assert_int_eq(load_host_inside(connect_unix, NULL), EPERM);
        link = fd_close(link);
        load_host_close(fds, 1);
        kernel_host_end();
}
END_TEST

START_TEST(test_one_program_for_two_hooks)
{
        const LoadCase both = {
                .object = "sections.bpfobj",
                .wishes = { { "any_egress", HOOK_EGRESS }, { "any_egress", HOOK_INGRESS } },
        };
        int fds[LOAD_MAX];

        load_host_load(&both, fds);
        ck_assert_uint_eq(load_host_prog_id(fds[0]), load_host_prog_id(fds[1]));
        ck_assert_int_ne(fds[0], fds[1]);
        load_host_close(fds, 2);
        load_host_refused(
                &(LoadCase
                ){ .object = "variables.bpfobj",
                   .wishes = { { "note", HOOK_POST_BIND4 }, { "note", HOOK_POST_BIND6 } } },
                -EINVAL, "cannot be loaded for post_bind4 and for post_bind6 at once"
        );
}
END_TEST

static char *write_temporary(const char *name, const void *data, size_t size) {
        char *path = text_format("/run/unitbpf-test-load-%s-%d.bpf.o", name, getpid());

        ck_assert_int_eq(file_replace(path, data, size, 0600), 0);
        return path;
}

static void refuse_content(const void *data, size_t size) {
        _cleanup_free_ char *path = write_temporary("content", data, size);

        load_host_refused(
                &(LoadCase){ .object = path, .wishes = { { "note", HOOK_SOCK_CREATE } } }, -ENOEXEC,
                path
        );
        ck_assert_int_eq(unlink(path), 0);
}

START_TEST(test_what_is_no_object_is_refused)
{
        _cleanup_free_ char *path = text_format("%s/variables.bpfobj", getenv("LOAD_OBJECTS"));
        _cleanup_free_ char *object = NULL, *self = NULL;
        size_t size, self_size;

        ck_assert_int_eq(file_read(path, LIMIT_OBJECT_BYTES, &object, &size), 0);
        ck_assert_int_eq(file_read("/bin/true", LIMIT_OBJECT_BYTES, &self, &self_size), 0);
        refuse_content("", 0);
        refuse_content("[Unit]\n", 7);
        refuse_content(object, 40); /* not even the header */
        refuse_content(object, size / 2); /* the section table is at the end */
        refuse_content(self, self_size);
}
END_TEST

START_TEST(test_file_beyond_the_limit_is_refused)
{
        _cleanup_free_ char *path = write_temporary("huge", "", 0);

        ck_assert_int_eq(truncate(path, (off_t)LIMIT_OBJECT_BYTES + 1), 0);
        load_host_refused(
                &(LoadCase){ .object = path, .wishes = { { "note", HOOK_SOCK_CREATE } } }, -EFBIG,
                "more than 67108864 bytes"
        );
        ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* The good one is loaded first, in the order of the object. */
START_TEST(test_all_or_none)
{
        load_host_refused(
                &(LoadCase){ .object = "half-good.bpfobj",
                             .wishes = { { "good", HOOK_EGRESS }, { "bad", HOOK_INGRESS } } },
                -EACCES, "program 'bad'"
        );
}
END_TEST

START_TEST(test_only_what_is_asked_for_is_loaded)
{
        const LoadCase wanted = { .object = "half-good.bpfobj",
                                  .wishes = { { "good", HOOK_EGRESS } } };
        int fds[LOAD_MAX];

        load_host_load(&wanted, fds);
        load_host_close(fds, 1);
}
END_TEST

static int load_with_closed_stdio(void *userdata) {
        const LoadCase *wanted = userdata;
        _cleanup_diag_ Diag diag = {};
        int fds[LOAD_MAX];

        for (int fd = 0; fd < 3; fd++)
                (void)close(fd);
        if (load_host_try(wanted, fds, &diag) < 0)
                return 1;
        for (int i = 0; i < 2; i++)
                if (fds[i] < 3 || fd_get_cloexec(fds[i]) != 1)
                        return 2;
        return 0;
}

/* N8: in several fields of the attributes descriptor 0 means "none". */
START_TEST(test_descriptors_are_above_the_standard_streams)
{
        LoadCase wanted = {
                .object = "variables.bpfobj",
                .wishes = { { "note", HOOK_SOCK_CREATE }, { "after_bind", HOOK_POST_BIND4 } },
        };

        ck_assert_int_eq(load_host_inside(load_with_closed_stdio, &wanted), 0);
        kernel_host_end();
}
END_TEST

START_TEST(test_program_info_is_what_the_kernel_says)
{
        const LoadCase wanted = { .object = "variables.bpfobj",
                                  .wishes = { { "note", HOOK_SOCK_CREATE } } };
        _cleanup_close_ int map = -EBADF;
        ProgramInfo info;
        int fds[LOAD_MAX];

        load_host_load(&wanted, fds);
        map = load_host_map(fds[0], "calls");
        ck_assert_int_eq(program_info(fds[0], &info), 0);
        ck_assert_str_eq(info.name, "note");
        ck_assert_uint_eq(info.type, hook_info(HOOK_SOCK_CREATE)->prog_type);
        ck_assert_uint_eq(strlen(info.tag), 16);
        ck_assert_uint_eq(info.n_maps, 6); /* settings calls percpu .rodata .data .bss */
        ck_assert_uint_gt(info.btf_id, 0);
        ck_assert_int_eq(program_info(map, &info), -EINVAL); /* T-d */
        ck_assert_int_eq(program_info(9999, &info), -EBADF);
        ck_assert_int_eq(program_has_cgroup_storage(fds[0]), 0);
        map = fd_close(map);
        load_host_close(fds, 1);
}
END_TEST

/* A link of such a program must not be updated. */
START_TEST(test_cgroup_storage_is_seen)
{
        const LoadCase wanted = { .object = "storage.bpfobj",
                                  .wishes = { { "stored", HOOK_EGRESS } } };
        int fds[LOAD_MAX];

        load_host_load(&wanted, fds);
        ck_assert_int_eq(program_has_cgroup_storage(fds[0]), 1);
        load_host_close(fds, 1);
}
END_TEST

static const struct bpf_insn allow[] = {
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
        { .code = BPF_JMP | BPF_EXIT },
};

START_TEST(test_raw_instructions_become_a_program)
{
        ProgramRaw raw = {
                .type = BPF_PROG_TYPE_CGROUP_SKB,
                .instructions = allow,
                .n_instructions = ELEMENTS(allow),
                .name = "made by hand, long",
        };
        _cleanup_diag_ Diag diag = {}, empty = {};
        ProgramInfo info;
        int fd = -EBADF, none = -1;

        ck_assert_int_eq(program_load_raw(&raw, &fd, &diag), 0);
        ck_assert_int_eq(program_info(fd, &info), 0);
        ck_assert_str_eq(info.name, "made_by_hand__l");
        ck_assert_uint_eq(info.type, BPF_PROG_TYPE_CGROUP_SKB);
        load_host_close(&fd, 1);

        raw.n_instructions = 1; /* falls off its end */
        ck_assert_int_eq(program_load_raw(&raw, &none, &diag), -EINVAL);
        ck_assert_msg(strstr(diag.text, "last insn") != NULL, "%s", diag.text);
        ck_assert_ptr_nonnull(diag.detail);
        raw.n_instructions = 0;
        ck_assert_int_eq(program_load_raw(&raw, &none, &empty), -E2BIG);
        ck_assert_int_eq(none, -1);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_variables_are_set_before_the_program_runs,
                test_without_variables_the_values_are_those_of_the_object,
                test_wrong_names_and_values_are_refused_with_advice,
                test_broken_objects_are_explained_in_one_line,
                test_log_beyond_the_limit,
                test_nothing_is_printed,
                test_hook_decides_where_the_section_is_unknown,
                test_type_follows_from_the_hook,
                test_program_of_an_unknown_section_has_effect,
                test_one_program_for_two_hooks,
                test_what_is_no_object_is_refused,
                test_file_beyond_the_limit_is_refused,
                test_all_or_none,
                test_only_what_is_asked_for_is_loaded,
                test_descriptors_are_above_the_standard_streams,
                test_program_info_is_what_the_kernel_says,
                test_cgroup_storage_is_seen,
                test_raw_instructions_become_a_program,
        };

        kernel_host_require();
        return check_main("integration/load/object", tests, ELEMENTS(tests), 100);
}
