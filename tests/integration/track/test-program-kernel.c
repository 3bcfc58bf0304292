/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Programs that come by descriptor, on the running kernel: what of others may be displaced for them, and what is ours
 * never is. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/track/tracker.h"
#include "tests/integration/bpf/kernel-host.h"
#include "tests/integration/track/track-host.h"
#include "tests/unit/check-main.h"

typedef struct Request {
        Prior prior;
        AttachMode mode;
        bool takeover;
        int answer;
        const char *text; /* part of what is said */
} Request;

/* A program that comes by descriptor: what is there is displaced only if it is foreign, alone there, of the same mode,
 * and takeover was said. */
static const Request requests[] = {
        { FOREIGN_EXCLUSIVE, ATTACH_EXCLUSIVE, false, -EBUSY, "of somebody else is attached" },
        { FOREIGN_EXCLUSIVE, ATTACH_EXCLUSIVE, true, 0, NULL },
        { FOREIGN_EXCLUSIVE, ATTACH_OVERRIDE, true, -EPERM, "which does not go with override" },
        { FOREIGN_EXCLUSIVE, ATTACH_MULTI, true, -EPERM, "which does not go with multi" },
        { FOREIGN_OVERRIDE, ATTACH_OVERRIDE, false, -EBUSY, "of somebody else is attached" },
        { FOREIGN_OVERRIDE, ATTACH_OVERRIDE, true, 0, NULL },
        { FOREIGN_OVERRIDE, ATTACH_EXCLUSIVE, true, -EPERM, "which does not go with exclusive" },
        { FOREIGN_LINK, ATTACH_EXCLUSIVE, true, -EPERM, "which does not go with exclusive" },
        { FOREIGN_MULTI, ATTACH_MULTI, true, 0, NULL },
        { PARENT_EXCLUSIVE, ATTACH_EXCLUSIVE, true, -EPERM, "/p' above has program" },
        { NOTHING, ATTACH_EXCLUSIVE, true, 0, NULL },
        { OWN_EXCLUSIVE, ATTACH_EXCLUSIVE, true, -EBUSY, "of ours) is attached" },
        { OWN_OVERRIDE, ATTACH_OVERRIDE, true, -EBUSY, "of '" UNIT "'" },
};

static void check_request(Host *host, const Request *row, size_t index) {
        _cleanup_diag_ Diag diag = {};
        const ProgramRequest request = {
                .prog_fd = host->own[1],
                .cgroup_fd = host->cgroup_fd,
                .hook = HOOK,
                .mode = row->mode,
                .via = _VIA_INVALID,
                .takeover = row->takeover,
        };
        bool displaces = row->answer == 0 && row->mode != ATTACH_MULTI;
        size_t before, n_before, after;
        uint64_t id = 0;
        int r;

        host_start(host, NULL, NULL);
        host_prepare(host, row->prior);
        n_before = tracker_n_attachments(host->tracker);
        before = host_count(host, host->cgroup_fd, host->foreign_id);
        r = tracker_attach_program(host->tracker, &request, &id, &diag);
        ck_assert_msg(r == row->answer, "request %zu: %d: %s", index, r, diag.text ?: "-");
        if (row->text)
                ck_assert_msg(
                        strstr(diag_text(&diag, r), row->text), "request %zu: %s", index, diag.text
                );
        after = host_count(host, host->cgroup_fd, host->foreign_id);
        ck_assert_msg(after == (displaces ? 0 : before), "request %zu: %zu foreign", index, after);
        ck_assert_uint_eq(
                host_count(host, host->cgroup_fd, host_program_id(host, host->own[1])), r == 0
        );
        if (row->prior >= OWN_LINK)
                ck_assert_uint_eq(
                        host_count(host, host->cgroup_fd, host_program_id(host, host->own[0])), 1
                );
        ck_assert_uint_eq(tracker_n_attachments(host->tracker), n_before + (r == 0));
        host->tracker = tracker_free(host->tracker);
        host_detach_foreign(host, host->cgroup_fd);
        host_detach_foreign(host, host->parent_fd);
}

START_TEST(request_displaces_only_what_takeover_permits)
{
        for (size_t i = 0; i < ELEMENTS(requests); i++) {
                Host host;

                host_begin(&host);
                check_request(&host, &requests[i], i);
                host_end(&host);
        }
}
END_TEST

/* Asks the kernel without end whether the program is there, until the pipe is closed: exit status 0 if it always was. */
static pid_t watch(const Host *host, int ret_pipe[2]) {
        pid_t pid;

        ck_assert_int_eq(pipe2(ret_pipe, O_CLOEXEC | O_NONBLOCK), 0);
        pid = fork();
        if (pid == 0) {
                unsigned asked = 0;
                char byte;

                (void)close(ret_pipe[1]);
                do {
                        if (host_count(host, host->cgroup_fd, host->foreign_id) == 0)
                                _exit(1);
                        asked++;
                } while (read(ret_pipe[0], &byte, 1) != 0);
                _exit(asked > 1 ? 0 : 2);
        }
        (void)close(ret_pipe[0]);
        (void)usleep(20000);
        return pid;
}

static int watch_end(pid_t pid, const int fds[2]) {
        int status;

        (void)usleep(20000);
        (void)close(fds[1]);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static UnitPlace place_of(const Host *host) {
        UnitPlace place = { .unit = UNIT,
                            .invocation_id = "aaaabbbbccccddddeeeeffff00001111",
                            .cgroup = host->cgroup };

        ck_assert_int_eq(host->ops->cgroup_id(host->ops, host->cgroup_fd, &place.cgroup_id), 0);
        return place;
}

static void check_adopted(Host *host, Prior prior, AttachMode mode, Via via) {
        _cleanup_(target_set_free_ptr) TargetSet *none = target_set_new(UNIT);
        const UnitPlace place = place_of(host);
        _cleanup_diag_ Diag diag = {};
        AttachmentView view;
        uint64_t id;
        int fds[2], r;
        pid_t watcher;

        host_start(host, NULL, NULL);
        host_prepare(host, prior);
        watcher = watch(host, fds);
        r = tracker_adopt(host->tracker, &place, host->foreign_id, &id, &diag);
        ck_assert_msg(r == 0, "%s: %s", attach_mode_to_string(mode), diag_text(&diag, r));
        ck_assert(tracker_find_attachment(host->tracker, id, &view));
        ck_assert_str_eq(view.unit, UNIT);
        ck_assert_str_eq(view.invocation_id, place.invocation_id);
        ck_assert_int_eq(view.mode, mode);
        ck_assert_int_eq(view.via, via);
        ck_assert_uint_eq(view.prog_id, host->foreign_id);
        /* no line of a file wants it, and none decides about it */
        ck_assert_int_eq(tracker_apply(host->tracker, &place, none, APPLY_RELOAD, NULL), 0);
        ck_assert_int_eq(tracker_check(host->tracker), 0);
        ck_assert_int_eq(watch_end(watcher, fds), 0);
        ck_assert_uint_eq(host_count(host, host->cgroup_fd, host->foreign_id), 1);
        ck_assert_int_eq(tracker_unit_stop(host->tracker, UNIT, NULL), 0);
        ck_assert_uint_eq(host_count(host, host->cgroup_fd, host->foreign_id), 0);
}

START_TEST(exclusive_program_is_adopted_without_a_gap)
{
        Host host;

        host_begin(&host);
        check_adopted(&host, FOREIGN_EXCLUSIVE, ATTACH_EXCLUSIVE, VIA_CGROUP_LEGACY);
        host_end(&host);
}
END_TEST

START_TEST(override_program_is_adopted_without_a_gap)
{
        Host host;

        host_begin(&host);
        check_adopted(&host, FOREIGN_OVERRIDE, ATTACH_OVERRIDE, VIA_CGROUP_LEGACY);
        host_end(&host);
}
END_TEST

START_TEST(multi_program_is_adopted_without_a_gap)
{
        Host host;

        host_begin(&host);
        check_adopted(&host, FOREIGN_MULTI, ATTACH_MULTI, VIA_CGROUP_LINK);
        host_end(&host);
}
END_TEST

static void check_not_adopted(Host *host, uint32_t prog_id, int error, const char *text) {
        _cleanup_diag_ Diag diag = {};
        const UnitPlace place = place_of(host);
        size_t before = host_count(host, host->cgroup_fd, prog_id);
        size_t n_before = tracker_n_attachments(host->tracker);
        uint64_t id = 4711;

        int r = tracker_adopt(host->tracker, &place, prog_id, &id, &diag);

        ck_assert_msg(
                r == error && strstr(diag_text(&diag, r), text), "%d: %s", r, diag_text(&diag, r)
        );
        ck_assert_uint_eq(id, 4711);
        ck_assert_uint_eq(host_count(host, host->cgroup_fd, prog_id), before);
        ck_assert_uint_eq(tracker_n_attachments(host->tracker), n_before);
}

START_TEST(program_of_a_foreign_link_is_not_adopted)
{
        Host host;

        host_begin(&host);
        host_start(&host, NULL, NULL);
        check_not_adopted(&host, host.foreign_id, -ENOENT, "is not attached to");
        host_prepare(&host, FOREIGN_LINK);
        check_not_adopted(&host, host.foreign_id, -EBUSY, "held by a link");
        host_end(&host);
}
END_TEST

START_TEST(own_program_is_not_adopted_again)
{
        Host host;

        host_begin(&host);
        host_start(&host, NULL, NULL);
        host_prepare(&host, OWN_EXCLUSIVE);
        check_not_adopted(&host, host_program_id(&host, host.own[0]), -EBUSY, "ours already");
        host_end(&host);
}
END_TEST

/* The kernel takes nothing anew under an exclusive program, not even what was there before that came. */
START_TEST(program_under_an_exclusive_one_stays_foreign)
{
        Host host;

        host_begin(&host);
        host_start(&host, NULL, NULL);
        host_prepare(&host, FOREIGN_OVERRIDE);
        host_prepare(&host, PARENT_EXCLUSIVE);
        check_not_adopted(
                &host, host.foreign_id, -EPERM, "exclusive mode, which forbids any below"
        );
        host_detach_foreign(&host, host.cgroup_fd);
        host_detach_foreign(&host, host.parent_fd);
        host_end(&host);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                request_displaces_only_what_takeover_permits,
                exclusive_program_is_adopted_without_a_gap,
                override_program_is_adopted_without_a_gap,
                multi_program_is_adopted_without_a_gap,
                program_of_a_foreign_link_is_not_adopted,
                own_program_is_not_adopted_again,
                program_under_an_exclusive_one_stays_foreign,
        };

        kernel_host_require();
        return check_main("track/program-kernel", tests, ELEMENTS(tests), 60);
}
