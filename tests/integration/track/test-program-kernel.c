/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Programs that come by descriptor, on the running kernel: what of others may be displaced for them, and what is ours
 * never is. */

#include <errno.h>
#include <string.h>

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

int main(void) {
        const TTest *const tests[] = {
                request_displaces_only_what_takeover_permits,
        };

        kernel_host_require();
        return check_main("track/program-kernel", tests, ELEMENTS(tests), 60);
}
