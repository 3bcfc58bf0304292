/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a new daemon makes of what an old one left. Texts are written by hand where they must be odd. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "serialize/journal.h"
#include "src/base/text.h"
#include "src/track/state-image.h"
#include "tests/unit/check-main.h"
#include "tests/unit/track/fixture.h"

#define UNIT   "a.service"
#define CGROUP "/sys/fs/cgroup/" UNIT
#define OBJECT "/usr/lib/bpf/count.bpf.o"

static TargetSet *one(AttachMode mode, uint64_t version) {
        TargetSet *set = target_set_new(UNIT);
        Target *target = fixture_target(set, HOOK_EGRESS, OBJECT, "count", version);

        target->mode = mode;
        target->repair = true;
        return set;
}

static void begin(Fixture *f, const TargetSet *set) {
        fixture_init(f);
        kernel_fake_cgroup_make(f->fake, CGROUP);
        if (set)
                ck_assert_int_eq(fixture_apply(f, UNIT, set, APPLY_START, NULL), APPLY_COVERED);
}

/* Writes a state file of these lines behind the head. */
static void write_state(const Fixture *f, unsigned version, const char *boot, const char *lines) {
        _cleanup_(journal_free_ptr) Journal *journal = NULL;
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();

        writer_header(writer, version);
        writer_begin(writer, "boot-id", boot);
        writer_end(writer);
        for (const char *p = lines; *p;) {
                _cleanup_free_ char *line = strndup(p, strcspn(p, "\n"));

                writer_raw(writer, line);
                p += strlen(line) + (p[strlen(line)] == '\n');
        }
        (void)unlink(f->state);
        ck_assert_int_eq(journal_open(f->state, &journal, NULL), 0);
        ck_assert_int_eq(journal_replace(journal, writer), 0);
}

static bool said(const Fixture *f, const char *part) {
        for (const char *const *m = tracker_restore_messages(f->tracker); *m; m++)
                if (strstr(*m, part))
                        return true;
        return false;
}

static size_t count_state(const Fixture *f, AttachmentState state) {
        AttachmentView view;
        size_t n = 0;

        for (size_t i = 0; tracker_get_attachment(f->tracker, i, &view); i++)
                n += view.state == state;
        return n;
}

/* T-a: flags come back, so the same wish is a no-op and nobody is busy. */
START_TEST(flags_survive_a_restart)
{
        static const AttachMode modes[] = { ATTACH_MULTI, ATTACH_OVERRIDE, ATTACH_EXCLUSIVE };

        for (size_t i = 0; i < ELEMENTS(modes); i++) {
                _cleanup_(target_set_free_ptr) TargetSet *set = one(modes[i], 1);
                AttachmentView view;
                Fixture f;

                begin(&f, set);
                fixture_crash(&f);
                ck_assert(tracker_find_attachment(f.tracker, 1, &view));
                ck_assert_int_eq(view.mode, modes[i]);
                kernel_fake_log_clear(f.fake);
                ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_RESTORE, NULL), APPLY_COVERED);
                ck_assert_ptr_null(kernel_fake_log(f.fake)[0]);
                fixture_done(&f);
        }
}
END_TEST

/* T-b: a bad descriptor word is an error of that line, not a success without a thing. */
START_TEST(bad_descriptor_word_is_a_refused_line)
{
        Fixture f;

        begin(&f, NULL);
        fixture_kill(&f);
        write_state(
                &f, 1, FIXTURE_BOOT,
                "attachment=bad egress multi " CGROUP " id=1 via=cgroup-link cgroup-id=102\n"
        );
        fixture_start(&f);
        ck_assert_uint_eq(f.report.refused_lines, 1);
        ck_assert_uint_eq(f.report.restored, 0);
        ck_assert(said(&f, "state line 3 refused: 'bad' is no descriptor number"));
        fixture_done(&f);
}
END_TEST

/* T-c: a cgroup of the same name is another one. L-n1: the link of the old one is not taken for it. */
START_TEST(recreated_cgroup_is_another_one)
{
        static const AttachMode modes[] = { ATTACH_MULTI, ATTACH_OVERRIDE };

        for (size_t i = 0; i < ELEMENTS(modes); i++) {
                _cleanup_(target_set_free_ptr) TargetSet *set = one(modes[i], 1);
                Fixture f;

                begin(&f, set);
                fixture_kill(&f);
                ck_assert_int_eq(kernel_fake_cgroup_remove(f.fake, CGROUP), 0);
                kernel_fake_cgroup_make(f.fake, CGROUP);
                fixture_start(&f);
                ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 0);
                ck_assert_uint_eq(count_state(&f, ATTACHMENT_ATTACHED), 0);
                ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_RESTORE, NULL), APPLY_COVERED);
                ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
                ck_assert_uint_eq(kernel_fake_pins(f.fake), modes[i] == ATTACH_MULTI ? 1 : 0);
                ck_assert_uint_eq(count_state(&f, ATTACHMENT_DEFUNCT), 0);
                fixture_done(&f);
        }
}
END_TEST

/* T-d: the pin of another link, or of a program, is not believed. */
START_TEST(pin_of_something_else_is_quarantined)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1);
        const KernelOps *ops;
        Fixture f;
        int fd;

        begin(&f, set);
        fixture_kill(&f);
        ops = kernel_fake_ops(f.fake);
        ck_assert_int_eq(ops->unpin(ops, "/sys/fs/bpf/unitbpf/links/1"), 0);
        fd = kernel_fake_program_new(f.fake, "other", HOOK_EGRESS);
        ck_assert_int_eq(ops->pin(ops, fd, "/sys/fs/bpf/unitbpf/links/1"), 0);
        ops->close(ops, fd);
        fixture_start(&f);
        ck_assert_uint_eq(f.report.restored, 0);
        ck_assert_uint_eq(count_state(&f, ATTACHMENT_QUARANTINED), 1);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_RESTORE, NULL), APPLY_COVERED);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
        ck_assert_int_eq(tracker_detach_all(f.tracker, NULL), 0);
        ck_assert_uint_eq(kernel_fake_pins(f.fake), 0);
        fixture_done(&f);
}
END_TEST

/* T-e, T16: programs of unit files are carried over, and a new invocation is not left bare. */
START_TEST(programs_of_unit_files_are_carried_over)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1);
        UnitPlace next = { .unit = UNIT,
                           .invocation_id = "11112222333344445555666677778888",
                           .cgroup = CGROUP };
        AttachmentView view;
        uint32_t link;
        Fixture f;

        begin(&f, set);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        link = view.link_id;
        fixture_crash(&f);
        ck_assert_uint_eq(f.report.restored, 1);
        /* same cgroup, new invocation: transferred, not made twice */
        ck_assert_int_eq(tracker_apply(f.tracker, &next, set, APPLY_LATE, NULL), APPLY_COVERED);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        ck_assert_uint_eq(view.link_id, link);
        ck_assert_str_eq(view.invocation_id, next.invocation_id);
        /* another cgroup: covered anew, nothing left of the old */
        ck_assert_int_eq(kernel_fake_cgroup_remove(f.fake, CGROUP), 0);
        kernel_fake_cgroup_make(f.fake, CGROUP);
        ck_assert_int_eq(tracker_apply(f.tracker, &next, set, APPLY_START, NULL), APPLY_COVERED);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
        ck_assert_uint_eq(kernel_fake_links(f.fake), 1);
        ck_assert_uint_eq(kernel_fake_pins(f.fake), 1);
        fixture_done(&f);
}
END_TEST

START_TEST(state_of_another_boot_is_set_aside)
{
        char old[128];
        Fixture f;

        begin(&f, NULL);
        fixture_kill(&f);
        write_state(
                &f, 1, "ffffffffffffffffffffffffffffffff",
                "attachment=- egress override " CGROUP
                " id=1 via=cgroup-legacy cgroup-id=102 prog-id=1\n"
        );
        fixture_start(&f);
        ck_assert(f.report.other_boot);
        ck_assert(!f.report.first_start);
        ck_assert_uint_eq(tracker_n_attachments(f.tracker), 0);
        (void)snprintf(old, sizeof old, "%s.old", f.state);
        ck_assert_int_eq(access(old, R_OK), 0);
        fixture_done(&f);
}
END_TEST

START_TEST(unknown_version_touches_nothing)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1);
        _cleanup_(fdset_free_ptr) FdSet *fds = fdset_new();
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        _cleanup_free_ char *before = NULL, *after = NULL;
        size_t n_before, n_after;
        Fixture f;

        begin(&f, set);
        fixture_kill(&f);
        write_state(&f, 2, FIXTURE_BOOT, "attachment=- anything\nfuture=1\n");
        ck_assert_int_eq(journal_read(f.state, &before, &n_before), 0);
        kernel_fake_log_clear(f.fake);
        fixture_start(&f);
        ck_assert(f.report.unknown_version);
        ck_assert(tracker_is_read_only(f.tracker));
        ck_assert_uint_eq(f.report.quarantined, 1);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_RESTORE, NULL), -EROFS);
        ck_assert_int_eq(tracker_unit_stop(f.tracker, UNIT, NULL), -EROFS);
        ck_assert_int_eq(tracker_detach(f.tracker, 1, NULL), -EROFS);
        ck_assert_int_eq(tracker_detach_all(f.tracker, NULL), -EROFS);
        ck_assert_int_eq(tracker_check(f.tracker), 0);
        ck_assert_int_eq(tracker_snapshot(f.tracker, writer, fds), 0);
        f.tracker = tracker_free(f.tracker);
        ck_assert_ptr_null(kernel_fake_log(f.fake)[0]);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
        ck_assert_int_eq(journal_read(f.state, &after, &n_after), 0);
        ck_assert_uint_eq(n_before, n_after);
        ck_assert_mem_eq(before, after, n_before);
        fixture_done(&f);
}
END_TEST

/* What is no BPF object was left open by whoever started us: it is closed and no attachment is made of it. */
START_TEST(inherited_descriptors_of_other_things_are_closed)
{
        _cleanup_(fdset_free_ptr) FdSet *inherited = fdset_new();
        int strange = memfd_create("strange", MFD_CLOEXEC);
        Fixture f;

        ck_assert_int_ge(strange, 3);
        begin(&f, NULL);
        fixture_kill(&f);
        ck_assert_int_eq(fdset_adopt(inherited, strange), 0);
        f.inherited = inherited;
        fixture_start(&f);
        ck_assert_uint_eq(fdset_size(inherited), 0);
        ck_assert_int_eq(fcntl(strange, F_GETFD), -1);
        ck_assert_uint_eq(f.report.quarantined, 0);
        f.inherited = NULL;
        fixture_done(&f);
}
END_TEST

START_TEST(file_that_is_no_state_is_set_aside)
{
        char bad[128];
        FILE *file;
        Fixture f;

        begin(&f, NULL);
        fixture_kill(&f);
        file = fopen(f.state, "w");
        ck_assert_ptr_nonnull(file);
        (void)fputs("hello\n", file);
        (void)fclose(file);
        fixture_start(&f);
        ck_assert(!f.report.first_start);
        (void)snprintf(bad, sizeof bad, "%s.bad", f.state);
        ck_assert_int_eq(access(bad, R_OK), 0);
        ck_assert(said(&f, "set aside"));
        fixture_done(&f);
}
END_TEST

/* The text is lost, the pins are not: the very link is adopted, nothing is called. */
START_TEST(quarantined_link_is_adopted_by_a_wish)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1);
        AttachmentView view;
        Fixture f;

        begin(&f, set);
        fixture_kill(&f);
        ck_assert_int_eq(unlink(f.state), 0);
        fixture_start(&f);
        ck_assert(f.report.first_start);
        ck_assert_uint_eq(f.report.quarantined, 1);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        ck_assert_int_eq(view.state, ATTACHMENT_QUARANTINED);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_RESTORE, NULL), APPLY_COVERED);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        ck_assert_int_eq(view.state, ATTACHMENT_ATTACHED);
        ck_assert_str_eq(view.unit, UNIT);
        ck_assert_uint_eq(kernel_fake_links(f.fake), 1);
        fixture_crash(&f); /* and it is recorded now */
        ck_assert_uint_eq(f.report.restored, 1);
        ck_assert_uint_eq(f.report.quarantined, 0);
        fixture_done(&f);
}
END_TEST

START_TEST(quarantined_link_is_dropped_only_once_its_cgroup_is_covered)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1);
        _cleanup_(target_set_free_ptr) TargetSet *newer = one(ATTACH_MULTI, 2);
        Fixture f;

        begin(&f, set);
        fixture_kill(&f);
        ck_assert_int_eq(unlink(f.state), 0);
        fixture_start(&f);
        kernel_fake_fail(f.fake, "load", -EINVAL, 0); /* another program is wanted, and fails */
        ck_assert_int_eq(fixture_apply(&f, UNIT, newer, APPLY_RESTORE, NULL), APPLY_REFUSED);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
        kernel_fake_fail(f.fake, "load", 0, 0);
        ck_assert_int_eq(fixture_apply(&f, UNIT, newer, APPLY_RESTORE, NULL), APPLY_COVERED);
        ck_assert_uint_eq(fixture_attached(&f, CGROUP, HOOK_EGRESS), 1);
        ck_assert_uint_eq(count_state(&f, ATTACHMENT_QUARANTINED), 0);
        ck_assert_uint_eq(kernel_fake_pins(f.fake), 1);
        fixture_done(&f);
}
END_TEST

START_TEST(quarantined_link_of_a_dead_cgroup_is_dropped)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1);
        Fixture f;

        begin(&f, set);
        fixture_kill(&f);
        ck_assert_int_eq(unlink(f.state), 0);
        fixture_start(&f);
        ck_assert_int_eq(kernel_fake_cgroup_remove(f.fake, CGROUP), 0);
        ck_assert_int_eq(tracker_check(f.tracker), 0);
        ck_assert_uint_eq(tracker_n_attachments(f.tracker), 0);
        ck_assert_uint_eq(kernel_fake_pins(f.fake), 0);
        fixture_done(&f);
}
END_TEST

/* L-n2: a pin that cannot be opened is no end: set aside, and looked at again later. */
START_TEST(unreadable_pin_is_quarantined_and_looked_at_again)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1);
        Fixture f;

        begin(&f, set);
        fixture_kill(&f);
        kernel_fake_fail(f.fake, "pin_open", -EINVAL, 0);
        fixture_start(&f);
        ck_assert_uint_eq(count_state(&f, ATTACHMENT_QUARANTINED), 1);
        kernel_fake_fail(f.fake, "pin_open", 0, 0);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_RESTORE, NULL), APPLY_COVERED);
        ck_assert_uint_eq(kernel_fake_links(f.fake), 1);
        fixture_done(&f);
}
END_TEST

/* Ids are never reused, not even over a restart behind a detach. */
START_TEST(ids_are_never_given_again)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_MULTI, 1);
        AttachmentView view;
        Fixture f;

        begin(&f, set);
        ck_assert_int_eq(tracker_unit_stop(f.tracker, UNIT, NULL), 0);
        fixture_crash(&f);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_START, NULL), APPLY_COVERED);
        ck_assert(!tracker_find_attachment(f.tracker, 1, &view));
        ck_assert(tracker_find_attachment(f.tracker, 2, &view));
        fixture_done(&f);
}
END_TEST

/* Nobody may end the daemon by a text. */
START_TEST(strange_lines_are_refused_and_the_rest_is_read)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_OVERRIDE, 1);
        AttachmentView view;
        uint32_t prog_id;
        char lines[2048];
        uint64_t cgroup;
        Fixture f;

        begin(&f, set);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        prog_id = view.prog_id;
        cgroup = view.cgroup_id;
        fixture_kill(&f);
        (void)snprintf(
                lines, sizeof lines,
                "attachment=- xdp exclusive /c id=20 via=cgroup-legacy cgroup-id=%" PRIu64 "\n"
                "attachment=- egress multi /c id=21 via=cgroup-link cgroup-id=1 state=failed\n"
                "attachment=- egress multi /c id=18446744073709551615 via=cgroup-link cgroup-id=1\n"
                "attachment=- egress multi netns:5/ifindex:2 id=23 via=tcx-link cgroup-id=0\n"
                "program=- id=0\n"
                "unit=b.service held-off=perhaps\n"
                "intent=24 attach sk_lookup multi /c id=24 via=cgroup-legacy cgroup-id=5\n"
                "generation=many\n"
                "commit=x\n"
                "detached=\n"
                "colour=green\n"
                "attachment=- egress override " CGROUP " id=7 unit=" UNIT
                " via=cgroup-legacy cgroup-id=%" PRIu64 " prog-id=%u\n",
                cgroup, cgroup, prog_id
        );
        write_state(&f, 1, FIXTURE_BOOT, lines);
        fixture_start(&f);
        ck_assert_uint_eq(f.report.refused_lines, 10);
        ck_assert_uint_eq(f.report.restored, 1);
        ck_assert(tracker_find_attachment(f.tracker, 7, &view));
        ck_assert_int_eq(view.mode, ATTACH_OVERRIDE);
        ck_assert_int_eq(fixture_apply(&f, UNIT, set, APPLY_RESTORE, NULL), APPLY_COVERED);
        fixture_done(&f);
}
END_TEST

/* The daemon may have died between a line and its commit: entered once, not twice. */
START_TEST(attachment_without_its_commit_line_is_entered_once)
{
        _cleanup_(target_set_free_ptr) TargetSet *set = one(ATTACH_OVERRIDE, 1);
        AttachmentView view;
        char lines[1024];
        Fixture f;

        begin(&f, set);
        ck_assert(tracker_find_attachment(f.tracker, 1, &view));
        fixture_kill(&f);
        (void)snprintf(
                lines, sizeof lines,
                "intent=1 attach egress override " CGROUP " id=1 unit=" UNIT
                " via=cgroup-legacy cgroup-id=%" PRIu64 " prog-id=%u\n"
                "attachment=- egress override " CGROUP " id=1 unit=" UNIT
                " via=cgroup-legacy cgroup-id=%" PRIu64 " prog-id=%u\n",
                view.cgroup_id, view.prog_id, view.cgroup_id, view.prog_id
        );
        write_state(&f, 1, FIXTURE_BOOT, lines);
        fixture_start(&f);
        ck_assert_uint_eq(tracker_n_attachments(f.tracker), 1);
        ck_assert_uint_eq(f.report.settled, 1);
        fixture_done(&f);
}
END_TEST

static StateImage *read_text(const char *text, bool is_journal) {
        StateImage *image = NULL;

        ck_assert_int_eq(state_image_read(text, strlen(text), is_journal, &image, NULL), 0);
        return image;
}

#define LINE(id, path) "attachment=- egress multi " path " id=" id " via=cgroup-link cgroup-id=4\n"

START_TEST(first_line_of_an_id_wins_in_a_snapshot)
{
        _cleanup_(state_image_free_ptr) StateImage *image = read_text(
                "unitbpf-state 1\n" LINE("1", "/first") LINE("1", "/second") "end=2\n", false
        );

        ck_assert_uint_eq(image->attachments->len, 1);
        ck_assert_uint_eq(image->duplicates->len, 1);
        ck_assert(!image->truncated);
        ck_assert_str_eq(
                ((AttachmentRecord *)image->attachments->pdata[0])->attachment->path, "/first"
        );
}
END_TEST

START_TEST(snapshot_without_its_end_is_truncated)
{
        static const char *const texts[] = {
                "unitbpf-state 1\n" LINE("1", "/a"),
                "unitbpf-state 1\n" LINE("1", "/a") "end=2\n",
                "unitbpf-state 1\n" LINE("1", "/a") "end=1",
        };

        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                _cleanup_(state_image_free_ptr) StateImage *image = read_text(texts[i], false);

                ck_assert(image->truncated);
                ck_assert_uint_eq(image->attachments->len, 1);
        }
}
END_TEST

START_TEST(only_the_header_decides_whether_it_is_a_state)
{
        StateImage *image = NULL;

        ck_assert_int_eq(state_image_read("x", 1, false, &image, NULL), -EBADMSG);
        ck_assert_int_eq(state_image_read("", 0, true, &image, NULL), -EBADMSG);
        ck_assert_ptr_null(image);
        ck_assert_int_eq(
                state_image_read("unitbpf-state 9\nx", 17, false, &image, NULL), -EPROTONOSUPPORT
        );
        ck_assert_uint_eq(image->version, 9);
        state_image_free(image);
}
END_TEST

CHECK_MAIN(
        "track/restore",
        60,
        flags_survive_a_restart,
        bad_descriptor_word_is_a_refused_line,
        recreated_cgroup_is_another_one,
        pin_of_something_else_is_quarantined,
        programs_of_unit_files_are_carried_over,
        state_of_another_boot_is_set_aside,
        unknown_version_touches_nothing,
        inherited_descriptors_of_other_things_are_closed,
        file_that_is_no_state_is_set_aside,
        quarantined_link_is_adopted_by_a_wish,
        quarantined_link_is_dropped_only_once_its_cgroup_is_covered,
        quarantined_link_of_a_dead_cgroup_is_dropped,
        unreadable_pin_is_quarantined_and_looked_at_again,
        ids_are_never_given_again,
        strange_lines_are_refused_and_the_rest_is_read,
        attachment_without_its_commit_line_is_entered_once,
        first_line_of_an_id_wins_in_a_snapshot,
        snapshot_without_its_end_is_truncated,
        only_the_header_decides_whether_it_is_a_state
)
