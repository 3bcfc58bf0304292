/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every operation of the kernel table fails at every place of a start, a reload, and a stop. Whatever failed, the old
 * protection stays, records and kernel agree, nothing leaks, and the next try without a failure makes all good. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/check-main.h"
#include "tests/unit/track/fixture.h"

#define UNIT   "a.service"
#define CGROUP "/sys/fs/cgroup/" UNIT

static const char *const operations[] = {
        "link_create", "link_update",  "link_detach", "prog_attach",  "prog_detach",
        "pin",         "unpin",        "load",        "pin_open",     "link_info",
        "prog_info",   "prog_by_id",   "prog_fits",   "query",        "prog_has_cgroup_storage",
        "cgroup_open", "cgroup_by_id", "cgroup_id",   "cgroup_alive", "cgroup_parent",
};

#define PLACES 8U /* no operation is called more often in one of the stories */

/* One link and one program by PROG_ATTACH. */
static TargetSet *wanted(uint64_t version) {
        TargetSet *set = target_set_new(UNIT);

        Target *target = fixture_target(set, HOOK_EGRESS, "/usr/lib/bpf/a.o", "link", version);

        target->repair = true;
        target = fixture_target(set, HOOK_CONNECT4, "/usr/lib/bpf/b.o", "legacy", version);
        target->repair = true;
        target->mode = ATTACH_EXCLUSIVE;
        return set;
}

/* Each in-force record has its program on the list, and nothing is there that no record names. */
static void check_agreement(Fixture *f, const char *what) {
        size_t n_egress = 0, n_connect4 = 0, n_pins = 0;
        AttachmentView view;

        for (size_t i = 0; tracker_get_attachment(f->tracker, i, &view); i++) {
                bool is_there = view.state == ATTACHMENT_ATTACHED;

                n_egress += is_there && view.hook == HOOK_EGRESS;
                n_connect4 += is_there && view.hook == HOOK_CONNECT4;
                n_pins += view.pin != NULL;
        }
        ck_assert_msg(fixture_attached(f, CGROUP, HOOK_EGRESS) == n_egress, "egress, %s", what);
        ck_assert_msg(
                fixture_attached(f, CGROUP, HOOK_CONNECT4) == n_connect4, "connect4, %s", what
        );
        ck_assert_msg(kernel_fake_pins(f->fake) == n_pins, "pins, %s", what);
}

static void begin(Fixture *f) {
        fixture_init(f);
        kernel_fake_cgroup_make(f->fake, CGROUP);
}

/* All well again: applied, covered, and gone without a trace. */
static void finish(Fixture *f, const TargetSet *set, const char *what) {
        int r = fixture_apply(f, UNIT, set, APPLY_RELOAD, NULL);

        ck_assert_msg(r == APPLY_COVERED, "%d after all, %s", r, what);
        check_agreement(f, what);
        ck_assert_uint_eq(fixture_attached(f, CGROUP, HOOK_EGRESS), 1);
        ck_assert_uint_eq(fixture_attached(f, CGROUP, HOOK_CONNECT4), 1);
        ck_assert_int_eq(tracker_unit_stop(f->tracker, UNIT, NULL), 0);
        ck_assert_uint_eq(kernel_fake_links(f->fake), 0);
        ck_assert_uint_eq(kernel_fake_pins(f->fake), 0);
        ck_assert_msg(kernel_fake_programs(f->fake) == 0, "programs left, %s", what);
        ck_assert_uint_eq(kernel_fake_open_fds(f->fake), 0);
        fixture_done(f);
}

/* Calls story for each operation and place; what is a text for messages. */
static void each_failure(void (*story)(const char *operation, unsigned nth, const char *what)) {
        char what[64];

        for (size_t i = 0; i < ELEMENTS(operations); i++)
                for (unsigned nth = 0; nth <= PLACES; nth++) {
                        (void)snprintf(what, sizeof what, "%s fails, %u", operations[i], nth);
                        story(operations[i], nth, what);
                }
}

static void start_story(const char *operation, unsigned nth, const char *what) {
        _cleanup_(target_set_free_ptr) TargetSet *set = wanted(1);
        Fixture f;
        int r;

        begin(&f);
        kernel_fake_fail(f.fake, operation, -ENOMEM, nth);
        r = fixture_apply(&f, UNIT, set, APPLY_START, NULL);
        kernel_fake_fail(f.fake, operation, 0, 0);
        if (r == APPLY_COVERED) {
                ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
                ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_CONNECT4), 1);
        } else if (r == APPLY_REFUSED || r < 0) {
                UnitView view;

                /* nothing stays, but for what could not be taken off again: that is still listed */
                ck_assert_msg(
                        tracker_find_unit(f.tracker, UNIT, &view) ||
                                (fixture_attached(&f, CGROUP, HOOK_EGRESS) == 0 &&
                                 fixture_attached(&f, CGROUP, HOOK_CONNECT4) == 0),
                        "left behind: %s", what
                );
        }
        check_agreement(&f, what);
        finish(&f, set, what);
}

START_TEST(start_survives_every_failure)
{ each_failure(start_story); }
END_TEST

static void reload_story(const char *operation, unsigned nth, const char *what) {
        _cleanup_(target_set_free_ptr) TargetSet *set = wanted(1);
        _cleanup_(target_set_free_ptr) TargetSet *newer = wanted(2);
        Fixture f;

        begin(&f);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_START, NULL), APPLY_COVERED);
        kernel_fake_fail(f.fake, operation, -ENOMEM, nth);
        (void)fixture_apply(&f, UNIT, newer, APPLY_RELOAD, NULL); /* any answer will do */
        kernel_fake_fail(f.fake, operation, 0, 0);
        /* old or new, but never none */
        ck_assert_msg(fixture_attached(&f, CGROUP, HOOK_EGRESS) >= 1, "gap, %s", what);
        ck_assert_msg(fixture_attached(&f, CGROUP, HOOK_CONNECT4) == 1, "gap, %s", what);
        check_agreement(&f, what);
        finish(&f, newer, what);
}

START_TEST(reload_survives_every_failure)
{ each_failure(reload_story); }
END_TEST

static void remake_story(const char *operation, unsigned nth, const char *what) {
        _cleanup_(target_set_free_ptr) TargetSet *set = wanted(1);
        _cleanup_(target_set_free_ptr) TargetSet *newer = wanted(2);
        Fixture f;

        begin(&f);
        kernel_fake_set_traits(f.fake, "link", FAKE_TRAIT_STORAGE);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_START, NULL), APPLY_COVERED);
        kernel_fake_fail(f.fake, operation, -ENOMEM, nth);
        (void)fixture_apply(&f, UNIT, newer, APPLY_RELOAD, NULL);
        kernel_fake_fail(f.fake, operation, 0, 0);
        ck_assert_msg(fixture_attached(&f, CGROUP, HOOK_EGRESS) >= 1, "gap, %s", what);
        check_agreement(&f, what);
        finish(&f, newer, what);
}

START_TEST(remake_survives_every_failure)
{ each_failure(remake_story); }
END_TEST

/* T8: a detach that fails leaves the record; the next one finishes. */
static void stop_story(const char *operation, unsigned nth, const char *what) {
        _cleanup_(target_set_free_ptr) TargetSet *set = wanted(1);
        Fixture f;
        int r;

        begin(&f);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_START, NULL), APPLY_COVERED);
        kernel_fake_fail(f.fake, operation, -ENOMEM, nth);
        r = tracker_unit_stop(f.tracker, UNIT, NULL);
        kernel_fake_fail(f.fake, operation, 0, 0);
        if (r < 0)
                ck_assert_msg(tracker_n_attachments(f.tracker) > 0, "forgotten, %s", what);
        ck_assert_int_eq(tracker_unit_stop(f.tracker, UNIT, NULL), 0);
        check_agreement(&f, what);
        finish(&f, set, what);
}

START_TEST(stop_survives_every_failure)
{ each_failure(stop_story); }
END_TEST

static void restore_story(const char *operation, unsigned nth, const char *what) {
        _cleanup_(target_set_free_ptr) TargetSet *set = wanted(1);
        Fixture f;

        begin(&f);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_START, NULL), APPLY_COVERED);
        fixture_kill(&f);
        kernel_fake_fail(f.fake, operation, -ENOMEM, nth);
        fixture_start(&f);
        kernel_fake_fail(f.fake, operation, 0, 0);
        ck_assert_msg(fixture_attached(&f, CGROUP, HOOK_EGRESS) >= 1, "gap, %s", what);
        ck_assert_msg(fixture_attached(&f, CGROUP, HOOK_CONNECT4) == 1, "gap, %s", what);
        (void)fixture_apply(&f, UNIT, set, APPLY_RESTORE, NULL);
        ck_assert_msg(fixture_attached(&f, CGROUP, HOOK_EGRESS) >= 1, "gap, %s", what);
        ck_assert_msg(fixture_attached(&f, CGROUP, HOOK_CONNECT4) == 1, "gap, %s", what);
        finish(&f, set, what);
}

START_TEST(restore_survives_every_failure)
{ each_failure(restore_story); }
END_TEST

/* No file takes a byte more, and a write says so instead of killing. Returns the limit there was. */
static struct rlimit stop_writes(void) {
        struct rlimit before, none;

        ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
        none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
        ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
        return before;
}

/* No intent line, no kernel call: the start is refused and its reason names the file and the error. */
START_TEST(journal_that_cannot_be_written_refuses_the_start)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = wanted(1);
        _cleanup_diag_ Diag diag = {};
        struct rlimit before;
        size_t egress, connect4;
        Fixture f;
        int r;

        begin(&f);
        before = stop_writes();
        r = fixture_apply(&f, UNIT, set, APPLY_START, &diag);
        egress = fixture_attached(&f, CGROUP, HOOK_EGRESS);
        connect4 = fixture_attached(&f, CGROUP, HOOK_CONNECT4);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
        ck_assert_msg(r == -EFBIG || r == APPLY_REFUSED, "the start was not refused: %d", r);
        ck_assert_uint_eq(egress, 0);
        ck_assert_uint_eq(connect4, 0);
        ck_assert_uint_eq(kernel_fake_links(f.fake), 0);
        ck_assert_uint_eq(kernel_fake_pins(f.fake), 0);
        ck_assert_ptr_nonnull(diag.text);
        ck_assert_msg(strstr(diag.text, f.state) != NULL, "no file in '%s'", diag.text);
        ck_assert_msg(strstr(diag.text, strerror(EFBIG)) != NULL, "no errno in '%s'", diag.text);
        check_agreement(&f, "journal");
        finish(&f, set, "journal");
}
END_TEST

/* What stood in the place of the journal is gone: a new one is begun and units start again. */
START_TEST(journal_that_could_not_be_opened_is_begun_anew)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = wanted(1);
        _cleanup_diag_ Diag diag = {};
        char away[128];
        Fixture f;

        begin(&f);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_START, NULL), APPLY_COVERED);
        ck_assert_int_eq(tracker_unit_stop(f.tracker, UNIT, NULL), 0);
        f.tracker = tracker_free(f.tracker);
        (void)snprintf(away, sizeof away, "%s.old", f.state);
        ck_assert_int_eq(rename(f.state, away), 0);
        ck_assert_int_eq(mkdir(f.state, 0700), 0); /* no file can be there */
        {
                TrackerOptions options = { .ops = kernel_fake_ops(f.fake),
                                           .state_path = f.state,
                                           .boot_id = FIXTURE_BOOT };

                ck_assert_int_eq(tracker_new(&options, &f.tracker, NULL), 0);
                (void)tracker_restore(f.tracker, NULL, 0, NULL, NULL, &diag);
                f.tracker = tracker_forget(f.tracker);
        }
        (void)rmdir(f.state);
        {
                char bad[128];

                (void)snprintf(bad, sizeof bad, "%s.bad", f.state);
                (void)rmdir(bad);
        }
        fixture_start(&f);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_START, NULL), APPLY_COVERED);
        finish(&f, set, "journal");
}
END_TEST

CHECK_MAIN(
        "track/failure",
        300,
        start_survives_every_failure,
        reload_survives_every_failure,
        remake_survives_every_failure,
        stop_survives_every_failure,
        restore_survives_every_failure,
        journal_that_cannot_be_written_refuses_the_start,
        journal_that_could_not_be_opened_is_begun_anew
)
