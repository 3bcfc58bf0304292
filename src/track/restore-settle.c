/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Open intents: the daemon died between saying what it would do and saying that it was done. The kernel knows how far
 * it came. What is there is finished, what is not there is undone, and a detach is always carried through. */

#include <errno.h>
#include <inttypes.h>

#include "src/track/mechanism.h"
#include "src/track/release.h"
#include "src/track/restore.h"

static void finish_detach(Restore *restore, uint64_t id) {
        _cleanup_diag_ Diag diag = {};
        Attachment *a = core_find_attachment(restore->tracker, id);
        int r;

        if (!a) { /* it was off before the crash, only its line is missing */
                record_write_detached(restore->tracker->lines, id);
                return;
        }
        r = release_attachment(restore->tracker, a, RELEASE_FREE, &diag);
        if (r < 0)
                restore_say(
                        restore->tracker, "attachment %" PRIu64 ": cannot finish its detach: %s",
                        id, diag_text(&diag, r)
                );
}

/* Makes the attachment of an intent a present one with the program that the kernel names. */
static void adopt_intent(
        Restore *restore,
        AttachmentRecord *record,
        int fd,
        uint32_t link_id,
        uint32_t prog_id
) {
        Tracker *tracker = restore->tracker;
        Attachment *a = TAKE_PTR(record->attachment);
        TrackedUnit *unit = a->unit ? restore_unit_of(restore, a) : NULL;

        a->program = core_program_of_id(tracker, prog_id);
        a->fd = fd;
        a->link_id = link_id;
        a->pinned = fd >= 0;
        a->state = ATTACHMENT_ATTACHED;
        g_hash_table_remove(restore->pins, &a->id);
        core_add_attachment(tracker, unit, a);
        record_write_attachment(tracker->lines, a, -1);
        record_write_commit(tracker->lines, a->id);
}

static void settle_link_attach(Restore *restore, AttachmentRecord *record) {
        Tracker *tracker = restore->tracker;
        const Attachment *a = record->attachment;
        char *pin = core_pin_path(tracker, a->id);
        LinkInfo info = {};
        int fd = pin ? tracker->ops->pin_open(tracker->ops, pin) : -ENOENT;
        bool good;

        g_free(pin);
        if (fd < 0) { /* without its pin the link went with the process */
                record_write_detached(tracker->lines, a->id);
                return;
        }
        good = tracker->ops->kind(tracker->ops, fd) == FD_KIND_LINK &&
               tracker->ops->link_info(tracker->ops, fd, &info) >= 0 &&
               info.cgroup_id == a->cgroup_id &&
               info.attach_type == hook_info(a->hook)->attach_type;
        if (!good) { /* the pin goes into quarantine with the other leftovers */
                core_close(tracker, &fd);
                record_write_detached(tracker->lines, a->id);
                return;
        }
        adopt_intent(restore, record, fd, info.id, info.prog_id);
}

static uint32_t legacy_program_there(
        Restore *restore,
        const Attachment *attachment,
        uint32_t wanted
) {
        const KernelOps *ops = restore->tracker->ops;
        KnownProgram program = { .references = 1, .id = wanted };
        Attachment copy = *attachment;
        MechanismCall call = { .ops = ops, .attachment = &copy };
        uint32_t there = 0;

        call.cgroup_fd = ops->cgroup_by_id(ops, attachment->cgroup_id, NULL);
        if (call.cgroup_fd < 0)
                return 0;
        copy.program = &program;
        if (mechanism_of(VIA_CGROUP_LEGACY)->look(&call, &there) < 0)
                there = 0;
        core_close(restore->tracker, &call.cgroup_fd);
        return there == wanted ? there : 0;
}

static void settle_attach(Restore *restore, AttachmentRecord *record) {
        const Attachment *a = record->attachment;

        if (core_find_attachment(restore->tracker, a->id)) /* only the commit line was missing */
                record_write_commit(restore->tracker->lines, a->id);
        else if (a->via == VIA_CGROUP_LINK)
                settle_link_attach(restore, record);
        else if (a->via == VIA_CGROUP_LEGACY && legacy_program_there(restore, a, record->prog_id))
                adopt_intent(restore, record, -EBADF, 0, record->prog_id);
        else
                record_write_detached(restore->tracker->lines, a->id);
}

static void set_program(Restore *restore, Attachment *a, uint32_t prog_id) {
        KnownProgram *program = core_program_of_id(restore->tracker, prog_id);

        core_release_program(restore->tracker, a->program);
        a->program = program;
}

/* The record says the old program, the intent the new one, and the kernel which of them it is. */
static void settle_replace(Restore *restore, AttachmentRecord *record) {
        Tracker *tracker = restore->tracker;
        uint64_t id = record->attachment->id;
        Attachment *a = core_find_attachment(tracker, id);

        if (!a) { /* legacy: verified by its old program, which is not there any more if it was replaced */
                if (record->attachment->via == VIA_CGROUP_LEGACY &&
                    legacy_program_there(restore, record->attachment, record->prog_id)) {
                        adopt_intent(restore, record, -EBADF, 0, record->prog_id);
                        return;
                }
                record_write_detached(tracker->lines, id);
                return;
        }
        /* a link was verified with whatever program it runs, a legacy one only with its old program */
        if (a->via == VIA_CGROUP_LEGACY && legacy_program_there(restore, a, record->prog_id))
                set_program(restore, a, record->prog_id);
        record_write_attachment(tracker->lines, a, -1);
        record_write_commit(tracker->lines, id);
}

void restore_settle(Restore *restore) {
        GHashTableIter iter;
        void *value;

        g_hash_table_iter_init(&iter, restore->image->intents);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                AttachmentRecord *record = value;

                switch (record->operation) {
                case INTENT_ATTACH:
                        settle_attach(restore, record);
                        break;
                case INTENT_REPLACE:
                        settle_replace(restore, record);
                        break;
                case INTENT_DETACH:
                        finish_detach(restore, record->attachment->id);
                        break;
                case _INTENT_OPERATION_MAX:
                case _INTENT_OPERATION_INVALID:
                        break;
                }
                restore->report->settled++;
        }
}
