/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Maps that outlive an object: carried over from running programs, or pinned; and how they are shown. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/bpffs.h"
#include "bpf/call.h"
#include "bpf/map.h"
#include "bpf/program.h"
#include "src/base/fd.h"
#include "src/base/limits.h"
#include "src/base/text.h"
#include "tests/integration/bpf/kernel-host.h"
#include "tests/integration/load/load-host.h"
#include "tests/unit/check-main.h"

static int make_socket(void *userdata) {
        return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

static void run(int prog_fd, int times) {
        _cleanup_close_ _unused_ int link = load_host_attach(prog_fd, HOOK_SOCK_CREATE);

        for (int i = 0; i < times; i++)
                ck_assert_int_eq(load_host_inside(make_socket, NULL), 0);
}

static uint64_t read_number(int prog_fd, const char *map_name, size_t offset) {
        _cleanup_close_ int map = load_host_map(prog_fd, map_name);
        uint8_t value[64] = {};
        uint64_t result;

        ck_assert_int_eq(map_lookup(map, &(uint32_t){ 0 }, value), 0);
        (void)memcpy(&result, value + offset, sizeof result);
        return result;
}

static void load_version(const char *object, const char *setting, uint32_t donor, int *ret_fd) {
        LoadCase wanted = {
                .object = object,
                .wishes = { { "note", HOOK_SOCK_CREATE } },
                .donors = { donor },
        };

        if (setting)
                wanted.variables[0] = (LoadText){ .name = "setting", .value = setting };
        load_host_load(&wanted, ret_fd);
}

static bool shares(int a, int b, const char *map) {
        ck_assert_uint_ne(load_host_map_id(a, map), 0);
        return load_host_map_id(a, map) == load_host_map_id(b, map);
}

static void end_two(int old, int new) {
        uint32_t id = load_host_prog_id(new);

        (void)fd_close(new);
        kernel_host_wait_gone(BPF_PROG_GET_FD_BY_ID, id);
        load_host_close(&old, 1);
}

START_TEST(test_donor_maps_go_on_in_the_new_program)
{
        int old, new;

        load_version("variables.bpfobj", NULL, 0, &old);
        run(old, 3);
        load_version("variables.bpfobj", NULL, load_host_prog_id(old), &new);
        run(new, 2);
        ck_assert_uint_eq(read_number(new, "calls", 0), 5);
        ck_assert_uint_eq(read_number(old, "calls", 0), 5);
        ck_assert_uint_eq(read_number(new, ".bss", 0), 5);
        ck_assert(shares(old, new, "settings"));
        ck_assert(shares(old, new, "percpu"));
        ck_assert(shares(old, new, ".data"));
        ck_assert(!shares(old, new, ".rodata")); /* constants belong to one program */
        end_two(old, new);
        kernel_host_end();
}
END_TEST

START_TEST(test_without_a_donor_maps_are_fresh)
{
        int old, new;

        load_version("variables.bpfobj", NULL, 0, &old);
        run(old, 3);
        load_version("variables.bpfobj", NULL, 0, &new);
        run(new, 1);
        ck_assert_uint_eq(read_number(new, "calls", 0), 1);
        ck_assert_uint_eq(read_number(new, ".bss", 0), 1);
        load_host_close(&new, 1);
        load_host_close(&old, 1);
        kernel_host_end();
}
END_TEST

START_TEST(test_map_of_another_size_is_not_carried)
{
        int old, new;

        load_version("variables.bpfobj", NULL, 0, &old);
        load_version("variables-more-slots.bpfobj", NULL, load_host_prog_id(old), &new);
        ck_assert(!shares(old, new, "calls"));
        ck_assert(shares(old, new, "settings"));
        end_two(old, new);
}
END_TEST

/* The same bytes would mean other variables. */
START_TEST(test_variables_in_other_places_are_not_carried)
{
        int old, new;

        load_version("variables.bpfobj", NULL, 0, &old);
        load_version("variables-turned.bpfobj", NULL, load_host_prog_id(old), &new);
        ck_assert(!shares(old, new, ".bss"));
        ck_assert(shares(old, new, "calls"));
        end_two(old, new);
}
END_TEST

/* A value that is set must be in force, so what would hide it stays behind; what has it already comes along. */
START_TEST(test_variable_that_is_set_wins_over_a_donor)
{
        int old, other, same;
        uint32_t id;

        load_version("variables.bpfobj", "20", 0, &old);
        load_version("variables.bpfobj", "30", load_host_prog_id(old), &other);
        load_version("variables.bpfobj", "20", load_host_prog_id(old), &same);
        ck_assert(!shares(old, other, ".data"));
        ck_assert(shares(old, other, ".bss"));
        ck_assert(shares(old, same, ".data"));
        id = load_host_prog_id(same);
        same = fd_close(same);
        kernel_host_wait_gone(BPF_PROG_GET_FD_BY_ID, id);
        end_two(old, other);
}
END_TEST

START_TEST(test_donor_that_is_gone_is_no_failure)
{
        int old, new;
        uint32_t id;

        load_version("variables.bpfobj", NULL, 0, &old);
        id = load_host_prog_id(old);
        load_host_close(&old, 1);
        load_version("variables.bpfobj", NULL, id, &new);
        load_host_close(&new, 1);
}
END_TEST

static LoadCase with_map(const char *object, const char *name, const char *path) {
        return (LoadCase){
                .object = object,
                .wishes = { { "note", HOOK_SOCK_CREATE } },
                .maps = { { .name = name, .value = path } },
        };
}

START_TEST(test_map_is_pinned_and_reused)
{
        _cleanup_free_ char *pin = text_format("%s/calls", load_host_bpffs()), *found = NULL;
        LoadCase first = with_map("variables.bpfobj", "calls", pin);
        LoadCase wider = with_map("variables-more-slots.bpfobj", "calls", pin);
        LoadCase other = with_map("variables.bpfobj", "settings", pin);
        int one, two;
        uint32_t id;

        load_host_load(&first, &one);
        run(one, 2);
        id = load_host_map_id(one, "calls");
        ck_assert_int_eq(map_find_pin(id, load_host_bpffs(), &found), 0);
        ck_assert_str_eq(found, pin);
        load_host_load(&first, &two);
        ck_assert(shares(one, two, "calls"));
        ck_assert(!shares(one, two, "settings"));
        load_host_refused(&wider, -EMEDIUMTYPE, "max_entries is 16, not 32");
        load_host_refused(&other, -EMEDIUMTYPE, "it is hash, not array");

        (void)fd_close(one);
        (void)fd_close(two);
        load_host_load(&first, &one); /* by nothing but the pin */
        ck_assert_uint_eq(load_host_map_id(one, "calls"), id);
        ck_assert_uint_eq(read_number(one, "calls", 0), 2);
        ck_assert_int_eq(bpffs_unpin(pin), 0);
        load_host_close(&one, 1);
        load_host_bpffs_end();
        kernel_host_end();
}
END_TEST

START_TEST(test_nothing_is_pinned_by_a_load_that_fails)
{
        _cleanup_free_ char *pin = text_format("%s/calls", load_host_bpffs());
        _cleanup_free_ char *dotted = text_format("%s/a.b", load_host_bpffs());
        LoadCase bad_value = with_map("variables.bpfobj", "calls", pin);
        LoadCase bad_program = with_map("half-good.bpfobj", "calls", pin);
        LoadCase bad_name = with_map("variables.bpfobj", "calls", pin);

        bad_value.variables[0] = (LoadText){ .name = "small", .value = "x" };
        load_host_refused(&bad_value, -EINVAL, "no integer");
        bad_program.wishes[0] = (LoadWish){ "bad", HOOK_INGRESS };
        load_host_refused(&bad_program, -EACCES, "program 'bad'");
        /* bpffs refuses the second name, when the first pin was made */
        bad_name.maps[1] = (LoadText){ .name = "settings", .value = dotted };
        load_host_refused(&bad_name, -EPERM, dotted);
        load_host_bpffs_end();
}
END_TEST

START_TEST(test_places_where_no_map_can_be_pinned)
{
        _cleanup_free_ char *pin = text_format("%s/prog", load_host_bpffs());
        _cleanup_free_ char *below = text_format("%s/none/calls", load_host_bpffs());
        _cleanup_close_ int program = kernel_host_program(HOOK_EGRESS);
        LoadCase on_program = with_map("variables.bpfobj", "calls", pin);
        LoadCase on_disk = with_map("variables.bpfobj", "calls", "/run/unitbpf-no-bpffs");
        LoadCase nowhere = with_map("variables.bpfobj", "calls", below);
        LoadCase open_to_all = with_map("variables.bpfobj", "calls", pin);

        ck_assert_int_eq(bpffs_pin(program, pin), 0);
        load_host_refused(&on_program, -EINVAL, "is no map");
        load_host_refused(&on_disk, -EINVAL, "not on a BPF file system");
        load_host_refused(&nowhere, -ENOENT, "/none");
        ck_assert_int_eq(chmod(load_host_bpffs(), 0777), 0);
        load_host_refused(&open_to_all, -EPERM, load_host_bpffs());
        ck_assert_int_eq(bpffs_unpin(pin), 0);
        load_host_bpffs_end();
}
END_TEST

START_TEST(test_map_that_wants_a_pin_by_name_must_be_told_where)
{
        _cleanup_free_ char *pin = text_format("%s/kept", load_host_bpffs());
        LoadCase without = { .object = "pinned.bpfobj",
                             .wishes = { { "note", HOOK_SOCK_CREATE } } };
        LoadCase with = with_map("pinned.bpfobj", "kept", pin);
        int fd;

        load_host_refused(&without, -EOPNOTSUPP, "BPFMap=kept:PATH");
        load_host_load(&with, &fd);
        ck_assert_int_eq(bpffs_unpin(pin), 0);
        load_host_close(&fd, 1);
        load_host_bpffs_end();
}
END_TEST

/* T10: a pin must be a program, and what it is the kernel says. */
START_TEST(test_pinned_program_is_opened_and_nothing_else)
{
        _cleanup_free_ char *pin = text_format("%s/prog", load_host_bpffs());
        _cleanup_free_ char *map_pin = text_format("%s/map", load_host_bpffs());
        _cleanup_close_ int map = map_create(&(MapOptions
        ){ .type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = 1 });
        _cleanup_diag_ Diag diag = {};
        int program = kernel_host_program(HOOK_DEVICE), opened;
        ProgramInfo info;

        ck_assert_int_eq(bpffs_pin(program, pin), 0);
        ck_assert_int_eq(bpffs_pin(map, map_pin), 0);
        opened = program_open_pin(pin, &diag);
        ck_assert_int_ge(opened, 3);
        ck_assert_int_eq(program_info(opened, &info), 0);
        ck_assert_uint_eq(info.type, BPF_PROG_TYPE_CGROUP_DEVICE);
        ck_assert_uint_eq(info.id, load_host_prog_id(program));
        ck_assert_int_eq(program_open_pin(map_pin, &diag), -EINVAL);
        ck_assert_ptr_nonnull(strstr(diag.text, "no program"));
        (void)fd_close(program);
        ck_assert_int_eq(bpffs_unpin(pin), 0);
        ck_assert_int_eq(bpffs_unpin(map_pin), 0);
        load_host_close(&opened, 1);
        load_host_bpffs_end();
}
END_TEST

START_TEST(test_dump_shows_entries_by_type)
{
        _cleanup_(map_dump_done) MapDump settings = {}, calls = {}, percpu = {}, bss = {};
        int fd, map;

        load_version("variables.bpfobj", NULL, 0, &fd);
        run(fd, 1);
        map = load_host_map(fd, "settings");
        ck_assert_int_eq(map_dump(map, &settings, NULL), 0);
        ck_assert_uint_eq(settings.n, 1);
        ck_assert(settings.complete && settings.readable);
        ck_assert_str_eq(settings.entries[0].key, "0");
        ck_assert_msg(
                strstr(settings.entries[0].value,
                       ".wide = 1, .seen = 1, .small = 1, .flag = 0, .color = 3, .setting = 10, "
                ) != NULL,
                "%s", settings.entries[0].value
        );
        map = fd_close(map);

        map = load_host_map(fd, "calls");
        ck_assert_int_eq(map_dump(map, &calls, NULL), 0);
        ck_assert_uint_eq(calls.n, 1);
        ck_assert_str_eq(calls.entries[0].key, "0");
        ck_assert_str_eq(calls.entries[0].value, "1");
        ck_assert_int_eq(map_count(map, 100), 1);
        map = fd_close(map);

        map = load_host_map(fd, "percpu");
        ck_assert_int_eq(map_dump(map, &percpu, NULL), 0);
        map = fd_close(map);

        map = load_host_map(fd, ".bss");
        ck_assert_int_eq(map_dump(map, &bss, NULL), 0);
        ck_assert_str_eq(bss.entries[0].value, "seen = 1, other = 0");
        ck_assert_ptr_eq(strstr(percpu.entries[0].value, "1 (cpu0: "), percpu.entries[0].value);
        map = fd_close(map);
        load_host_close(&fd, 1);
        kernel_host_end();
}
END_TEST

START_TEST(test_dump_without_types_is_hex)
{
        _cleanup_(map_dump_done) MapDump dump = {};
        _cleanup_close_ int map = map_create(&(MapOptions){
                .name = "a name, too long for it",
                .type = BPF_MAP_TYPE_HASH,
                .key_size = 2,
                .value_size = 3,
                .max_entries = 4,
        });
        uint8_t value[3], key[2];
        MapInfo info;

        ck_assert_int_eq(map_info(map, &info), 0);
        ck_assert_str_eq(info.name, "a_name__too_lon");
        ck_assert_int_eq(map_next_key(map, NULL, key), -ENOENT);
        ck_assert_int_eq(map_update(map, "\x01\xff", "abc", BPF_NOEXIST), 0);
        ck_assert_int_eq(map_update(map, "\x01\xff", "abc", BPF_NOEXIST), -EEXIST);
        ck_assert_int_eq(map_lookup(map, "\x01\xff", value), 0);
        ck_assert_mem_eq(value, "abc", 3);
        ck_assert_int_eq(map_dump(map, &dump, NULL), 0);
        ck_assert_uint_eq(dump.n, 1);
        ck_assert_str_eq(dump.entries[0].key, "hex:01ff");
        ck_assert_str_eq(dump.entries[0].value, "hex:616263");
        ck_assert_int_eq(map_delete(map, "\x01\xff"), 0);
        ck_assert_int_eq(map_delete(map, "\x01\xff"), -ENOENT);
        ck_assert_int_eq(map_count(map, 10), 0);
}
END_TEST

START_TEST(test_dump_is_bounded_and_says_so)
{
        _cleanup_(map_dump_done) MapDump many = {}, ring = {};
        _cleanup_close_ int map = map_create(&(MapOptions){
                .type = BPF_MAP_TYPE_ARRAY,
                .key_size = 4,
                .value_size = 4,
                .max_entries = LIMIT_MAP_DUMP_ENTRIES + 1,
        });
        _cleanup_close_ int buffer = map_create(&(MapOptions){ .type = BPF_MAP_TYPE_RINGBUF,
                                                               .max_entries = 4096 });

        ck_assert_int_eq(map_dump(map, &many, NULL), 0);
        ck_assert_uint_eq(many.n, LIMIT_MAP_DUMP_ENTRIES);
        ck_assert(!many.complete);
        ck_assert_int_eq(map_dump(buffer, &ring, NULL), 0);
        ck_assert_uint_eq(ring.n, 0);
        ck_assert(!ring.readable);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_donor_maps_go_on_in_the_new_program,
                test_without_a_donor_maps_are_fresh,
                test_map_of_another_size_is_not_carried,
                test_variables_in_other_places_are_not_carried,
                test_variable_that_is_set_wins_over_a_donor,
                test_donor_that_is_gone_is_no_failure,
                test_map_is_pinned_and_reused,
                test_nothing_is_pinned_by_a_load_that_fails,
                test_places_where_no_map_can_be_pinned,
                test_map_that_wants_a_pin_by_name_must_be_told_where,
                test_pinned_program_is_opened_and_nothing_else,
                test_dump_shows_entries_by_type,
                test_dump_without_types_is_hex,
                test_dump_is_bounded_and_says_so,
        };

        kernel_host_require();
        return check_main("integration/load/maps", tests, ELEMENTS(tests), 60);
}
