/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/changes.h"

#include <errno.h>

#include "src/base/stop-point.h"
#include "src/track/record.h"

/* A journal is worth writing anew beyond this many lines, and beyond four times what is live. */
#define COMPACT_LINES_MIN 1024U
#define COMPACT_RATIO     4U

void changes_unit(Tracker *tracker, TrackedUnit *unit) {
        if (!unit->dirty)
                return;
        record_write_unit(tracker->lines, unit, false);
        unit->dirty = false;
}

int changes_write(Tracker *tracker, Diag *diag) {
        const char *text = NULL;
        size_t size = 0;
        int r = writer_finish(tracker->lines, &text, &size);

        if (r >= 0 && tracker->journal && size > 0) {
                tracker->lines_written += (unsigned)writer_n_lines(tracker->lines);
                r = journal_append(tracker->journal, tracker->lines);
        }
        writer_reset(tracker->lines);
        if (r < 0)
                tracker->lines_lost = true;
        if (r < 0)
                return diag_errno(
                        diag, r, "cannot write state to '%s'", tracker->state_path ?: "memory"
                );
        return 0;
}

static int write_attachment(Writer *writer, const Attachment *a, FdSet *fds) {
        int fd = -1, r;

        if (fds && a->fd >= 0) {
                r = fdset_borrow(fds, a->fd);
                if (r < 0)
                        return r;
                fd = a->fd;
        }
        record_write_attachment(writer, a, fd);
        return 0;
}

int changes_write_all(const Tracker *tracker, Writer *writer, FdSet *fds) {
        GHashTableIter iter;
        void *program;
        uint64_t n = 0;

        record_write_head(writer, tracker->boot_id, tracker->generation, tracker->next_id);
        g_hash_table_iter_init(&iter, tracker->programs);
        for (; g_hash_table_iter_next(&iter, NULL, &program); n++)
                record_write_program(writer, program);
        for (guint i = 0; i < tracker->units->len; i++, n++)
                record_write_unit(writer, tracker->units->pdata[i], false);
        for (guint i = 0; i < tracker->all->len; i++, n++) {
                int r = write_attachment(writer, tracker->all->pdata[i], fds);

                if (r < 0)
                        return r;
        }
        if (fds) {
                /* quarantined descriptors have no record; they travel along and are met again as unclaimed */
                for (guint i = 0; i < tracker->quarantine->len; i++) {
                        const Attachment *a = tracker->quarantine->pdata[i];
                        int r = a->fd >= 0 && !a->pinned ? fdset_borrow(fds, a->fd) : 0;

                        if (r < 0)
                                return r;
                }
                writer_begin_u64(writer, "end", n);
                writer_end(writer);
        }
        return 0;
}

int changes_compact(Tracker *tracker, Diag *diag) {
        _cleanup_(writer_free_ptr) Writer *writer = NULL;
        const char *text = NULL;
        size_t size = 0;
        int r;

        if (!tracker->journal)
                return 0;
        r = changes_write(tracker, diag); /* what has gathered is part of the tables already */
        if (r < 0)
                return r;
        writer = writer_new();
        tracker->generation++;
        r = changes_write_all(tracker, writer, NULL);
        if (r >= 0)
                r = writer_finish(writer, &text, &size);
        if (r >= 0) {
                stop_point("compact.before");
                r = journal_replace(tracker->journal, writer);
                stop_point("compact.after");
        }
        if (r < 0) {
                tracker->generation--;
                return diag_errno(diag, r, "cannot write '%s' anew", tracker->state_path);
        }
        tracker->lines_written = (unsigned)writer_n_lines(writer);
        tracker->lines_lost = false;
        return 0;
}

int changes_compact_if_due(Tracker *tracker, Diag *diag) {
        unsigned live = tracker->all->len + tracker->units->len +
                        g_hash_table_size(tracker->programs) + 4;

        if (!tracker->lines_lost && (tracker->lines_written < COMPACT_LINES_MIN ||
                                     tracker->lines_written < live * COMPACT_RATIO))
                return 0;
        return changes_compact(tracker, diag);
}
