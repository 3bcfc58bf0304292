/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

#include "src/base/cleanup.h"
#include "src/base/fd.h"
#include "src/base/limits.h"
#include "src/resolve/resolve.h"
#include "tests/unit/check-main.h"
#include "units/directive.h"

/* A directory with copies of the objects, called as users call them. */
static char *home;

static char *at_home(const char *name) {
        return g_build_filename(home, name, NULL);
}

static void copy_object(const char *name) {
        g_autofree char *source = g_strdup_printf("%s/%s.bpfobj", getenv("RESOLVE_OBJECTS"), name);
        g_autofree char *file = g_strconcat(name, ".bpf.o", NULL), *target = at_home(file);
        g_autofree char *data = NULL;
        gsize size;

        ck_assert_msg(g_file_get_contents(source, &data, &size, NULL), "no %s", source);
        ck_assert(g_file_set_contents(target, data, (gssize)size, NULL));
        ck_assert_int_eq(chmod(target, 0644), 0);
}

static void setup_in(char *directory) {
        home = directory;
        ck_assert_ptr_nonnull(home);
        copy_object("count");
        copy_object("plain");
        {
                g_autofree char *text = at_home("text");

                ck_assert(g_file_set_contents(text, "no object", -1, NULL));
        }
}

static void setup(void) {
        setup_in(g_dir_make_tmp("unitbpf-resolve-XXXXXX", NULL));
}

static void teardown(void) {
        GDir *directory = g_dir_open(home, 0, NULL);
        const char *name;

        while ((name = g_dir_read_name(directory))) {
                g_autofree char *path = at_home(name);

                ck_assert_int_eq(remove(path), 0);
        }
        g_dir_close(directory);
        ck_assert_int_eq(rmdir(home), 0);
        g_clear_pointer(&home, g_free);
}

/* Resolves lines "KEY=VALUE" from line 1 of "/u" on; "@" in a value stands for the directory. */
static TargetSet *resolve_lines(const char *const *lines, bool trust) {
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = unit_wish_new("foo.service");
        ResolveOptions options = { .trust = trust };
        TargetSet *set = NULL;

        for (unsigned i = 0; lines[i]; i++) {
                const char *equals = strchr(lines[i], '=');
                g_autofree char *key = g_strndup(lines[i], (gsize)(equals - lines[i]));
                g_auto(GStrv) parts = g_strsplit(equals + 1, "@", -1);
                g_autofree char *value = g_strjoinv(home, parts);
                DirectiveLine line = { .key = key, .value = value, .file = "/u", .line = i + 1 };

                directive_apply(unit, &line);
        }
        ck_assert_int_eq(resolve_unit(unit, &options, &set), 0);
        ck_assert_str_eq(set->unit, "foo.service");
        return set;
}

static TargetSet *resolve_line(const char *line) {
        const char *const lines[] = { line, NULL };
        TargetSet *set = resolve_lines(lines, false);

        ck_assert_uint_eq(set->n_targets, 1);
        return set;
}

#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void expect_error(const Target *target, const char *why) {
        ck_assert_msg(
                target->error && strstr(target->error, why), "%s: '%s' does not say '%s'",
                target->origin, target->error ? target->error : "(good)", why
        );
        ck_assert_int_lt(target->fd, 0);
}

static void expect_good(const Target *target) {
        ck_assert_msg(!target->error, "%s: %s", target->origin, target->error);
        ck_assert_int_ge(target->fd, 3);
        ck_assert_int_eq(fd_get_cloexec(target->fd), 1);
}

START_TEST(a_line_becomes_a_target)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = NULL;
        g_autofree char *path = NULL;
        const Target *target;
        struct stat st, there;

        setup();
        path = at_home("count.bpf.o");
        set = resolve_line("BPFProgram=egress:@/count.bpf.o");
        target = &set->targets[0];
        expect_good(target);
        ck_assert_int_eq(target->hook, HOOK_EGRESS);
        ck_assert_int_eq(target->mode, ATTACH_MULTI);
        ck_assert_int_eq(target->via, _VIA_INVALID);
        ck_assert_int_eq(target->policy, POLICY_REQUIRED);
        ck_assert_int_eq(target->on_loss, ON_LOSS_CONTINUE);
        ck_assert(target->repair && !target->shared && !target->fresh_maps && !target->takeover);
        ck_assert(!target->is_pin && target->has_state && !target->absent);
        ck_assert_str_eq(target->path, path);
        ck_assert_str_eq(target->program, "count_out");
        ck_assert_str_eq(target->origin, "/u:1");
        ck_assert_int_eq(fstat(target->fd, &st), 0);
        ck_assert_int_eq(stat(path, &there), 0);
        ck_assert(st.st_ino == there.st_ino && st.st_dev == there.st_dev);
        ck_assert_uint_eq(target->identity.device, st.st_dev);
        ck_assert_uint_eq(target->identity.inode, st.st_ino);
        ck_assert_uint_eq(target->identity.size, (uint64_t)st.st_size);
        ck_assert_int_eq(
                target->identity.mtime_ns,
                (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec
        );
        ck_assert_int_eq(
                target->identity.ctime_ns,
                (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec
        );
        teardown();
}
END_TEST

START_TEST(options_and_settings_reach_the_target)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = NULL;

        setup();
        set = resolve_lines(
                LINES("BPFProgram=CGROUP_INET_SOCK_CREATE,exclusive,via=legacy,takeover,shared:@/"
                      "plain.bpf.o#pass",
                      "BPFProgram=cgroup/connect4,required,fresh-maps,via=link:@/"
                      "count.bpf.o#first_connect",
                      "IPEgressFilterPath=@/count.bpf.o", "BPFPolicy=wanted", "BPFRepair=no",
                      "BPFOnLoss=stop", "BPFPolicy=optional"),
                false
        );
        ck_assert_uint_eq(set->n_targets, 3);
        for (size_t i = 0; i < 3; i++) {
                expect_good(&set->targets[i]);
                ck_assert(!set->targets[i].repair);
                ck_assert_int_eq(set->targets[i].on_loss, ON_LOSS_STOP);
        }
        ck_assert_int_eq(set->targets[0].hook, HOOK_SOCK_CREATE);
        ck_assert_int_eq(set->targets[0].mode, ATTACH_EXCLUSIVE);
        ck_assert_int_eq(set->targets[0].via, VIA_CGROUP_LEGACY);
        ck_assert_int_eq(set->targets[0].policy, POLICY_OPTIONAL);
        ck_assert(set->targets[0].takeover && set->targets[0].shared);
        ck_assert(!set->targets[0].has_state);
        ck_assert_int_eq(set->targets[1].hook, HOOK_CONNECT4);
        ck_assert_int_eq(set->targets[1].via, VIA_CGROUP_LINK);
        ck_assert_int_eq(set->targets[1].policy, POLICY_REQUIRED);
        ck_assert(set->targets[1].fresh_maps);
        ck_assert_int_eq(set->targets[2].hook, HOOK_EGRESS);
        ck_assert_str_eq(set->targets[2].program, "count_out");
        teardown();
}
END_TEST

START_TEST(each_target_of_one_object_has_its_own_descriptor)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = NULL;

        setup();
        set = resolve_lines(
                LINES("BPFProgram=egress:@/count.bpf.o",
                      "BPFProgram=connect4:@/count.bpf.o#first_connect"),
                false
        );
        expect_good(&set->targets[0]);
        expect_good(&set->targets[1]);
        ck_assert_int_ne(set->targets[0].fd, set->targets[1].fd);
        ck_assert_uint_eq(set->targets[0].identity.inode, set->targets[1].identity.inode);
        teardown();
}
END_TEST

START_TEST(lines_that_cannot_be_met_say_why)
{
        static const struct {
                const char *line, *why;
                Hook hook;
        } rows[] = {
                { "BPFProgram=egres:@/count.bpf.o", "did you mean 'egress'?", _HOOK_INVALID },
                { "BPFProgram=nothing_like_it:@/count.bpf.o", "unknown hook", _HOOK_INVALID },
                { "BPFProgram=tc_ingress:@/count.bpf.o", "this build", HOOK_TC_INGRESS },
                { "BPFProgram=tc_egress:@/count.bpf.o", "this build", HOOK_TC_EGRESS },
                { "BPFProgram=xdp:@/count.bpf.o", "this build", HOOK_XDP },
                { "BPFProgram=sk_lookup:@/count.bpf.o", "this build", HOOK_SK_LOOKUP },
                { "BPFProgram=flow_dissector:@/count.bpf.o", "this build", HOOK_FLOW_DISSECTOR },
                { "BPFProgram=egress,override,via=link:@/count.bpf.o", "via=legacy", HOOK_EGRESS },
                { "BPFProgram=egress,exclusive,via=link:@/count.bpf.o", "via=legacy", HOOK_EGRESS },
                { "BPFProgram=egress:@/text", "text", HOOK_EGRESS },
                { "BPFProgram=egress:@", "not a file", HOOK_EGRESS },
                { "BPFProgram=egress:/dev/null", "not a file", HOOK_EGRESS },
                { "BPFProgram=device:@/count.bpf.o", "count.bpf.o", HOOK_DEVICE },
                { "BPFProgram=egress:@/count.bpf.o#count_ot", "count_out", HOOK_EGRESS },
                { "BPFProgram=egress:@/count.bpf.o#first_connect", "first_connect", HOOK_EGRESS },
                { "BPFProgram=connect4:@/count.bpf.o", "second_connect", HOOK_CONNECT4 },
                { "BPFProgram=egress,wnted:@/count.bpf.o", "did you mean 'wanted'?", HOOK_EGRESS },
                { "TCProgram=ingress:eth0:@/count.bpf.o", "this build", HOOK_TC_INGRESS },
                { "Nonsense=1", "unknown directive", _HOOK_INVALID },
        };

        setup();
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                _cleanup_(target_set_free_ptr) TargetSet *set = resolve_line(rows[i].line);

                expect_error(&set->targets[0], rows[i].why);
                ck_assert_msg(set->targets[0].hook == rows[i].hook, "%s", rows[i].line);
                ck_assert_str_eq(set->targets[0].origin, "/u:1");
                ck_assert_int_eq(set->targets[0].policy, POLICY_REQUIRED);
                ck_assert(!set->targets[0].absent);
        }
        teardown();
}
END_TEST

START_TEST(a_failed_line_keeps_its_own_policy)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = NULL;

        setup();
        set = resolve_lines(
                LINES("BPFPolicy=wanted", "BPFProgram=egress,optional:@/gone.bpf.o",
                      "BPFProgram=egress,optional,preorder:@/x", "Nonsense=1"),
                false
        );
        ck_assert_uint_eq(set->n_targets, 3);
        ck_assert(set->targets[0].absent);
        ck_assert_int_eq(set->targets[0].policy, POLICY_OPTIONAL);
        ck_assert_int_eq(set->targets[1].policy, POLICY_OPTIONAL);
        ck_assert(!set->targets[1].absent);
        ck_assert_int_eq(set->targets[2].policy, POLICY_WANTED);
        teardown();
}
END_TEST

/* The kernel keeps one mode for a hook of a cgroup, and one program in the modes other than multi. */
START_TEST(lines_that_exclude_each_other_name_the_first)
{
        static const struct {
                const char *first, *second, *why;
        } rows[] = {
                { "egress:@/count.bpf.o", "egress:@/count.bpf.o#count_out", "same program" },
                { "egress,via=legacy:@/count.bpf.o", "cgroup_skb/egress:@/count.bpf.o",
                  "same program" },
                { "connect4:@/count.bpf.o#first_connect",
                  "connect4,override:@/count.bpf.o#second_connect", "one mode" },
                { "connect4,override:@/count.bpf.o#first_connect",
                  "connect4,override:@/count.bpf.o#second_connect", "displaced" },
                { "connect4:@/count.bpf.o#first_connect", "connect4:@/count.bpf.o#second_connect",
                  NULL },
        };

        setup();
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                g_autofree char *first = g_strconcat("BPFProgram=", rows[i].first, NULL);
                g_autofree char *second = g_strconcat("BPFProgram=", rows[i].second, NULL);
                _cleanup_(target_set_free_ptr)
                        TargetSet *set = resolve_lines(LINES(first, second), false);

                expect_good(&set->targets[0]);
                if (rows[i].why) {
                        expect_error(&set->targets[1], rows[i].why);
                        expect_error(&set->targets[1], "/u:1");
                } else
                        expect_good(&set->targets[1]);
        }
        teardown();
}
END_TEST

START_TEST(variables_and_maps_go_to_the_objects_that_have_them)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = NULL;
        const Target *target;

        setup();
        set = resolve_lines(
                LINES("BPFProgram=egress:@/count.bpf.o", "BPFProgram=sock_create:@/plain.bpf.o",
                      "BPFVariable=count.limit=7", "BPFVariable=limit=8 offset=1",
                      "BPFVariable=count.bpf.offset=2", "BPFMap=packets:/sys/fs/bpf/a",
                      "BPFMap=packets:/sys/fs/bpf/b"),
                false
        );
        ck_assert_uint_eq(set->n_targets, 2);
        target = &set->targets[0];
        expect_good(target);
        ck_assert_uint_eq(target->n_variables, 2);
        for (size_t i = 0; i < 2; i++) {
                const TargetVariable *variable = &target->variables[i];
                bool is_limit = strcmp(variable->name, "limit") == 0;

                ck_assert(is_limit || strcmp(variable->name, "offset") == 0);
                ck_assert_str_eq(variable->value, is_limit ? "7" : "2");
                ck_assert_str_eq(variable->origin, is_limit ? "/u:3" : "/u:5");
        }
        ck_assert_uint_eq(target->n_maps, 1);
        ck_assert_str_eq(target->maps[0].name, "packets");
        ck_assert_str_eq(target->maps[0].path, "/sys/fs/bpf/b");
        ck_assert_str_eq(target->maps[0].origin, "/u:7");
        expect_good(&set->targets[1]);
        ck_assert_uint_eq(set->targets[1].n_variables + set->targets[1].n_maps, 0);
        teardown();
}
END_TEST

START_TEST(variables_and_maps_without_an_object_are_errors)
{
        static const struct {
                const char *line, *why;
        } rows[] = {
                { "BPFVariable=limt=1", "did you mean 'limit'?" },
                { "BPFVariable=completely_else=1", "no object has a variable" },
                { "BPFVariable=plain.limit=1", "no object has a variable" },
                { "BPFVariable=cuont.limit=1", "no object 'cuont'" },
                { "BPFMap=packet:/sys/fs/bpf/x", "did you mean 'packets'?" },
        };

        setup();
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                _cleanup_(target_set_free_ptr) TargetSet *set = resolve_lines(
                        LINES("BPFProgram=egress:@/count.bpf.o", rows[i].line,
                              "BPFProgram=sock_create:@/plain.bpf.o"),
                        false
                );

                ck_assert_uint_eq(set->n_targets, 3);
                expect_good(&set->targets[0]);
                expect_error(&set->targets[1], rows[i].why);
                ck_assert_str_eq(set->targets[1].origin, "/u:2");
                expect_good(&set->targets[2]);
        }
        {
                _cleanup_(target_set_free_ptr) TargetSet *set = resolve_line("BPFVariable=limit=1");

                expect_error(&set->targets[0], "the unit has no object");
        }
        {
                /* what an object that cannot be read would have had nobody knows */
                _cleanup_(target_set_free_ptr) TargetSet *set = resolve_lines(
                        LINES("BPFProgram=egress,optional:@/gone.bpf.o", "BPFVariable=x=1"), false
                );

                ck_assert_uint_eq(set->n_targets, 1);
                ck_assert(set->targets[0].absent);
        }
        teardown();
}
END_TEST

START_TEST(values_that_cannot_be_fail_the_program_they_are_for)
{
        static const struct {
                const char *line, *why;
        } rows[] = {
                { "BPFVariable=limit=4294967296", "/u:2: variable 'limit': 4294967296 is outside" },
                { "BPFVariable=limit=-1", "outside of 0..4294967295" },
                { "BPFVariable=limit=many", "'many' is no integer" },
                { "BPFVariable=limit=hex:00", "4 bytes need 8" },
                { "BPFMap=packets:@/packets", "is not on a BPF file system" },
                { "BPFMap=packets:@/not/there/yet", "/u:2: map 'packets'" },
        };

        setup();
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                _cleanup_(target_set_free_ptr) TargetSet *set = resolve_lines(
                        LINES("BPFProgram=egress:@/count.bpf.o", rows[i].line,
                              "BPFProgram=sock_create:@/plain.bpf.o"),
                        false
                );

                ck_assert_uint_eq(set->n_targets, 2);
                expect_error(&set->targets[0], rows[i].why);
                ck_assert_str_eq(set->targets[0].origin, "/u:1");
                expect_good(&set->targets[1]);
        }
        {
                /* one that a more particular line replaces is not asked for */
                _cleanup_(target_set_free_ptr) TargetSet *set = resolve_lines(
                        LINES("BPFProgram=egress:@/count.bpf.o", "BPFVariable=limit=-1",
                              "BPFVariable=count.limit=1"),
                        false
                );

                expect_good(&set->targets[0]);
        }
        teardown();
}
END_TEST

/* The kernel takes 64 programs of a cgroup and attach type. */
START_TEST(more_programs_on_a_hook_than_the_kernel_takes_are_errors)
{
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
        _cleanup_(target_set_free_ptr) TargetSet *set = NULL;
        g_autofree char *contents = NULL, *object = NULL;
        gsize size;

        setup();
        object = at_home("plain.bpf.o");
        ck_assert(g_file_get_contents(object, &contents, &size, NULL));
        for (unsigned i = 0; i <= LIMIT_HOOK_PROGRAMS; i++) {
                g_autofree char *name = g_strdup_printf("p%u.bpf.o", i);
                g_autofree char *path = at_home(name);

                ck_assert(g_file_set_contents(path, contents, (gssize)size, NULL));
                g_ptr_array_add(lines, g_strdup_printf("BPFProgram=sock_create:@/%s", name));
        }
        g_ptr_array_add(lines, g_strdup("BPFProgram=egress:@/count.bpf.o"));
        g_ptr_array_add(lines, NULL);
        set = resolve_lines((const char *const *)lines->pdata, false);
        ck_assert_uint_eq(set->n_targets, LIMIT_HOOK_PROGRAMS + 2);
        expect_good(&set->targets[LIMIT_HOOK_PROGRAMS - 1]);
        expect_error(&set->targets[LIMIT_HOOK_PROGRAMS], "sock_create takes 64 programs");
        expect_good(&set->targets[LIMIT_HOOK_PROGRAMS + 1]);
        teardown();
}
END_TEST

START_TEST(a_masked_unit_wants_nothing)
{
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = unit_wish_new("foo.service");
        _cleanup_(target_set_free_ptr) TargetSet *set = NULL;
        DirectiveLine line = { "BPFProgram", "egress:/x", "/u", 1 };

        directive_apply(unit, &line);
        unit->masked = true;
        ck_assert_int_eq(resolve_unit(unit, &(ResolveOptions){}, &set), 0);
        ck_assert_uint_eq(set->n_targets, 0);
}
END_TEST

START_TEST(programs_beyond_the_limit_are_errors)
{
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = unit_wish_new("foo.service");
        _cleanup_(target_set_free_ptr) TargetSet *set = NULL;

        for (unsigned i = 0; i <= LIMIT_UNIT_PROGRAMS; i++) {
                DirectiveLine line = { "BPFProgram", "egress:/nonexistent/x", "/u", i + 1 };

                directive_apply(unit, &line);
        }
        ck_assert_int_eq(resolve_unit(unit, &(ResolveOptions){}, &set), 0);
        ck_assert_uint_eq(set->n_targets, LIMIT_UNIT_PROGRAMS + 1);
        ck_assert(set->targets[LIMIT_UNIT_PROGRAMS - 1].absent);
        expect_error(&set->targets[LIMIT_UNIT_PROGRAMS], "more than");
}
END_TEST

/* Trust needs files of root: as a plain user there is nothing to show. */
START_TEST(objects_that_others_can_write_are_refused)
{
        g_autofree char *object = NULL, *link = NULL;
        TargetSet *set;

        if (geteuid() != 0)
                return;
        setup_in(g_mkdtemp_full(g_strdup("/run/unitbpf-resolve-XXXXXX"), 0755));
        object = at_home("count.bpf.o");
        link = at_home("link.bpf.o");
        set = resolve_lines(LINES("BPFProgram=egress:@/count.bpf.o"), true);
        expect_good(&set->targets[0]);
        (void)target_set_free(set);
        ck_assert_int_eq(chmod(object, 0666), 0);
        set = resolve_lines(LINES("BPFProgram=egress:@/count.bpf.o"), true);
        expect_error(&set->targets[0], "writable by others");
        ck_assert(!set->targets[0].absent);
        (void)target_set_free(set);
        ck_assert_int_eq(chmod(object, 0644), 0);
        ck_assert_int_eq(chown(object, 65534, 0), 0);
        set = resolve_lines(LINES("BPFProgram=egress:@/count.bpf.o"), true);
        expect_error(&set->targets[0], "owned by uid 65534");
        (void)target_set_free(set);
        ck_assert_int_eq(chown(object, 0, 0), 0);
        ck_assert_int_eq(chmod(home, 0777), 0);
        set = resolve_lines(LINES("BPFProgram=egress:@/count.bpf.o"), true);
        expect_error(&set->targets[0], "writable by others");
        (void)target_set_free(set);
        ck_assert_int_eq(chmod(home, 0755), 0);
        ck_assert_int_eq(symlink(object, link), 0);
        set = resolve_lines(LINES("BPFProgram=egress:@/link.bpf.o"), true);
        expect_error(&set->targets[0], "symbolic link");
        (void)target_set_free(set);
        set = resolve_lines(LINES("BPFProgram=egress:@/gone.bpf.o"), true);
        expect_error(&set->targets[0], "gone.bpf.o");
        ck_assert(set->targets[0].absent);
        (void)target_set_free(set);
        teardown();
}
END_TEST

static int pin_map(const char *path) {
        union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY,
                                .key_size = 4,
                                .value_size = 4,
                                .max_entries = 1 };
        _cleanup_close_ int fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);

        if (fd < 0)
                return -errno;
        attr = (union bpf_attr){ .bpf_fd = (uint32_t)fd, .pathname = (uint64_t)(uintptr_t)path };
        return (int)syscall(SYS_bpf, BPF_OBJ_PIN, &attr, sizeof attr) < 0 ? -errno : 0;
}

/* A pin is told by its file system and never opened; what is pinned is asked of the kernel later, so a map does
 * as well here. */
START_TEST(pins_are_found_by_their_file_system)
{
        g_autofree char *pin = NULL;
        TargetSet *set;

        if (geteuid() != 0)
                return;
        /* the mount lives in this process' own namespace and goes with it */
        ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
        ck_assert_int_eq(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
        home = g_mkdtemp_full(g_strdup("/run/unitbpf-resolve-XXXXXX"), 0755);
        ck_assert_int_eq(mount("bpf", home, "bpf", 0, "mode=0700"), 0);
        pin = at_home("pinned");
        ck_assert_int_eq(pin_map(pin), 0);
        set = resolve_lines(LINES("BPFProgram=egress:@/pinned"), true);
        expect_good(&set->targets[0]);
        ck_assert(set->targets[0].is_pin);
        ck_assert(!set->targets[0].has_state);
        ck_assert_ptr_null(set->targets[0].program);
        ck_assert_int_ne(fcntl(set->targets[0].fd, F_GETFL) & O_PATH, 0);
        (void)target_set_free(set);
        set = resolve_lines(LINES("BPFProgram=egress:@/pinned#name", "BPFVariable=x=1"), true);
        ck_assert_uint_eq(set->n_targets, 2);
        expect_error(&set->targets[0], "is a pin");
        expect_error(&set->targets[1], "no object");
        (void)target_set_free(set);
        ck_assert_int_eq(unlink(pin), 0);
        ck_assert_int_eq(umount(home), 0);
        ck_assert_int_eq(rmdir(home), 0);
        g_clear_pointer(&home, g_free);
}
END_TEST

CHECK_MAIN(
        "resolve/resolve",
        30,
        a_line_becomes_a_target,
        options_and_settings_reach_the_target,
        each_target_of_one_object_has_its_own_descriptor,
        lines_that_cannot_be_met_say_why,
        a_failed_line_keeps_its_own_policy,
        lines_that_exclude_each_other_name_the_first,
        variables_and_maps_go_to_the_objects_that_have_them,
        variables_and_maps_without_an_object_are_errors,
        values_that_cannot_be_fail_the_program_they_are_for,
        more_programs_on_a_hook_than_the_kernel_takes_are_errors,
        a_masked_unit_wants_nothing,
        programs_beyond_the_limit_are_errors,
        objects_that_others_can_write_are_refused,
        pins_are_found_by_their_file_system
)
