/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/check-main.h"
#include "tests/unit/track/fixture.h"

#define OBJECT "/usr/lib/bpf/count.bpf.o"
#define CGROUP "/sys/fs/cgroup/a.service"

static TargetSet *two_programs(uint64_t inode) {
        TargetSet *set = target_set_new("a.service");

        fixture_target(set, HOOK_INGRESS, OBJECT, "count_in", inode);
        fixture_target(set, HOOK_EGRESS, OBJECT, "count_out", inode);
        return set;
}

START_TEST(start_attaches_pins_and_tells)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = two_programs(1);
        AttachmentView view;
        UnitView unit;
        Fixture f;

        fixture_init(&f);
        ck_assert(f.report.first_start);
        kernel_fake_cgroup_make(f.fake, CGROUP);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_START, NULL), APPLY_COVERED);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_INGRESS), 1);
        ck_assert_uint_eq(kernel_fake_pins(f.fake), 2);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        ck_assert_str_eq(view.unit, "a.service");
        ck_assert_str_eq(view.target, CGROUP);
        ck_assert_str_eq(view.object, OBJECT);
        ck_assert_str_eq(view.program, "count_in");
        ck_assert_str_eq(view.pin, "/sys/fs/bpf/unitbpf/links/1");
        ck_assert_int_eq(view.state, ATTACHMENT_ATTACHED);
        ck_assert(view.covered_from_start);
        ck_assert(tracker_find_unit(f.tracker, "a.service", &unit));
        ck_assert_int_eq(unit.state, UNIT_COVERED);
        ck_assert_int_eq(tracker_unit_stop(f.tracker, "a.service", NULL), 0);
        ck_assert_uint_eq(kernel_fake_links(f.fake), 0);
        ck_assert_uint_eq(kernel_fake_pins(f.fake), 0);
        ck_assert_uint_eq(kernel_fake_programs(f.fake), 0);
        ck_assert_uint_eq(tracker_n_attachments(f.tracker), 0);
        fixture_done(&f);
}
END_TEST

START_TEST(applying_twice_calls_nothing)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = two_programs(1);
        Fixture f;

        fixture_init(&f);
        kernel_fake_cgroup_make(f.fake, CGROUP);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_START, NULL), APPLY_COVERED);
        kernel_fake_log_clear(f.fake);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_RELOAD, NULL), APPLY_COVERED);
        ck_assert_ptr_null(kernel_fake_log(f.fake)[0]);
        fixture_done(&f);
}
END_TEST

START_TEST(crash_and_restart_keep_ids_links_and_words)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = two_programs(1);
        AttachmentView before, after;
        uint32_t link, program;
        uint64_t since;
        Fixture f;

        fixture_init(&f);
        kernel_fake_cgroup_make(f.fake, CGROUP);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_START, NULL), APPLY_COVERED);
        ck_assert(tracker_find_attachment(f.tracker, 2, &before));
        link = before.link_id;
        program = before.prog_id;
        since = before.since_usec;
        fixture_crash(&f);
        ck_assert(!f.report.first_start);
        ck_assert_uint_eq(f.report.restored, 2);
        ck_assert_uint_eq(f.report.quarantined, 0);
        ck_assert(tracker_find_attachment(f.tracker, 2, &after));
        ck_assert_uint_eq(after.link_id, link);
        ck_assert_uint_eq(after.prog_id, program);
        ck_assert_uint_eq(after.since_usec, since);
        ck_assert_str_eq(after.object, OBJECT);
        ck_assert_str_eq(after.origin, "/etc/x.service:2");
        ck_assert(after.covered_from_start);
        kernel_fake_log_clear(f.fake);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_RESTORE, NULL), APPLY_COVERED);
        ck_assert_ptr_null(kernel_fake_log(f.fake)[0]);
        fixture_done(&f);
}
END_TEST

START_TEST(new_object_file_is_put_under_the_same_link)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = two_programs(1);
        _cleanup_(target_set_free_ptr) TargetSet *newer = two_programs(2);
        AttachmentView view;
        uint32_t link, program;
        Fixture f;

        fixture_init(&f);
        kernel_fake_cgroup_make(f.fake, CGROUP);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_START, NULL), APPLY_COVERED);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        link = view.link_id;
        program = view.prog_id;
        ck_assert_int_eq(fixture_apply(&f, "a.service", newer, APPLY_RELOAD, NULL), APPLY_COVERED);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        ck_assert_uint_eq(view.link_id, link);
        ck_assert_uint_ne(view.prog_id, program);
        ck_assert_uint_eq(kernel_fake_programs(f.fake), 2);
        fixture_done(&f);
}
END_TEST

START_TEST(required_line_that_fails_refuses_the_start_and_leaves_nothing)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = two_programs(1);
        _cleanup_diag_ Diag diag = {};
        Fixture f;

        fixture_init(&f);
        kernel_fake_cgroup_make(f.fake, CGROUP);
        kernel_fake_fail(f.fake, "link_create", -ENOMEM, 2);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_START, &diag), APPLY_REFUSED);
        ck_assert_ptr_nonnull(strstr(diag.text, "/etc/x.service:2"));
        ck_assert_uint_eq(kernel_fake_links(f.fake), 0);
        ck_assert_uint_eq(kernel_fake_pins(f.fake), 0);
        ck_assert_uint_eq(kernel_fake_programs(f.fake), 0);
        ck_assert_uint_eq(tracker_n_units(f.tracker), 0);
        fixture_done(&f);
}
END_TEST

START_TEST(failed_line_on_reload_keeps_the_old_one)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = two_programs(1);
        _cleanup_(target_set_free_ptr) TargetSet *newer = two_programs(2);
        AttachmentView view;
        UnitView unit;
        Fixture f;

        fixture_init(&f);
        kernel_fake_cgroup_make(f.fake, CGROUP);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_START, NULL), APPLY_COVERED);
        kernel_fake_fail(f.fake, "load", -EINVAL, 0);
        ck_assert_int_eq(fixture_apply(&f, "a.service", newer, APPLY_RELOAD, NULL), APPLY_REFUSED);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_INGRESS), 1);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        ck_assert_int_eq(view.state, ATTACHMENT_ATTACHED);
        ck_assert(tracker_find_unit(f.tracker, "a.service", &unit));
        ck_assert_int_eq(unit.state, UNIT_DEGRADED);
        ck_assert_uint_eq(unit.n_problems, 2);
        fixture_done(&f);
}
END_TEST

START_TEST(operators_detach_holds_off_until_the_next_start)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = two_programs(1);
        AttachmentView view;
        Fixture f;

        fixture_init(&f);
        kernel_fake_cgroup_make(f.fake, CGROUP);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_START, NULL), APPLY_COVERED);
        ck_assert_int_eq(tracker_unit_detach(f.tracker, "a.service", NULL), 0);
        ck_assert_uint_eq(kernel_fake_links(f.fake), 0);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        ck_assert_int_eq(view.state, ATTACHMENT_HELD_OFF);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_RELOAD, NULL), APPLY_DEGRADED);
        fixture_crash(&f);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_RESTORE, NULL), APPLY_DEGRADED);
        ck_assert_uint_eq(kernel_fake_links(f.fake), 0);
        ck_assert_int_eq(tracker_unit_release(f.tracker, "a.service"), 0);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_LATE, NULL), APPLY_COVERED);
        ck_assert_uint_eq(kernel_fake_links(f.fake), 2);
        fixture_done(&f);
}
END_TEST

START_TEST(unit_is_covered_from_its_start_if_all_in_force_is)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = two_programs(1);
        UnitView unit;
        Fixture f;

        fixture_init(&f);
        kernel_fake_cgroup_make(f.fake, CGROUP);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_START, NULL), APPLY_COVERED);
        ck_assert(tracker_find_unit(f.tracker, "a.service", &unit));
        ck_assert(unit.covered_from_start);
        ck_assert_int_eq(tracker_unit_detach(f.tracker, "a.service", NULL), 0);
        ck_assert(tracker_find_unit(f.tracker, "a.service", &unit));
        ck_assert(!unit.covered_from_start);
        ck_assert_int_eq(tracker_unit_release(f.tracker, "a.service"), 0);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_RELOAD, NULL), APPLY_COVERED);
        ck_assert(tracker_find_unit(f.tracker, "a.service", &unit));
        ck_assert(!unit.covered_from_start);
        fixture_crash(&f);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_RESTORE, NULL), APPLY_COVERED);
        ck_assert(tracker_find_unit(f.tracker, "a.service", &unit));
        ck_assert(!unit.covered_from_start);
        /* its cgroup was seen empty */
        ck_assert_int_eq(tracker_unit_set_covered_from_start(f.tracker, "a.service", true), 0);
        ck_assert(tracker_find_unit(f.tracker, "a.service", &unit));
        ck_assert(unit.covered_from_start);
        fixture_done(&f);
}
END_TEST

START_TEST(one_of_two_taken_off_and_put_back_is_a_gap_of_the_unit)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = two_programs(1);
        AttachmentView first, second;
        UnitView unit;
        Fixture f;

        fixture_init(&f);
        kernel_fake_cgroup_make(f.fake, CGROUP);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_START, NULL), APPLY_COVERED);
        ck_assert_int_eq(tracker_detach(f.tracker, 1, NULL), 0);
        ck_assert_int_eq(tracker_unit_release(f.tracker, "a.service"), 0);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_RELOAD, NULL), APPLY_COVERED);
        ck_assert(tracker_get_attachment(f.tracker, 0, &first));
        ck_assert(tracker_get_attachment(f.tracker, 1, &second));
        ck_assert(first.covered_from_start);
        ck_assert(!second.covered_from_start);
        ck_assert(tracker_find_unit(f.tracker, "a.service", &unit));
        ck_assert_int_eq(unit.state, UNIT_COVERED);
        ck_assert(!unit.covered_from_start);
        fixture_done(&f);
}
END_TEST

static UnitView view_of(const Fixture *f) {
        UnitView unit;

        ck_assert(tracker_find_unit(f->tracker, "a.service", &unit));
        return unit;
}

/* The clock has gone on for certain, not just perhaps. */
static void pass_time(void) {
        (void)usleep(2000);
}

START_TEST(since_when_a_state_holds_is_known_and_survives)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = two_programs(1);
        _cleanup_(target_set_free_ptr) TargetSet *newer = two_programs(2);
        uint64_t started, degraded;
        Fixture f;

        fixture_init(&f);
        kernel_fake_cgroup_make(f.fake, CGROUP);
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_START, NULL), APPLY_COVERED);
        started = view_of(&f).since_usec;
        ck_assert_uint_eq(view_of(&f).state_since_usec, started);
        pass_time();
        kernel_fake_fail(f.fake, "load", -EINVAL, 0);
        ck_assert_int_eq(fixture_apply(&f, "a.service", newer, APPLY_RELOAD, NULL), APPLY_REFUSED);
        degraded = view_of(&f).state_since_usec;
        ck_assert_uint_gt(degraded, started);
        pass_time();
        kernel_fake_fail(f.fake, "load", -EINVAL, 0);
        ck_assert_int_eq(fixture_apply(&f, "a.service", newer, APPLY_RELOAD, NULL), APPLY_REFUSED);
        ck_assert_uint_eq(view_of(&f).state_since_usec, degraded);
        fixture_crash(&f);
        /* what was wrong is not known any more, but that something was */
        ck_assert_int_eq(view_of(&f).state, UNIT_DEGRADED);
        ck_assert_uint_eq(view_of(&f).state_since_usec, degraded);
        ck_assert_uint_eq(view_of(&f).since_usec, started);
        pass_time();
        ck_assert_int_eq(fixture_apply(&f, "a.service", set, APPLY_RESTORE, NULL), APPLY_COVERED);
        ck_assert_uint_gt(view_of(&f).state_since_usec, degraded);
        ck_assert_uint_eq(view_of(&f).since_usec, started);
        fixture_done(&f);
}
END_TEST

CHECK_MAIN(
        "track/tracker",
        30,
        start_attaches_pins_and_tells,
        applying_twice_calls_nothing,
        crash_and_restart_keep_ids_links_and_words,
        new_object_file_is_put_under_the_same_link,
        required_line_that_fails_refuses_the_start_and_leaves_nothing,
        failed_line_on_reload_keeps_the_old_one,
        operators_detach_holds_off_until_the_next_start,
        unit_is_covered_from_its_start_if_all_in_force_is,
        one_of_two_taken_off_and_put_back_is_a_gap_of_the_unit,
        since_when_a_state_holds_is_known_and_survives
)
