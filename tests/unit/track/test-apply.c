/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bringing units to what is wanted, and letting go. */

#include <errno.h>
#include <string.h>

#include "serialize/journal.h"
#include "tests/unit/check-main.h"
#include "tests/unit/track/fixture.h"

#define UNIT   "a.service"
#define CGROUP "/sys/fs/cgroup/" UNIT

static TargetSet *one(AttachMode mode, uint64_t version, Policy policy) {
        TargetSet *set = target_set_new(UNIT);
        Target *target = fixture_target(set, HOOK_EGRESS, "/usr/lib/bpf/o.o", "count", version);

        target->mode = mode;
        target->policy = policy;
        target->repair = true;
        return set;
}

static void begin(Fixture *f, const TargetSet *set) {
        fixture_init(f);
        kernel_fake_cgroup_make(f->fake, CGROUP);
        if (set)
                ck_assert_int_eq(fixture_apply(f, UNIT, set, APPLY_START, NULL), APPLY_COVERED);
}

/* T8: a detach that fails is told and the record stays; of a cgroup that is gone it is success. */
START_TEST(failed_detach_keeps_the_record)
{
        static const AttachMode modes[] = { ATTACH_MULTI, ATTACH_OVERRIDE };

        for (size_t i = 0; i < ELEMENTS(modes); i++) {
                _cleanup_(target_set_free_ptr) TargetSet *set = one(modes[i], 1, POLICY_REQUIRED);
                const char *call = modes[i] == ATTACH_MULTI ? "link_detach" : "prog_detach";
                _cleanup_diag_ Diag diag = {};
                Fixture f;

                begin(&f, set);
                kernel_fake_fail(f.fake, call, -EPERM, 1);
                ck_assert_int_eq(tracker_unit_stop(f.tracker, UNIT, &diag), -EPERM);
                ck_assert_ptr_nonnull(strstr(diag.text, "cannot detach"));
                ck_assert_uint_eq(tracker_n_attachments(f.tracker), 1);
                ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
                ck_assert_int_eq(kernel_fake_cgroup_remove(f.fake, CGROUP), 0);
                ck_assert_int_eq(tracker_unit_stop(f.tracker, UNIT, NULL), 0);
                ck_assert_uint_eq(tracker_n_attachments(f.tracker), 0);
                fixture_done(&f);
        }
}
END_TEST

/* T7: what was never attached is no silent success. */
START_TEST(detach_of_nothing_is_an_error)
{
        Fixture f;

        begin(&f, NULL);
        ck_assert_int_eq(tracker_detach(f.tracker, 5, NULL), -ENOENT);
        ck_assert_int_eq(tracker_unit_detach(f.tracker, UNIT, NULL), -ENOENT);
        fixture_done(&f);
}
END_TEST

/* T9, T13: freeing detaches, forgetting does not; writing changes nothing. */
START_TEST(free_detaches_and_forget_does_not)
{
        static const AttachMode modes[] = { ATTACH_MULTI, ATTACH_EXCLUSIVE };

        for (size_t i = 0; i < ELEMENTS(modes); i++) {
                _cleanup_(target_set_free_ptr) TargetSet *set = one(modes[i], 1, POLICY_REQUIRED);
                Fixture f;

                begin(&f, set);
                fixture_crash(&f); /* by forget */
                ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
                f.tracker = tracker_free(f.tracker);
                ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 0);
                fixture_start(&f); /* and nothing is held off for who comes next */
                ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_LATE, NULL), APPLY_COVERED);
                fixture_done(&f);
        }
}
END_TEST

/* T5: the state changes only after the kernel did. L-n3: an update that is refused is done by a new link beside. */
START_TEST(refused_update_is_made_anew_with_overlap)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1, POLICY_REQUIRED);
        _cleanup_(target_set_free_ptr) TargetSet *newer = one(ATTACH_MULTI, 2, POLICY_REQUIRED);
        const char *const *log;
        AttachmentView view;
        size_t created = 0, detached = 0;
        Fixture f;

        begin(&f, set);
        kernel_fake_fail(f.fake, "link_update", -EINVAL, 0);
        kernel_fake_log_clear(f.fake);
        ck_assert_int_eq(fixture_apply(&f, UNIT, newer, APPLY_RELOAD, NULL), APPLY_COVERED);
        log = kernel_fake_log(f.fake);
        for (size_t i = 0; log[i]; i++) {
                created = created ?: strstr(log[i], "link_create") ? i + 1 : 0;
                detached = detached ?: strstr(log[i], "link_detach") ? i + 1 : 0;
        }
        ck_assert_uint_gt(created, 0);
        ck_assert_uint_gt(detached, created);
        ck_assert(!tracker_find_attachment(f.tracker, 1, &view));
        ck_assert(tracker_find_attachment(f.tracker, 2, &view));
        ck_assert_uint_eq(kernel_fake_links(f.fake), 1);
        fixture_done(&f);
}
END_TEST

/* Somebody took our program off: the same program is put back, and stays. */
START_TEST(same_program_made_anew_is_not_taken_off_again)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1, POLICY_REQUIRED);
        AttachArguments arguments = { .replace_prog_fd = -EBADF };
        const KernelOps *ops;
        AttachmentView view;
        uint64_t id;
        Fixture f;

        set->targets[0].via = VIA_CGROUP_LEGACY;
        begin(&f, set);
        ops = kernel_fake_ops(f.fake);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        arguments.cgroup_fd = ops->cgroup_open(ops, CGROUP, &id);
        arguments.prog_fd = ops->prog_by_id(ops, view.prog_id);
        arguments.attach_type = hook_info(HOOK_EGRESS)->attach_type;
        ck_assert_int_eq(ops->prog_detach(ops, &arguments), 0);
        ops->close(ops, arguments.cgroup_fd);
        ck_assert_int_eq(tracker_check(f.tracker), 1);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_RESTORE, NULL), APPLY_COVERED);
        ops->close(ops, arguments.prog_fd);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
        fixture_done(&f);
}
END_TEST

/* As somebody with a descriptor of the link can (K10). */
static void detach_by_force(const Fixture *f, uint32_t link_id) {
        const KernelOps *ops = kernel_fake_ops(f->fake);
        int fd = ops->link_by_id(ops, link_id);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(ops->link_detach(ops, fd), 0);
        ops->close(ops, fd);
}

static char *state_text(const Fixture *f) {
        char *text = NULL;
        size_t size = 0;

        ck_assert_int_eq(journal_read(f->state, &text, &size), 0);
        return text;
}

/* A plan is made for what is so, not for what was, and leaves records, journal and kernel as they were. */
START_TEST(plan_of_what_drifted_shows_the_repair_and_changes_nothing)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1, POLICY_REQUIRED);
        UnitPlace place = { .unit = UNIT, .cgroup = CGROUP };
        AttachmentView view;
        PlanStep *steps;
        uint64_t generation;
        size_t n;
        Fixture f;

        begin(&f, set);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        ck_assert_int_eq(tracker_plan(f.tracker, &place, set, &steps, &n, NULL), 0);
        ck_assert_uint_eq(n, 1);
        ck_assert_str_eq(steps[0].operation, "keep");
        plan_steps_free(steps, n);
        detach_by_force(&f, view.link_id);
        generation = tracker_generation(f.tracker);
        {
                _cleanup_free_ char *before = state_text(&f), *after = NULL;

                ck_assert_int_eq(tracker_plan(f.tracker, &place, set, &steps, &n, NULL), 0);
                after = state_text(&f);
                ck_assert_str_eq(after, before);
        }
        ck_assert_uint_eq(n, 1);
        ck_assert_str_eq(steps[0].operation, "remake");
        ck_assert_uint_eq(steps[0].id, 1);
        ck_assert_ptr_nonnull(strstr(steps[0].call, "BPF_LINK_CREATE"));
        plan_steps_free(steps, n);
        ck_assert_uint_eq(tracker_generation(f.tracker), generation);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        ck_assert_int_eq(view.state, ATTACHMENT_ATTACHED); /* the next look will say it */
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 0);
        ck_assert_int_eq(tracker_check(f.tracker), 1);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_RESTORE, NULL), APPLY_COVERED);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
        fixture_done(&f);
}
END_TEST

/* From PROG_ATTACH to a link of the same program and back: never none, never two. */
START_TEST(mechanism_changes_with_the_same_program)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1, POLICY_REQUIRED);
        Fixture f;

        set->targets[0].via = VIA_CGROUP_LEGACY;
        begin(&f, set);
        for (int i = 0; i < 4; i++) {
                set->targets[0].via = i % 2 ? VIA_CGROUP_LEGACY : VIA_CGROUP_LINK;
                ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_RELOAD, NULL), APPLY_COVERED);
                ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
                ck_assert_uint_eq(kernel_fake_links(f.fake), i % 2 ? 0 : 1);
        }
        fixture_done(&f);
}
END_TEST

/* T11 */
START_TEST(empty_tracker_writes_no_records)
{
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        _cleanup_(fdset_free_ptr) FdSet *fds = fdset_new();
        const char *text;
        size_t size;
        Fixture f;

        begin(&f, NULL);
        ck_assert_int_eq(tracker_snapshot(f.tracker, writer, fds), 0);
        ck_assert_int_eq(writer_finish(writer, &text, &size), 0);
        ck_assert_ptr_null(strstr(text, "attachment="));
        ck_assert_ptr_nonnull(strstr(text, "\nend=0\n"));
        ck_assert_uint_eq(fdset_size(fds), 0);
        fixture_done(&f);
}
END_TEST

/* The table of policies, for a line that fails. T-g: nothing fails silently. */
START_TEST(policies_answer_as_the_table_says)
{
        static const struct {
                Policy policy;
                ApplyReason reason;
                int answer;
                UnitState state; /* inactive: not known afterwards */
        } rows[] = {
                { POLICY_REQUIRED, APPLY_START, APPLY_REFUSED, UNIT_INACTIVE },
                { POLICY_REQUIRED, APPLY_LATE, APPLY_REFUSED, UNIT_FAILED },
                { POLICY_REQUIRED, APPLY_RELOAD, APPLY_REFUSED, UNIT_FAILED },
                { POLICY_REQUIRED, APPLY_RESTORE, APPLY_REFUSED, UNIT_FAILED },
                { POLICY_WANTED, APPLY_START, APPLY_DEGRADED, UNIT_DEGRADED },
                { POLICY_WANTED, APPLY_LATE, APPLY_DEGRADED, UNIT_DEGRADED },
                { POLICY_OPTIONAL, APPLY_START, APPLY_DEGRADED, UNIT_DEGRADED },
                { POLICY_OPTIONAL, APPLY_RELOAD, APPLY_DEGRADED, UNIT_DEGRADED },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                _cleanup_(target_set_free_ptr)
                        TargetSet *set = one(ATTACH_MULTI, 1, rows[i].policy);
                UnitView unit = { .state = UNIT_INACTIVE };
                Fixture f;

                begin(&f, NULL);
                kernel_fake_fail(f.fake, "load", -EINVAL, 0);
                ck_assert_int_eq(
                        fixture_apply(&f, UNIT, set, rows[i].reason, NULL), rows[i].answer
                );
                (void)tracker_find_unit(f.tracker, UNIT, &unit);
                ck_assert_msg(unit.state == rows[i].state, "row %zu: %d", i, unit.state);
                if (unit.state != UNIT_INACTIVE) {
                        ck_assert_uint_eq(unit.n_problems, 1);
                        ck_assert_str_eq(unit.problems[0].origin, "/etc/x.service:1");
                        ck_assert_ptr_nonnull(strstr(unit.problems[0].text, "cannot load"));
                }
                fixture_done(&f);
        }
}
END_TEST

/* An optional line whose object is not there, or whose hook the kernel does not know, is skipped and said so. */
START_TEST(optional_and_absent_is_covered)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1, POLICY_OPTIONAL);
        UnitView unit;
        Fixture f;

        set->targets[0].error = strdup("there is no '/usr/lib/bpf/o.o'");
        set->targets[0].absent = true;
        begin(&f, set);
        ck_assert(tracker_find_unit(f.tracker, UNIT, &unit));
        ck_assert_int_eq(unit.state, UNIT_COVERED);
        ck_assert_uint_eq(unit.n_problems, 1);
        ck_assert(unit.problems[0].skipped);
        fixture_done(&f);
}
END_TEST

/* A lease of the unit is not of its files: a reload does not take it off. */
START_TEST(reload_leaves_leases_alone)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1, POLICY_REQUIRED);
        ProgramRequest request = { .unit = UNIT,
                                   .hook = HOOK_EGRESS,
                                   .via = _VIA_INVALID,
                                   .lease = true };
        const KernelOps *ops;
        uint64_t id;
        Fixture f;

        begin(&f, set);
        ops = kernel_fake_ops(f.fake);
        request.prog_fd = kernel_fake_program_new(f.fake, "leased", HOOK_EGRESS);
        request.cgroup_fd = ops->cgroup_open(ops, CGROUP, &id);
        ck_assert_int_eq(tracker_attach_program(f.tracker, &request, &id, NULL), 0);
        ops->close(ops, request.prog_fd);
        ops->close(ops, request.cgroup_fd);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_RELOAD, NULL), APPLY_COVERED);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 2);
        ck_assert_int_eq(tracker_detach(f.tracker, id, NULL), 0); /* ends, is not held off */
        ck_assert_uint_eq(tracker_n_attachments(f.tracker), 1);
        fixture_done(&f);
}
END_TEST

/* What was adopted is the unit's, but not its files': over a crash and a reload it stays, a detach lets it go. */
START_TEST(adopted_program_is_kept_until_it_is_detached)
{
        _cleanup_(target_set_free_ptr) TargetSet *none = target_set_new(UNIT);
        AttachArguments foreign = { .replace_prog_fd = -EBADF,
                                    .attach_type = hook_info(HOOK_EGRESS)->attach_type };
        UnitPlace place = { .unit = UNIT, .cgroup = CGROUP };
        const KernelOps *ops;
        AttachmentView view;
        ProgramInfo info;
        uint64_t id;
        Fixture f;

        fixture_init(&f);
        (void)kernel_fake_cgroup_make(f.fake, CGROUP);
        ops = kernel_fake_ops(f.fake);
        foreign.prog_fd = kernel_fake_program_new(f.fake, "foreign", HOOK_EGRESS);
        foreign.cgroup_fd = ops->cgroup_open(ops, CGROUP, &place.cgroup_id);
        ck_assert_int_eq(ops->prog_attach(ops, &foreign), 0);
        ck_assert_int_eq(ops->prog_info(ops, foreign.prog_fd, &info), 0);
        kernel_fake_fail(f.fake, "prog_attach", -ENOMEM, 1);
        ck_assert_int_eq(tracker_adopt(f.tracker, &place, info.id, &id, NULL), -ENOMEM);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
        ck_assert_uint_eq(tracker_n_attachments(f.tracker), 0);
        ck_assert_int_eq(tracker_adopt(f.tracker, &place, info.id, &id, NULL), 0);
        ops->close(ops, foreign.prog_fd);
        ops->close(ops, foreign.cgroup_fd);
        fixture_crash(&f);
        ck_assert_int_eq(fixture_apply(&f, UNIT, none, APPLY_RELOAD, NULL), APPLY_COVERED);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
        ck_assert(tracker_find_attachment(f.tracker, id, &view));
        ck_assert_str_eq(view.unit, UNIT);
        ck_assert_int_eq(tracker_detach(f.tracker, id, NULL), 0); /* ends, is not held off */
        ck_assert_uint_eq(tracker_n_attachments(f.tracker), 0);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 0);
        fixture_done(&f);
}
END_TEST

CHECK_MAIN(
        "track/apply",
        30,
        failed_detach_keeps_the_record,
        detach_of_nothing_is_an_error,
        free_detaches_and_forget_does_not,
        refused_update_is_made_anew_with_overlap,
        same_program_made_anew_is_not_taken_off_again,
        plan_of_what_drifted_shows_the_repair_and_changes_nothing,
        mechanism_changes_with_the_same_program,
        empty_tracker_writes_no_records,
        policies_answer_as_the_table_says,
        optional_and_absent_is_covered,
        reload_leaves_leases_alone,
        adopted_program_is_kept_until_it_is_detached
)
