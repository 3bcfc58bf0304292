/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/report.h"

#include <inttypes.h>

#include "src/base/log.h"
#include "src/daemon/bus-server.h"
#include "src/daemon/fd-store.h"
#include "src/daemon/message-id.h"
#include "src/daemon/notify.h"
#include "src/daemon/priority.h"

/* A start must not wait for the journal. And what the status of a unit shows begins with its leaving of "inactive",
 * which is a moment after its cgroup is made and its programs are attached. */
#define LINES_USEC (250U * 1000U)

struct Report {
        Daemon *daemon;
        sd_event_source *status; /* armed while the status line is not what it should be */
        sd_event_source *later; /* armed while there are lines */
        GQueue lines; /* of Line */
};

static unsigned count_degraded(const Daemon *daemon) {
        UnitView view;
        unsigned n = 0;

        for (size_t i = 0; tracker_get_unit(daemon->tracker, i, &view); i++)
                n += view.state == UNIT_DEGRADED || view.state == UNIT_FAILED;
        return n;
}

char *report_numbers(const Daemon *daemon) {
        unsigned degraded = count_degraded(daemon);
        g_autoptr(GString) text = g_string_new(NULL);

        g_string_printf(
                text, "%zu units, %zu attachments", tracker_n_units(daemon->tracker),
                tracker_n_attachments(daemon->tracker)
        );
        if (degraded > 0)
                g_string_append_printf(text, ", %u degraded", degraded);
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static int on_status(sd_event_source *event, void *userdata) {
        const Report *report = userdata;
        g_autofree char *numbers = report_numbers(report->daemon);
        g_autofree char *text = g_strdup_printf("STATUS=%s", numbers);

        if (!report->daemon->reloading)
                notify_send(report->daemon->notify, text);
        return 0;
}

typedef struct Wording {
        const char *message_id;
        const char *text; /* what has been done to a program at a hook */
} Wording;

/* NULL: nothing to be said here, since whoever noticed it says it. */
static const Wording *wording_of(TrackerEventKind kind, const AttachmentView *view) {
        static const Wording attached = { MESSAGE_ATTACHED, "attached" },
                             replaced = { MESSAGE_REPLACED, "replaced by" },
                             detached = { MESSAGE_DETACHED, "detached" };

        if (!view->unit || view->hook == _HOOK_INVALID)
                return NULL;
        if (kind == TRACKER_ATTACHMENT_REMOVED)
                return view->state == ATTACHMENT_HELD_OFF ? NULL : &detached;
        if (view->state == ATTACHMENT_HELD_OFF)
                return &detached;
        if (view->state != ATTACHMENT_ATTACHED)
                return NULL;
        return kind == TRACKER_ATTACHMENT_NEW ? &attached : &replaced;
}

/* A line kept for a moment, with texts of its own. */
typedef struct Line {
        LogFields fields;
        char *unit, *text;
} Line;

static void line_free(void *userdata) {
        Line *line = userdata;

        g_free(line->unit);
        g_free(line->text);
        g_free(line);
}

static void say(Report *report, TrackerEventKind kind, const AttachmentView *view) {
        const Wording *wording = wording_of(kind, view);
        Line *line;

        if (!wording)
                return;
        line = g_new0(Line, 1);
        line->unit = g_strdup(view->unit);
        line->fields = (LogFields){
                .unit = line->unit,
                .hook = hook_to_string(view->hook),
                .message_id = wording->message_id,
                .attachment_id = view->id,
                .prog_id = view->prog_id,
                .link_id = view->link_id,
        };
        line->text = g_strdup_printf(
                "'%s': %s: %s '%s' (attachment %" PRIu64 ", program %" PRIu32 ")", view->unit,
                line->fields.hook, wording->text, view->program ? view->program : "?", view->id,
                view->prog_id
        );
        if (g_queue_is_empty(&report->lines)) { /* both fail only on a dead source */
                (void)sd_event_source_set_time_relative(report->later, LINES_USEC);
                (void)sd_event_source_set_enabled(report->later, SD_EVENT_ONESHOT);
        }
        g_queue_push_tail(&report->lines, line);
}

void report_flush(Report *report) {
        Line *line;

        while (report && (line = g_queue_pop_head(&report->lines))) {
                log_message(LOG_INFO, &line->fields, "%s", line->text);
                line_free(line);
        }
}

static int on_later(sd_event_source *timer, uint64_t usec, void *userdata) {
        report_flush(userdata);
        return 0;
}

void report_change(
        void *userdata,
        TrackerEventKind kind,
        const AttachmentView *attachment,
        const UnitView *unit
) {
        Daemon *daemon = userdata;

        if (attachment)
                fd_store_note(daemon->fd_store, kind, attachment);
        bus_server_note(daemon, kind, attachment, unit);
        if (!daemon->report)
                return;
        if (attachment)
                say(daemon->report, kind, attachment);
        /* fails only on a dead source */
        (void)sd_event_source_set_enabled(daemon->report->status, SD_EVENT_ONESHOT);
}

int report_new(Daemon *daemon, Report **ret) {
        Report *report = g_new0(Report, 1);
        int r = sd_event_add_defer(daemon->event, &report->status, on_status, report);

        report->daemon = daemon;
        g_queue_init(&report->lines);
        if (r >= 0)
                r = sd_event_add_time_relative(
                        daemon->event, &report->later, CLOCK_MONOTONIC, LINES_USEC, 0, on_later,
                        report
                );
        if (r < 0) {
                (void)report_free(report);
                return r;
        }
        (void)sd_event_source_set_enabled(report->status, SD_EVENT_OFF);
        (void)sd_event_source_set_priority(report->status, PRIORITY_HOUSEKEEPING);
        (void)sd_event_source_set_description(report->status, "status");
        (void)sd_event_source_set_enabled(report->later, SD_EVENT_OFF);
        (void)sd_event_source_set_priority(report->later, PRIORITY_HOUSEKEEPING);
        (void)sd_event_source_set_description(report->later, "report");
        *ret = report;
        return 0;
}

Report *report_free(Report *report) {
        if (!report)
                return NULL;
        report_flush(report);
        (void)sd_event_source_disable_unref(report->status);
        (void)sd_event_source_disable_unref(report->later);
        g_free(report);
        return NULL;
}
