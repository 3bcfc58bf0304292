/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/bpffs.h"
#include "bpf/kernel-fake.h"
#include "bpf/uapi.h"
#include "src/base/text.h"
#include "tests/unit/bpf/matrix.h"
#include "tests/unit/check-main.h"

typedef struct FakeHost {
        MatrixHost host; /* first: the functions find the rest by it */
        KernelFake *fake;
} FakeHost;

static KernelFake *fake_of(MatrixHost *host) {
        return ((FakeHost *)host)->fake;
}

static char *host_cgroup_path(MatrixHost *host, const char *name) {
        return text_format("/cg/%s", name);
}

static void host_cgroup_make(MatrixHost *host, const char *name) {
        _cleanup_free_ char *path = host_cgroup_path(host, name);

        ck_assert_uint_ne(kernel_fake_cgroup_make(fake_of(host), path), 0);
}

static void host_cgroup_remove(MatrixHost *host, const char *name) {
        _cleanup_free_ char *path = host_cgroup_path(host, name);

        ck_assert_int_eq(kernel_fake_cgroup_remove(fake_of(host), path), 0);
}

static int host_program_new(MatrixHost *host, const char *name, Hook hook) {
        return kernel_fake_program_new(fake_of(host), name, hook);
}

static void host_wait(MatrixHost *host) {
        kernel_fake_settle(fake_of(host));
}

static void run(void (*matrix)(MatrixHost *), bool lingering) {
        static FakeHost host;

        host = (FakeHost){
                .host = {
                        .cgroup_make = host_cgroup_make,
                        .cgroup_remove = host_cgroup_remove,
                        .cgroup_path = host_cgroup_path,
                        .program_new = host_program_new,
                        .wait = host_wait,
                },
                .fake = kernel_fake_new(),
        };
        host.host.ops = kernel_fake_ops(host.fake);
        kernel_fake_set_lingering(host.fake, lingering);
        ck_assert_uint_ne(kernel_fake_cgroup_make(host.fake, "/cg"), 0);
        matrix(&host.host);
        matrix_prove_clean(&host.host);
        ck_assert_uint_eq(kernel_fake_open_fds(host.fake), 0);
        ck_assert_uint_eq(kernel_fake_programs(host.fake), 0);
        ck_assert_uint_eq(kernel_fake_links(host.fake), 0);
        (void)kernel_fake_free(host.fake);
}

#define MATRIX_TEST(name)                  \
        START_TEST(name)                   \
        {                                  \
                run(matrix_##name, false); \
                run(matrix_##name, true);  \
        }                                  \
        END_TEST
MATRIX_TESTS(MATRIX_TEST)

#define EGRESS ((uint32_t)BPF_CGROUP_INET_EGRESS)

/* Two programs, a link pinned, a link not pinned and a legacy attachment on one cgroup. */
static uint64_t populate(KernelFake *fake, int *ret_cgroup) {
        const KernelOps *ops = kernel_fake_ops(fake);
        uint64_t id = kernel_fake_cgroup_make(fake, "/cg/a");
        int cgroup = ops->cgroup_open(ops, "/cg/a", NULL);
        int one = kernel_fake_program_new(fake, "one", HOOK_EGRESS);
        int two = kernel_fake_program_new(fake, "two", HOOK_EGRESS);
        int pinned = ops->link_create(ops, one, cgroup, EGRESS);

        ck_assert_int_ge(pinned, KERNEL_FAKE_FD_FIRST);
        ck_assert_int_eq(ops->pin(ops, pinned, "/pins/7"), 0);
        ck_assert_int_ge(ops->link_create(ops, two, cgroup, EGRESS), KERNEL_FAKE_FD_FIRST);
        ck_assert_int_eq(
                ops->prog_attach(
                        ops,
                        &(AttachArguments){
                                .cgroup_fd = cgroup,
                                .prog_fd = two,
                                .replace_prog_fd = -EBADF,
                                .attach_type = EGRESS,
                                .flags = BPF_F_ALLOW_MULTI,
                        }
                ),
                0
        );
        *ret_cgroup = cgroup;
        return id;
}

START_TEST(crash_closes_descriptors_and_keeps_what_the_kernel_holds)
{
        _cleanup_(kernel_fake_free_ptr) KernelFake *fake = kernel_fake_new();
        const KernelOps *ops = kernel_fake_ops(fake);
        QueryResult result;
        LinkInfo info;
        int cgroup, link;
        uint64_t id = populate(fake, &cgroup);

        ck_assert_uint_eq(kernel_fake_open_fds(fake), 5);
        kernel_fake_crash(fake);
        ck_assert_uint_eq(kernel_fake_open_fds(fake), 0);
        ck_assert_int_eq(ops->kind(ops, cgroup), -EBADF);
        ck_assert_uint_eq(kernel_fake_links(fake), 1);
        ck_assert_uint_eq(kernel_fake_programs(fake), 2);
        cgroup = ops->cgroup_by_id(ops, id, NULL);
        ck_assert_int_eq(ops->query(ops, cgroup, EGRESS, false, &result), 0);
        ck_assert_uint_eq(result.n_prog_ids, 2); /* the pinned link's and the legacy one */
        query_result_done(&result);
        link = ops->pin_open(ops, "/pins/7");
        ck_assert_int_eq(ops->link_info(ops, link, &info), 0);
        ck_assert_uint_eq(info.cgroup_id, id);
        ck_assert_int_eq(ops->unpin(ops, "/pins/7"), 0);
        ck_assert_int_eq(ops->close(ops, link), -EBADF);
        ck_assert_uint_eq(kernel_fake_links(fake), 0);
        ck_assert_uint_eq(kernel_fake_programs(fake), 1);
}
END_TEST

START_TEST(removal_of_the_cgroup_frees_legacy_and_leaves_links_defunct)
{
        _cleanup_(kernel_fake_free_ptr) KernelFake *fake = kernel_fake_new();
        const KernelOps *ops = kernel_fake_ops(fake);
        LinkInfo info;
        int cgroup, link;
        uint64_t id = populate(fake, &cgroup);

        kernel_fake_set_lingering(fake, true);
        ck_assert_int_eq(kernel_fake_cgroup_remove(fake, "/cg/a"), 0);
        link = ops->pin_open(ops, "/pins/7");
        ck_assert_int_eq(ops->link_info(ops, link, &info), 0);
        ck_assert_uint_eq(info.cgroup_id, id);
        kernel_fake_settle(fake);
        ck_assert_int_eq(ops->link_info(ops, link, &info), 0);
        ck_assert_uint_eq(info.cgroup_id, 0);
        ck_assert_uint_ne(kernel_fake_cgroup_make(fake, "/cg/a"), id);
}
END_TEST

START_TEST(pins_answer_as_bpffs)
{
        _cleanup_(kernel_fake_free_ptr) KernelFake *fake = kernel_fake_new();
        const KernelOps *ops = kernel_fake_ops(fake);
        int program = kernel_fake_program_new(fake, "p", HOOK_EGRESS), again;
        char **names;

        ck_assert_int_eq(ops->pin(ops, program, "/pins/b"), 0);
        ck_assert_int_eq(ops->pin(ops, program, "/pins/a"), 0);
        ck_assert_int_eq(ops->pin(ops, program, "/pins/deep/c"), 0);
        ck_assert_int_eq(ops->pin(ops, program, "/pins/a"), -EEXIST);
        ck_assert_int_eq(ops->pin(ops, program, "/pins/a.b"), -EPERM);
        ck_assert_int_eq(ops->pins_list(ops, "/pins", &names), 0);
        ck_assert_str_eq(names[0], "a");
        ck_assert_str_eq(names[1], "b");
        ck_assert_ptr_null(names[2]);
        (void)bpffs_names_free(names);
        (void)ops->close(ops, program);
        again = ops->pin_open(ops, "/pins/a");
        ck_assert_int_eq(ops->kind(ops, again), FD_KIND_PROGRAM);
        ck_assert_int_ne(again, program); /* numbers are not used twice */
        ck_assert_int_eq(ops->pin_open(ops, "/pins/x"), -ENOENT);
        ck_assert_int_eq(ops->unpin(ops, "/pins/a"), 0);
        ck_assert_int_eq(ops->unpin(ops, "/pins/a"), -ENOENT);
        ck_assert_uint_eq(kernel_fake_pins(fake), 2);
}
END_TEST

START_TEST(ordered_errors_come_at_their_call_and_are_logged)
{
        _cleanup_(kernel_fake_free_ptr) KernelFake *fake = kernel_fake_new();
        const KernelOps *ops = kernel_fake_ops(fake);
        int program = kernel_fake_program_new(fake, "p", HOOK_EGRESS), cgroup;
        const char *const *log;

        ck_assert_uint_eq(kernel_fake_cgroup_make(fake, "/cg"), 101);
        cgroup = ops->cgroup_open(ops, "/cg", NULL);
        kernel_fake_fail(fake, "link_create", -ENOMEM, 2);
        ck_assert_int_ge(ops->link_create(ops, program, cgroup, EGRESS), 0);
        ck_assert_int_eq(ops->link_create(ops, program, cgroup, EGRESS), -ENOMEM);
        ck_assert_int_ge(ops->link_create(ops, program, cgroup, EGRESS), 0);
        kernel_fake_fail(fake, "pin", -EIO, 0);
        ck_assert_int_eq(ops->pin(ops, program, "/p/1"), -EIO);
        ck_assert_int_eq(ops->pin(ops, program, "/p/1"), -EIO);
        kernel_fake_fail(fake, "pin", 0, 0);
        ck_assert_int_eq(ops->pin(ops, program, "/p/1"), 0);
        log = kernel_fake_log(fake);
        ck_assert_str_eq(log[0], "link_create prog=1 cgroup=101 type=1 -> 0");
        ck_assert_str_eq(log[1], "link_create prog=1 cgroup=101 type=1 -> -12");
        ck_assert_str_eq(log[2], "link_create prog=1 cgroup=101 type=1 -> 0");
        ck_assert_str_eq(log[3], "pin object=1 path=/p/1 -> -5");
        ck_assert_str_eq(log[5], "pin object=1 path=/p/1 -> 0");
        ck_assert_ptr_null(log[6]);
        kernel_fake_log_clear(fake);
        ck_assert_ptr_null(kernel_fake_log(fake)[0]);
}
END_TEST

START_TEST(kernel_without_links_or_revisions)
{
        _cleanup_(kernel_fake_free_ptr) KernelFake *fake = kernel_fake_new();
        const KernelOps *ops = kernel_fake_ops(fake);
        int program = kernel_fake_program_new(fake, "p", HOOK_EGRESS), cgroup;
        QueryResult result;

        (void)kernel_fake_cgroup_make(fake, "/cg");
        cgroup = ops->cgroup_open(ops, "/cg", NULL);
        kernel_fake_set_feature(fake, FEATURE_CGROUP_LINK, false);
        kernel_fake_set_feature(fake, FEATURE_REVISION, false);
        ck_assert(!ops->has(ops, FEATURE_CGROUP_LINK));
        ck_assert_int_eq(ops->link_create(ops, program, cgroup, EGRESS), -EINVAL);
        ck_assert_int_eq(ops->query(ops, cgroup, EGRESS, false, &result), 0);
        ck_assert_uint_eq(result.revision, 0);
        query_result_done(&result);
}
END_TEST

START_TEST(load_names_programs_by_file_and_carries_maps_over)
{
        _cleanup_(kernel_fake_free_ptr) KernelFake *fake = kernel_fake_new();
        const KernelOps *ops = kernel_fake_ops(fake);
        const char *const programs[] = { "one", "two" };
        const Hook hooks[] = { HOOK_EGRESS, HOOK_CONNECT4 };
        _cleanup_close_ int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        LoadRequest request = {
                .fd = file,
                .path = "x.o",
                .programs = programs,
                .hooks = hooks,
                .n_programs = 2,
        };
        int first[2], second[2];
        ProgramInfo a, b, c;

        kernel_fake_set_traits(fake, "one", FAKE_TRAIT_MAPS | FAKE_TRAIT_STORAGE);
        ck_assert_int_eq(ops->load(ops, &request, first, NULL), 0);
        ck_assert_int_eq(ops->prog_info(ops, first[0], &a), 0);
        ck_assert_int_eq(ops->prog_info(ops, first[1], &b), 0);
        ck_assert_str_ne(a.tag, b.tag);
        ck_assert_str_eq(a.name, "one");
        ck_assert_uint_eq(a.type, BPF_PROG_TYPE_CGROUP_SKB);
        ck_assert_uint_eq(a.n_maps, 1);
        ck_assert_uint_eq(b.n_maps, 0);
        ck_assert_int_eq(ops->prog_has_cgroup_storage(ops, first[0]), 1);
        ck_assert_int_eq(ops->prog_has_cgroup_storage(ops, first[1]), 0);
        request.donor_prog_ids = &a.id;
        request.n_donors = 1;
        ck_assert_int_eq(ops->load(ops, &request, second, NULL), 0);
        ck_assert_int_eq(ops->prog_info(ops, second[0], &c), 0);
        ck_assert_uint_ne(c.id, a.id);
        ck_assert_str_eq(c.tag, a.tag);
        ck_assert_uint_eq(c.map_ids[0], a.map_ids[0]);
}
END_TEST

#define MATRIX_NAME(name) name,
CHECK_MAIN(
        "bpf/kernel-fake",
        60,
        MATRIX_TESTS(MATRIX_NAME) crash_closes_descriptors_and_keeps_what_the_kernel_holds,
        removal_of_the_cgroup_frees_legacy_and_leaves_links_defunct,
        pins_answer_as_bpffs,
        ordered_errors_come_at_their_call_and_are_logged,
        kernel_without_links_or_revisions,
        load_names_programs_by_file_and_carries_maps_over
)
