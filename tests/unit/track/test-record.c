/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "src/base/text.h"
#include "src/track/record.h"
#include "tests/unit/check-main.h"

/* Reads the only line of the text. */
static int read_line(const char *text, AttachmentRecord **ret, Diag *diag) {
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        const Record *line;

        ck_assert_int_eq(reader_new(text, strlen(text), 0, &reader), 0);
        ck_assert_int_eq(reader_next(reader, &line, diag), READER_RECORD);
        return record_read_attachment(line, ret, diag);
}

static Attachment *full(void) {
        Attachment *a = attachment_new();

        a->id = 7;
        text_assign(&a->unit, "a b\\x.service");
        text_assign(&a->invocation_id, "aaaabbbbccccddddeeeeffff00001111");
        text_assign(&a->path, "/sys/fs/cgroup/a b\n\xc3\xa4.service");
        text_assign(&a->origin, "/etc/x y.service:3");
        a->cgroup_id = 4711;
        a->since_usec = 1234567890123456U;
        a->link_id = 9;
        a->hook = HOOK_EGRESS;
        a->via = VIA_CGROUP_LINK;
        a->mode = ATTACH_MULTI;
        a->policy = POLICY_WANTED;
        a->on_loss = ON_LOSS_STOP;
        a->state = ATTACHMENT_DRIFTED;
        a->repair = a->covered_from_start = a->lease = a->adopted = true;
        a->program = known_program_new(33, "count", "/o", NULL);
        return a;
}

static void assert_same(const Attachment *a, const AttachmentRecord *record) {
        const Attachment *b = record->attachment;

        ck_assert_uint_eq(a->id, b->id);
        ck_assert(text_equal(a->unit, b->unit));
        ck_assert(text_equal(a->invocation_id, b->invocation_id));
        ck_assert(text_equal(a->path, b->path));
        ck_assert(text_equal(a->origin, b->origin));
        ck_assert_uint_eq(a->cgroup_id, b->cgroup_id);
        ck_assert_uint_eq(a->since_usec, b->since_usec);
        ck_assert_uint_eq(a->link_id, b->link_id);
        ck_assert_int_eq(a->hook, b->hook);
        ck_assert_int_eq(a->via, b->via);
        ck_assert_int_eq(a->mode, b->mode);
        ck_assert_int_eq(a->policy, b->policy);
        ck_assert_int_eq(a->on_loss, b->on_loss);
        ck_assert_int_eq(a->state, b->state);
        ck_assert_int_eq(a->repair, b->repair);
        ck_assert_int_eq(a->covered_from_start, b->covered_from_start);
        ck_assert_int_eq(a->lease, b->lease);
        ck_assert_int_eq(a->adopted, b->adopted);
        ck_assert_uint_eq(a->program ? a->program->id : 0, record->prog_id);
}

static void round_trip(const Attachment *a, int fd) {
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        _cleanup_(attachment_record_free_ptr) AttachmentRecord *record = NULL;
        _cleanup_diag_ Diag diag = {};
        const char *text;
        size_t size;

        record_write_attachment(writer, a, fd);
        ck_assert_int_eq(writer_finish(writer, &text, &size), 0);
        ck_assert_msg(read_line(text, &record, &diag) == 0, "%s: %s", diag.text, text);
        assert_same(a, record);
        ck_assert_int_eq(record->fd, fd);
}

/* T-a: flags too come back. */
START_TEST(every_field_goes_both_ways)
{
        _cleanup_(attachment_free_ptr) Attachment *a = full();

        round_trip(a, 12);
        round_trip(a, -1);
        for (Hook hook = 0; hook < _HOOK_MAX; hook++) {
                if (hook_info(hook)->target != HOOK_TARGET_CGROUP)
                        continue;
                a->hook = hook;
                round_trip(a, -1);
        }
        for (int i = 0; i < _POLICY_MAX; i++) {
                a->policy = (Policy)i;
                round_trip(a, -1);
        }
        a->via = VIA_CGROUP_LEGACY;
        for (int i = 0; i < _ATTACH_MODE_MAX; i++) {
                a->mode = (AttachMode)i;
                round_trip(a, -1);
        }
        a->state = ATTACHMENT_HELD_OFF;
        round_trip(a, -1);
        a->state = ATTACHMENT_DEFUNCT;
        round_trip(a, -1);
}
END_TEST

START_TEST(unset_fields_stay_unset)
{
        _cleanup_(attachment_free_ptr) Attachment *a = attachment_new();

        a->id = 1;
        a->hook = HOOK_CONNECT4;
        a->via = VIA_CGROUP_LEGACY;
        a->state = ATTACHMENT_ATTACHED;
        text_assign(&a->path, "/c");
        round_trip(a, -1);
}
END_TEST

#define GOOD "attachment=12 egress multi /c id=7 via=cgroup-link cgroup-id=4"

START_TEST(unknown_keys_and_further_words_are_skipped)
{
        _cleanup_(attachment_record_free_ptr) AttachmentRecord *record = NULL;

        ck_assert_int_eq(
                read_line(
                        "attachment=12 egress multi /c more words id=7 via=cgroup-link "
                        "cgroup-id=4 colour=red\n",
                        &record, NULL
                ),
                0
        );
        ck_assert_uint_eq(record->attachment->id, 7);
        ck_assert_str_eq(record->attachment->path, "/c");
}
END_TEST

/* T14, T-b: what is malformed is refused and says why. */
START_TEST(malformed_lines_are_refused_with_a_reason)
{
        static const struct {
                const char *line, *reason;
        } bad[] = {
                { "attachment=x egress multi /c id=7 via=cgroup-link cgroup-id=4\n",
                  "'x' is no descriptor" },
                { "attachment=2 egress multi /c id=7 via=cgroup-link cgroup-id=4\n",
                  "no descriptor number" },
                { "attachment=-3 egress multi /c id=7 via=cgroup-link cgroup-id=4\n",
                  "no descriptor" },
                { "attachment=12 nowhere multi /c id=7 via=cgroup-link cgroup-id=4\n",
                  "unknown attach type 'nowhere'" },
                { "attachment=12 egress twice /c id=7 via=cgroup-link cgroup-id=4\n",
                  "unknown flags" },
                { "attachment=12 egress multi\n", "needs type, flags and path" },
                { "attachment=12 egress multi c id=7 via=cgroup-link cgroup-id=4\n", "is no path" },
                { "attachment=12 egress multi /c via=cgroup-link cgroup-id=4\n", "id= is missing" },
                { "attachment=12 egress multi /c id=7 cgroup-id=4\n", "via= is missing" },
                { "attachment=12 egress multi /c id=7 via=cgroup-link\n", "cgroup-id= is missing" },
                { "attachment=12 egress multi /c id=0 via=cgroup-link cgroup-id=4\n",
                  "0 is no id" },
                { "attachment=12 egress multi /c id=18446744073709551615 via=cgroup-link cgroup-id=4\n",
                  "is no id" },
                { "attachment=12 egress multi /c id=-1 via=cgroup-link cgroup-id=4\n",
                  "bad value '-1' of id=" },
                { "attachment=12 egress multi /c id=7 via=magic cgroup-id=4\n",
                  "bad value 'magic' of via=" },
                { GOOD " policy=perhaps\n", "bad value 'perhaps' of policy=" },
                { GOOD " state=lost\n", "bad value 'lost' of state=" },
                { GOOD " state=pending\n", "has no record" },
                { GOOD " state=failed\n", "has no record" },
                { GOOD " state=quarantined\n", "has no record" },
                { GOOD " repair=maybe\n", "bad value 'maybe' of repair=" },
                { GOOD " link-id=4294967296\n", "of link-id=" },
                { GOOD " prog-id=x\n", "bad program id" },
                { GOOD " on-loss=x\n", "of on-loss=" },
                { "attachment=12 egress override /c id=7 via=cgroup-link cgroup-id=4\n",
                  "never override" },
                { "attachment=12 xdp multi /c id=7 via=cgroup-link cgroup-id=4\n",
                  "cannot be had by cgroup-link" },
                { "attachment=12 egress multi /c id=7 via=xdp-link cgroup-id=4\n",
                  "cannot be had by xdp-link" },
                { "attachment=- egress /c\n", "three-word form needs a descriptor" },
                { "attachment=12 nowhere /c\n", "unknown attach type" },
                { "attachment=12 xdp /c\n", "unknown attach type" },
                { "intent=0 detach\n", "'0' is no id" },
                { "intent=x detach\n", "'x' is no id" },
                { "intent=3 dance\n", "unknown operation 'dance'" },
                { "intent=3 attach egress\n", "needs type, flags and path" },
        };

        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                _cleanup_diag_ Diag diag = {};
                AttachmentRecord *record = NULL;

                ck_assert_msg(
                        read_line(bad[i].line, &record, &diag) == -EBADMSG, "%s", bad[i].line
                );
                ck_assert_ptr_null(record);
                ck_assert_msg(strstr(diag.text, bad[i].reason), "%s%s", bad[i].line, diag.text);
        }
}
END_TEST

/* T12, T14: the form systemd writes. */
START_TEST(three_word_form_is_read)
{
        _cleanup_(attachment_record_free_ptr) AttachmentRecord *record = NULL;

        ck_assert_int_eq(
                read_line("attachment=12 egress /sys/fs/cgroup/a\\x20b c.service\n", &record, NULL),
                0
        );
        ck_assert(record->three_word);
        ck_assert_int_eq(record->fd, 12);
        ck_assert_int_eq(record->attachment->hook, HOOK_EGRESS);
        ck_assert_str_eq(record->attachment->path, "/sys/fs/cgroup/a b c.service");
        ck_assert_int_lt(record->attachment->mode, 0);
}
END_TEST

START_TEST(carrier_may_name_the_descriptor)
{
        _cleanup_(attachment_record_free_ptr) AttachmentRecord *record = NULL;

        ck_assert_int_eq(
                read_line(
                        "attachment=@a7 egress multi /c id=7 via=cgroup-link cgroup-id=4\n",
                        &record, NULL
                ),
                0
        );
        ck_assert_int_eq(record->fd, -1);
        ck_assert_str_eq(record->fd_name, "a7");
}
END_TEST

START_TEST(intents_go_both_ways)
{
        _cleanup_(attachment_free_ptr) Attachment *a = full();

        a->state = ATTACHMENT_PENDING;
        for (int i = 0; i < _INTENT_OPERATION_MAX; i++) {
                _cleanup_(writer_free_ptr) Writer *writer = writer_new();
                _cleanup_(attachment_record_free_ptr) AttachmentRecord *record = NULL;
                const char *text;
                size_t size;

                record_write_intent(writer, (IntentOperation)i, a, 5);
                ck_assert_int_eq(writer_finish(writer, &text, &size), 0);
                ck_assert_int_eq(read_line(text, &record, NULL), 0);
                ck_assert_int_eq(record->operation, i);
                ck_assert_uint_eq(record->attachment->id, 7);
                if (i == INTENT_DETACH)
                        continue;
                assert_same(a, record);
                ck_assert_uint_eq(record->old_prog_id, 5);
        }
}
END_TEST

/* Notes the keys of a line in the order they stand. */
static void note_keys(const char *text, size_t *n_seen) {
        for (const char *p = text; *p; p++) {
                _cleanup_free_ char *key = NULL;
                const char *end;
                size_t i = 0;

                if (p > text && p[-1] != ' ' && p[-1] != '\n')
                        continue;
                end = strpbrk(p, "= \n");
                if (!end || *end != '=')
                        continue;
                key = strndup(p, (size_t)(end - p));
                while (record_keys()[i] && strcmp(record_keys()[i], key) != 0)
                        i++;
                ck_assert_msg(record_keys()[i], "%s is not listed", key);
                n_seen[i]++;
        }
}

START_TEST(listed_keys_are_those_written)
{
        _cleanup_(attachment_free_ptr) Attachment *a = full();
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        TrackedUnit *unit = tracked_unit_new("a.service");
        KnownProgram *program = known_program_new(3, "n", "/o", "id");
        size_t seen[64] = {}, size;
        const char *text;

        text_assign(&unit->cgroup, "/c");
        text_assign(&unit->invocation_id, "a");
        unit->cgroup_id = unit->since_usec = unit->changed_usec = 1;
        unit->state = UNIT_DEGRADED;
        unit->held_off = unit->covered_from_start = true;
        (void)strcpy(program->tag, "0123456789abcdef");
        record_write_head(writer, "b", 1, 2);
        record_write_program(writer, program);
        record_write_attachment(writer, a, 12);
        record_write_intent(writer, INTENT_REPLACE, a, 4);
        record_write_commit(writer, 1);
        record_write_detached(writer, 1);
        record_write_unit(writer, unit, false);
        record_write_unit(writer, unit, true);
        writer_end_of_text(writer);
        ck_assert_int_eq(writer_finish(writer, &text, &size), 0);
        note_keys(text, seen);
        for (size_t i = 0; record_keys()[i]; i++)
                if (strcmp(record_keys()[i], "crc") != 0) /* the journal's */
                        ck_assert_msg(seen[i] > 0, "%s is never written", record_keys()[i]);
        tracked_unit_free(unit);
        known_program_unref(program);
}
END_TEST

CHECK_MAIN(
        "track/record",
        10,
        every_field_goes_both_ways,
        unset_fields_stay_unset,
        unknown_keys_and_further_words_are_skipped,
        malformed_lines_are_refused_with_a_reason,
        three_word_form_is_read,
        carrier_may_name_the_descriptor,
        intents_go_both_ways,
        listed_keys_are_those_written
)
