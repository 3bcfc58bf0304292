/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What unitbpf-hook and the daemon read of each other and of /proc. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/daemon/bus-objects.h"
#include "src/daemon/hook-server.h"
#include "src/hook/own-cgroup.h"
#include "tests/unit/check-main.h"

START_TEST(a_request_is_a_unit_name_and_perhaps_an_invocation)
{
        static const char *const bad[] = { "",
                                           "start",
                                           "start ",
                                           "start nonsense",
                                           "stop a.service",
                                           "start ../a.service",
                                           "start a.service b",
                                           "start a.service 0123456789abcdef0123456789ABCDEF",
                                           "start a.service 0123456789abcdef0123456789abcdef0",
                                           "start a.service " };
        static const char named[] = "start a.service 0123456789abcdef0123456789abcdef";
        HookRequest request;

        ck_assert_int_eq(hook_request_parse("start a.service", 15, &request), 0);
        ck_assert_str_eq(request.unit, "a.service");
        ck_assert_str_eq(request.invocation_id, "");
        hook_request_done(&request);
        ck_assert_int_eq(hook_request_parse(named, strlen(named), &request), 0);
        ck_assert_str_eq(request.unit, "a.service");
        ck_assert_str_eq(request.invocation_id, "0123456789abcdef0123456789abcdef");
        hook_request_done(&request);
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                ck_assert_int_eq(hook_request_parse(bad[i], strlen(bad[i]), &request), -EBADMSG);
        ck_assert_int_eq(hook_request_parse("start a.service\0x", 17, &request), -EBADMSG);
}
END_TEST

START_TEST(own_cgroup_is_the_line_of_version_2)
{
        char *path;

        ck_assert_int_eq(own_cgroup_parse("9:name=systemd:/\n0::/a b/c.service\n", &path), 0);
        ck_assert_str_eq(path, "/a b/c.service");
        free(path);
        ck_assert_int_eq(own_cgroup_parse("9:name=systemd:/\n1:cpu:/0::/x\n", &path), -ENOENT);
        ck_assert_int_eq(own_cgroup_parse("", &path), -ENOENT);
}
END_TEST

START_TEST(own_directory_is_found_under_any_mount)
{
        static const char mounts[] =
                "20 1 0:17 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
                "21 20 0:18 / /sys/fs/cgroup/cpu rw shared:1 - cgroup cgroup rw,cpu\n"
                "22 20 0:19 /part /mnt/a\\040part rw - cgroup2 cgroup2 rw\n"
                "23 20 0:19 / /sys/fs/cgroup/unified rw shared:2 master:3 - cgroup2 cgroup2 rw\n";
        char *directory;

        ck_assert_int_eq(own_cgroup_directory(mounts, "/x/y.service", &directory), 0);
        ck_assert_str_eq(directory, "/sys/fs/cgroup/unified/x/y.service");
        free(directory);
        ck_assert_int_eq(own_cgroup_directory(mounts, "/part/y.service", &directory), 0);
        ck_assert_str_eq(directory, "/mnt/a part/y.service");
        free(directory);
        /* "/partition" is not below "/part" */
        ck_assert_int_eq(own_cgroup_directory(mounts, "/partition", &directory), 0);
        ck_assert_str_eq(directory, "/sys/fs/cgroup/unified/partition");
        free(directory);
        ck_assert_int_eq(own_cgroup_directory(mounts, "/", &directory), 0);
        ck_assert_str_eq(directory, "/sys/fs/cgroup/unified");
        free(directory);
        ck_assert_int_eq(
                own_cgroup_directory("20 1 0:17 / / rw - ext4 cgroup2 rw\n", "/x", &directory),
                -ENOENT
        );
}
END_TEST

START_TEST(paths_of_attachments_are_numbers)
{
        uint64_t id = 0;

        ck_assert_int_eq(bus_attachment_path_parse("/org/unitbpf1/attachment/42", &id), 0);
        ck_assert_uint_eq(id, 42);
        ck_assert_int_eq(bus_attachment_path_parse("/org/unitbpf1/attachment/042", &id), -EINVAL);
        ck_assert_int_eq(bus_attachment_path_parse("/org/unitbpf1/attachment/", &id), -EINVAL);
        ck_assert_int_eq(bus_attachment_path_parse("/org/unitbpf1/unit/1", &id), -EINVAL);
}
END_TEST

CHECK_MAIN(
        "daemon/hook",
        10,
        a_request_is_a_unit_name_and_perhaps_an_invocation,
        own_cgroup_is_the_line_of_version_2,
        own_directory_is_found_under_any_mount,
        paths_of_attachments_are_numbers
)
