/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/bus-signal.h"

#include <string.h>

#include <glib.h>

#include "src/base/log.h"
#include "src/daemon/bus-dict.h"
#include "src/daemon/bus-manager.h"
#include "src/daemon/bus-server.h"
#include "src/daemon/priority.h"

#define NOTES_MAX \
        16384U /* beyond that the oldest are left out: a subscriber can always ask again */

/* What is to be sent. A removed attachment has no view any more, so its most telling texts are kept. */
typedef struct Note {
        TrackerEventKind kind;
        uint64_t id;
        char *unit, *target, *program;
        Hook hook;
} Note;

struct SignalQueue {
        Daemon *daemon;
        sd_event_source *send;
        GQueue notes;
};

static void note_free(void *userdata) {
        Note *note = userdata;

        g_free(note->unit);
        g_free(note->target);
        g_free(note->program);
        g_free(note);
}

static void queue_note(SignalQueue *queue, Note *note) {
        if (queue->notes.length >= NOTES_MAX)
                note_free(g_queue_pop_head(&queue->notes));
        g_queue_push_tail(&queue->notes, note);
        /* fails only on a dead source */
        (void)sd_event_source_set_enabled(queue->send, SD_EVENT_ONESHOT);
}

/* Looked for from the end: what changes often has changed lately. */
static bool is_queued(
        const SignalQueue *queue,
        TrackerEventKind kind,
        uint64_t id,
        const char *unit
) {
        unsigned n = 0;

        for (const GList *item = queue->notes.tail; item && n < 64; item = item->prev, n++) {
                const Note *note = item->data;

                if (note->kind == kind && note->id == id && g_strcmp0(note->unit, unit) == 0)
                        return true;
        }
        return false;
}

void signal_queue_attachment(
        SignalQueue *queue,
        TrackerEventKind kind,
        const AttachmentView *attachment
) {
        Note *note;

        if (is_queued(queue, kind, attachment->id, attachment->unit))
                return;
        note = g_new0(Note, 1);
        note->kind = kind;
        note->id = attachment->id;
        note->unit = g_strdup(attachment->unit);
        note->target = g_strdup(attachment->target);
        note->program = g_strdup(attachment->program);
        note->hook = attachment->hook;
        queue_note(queue, note);
}

void signal_queue_unit(SignalQueue *queue, const char *unit) {
        Note *note;

        if (is_queued(queue, TRACKER_UNIT_CHANGED, 0, unit))
                return;
        note = g_new0(Note, 1);
        note->kind = TRACKER_UNIT_CHANGED;
        note->unit = g_strdup(unit);
        queue_note(queue, note);
}

static const char *const signal_names[] = {
        [TRACKER_ATTACHMENT_NEW] = "AttachmentNew",
        [TRACKER_ATTACHMENT_CHANGED] = "AttachmentChanged",
        [TRACKER_ATTACHMENT_REMOVED] = "AttachmentRemoved",
        [TRACKER_UNIT_CHANGED] = "UnitChanged",
};

static int append_unit(sd_bus_message *message, const Daemon *daemon, const char *name) {
        const Unit *unit = unit_table_find(daemon->units, name);
        UnitRow row = { .unit = name, .state = "inactive" };
        int r;

        if (unit)
                (void)unit_row_fill(&row, daemon, unit); /* also when there is little to say */
        r = dict_append_row(message, &unit_fields, &row);
        unit_row_done(&row);
        return r;
}

static int append_attachment(sd_bus_message *message, const Daemon *daemon, const Note *note) {
        AttachmentView view = {
                .id = note->id,
                .unit = note->unit,
                .target = note->target,
                .program = note->program,
                .hook = note->hook,
                .via = _VIA_INVALID,
                .mode = _ATTACH_MODE_INVALID,
                .policy = _POLICY_INVALID,
                .state = _ATTACHMENT_STATE_INVALID,
        };
        AttachmentRow row;
        bool there = note->kind != TRACKER_ATTACHMENT_REMOVED &&
                     tracker_find_attachment(daemon->tracker, note->id, &view);

        attachment_row_fill(
                &row, daemon, &view, there ? attachment_order(daemon->tracker, &view) : 0, false
        );
        return dict_append_row(message, &attachment_fields, &row);
}

static int send_note(BusConnection *connection, const Note *note) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r = sd_bus_message_new_signal(
                connection->bus, &message, BUS_PATH, BUS_MANAGER_INTERFACE, signal_names[note->kind]
        );

        if (r < 0)
                return r;
        if (note->kind == TRACKER_UNIT_CHANGED) {
                r = sd_bus_message_append(message, "s", note->unit);
                if (r >= 0)
                        r = append_unit(message, connection->daemon, note->unit);
        } else {
                r = sd_bus_message_append(message, "t", note->id);
                if (r >= 0)
                        r = append_attachment(message, connection->daemon, note);
        }
        return r < 0 ? r : sd_bus_send(connection->bus, message, NULL);
}

static void send_to(BusConnection *connection, void *userdata) {
        if (send_note(connection, userdata) < 0)
                bus_connection_drop(connection);
}

static int on_send(sd_event_source *event, void *userdata) {
        SignalQueue *queue = userdata;
        Note *note;

        while ((note = g_queue_pop_head(&queue->notes))) {
                bus_server_each_subscriber(queue->daemon->bus, send_to, note);
                note_free(note);
        }
        return 0;
}

int signal_queue_new(Daemon *daemon, SignalQueue **ret) {
        SignalQueue *queue = g_new0(SignalQueue, 1);
        int r;

        queue->daemon = daemon;
        g_queue_init(&queue->notes);
        r = sd_event_add_defer(daemon->event, &queue->send, on_send, queue);
        if (r < 0) {
                g_free(queue);
                return r;
        }
        (void)sd_event_source_set_enabled(queue->send, SD_EVENT_OFF);
        (void)sd_event_source_set_priority(queue->send, PRIORITY_HOUSEKEEPING);
        (void)sd_event_source_set_description(queue->send, "bus-signals");
        *ret = queue;
        return 0;
}

SignalQueue *signal_queue_free(SignalQueue *queue) {
        if (!queue)
                return NULL;
        g_queue_clear_full(&queue->notes, note_free);
        (void)sd_event_source_disable_unref(queue->send);
        g_free(queue);
        return NULL;
}
