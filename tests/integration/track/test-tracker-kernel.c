/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tracker on the running kernel. First a table: what is there, what is wanted, and what the tracker does before and
 * about it (refuse, foresee, fall back, explain); somebody else's program is there after every row as it was before. Then
 * restore from texts whose descriptors are not what they say. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/call.h"
#include "src/base/fd.h"
#include "src/base/text.h"
#include "src/track/tracker.h"
#include "tests/integration/bpf/kernel-host.h"
#include "tests/integration/track/track-host.h"
#include "tests/unit/check-main.h"

typedef struct Row {
        Prior prior;
        AttachMode mode;
        Via via;
        bool takeover;
        int answer;
        const char *text; /* part of what is said */
} Row;

#define LINK   VIA_CGROUP_LINK
#define LEGACY VIA_CGROUP_LEGACY

/* K3, K4, K5, K7, K9; kernel tables 1.1 to 1.7. */
static const Row rows[] = {
        { NOTHING, ATTACH_MULTI, LINK, false, APPLY_COVERED, NULL },
        { NOTHING, ATTACH_MULTI, LEGACY, false, APPLY_COVERED, NULL },
        { NOTHING, ATTACH_OVERRIDE, LEGACY, false, APPLY_COVERED, NULL },
        { NOTHING, ATTACH_EXCLUSIVE, LEGACY, false, APPLY_COVERED, NULL },
        { FOREIGN_EXCLUSIVE, ATTACH_MULTI, LINK, false, APPLY_REFUSED,
          "in exclusive mode, which does not go with multi" },
        { FOREIGN_EXCLUSIVE, ATTACH_MULTI, LEGACY, false, APPLY_REFUSED,
          "in exclusive mode, which does not go with multi" },
        { FOREIGN_EXCLUSIVE, ATTACH_OVERRIDE, LEGACY, false, APPLY_REFUSED,
          "of somebody else is attached" },
        { FOREIGN_EXCLUSIVE, ATTACH_EXCLUSIVE, LEGACY, false, APPLY_REFUSED,
          "takeover permits that" },
        { FOREIGN_EXCLUSIVE, ATTACH_EXCLUSIVE, LEGACY, true, APPLY_COVERED, NULL },
        { FOREIGN_OVERRIDE, ATTACH_MULTI, LINK, false, APPLY_REFUSED,
          "in override mode, which does not go with multi" },
        { FOREIGN_OVERRIDE, ATTACH_MULTI, LEGACY, false, APPLY_REFUSED,
          "in override mode, which does not go with multi" },
        { FOREIGN_OVERRIDE, ATTACH_EXCLUSIVE, LEGACY, false, APPLY_REFUSED,
          "does not go with exclusive" },
        { FOREIGN_OVERRIDE, ATTACH_EXCLUSIVE, LEGACY, true, APPLY_REFUSED,
          "does not go with exclusive" },
        { FOREIGN_OVERRIDE, ATTACH_OVERRIDE, LEGACY, false, APPLY_REFUSED,
          "takeover permits that" },
        { FOREIGN_OVERRIDE, ATTACH_OVERRIDE, LEGACY, true, APPLY_COVERED, NULL },
        { FOREIGN_MULTI, ATTACH_MULTI, LINK, false, APPLY_COVERED, NULL },
        { FOREIGN_MULTI, ATTACH_MULTI, LEGACY, false, APPLY_COVERED, NULL },
        { FOREIGN_MULTI, ATTACH_OVERRIDE, LEGACY, true, APPLY_REFUSED,
          "does not go with override" },
        { FOREIGN_MULTI, ATTACH_EXCLUSIVE, LEGACY, true, APPLY_REFUSED,
          "does not go with exclusive" },
        { FOREIGN_LINK, ATTACH_MULTI, LINK, false, APPLY_COVERED, NULL },
        { FOREIGN_LINK, ATTACH_MULTI, LEGACY, false, APPLY_COVERED, NULL },
        { FOREIGN_LINK, ATTACH_OVERRIDE, LEGACY, true, APPLY_REFUSED, "does not go with override" },
        { FOREIGN_LINK, ATTACH_EXCLUSIVE, LEGACY, true, APPLY_REFUSED,
          "does not go with exclusive" },
        { FOREIGN_FULL, ATTACH_MULTI, LINK, false, APPLY_REFUSED, "takes 64 programs" },
        { FOREIGN_FULL, ATTACH_MULTI, LEGACY, false, APPLY_REFUSED, "takes 64 programs" },
        { PARENT_EXCLUSIVE, ATTACH_MULTI, LINK, false, APPLY_REFUSED, "/p' above has program" },
        { PARENT_EXCLUSIVE, ATTACH_MULTI, LEGACY, false, APPLY_REFUSED,
          "exclusive mode, which forbids any below" },
        { PARENT_EXCLUSIVE, ATTACH_OVERRIDE, LEGACY, false, APPLY_REFUSED,
          "/p' above has program" },
        { PARENT_EXCLUSIVE, ATTACH_EXCLUSIVE, LEGACY, true, APPLY_REFUSED,
          "/p' above has program" },
        { PARENT_OVERRIDE, ATTACH_MULTI, LINK, false, APPLY_COVERED, NULL },
        { PARENT_OVERRIDE, ATTACH_EXCLUSIVE, LEGACY, false, APPLY_COVERED, NULL },
        { PARENT_OVERRIDE, ATTACH_OVERRIDE, LEGACY, false, APPLY_COVERED, NULL },
        { PARENT_MULTI, ATTACH_MULTI, LINK, false, APPLY_COVERED, NULL },
        { PARENT_MULTI, ATTACH_MULTI, LEGACY, false, APPLY_COVERED, NULL },
        { PARENT_MULTI, ATTACH_EXCLUSIVE, LEGACY, false, APPLY_COVERED, NULL },
        { DEAD, ATTACH_MULTI, LINK, false, -ENOENT, "cannot open cgroup" },
        { DEAD, ATTACH_OVERRIDE, LEGACY, false, -ENOENT, "cannot open cgroup" },
        { OWN_LINK, ATTACH_MULTI, LINK, false, APPLY_COVERED, NULL },
        { OWN_LINK, ATTACH_MULTI, LEGACY, false, APPLY_COVERED, NULL },
        { OWN_LINK, ATTACH_OVERRIDE, LEGACY, false, APPLY_REFUSED, "restart the unit" },
        { OWN_LINK, ATTACH_EXCLUSIVE, LEGACY, false, APPLY_REFUSED, "restart the unit" },
        { OWN_LEGACY, ATTACH_MULTI, LEGACY, false, APPLY_COVERED, NULL },
        { OWN_LEGACY, ATTACH_MULTI, LINK, false, APPLY_COVERED, NULL },
        { OWN_LEGACY, ATTACH_EXCLUSIVE, LEGACY, false, APPLY_REFUSED, "restart the unit" },
        { OWN_OVERRIDE, ATTACH_OVERRIDE, LEGACY, false, APPLY_COVERED, NULL },
        { OWN_OVERRIDE, ATTACH_EXCLUSIVE, LEGACY, false, APPLY_REFUSED, "restart the unit" },
        { OWN_OVERRIDE, ATTACH_MULTI, LINK, false, APPLY_COVERED, NULL }, /* L6: in its mode */
        { OWN_EXCLUSIVE, ATTACH_EXCLUSIVE, LEGACY, false, APPLY_COVERED, NULL },
        { OWN_EXCLUSIVE, ATTACH_OVERRIDE, LEGACY, false, APPLY_REFUSED, "restart the unit" },
        { OWN_EXCLUSIVE, ATTACH_MULTI, LINK, false, APPLY_COVERED, NULL }, /* L6 */
};

static void check_row(Host *host, const Row *row, size_t index) {
        _cleanup_(target_set_free_ptr) TargetSet *set = NULL;
        _cleanup_diag_ Diag diag = {};
        size_t foreign_before, foreign_after;
        int r;

        host_start(host, NULL, NULL);
        host_prepare(host, row->prior);
        foreign_before = host_count(host, host->cgroup_fd, host->foreign_id) +
                         host_count(host, host->parent_fd, host->foreign_id);
        set = host_wish(host, row->mode, row->via, row->takeover, 1);
        r = host_apply(host, set, &diag);
        ck_assert_msg(
                r == row->answer, "row %zu: %d instead of %d: %s", index, r, row->answer,
                diag.text ?: "-"
        );
        if (row->text)
                ck_assert_msg(
                        diag.text && strstr(diag.text, row->text), "row %zu: %s", index,
                        diag.text ?: "-"
                );
        foreign_after = host_count(host, host->cgroup_fd, host->foreign_id) +
                        host_count(host, host->parent_fd, host->foreign_id);
        if (!(row->takeover && r == APPLY_COVERED))
                ck_assert_msg(foreign_before == foreign_after, "row %zu: displaced", index);
        if (r == APPLY_COVERED) /* the new one alone is there of ours */
                ck_assert_uint_eq(
                        host_count(host, host->cgroup_fd, host_program_id(host, host->own[1])), 1
                );
        if (row->prior >= OWN_LINK) /* and if it was refused, the old one still is */
                ck_assert_uint_eq(
                        host_count(host, host->cgroup_fd, host_program_id(host, host->own[0])),
                        r == APPLY_COVERED ? 0 : 1
                );
        ck_assert_int_eq(tracker_unit_stop(host->tracker, UNIT, NULL), 0);
        for (int i = 0; i < OWN_PINS; i++)
                ck_assert_uint_eq(
                        host_count(host, host->cgroup_fd, host_program_id(host, host->own[i])), 0
                );
        host->tracker = tracker_free(host->tracker);
        host_detach_foreign(host, host->cgroup_fd);
        host_detach_foreign(host, host->parent_fd);
}

START_TEST(every_row_is_answered_and_nobody_displaced)
{
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                Host host;

                host_begin(&host);
                check_row(&host, &rows[i], i);
                host_end(&host);
        }
}
END_TEST

/* A real call: socket() is refused while a denying program is attached, and only then. */
START_TEST(attached_program_decides)
{
        const HookInfo *info = hook_info(HOOK);
        char path[96];
        Host host;
        int status;
        pid_t pid;

        host_begin(&host);
        (void)fd_close(host.own[0]);
        host.own[0] = call_load_return(info->prog_type, info->attach_type, 0);
        (void)snprintf(path, sizeof path, "%s/own0", host.bpffs);
        ck_assert_int_eq(host.ops->unpin(host.ops, path), 0);
        ck_assert_int_eq(host.ops->pin(host.ops, host.own[0], path), 0);
        host_start(&host, NULL, NULL);
        host_attach_own(&host, ATTACH_MULTI, LINK);
        pid = fork();
        if (pid == 0) {
                _cleanup_free_ char *procs = text_format("%s/cgroup.procs", host.cgroup);
                int fd = open(procs, O_WRONLY | O_CLOEXEC);

                if (fd < 0 || write(fd, "0", 1) != 1)
                        _exit(2);
                _exit(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 ? 0 : 1);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(WEXITSTATUS(status), 0);
        ck_assert_int_eq(tracker_unit_stop(host.tracker, UNIT, NULL), 0);
        host_end(&host);
}
END_TEST

START_TEST(replacement_keeps_the_link)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = NULL;
        AttachmentView before, after;
        uint32_t link_id;
        Host host;

        host_begin(&host);
        host_start(&host, NULL, NULL);
        host_attach_own(&host, ATTACH_MULTI, LINK);
        ck_assert(tracker_get_attachment(host.tracker, 0, &before));
        link_id = before.link_id;
        set = host_wish(&host, ATTACH_MULTI, LINK, false, 1);
        ck_assert_int_eq(host_apply(&host, set, NULL), APPLY_COVERED);
        ck_assert(tracker_get_attachment(host.tracker, 0, &after));
        ck_assert_uint_eq(after.link_id, link_id);
        ck_assert_uint_eq(after.prog_id, host_program_id(&host, host.own[1]));
        set = target_set_free(set); /* its descriptor would keep the pin */
        host_end(&host);
        kernel_host_wait_gone(BPF_LINK_GET_FD_BY_ID, link_id);
}
END_TEST

/* K10: a link that somebody detached by force is noticed, and made anew. */
START_TEST(forced_detach_is_noticed_and_repaired)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = NULL;
        AttachmentView view;
        Host host;

        host_begin(&host);
        host_start(&host, NULL, NULL);
        host_attach_own(&host, ATTACH_MULTI, LINK);
        ck_assert(tracker_get_attachment(host.tracker, 0, &view));
        ck_assert_int_eq(host.ops->link_detach(host.ops, view.fd), 0);
        ck_assert_int_eq(tracker_check(host.tracker), 1);
        ck_assert(tracker_get_attachment(host.tracker, 0, &view));
        ck_assert_int_eq(view.state, ATTACHMENT_DEFUNCT);
        set = host_wish(&host, ATTACH_MULTI, LINK, false, 0);
        ck_assert_int_eq(host_apply(&host, set, NULL), APPLY_COVERED);
        ck_assert_uint_eq(
                host_count(&host, host.cgroup_fd, host_program_id(&host, host.own[0])), 1
        );
        set = target_set_free(set); /* its descriptor would keep the pin */
        host_end(&host);
}
END_TEST

/* A link of ours for a text written by hand. */
static int raw_link(const Host *host, int program, uint32_t *ret_id) {
        LinkInfo info;
        int fd = host->ops->link_create(
                host->ops, program, host->cgroup_fd, hook_info(HOOK)->attach_type
        );

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(host->ops->link_info(host->ops, fd, &info), 0);
        *ret_id = info.id;
        return fd;
}

static char *line(const Host *host, int fd, unsigned id, uint32_t link_id, uint64_t cgroup_id) {
        return text_format(
                "attachment=%d sock_create multi %s id=%u unit=" UNIT
                " via=cgroup-link cgroup-id=%" PRIu64 " link-id=%u\n",
                fd, host->cgroup, id, cgroup_id, link_id
        );
}

static size_t quarantined(const Host *host) {
        AttachmentView view;
        size_t n = 0;

        for (size_t i = 0; tracker_get_attachment(host->tracker, i, &view); i++)
                n += view.state == ATTACHMENT_QUARANTINED;
        return n;
}

/* T-d: number 1 names a program, 2 a map-less file, 3 the link of another record: none of them is believed, none closed;
 * the record whose link is there under another number gets it. */
START_TEST(descriptors_are_what_the_kernel_says)
{
        _cleanup_(fdset_free_ptr) FdSet *fds = fdset_new();
        _cleanup_free_ char *wrong_kind = NULL, *by_id = NULL, *text = NULL, *gone = NULL;
        uint64_t cgroup_id;
        uint32_t link_id;
        AttachmentView view;
        int link_fd, prog_fd;
        Host host;

        host_begin(&host);
        ck_assert_int_eq(host.ops->cgroup_id(host.ops, host.cgroup_fd, &cgroup_id), 0);
        link_fd = raw_link(&host, host.own[0], &link_id);
        prog_fd = fd_duplicate(host.foreign);
        ck_assert_int_eq(fdset_adopt(fds, link_fd), 0);
        ck_assert_int_eq(fdset_adopt(fds, prog_fd), 0);
        wrong_kind = line(&host, prog_fd, 1, 0, cgroup_id);
        by_id = line(&host, prog_fd, 2, link_id, cgroup_id);
        gone = line(&host, link_fd, 3, link_id + 1000000, cgroup_id);
        text = text_format("unitbpf-state 1\n%s%s%send=3\n", wrong_kind, by_id, gone);
        host_start(&host, text, fds);
        ck_assert(!tracker_find_attachment(host.tracker, 1, &view));
        ck_assert(!tracker_find_attachment(host.tracker, 3, &view));
        ck_assert(tracker_find_attachment(host.tracker, 2, &view));
        ck_assert_int_eq(view.fd, link_fd);
        ck_assert_uint_eq(view.link_id, link_id);
        ck_assert_uint_eq(quarantined(&host), 1); /* the program */
        host_end(&host);
        kernel_host_wait_gone(BPF_LINK_GET_FD_BY_ID, link_id);
}
END_TEST

/* T-c, L-n1: the record names another cgroup than the link says. */
START_TEST(link_of_another_cgroup_is_quarantined)
{
        _cleanup_(fdset_free_ptr) FdSet *fds = fdset_new();
        _cleanup_free_ char *record = NULL, *text = NULL;
        uint64_t cgroup_id;
        uint32_t link_id;
        int link_fd;
        Host host;

        host_begin(&host);
        ck_assert_int_eq(host.ops->cgroup_id(host.ops, host.parent_fd, &cgroup_id), 0);
        link_fd = raw_link(&host, host.own[0], &link_id);
        ck_assert_int_eq(fdset_adopt(fds, link_fd), 0);
        record = line(&host, link_fd, 1, link_id, cgroup_id);
        text = text_format("unitbpf-state 1\n%send=1\n", record);
        host_start(&host, text, fds);
        ck_assert_uint_eq(quarantined(&host), 1);
        ck_assert_uint_eq(
                host_count(&host, host.cgroup_fd, host_program_id(&host, host.own[0])), 1
        );
        host_end(&host);
        kernel_host_wait_gone(BPF_LINK_GET_FD_BY_ID, link_id);
}
END_TEST

/* The same id, and the same link, twice: the first counts, and letting go of the second does not touch it. */
START_TEST(duplicates_do_no_harm)
{
        _cleanup_(fdset_free_ptr) FdSet *fds = fdset_new();
        _cleanup_free_ char *first = NULL, *second = NULL, *text = NULL;
        uint64_t cgroup_id;
        uint32_t link_id;
        int link_fd, copy;
        Host host;

        host_begin(&host);
        ck_assert_int_eq(host.ops->cgroup_id(host.ops, host.cgroup_fd, &cgroup_id), 0);
        link_fd = raw_link(&host, host.own[0], &link_id);
        copy = fd_duplicate(link_fd);
        ck_assert_int_eq(fdset_adopt(fds, link_fd), 0);
        ck_assert_int_eq(fdset_adopt(fds, copy), 0);
        first = line(&host, link_fd, 1, link_id, cgroup_id);
        second = line(&host, copy, 1, link_id, cgroup_id);
        text = text_format("unitbpf-state 1\n%s%send=2\n", first, second);
        host_start(&host, text, fds);
        ck_assert_uint_eq(tracker_n_attachments(host.tracker), 1);
        (void)tracker_check(host.tracker); /* drops what is dead or spare */
        ck_assert_uint_eq(
                host_count(&host, host.cgroup_fd, host_program_id(&host, host.own[0])), 1
        );
        host_end(&host);
        kernel_host_wait_gone(BPF_LINK_GET_FD_BY_ID, link_id);
}
END_TEST

/* T12, T14: systemd's line; mode and whether it is attached at all are read from the kernel. */
START_TEST(three_word_form_is_believed_as_far_as_the_kernel_confirms)
{
        _cleanup_(fdset_free_ptr) FdSet *fds = fdset_new();
        _cleanup_free_ char *text = NULL;
        AttachmentView view;
        int attached, other;
        Host host;

        host_begin(&host);
        host_attach_foreign(&host, host.cgroup_fd, BPF_F_ALLOW_OVERRIDE);
        attached = fd_duplicate(host.foreign);
        other = fd_duplicate(host.own[0]);
        ck_assert_int_eq(fdset_adopt(fds, attached), 0);
        ck_assert_int_eq(fdset_adopt(fds, other), 0);
        text = text_format(
                "unitbpf-state 1\nattachment=%d sock_create %s\nattachment=%d sock_create %s\nend=2\n",
                attached, host.cgroup, other, host.cgroup
        );
        host_start(&host, text, fds);
        ck_assert(tracker_get_attachment(host.tracker, 0, &view));
        ck_assert_int_eq(view.state, ATTACHMENT_ATTACHED);
        ck_assert_int_eq(view.mode, ATTACH_OVERRIDE);
        ck_assert_int_eq(view.via, VIA_CGROUP_LEGACY);
        ck_assert_uint_eq(view.prog_id, host.foreign_id);
        ck_assert_uint_eq(quarantined(&host), 1);
        ck_assert_int_eq(tracker_detach_all(host.tracker, NULL), 0);
        ck_assert_uint_eq(host_count(&host, host.cgroup_fd, host.foreign_id), 0);
        host_end(&host);
}
END_TEST

/* T8, K7: the cgroup goes first; letting go afterwards is success and leaves nothing. */
START_TEST(detach_behind_the_cgroup_is_success)
{
        AttachmentView view;
        uint32_t link_id;
        Host host;

        host_begin(&host);
        host_start(&host, NULL, NULL);
        host_attach_own(&host, ATTACH_MULTI, LINK);
        ck_assert(tracker_get_attachment(host.tracker, 0, &view));
        link_id = view.link_id;
        kernel_host_remove("p/c");
        ck_assert_int_eq(tracker_unit_stop(host.tracker, UNIT, NULL), 0);
        ck_assert_uint_eq(tracker_n_attachments(host.tracker), 0);
        host_end(&host);
        kernel_host_wait_gone(BPF_LINK_GET_FD_BY_ID, link_id);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                every_row_is_answered_and_nobody_displaced,
                attached_program_decides,
                replacement_keeps_the_link,
                forced_detach_is_noticed_and_repaired,
                descriptors_are_what_the_kernel_says,
                link_of_another_cgroup_is_quarantined,
                duplicates_do_no_harm,
                three_word_form_is_believed_as_far_as_the_kernel_confirms,
                detach_behind_the_cgroup_is_success,
        };

        kernel_host_require();
        return check_main("track/tracker-kernel", tests, ELEMENTS(tests), 60);
}
