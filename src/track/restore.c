/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Restore, one way for a re-exec, a crash and an upgrade: read everything, verify everything against the kernel,
 * settle what was begun. Catching up with the unit files comes after, by the owner of the tracker. */

#include "src/track/restore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/text.h"
#include "src/track/changes.h"
#include "src/track/quarantine.h"

static void index_link(Restore *restore, int fd) {
        const KernelOps *ops = restore->tracker->ops;
        InheritedLink link = { .fd = fd };

        if (ops->link_info(ops, fd, &link.info) >= 0)
                g_hash_table_replace(
                        restore->fds_by_link, GUINT_TO_POINTER(link.info.id),
                        g_memdup2(&link, sizeof link)
                );
}

/* Of what a process is started with only BPF objects can matter to us; the rest is somebody's carelessness, and
 * closed. Each is looked at once: tens of thousands may come through a re-exec. */
static void sort_inherited(Restore *restore) {
        const KernelOps *ops = restore->tracker->ops;
        size_t n = restore->inherited ? fdset_size(restore->inherited) : 0, i = 0;
        g_autofree int *fds = g_new(int, n);
        g_autofree FdKind *kinds = g_new(FdKind, n);

        if (n == 0)
                return;
        for (int fd = fdset_next(restore->inherited, -1); fd >= 0;
             fd = fdset_next(restore->inherited, fd))
                fds[i++] = fd;
        ops->kinds(ops, fds, n, kinds);
        for (i = 0; i < n; i++) {
                if (kinds[i] == FD_KIND_LINK)
                        index_link(restore, fds[i]);
                else if (kinds[i] != FD_KIND_PROGRAM && kinds[i] != FD_KIND_MAP)
                        (void)ops->close(ops, fdset_take(restore->inherited, fds[i]));
        }
}

/* Numbers of all pins; ids of ours are never below them again. */
static void index_pins(Restore *restore) {
        Tracker *tracker = restore->tracker;
        char **names = NULL;

        if (!tracker->pin_directory ||
            tracker->ops->pins_list(tracker->ops, tracker->pin_directory, &names) < 0)
                return;
        for (char **name = names; *name; name++) {
                uint64_t number;

                if (text_to_u64(*name, &number) >= 0 && number > 0 && number <= RECORD_ID_MAX) {
                        uint64_t *key = g_new(uint64_t, 1);

                        *key = number;
                        g_hash_table_add(restore->pins, key);
                        if (number >= tracker->next_id)
                                tracker->next_id = number + 1;
                } else
                        restore_say(
                                tracker, "pin '%s/%s' has no name of ours, left alone",
                                tracker->pin_directory, *name
                        );
                free(*name);
        }
        free(names);
}

/* One text. 0 and the image; -ENOENT if it is of no use (said why); -EPROTONOSUPPORT for a version not ours. */
static int read_image(
        Tracker *tracker,
        const char *what,
        const char *text,
        size_t size,
        bool is_journal,
        StateImage **ret
) {
        _cleanup_diag_ Diag diag = {};
        StateImage *image = NULL;
        int r = state_image_read(text, size, is_journal, &image, &diag);

        if (r < 0) {
                restore_say(tracker, "%s: %s", what, diag_text(&diag, r));
                state_image_free(image);
                return r == -EPROTONOSUPPORT ? r : -ENOENT;
        }
        for (guint i = 0; i < image->refused->len; i++) {
                const StateRefusal *refusal = &g_array_index(image->refused, StateRefusal, i);

                restore_say(
                        tracker, "%s line %u refused: %s", what, refusal->line, refusal->reason
                );
        }
        if (image->truncated)
                restore_say(tracker, "%s has no right end line: it is truncated", what);
        *ret = image;
        return 0;
}

/* Keeps a state file that is of no use to us for people to look at. */
static void put_aside(Tracker *tracker, const char *suffix) {
        char *aside = g_strdup_printf("%s%s", tracker->state_path, suffix);

        if (rename(tracker->state_path, aside) >= 0)
                restore_say(tracker, "the state file has been set aside as '%s'", aside);
        g_free(aside);
}

static int read_journal(Restore *restore, const StateImage *snapshot, StateImage **ret) {
        Tracker *tracker = restore->tracker;
        char *text = NULL;
        size_t size = 0;
        int r = tracker->state_path ? journal_read(tracker->state_path, &text, &size) : -ENOENT;

        if (r == -ENOENT || (r >= 0 && size == 0)) {
                free(text);
                return -ENOENT;
        }
        if (r < 0) {
                restore_say(tracker, "cannot read '%s': %s", tracker->state_path, strerror(-r));
                restore->report->first_start = false;
                put_aside(tracker, ".bad");
                return -ENOENT;
        }
        restore->report->first_start = false;
        if (snapshot && state_image_is_superseded(text, size, snapshot)) {
                free(text);
                return -ENOENT;
        }
        r = read_image(tracker, "state", text, size, true, ret);
        if (r == -ENOENT)
                put_aside(tracker, ".bad");
        free(text);
        return r;
}

/* A state of another boot means nothing any more: it is kept for people, under another name. */
static bool set_aside(Restore *restore, const StateImage *image) {
        if (!image->boot_id || text_equal(image->boot_id, restore->tracker->boot_id))
                return false;
        restore->report->other_boot = true;
        restore_say(restore->tracker, "the state is of another boot");
        put_aside(restore->tracker, ".old");
        return true;
}

/* The text of the highest generation is believed; at equal ones the snapshot, which is the later word, unless it came
 * through cut: the journal of the same generation says all of it then. */
static StateImage *choose(Restore *restore, StateImage *snapshot, StateImage *journal) {
        StateImage *loser = NULL, *winner = snapshot;

        if (journal && set_aside(restore, journal))
                journal = state_image_free(journal);
        if (snapshot && snapshot->boot_id &&
            !text_equal(snapshot->boot_id, restore->tracker->boot_id))
                winner = snapshot = state_image_free(snapshot);
        if (journal && (!snapshot || journal->generation > snapshot->generation ||
                        (snapshot->truncated && journal->generation == snapshot->generation))) {
                winner = journal;
                loser = snapshot;
        } else
                loser = journal;
        if (winner && loser && winner->generation > loser->generation && winner == journal)
                restore_say(
                        restore->tracker, "the state file is newer than the text that was passed on"
                );
        state_image_free(loser);
        return winner;
}

/* A later version may mean anything by its lines: everything is kept, nothing is touched, nothing is written. */
static void freeze(Restore *restore) {
        restore->report->unknown_version = true;
        restore_leftovers(restore);
        restore->tracker->read_only = true;
}

static gboolean is_unused(void *id, void *program, void *tracker) {
        return ((KnownProgram *)program)->references == 1; /* the table's own */
}

/* A journal names every program there was since it was last written anew; those nobody uses are forgotten. */
static void drop_unused_programs(Tracker *tracker) {
        GHashTableIter iter;
        void *program;

        g_hash_table_iter_init(&iter, tracker->programs_by_object);
        while (g_hash_table_iter_next(&iter, NULL, &program))
                if (is_unused(NULL, program, NULL))
                        g_hash_table_iter_remove(&iter);
        g_hash_table_foreach_remove(tracker->programs, is_unused, NULL);
}

static int open_journal(Restore *restore, Diag *diag) {
        Tracker *tracker = restore->tracker;
        int r;

        if (!tracker->state_path)
                return 0;
        r = journal_open(tracker->state_path, &tracker->journal, diag);
        if (r < 0)
                return r;
        return changes_compact(tracker, diag);
}

static int run(Restore *restore, const char *snapshot, size_t size, Diag *diag) {
        Tracker *tracker = restore->tracker;
        StateImage *from_snapshot = NULL, *from_journal = NULL;
        bool unknown = false;

        if (snapshot) {
                restore->report->first_start = false;
                unknown = read_image(
                                  tracker, "passed state", snapshot, size, false, &from_snapshot
                          ) == -EPROTONOSUPPORT;
        }
        if (read_journal(restore, from_snapshot, &from_journal) == -EPROTONOSUPPORT)
                unknown = true;
        index_pins(restore);
        sort_inherited(restore);
        if (unknown) {
                state_image_free(from_snapshot);
                state_image_free(from_journal);
                freeze(restore);
                return 0;
        }
        restore->image = choose(restore, from_snapshot, from_journal);
        if (restore->image) {
                tracker->generation = restore->image->generation;
                tracker->next_id = MAX(tracker->next_id, restore->image->next_id);
                restore_verify(restore);
                restore_settle(restore);
        }
        restore_leftovers(restore);
        drop_unused_programs(tracker);
        return open_journal(restore, diag);
}

int tracker_restore(
        Tracker *tracker,
        const char *snapshot,
        size_t snapshot_size,
        FdSet *inherited,
        RestoreReport *ret,
        Diag *diag
) {
        RestoreReport report = { .first_start = true };
        Restore restore = {
                .tracker = tracker,
                .inherited = inherited,
                .fds_by_link = g_hash_table_new_full(NULL, NULL, NULL, g_free),
                .pins = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
                .report = &report,
        };
        int r;

        g_assert(!tracker->restored);
        tracker->restored = true;
        r = run(&restore, snapshot, snapshot_size, diag);
        for (guint i = 0; i < tracker->units->len; i++)
                tracked_unit_judge_restored(tracker->units->pdata[i]);
        report.refused_lines = restore.image ? restore.image->refused->len : 0;
        state_image_free(restore.image);
        core_forget_unused_programs(tracker);
        g_hash_table_unref(restore.fds_by_link);
        g_hash_table_unref(restore.pins);
        if (r >= 0 && ret)
                *ret = report;
        return r;
}

const char *const *tracker_restore_messages(const Tracker *tracker) {
        return (const char *const *)tracker->messages->pdata;
}
