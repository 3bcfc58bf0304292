/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Methods that change something. What needs a unit's files goes through reconcile, and the call is answered when
 * that is done; what the operator says about one attachment is done at once. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/daemon/bus-dict.h"
#include "src/daemon/bus-error.h"
#include "src/daemon/bus-manager.h"
#include "src/daemon/cgroup-dir.h"
#include "src/daemon/lease.h"
#include "src/daemon/reconcile.h"
#include "src/daemon/reexec.h"
#include "src/daemon/transient.h"

/* A call that is answered after the next reconcile of its unit. */
typedef struct UnitCall {
        Daemon *daemon;
        sd_bus_message *message;
} UnitCall;

static UnitCall *unit_call_new(Daemon *daemon, sd_bus_message *message) {
        UnitCall *call = g_new0(UnitCall, 1);

        call->daemon = daemon;
        call->message = sd_bus_message_ref(message);
        return call;
}

static void unit_call_free(UnitCall *call) {
        (void)sd_bus_message_unref(call->message);
        g_free(call);
}

static void on_attached(Unit *unit, int result, const char *text, void *userdata) {
        UnitCall *call = userdata;

        /* an answer that cannot be sent has nobody waiting for it */
        if (result == 0)
                (void)sd_bus_reply_method_return(call->message, NULL);
        else
                (void)bus_error_reply(
                        call->message, result > 0 ? BUS_ERROR_FAILED : BUS_ERROR_REFUSED, text
                );
        unit_call_free(call);
}

int bus_attach_unit(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        Daemon *daemon = connection->daemon;
        const char *name;
        Unit *unit;
        int r = sd_bus_message_read(message, "s", &name);

        if (r < 0)
                return r;
        unit = bus_present_unit_of(connection, message, name, &r, diag);
        if (!unit)
                return r;
        r = tracker_unit_release(daemon->tracker, name);
        if (r < 0 && r != -ENOENT)
                return diag_errno(diag, r, "cannot take up unit '%s' again", name);
        daemon_look_for_drift(daemon); /* what somebody took off is to be attached anew */
        unit_add_waiter(unit, on_attached, unit_call_new(daemon, message));
        unit_mark(unit, APPLY_RELOAD, true);
        return 0;
}

int bus_detach_unit(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        Daemon *daemon = connection->daemon;
        const char *name;
        int r = sd_bus_message_read(message, "s", &name);

        if (r < 0)
                return r;
        if (!bus_unit_of(connection, message, name, &r))
                return r;
        r = tracker_unit_detach(daemon->tracker, name, diag);
        if (r == -ENOENT)
                return diag_fail(diag, -ESRCH, "nothing of unit '%s' is attached", name);
        if (r < 0)
                return r;
        log_notice("Detached '%s' as told by root, held off until its next start", name);
        return sd_bus_reply_method_return(message, NULL);
}

int bus_detach_attachment(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        Daemon *daemon = connection->daemon;
        uint64_t id;
        int r = sd_bus_message_read(message, "t", &id);

        if (r < 0)
                return r;
        r = tracker_detach(daemon->tracker, id, diag);
        if (r == -ENOENT) {
                g_autofree char *text = g_strdup_printf(
                        "there is no attachment %" G_GUINT64_FORMAT, id
                );

                return bus_error_reply(message, BUS_ERROR_NO_SUCH_ATTACHMENT, text);
        }
        if (r < 0)
                return r;
        lease_forget(daemon->leases, id);
        log_notice("Detached %" G_GUINT64_FORMAT " as told by root", id);
        return sd_bus_reply_method_return(message, NULL);
}

int bus_detach_all(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        Daemon *daemon = connection->daemon;
        int r = tracker_detach_all(daemon->tracker, diag);

        if (r < 0)
                return r;
        lease_restore(daemon->leases);
        log_notice("Detached everything as told by root");
        return sd_bus_reply_method_return(message, NULL);
}

static int reply_with_cgroup(const Unit *unit, sd_bus_message *message, Diag *diag) {
        _cleanup_close_ int fd = fd_above_stdio(
                open(unit->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        );

        if (fd < 0)
                return diag_errno(diag, fd, "cannot open cgroup '%s'", unit->cgroup);
        return sd_bus_reply_method_return(
                message, "ssth", unit->name, unit->cgroup, unit->cgroup_id, fd
        );
}

static void on_started(Unit *unit, int result, const char *text, void *userdata) {
        UnitCall *call = userdata;
        _cleanup_diag_ Diag diag = {};
        int r = result;

        if (result >= 0)
                r = reply_with_cgroup(unit, call->message, &diag);
        if (r <
            0) /* before the answer: whoever tries again at once must not meet what is left of this */
                transient_discard(call->daemon, unit);
        if (result < 0)
                (void)bus_error_reply(call->message, BUS_ERROR_REFUSED, text);
        else if (r < 0)
                (void)bus_error_reply_diag(call->message, r, &diag);
        unit_call_free(call);
}

/* The scope is there, or why not. */
static void on_scope(void *userdata, Unit *unit, int error, const Diag *diag) {
        UnitCall *call = userdata;

        if (error < 0) {
                (void)bus_error_reply_diag(call->message, error, diag);
                unit_call_free(call);
                return;
        }
        unit_add_waiter(unit, on_started, call);
        reconcile_mark_start(call->daemon, unit);
}

static int sender_pid(sd_bus_message *message, pid_t *ret) {
        sd_bus_creds *creds;
        int r = sd_bus_query_sender_creds(message, SD_BUS_CREDS_PID, &creds);

        if (r < 0)
                return r;
        r = sd_bus_creds_get_pid(creds, ret);
        (void)sd_bus_creds_unref(creds);
        return r;
}

int bus_start_transient(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        g_auto(GStrv) assignments = NULL;
        TransientRequest request = {};
        UnitCall *call;
        Unit *unit;
        int r = sd_bus_message_read(message, "ss", &request.unit, &request.slice);

        if (r >= 0)
                r = sd_bus_message_read_strv(message, &assignments);
        if (r < 0)
                return r;
        request.assignments = assignments;
        if (connection->daemon->source->ops->start_scope) {
                r = sender_pid(message, &request.pid);
                if (r < 0)
                        return diag_errno(diag, r, "cannot tell which process asks");
                call = unit_call_new(connection->daemon, message);
                r = transient_make_scope(connection->daemon, &request, on_scope, call, diag);
                if (r < 0)
                        unit_call_free(call);
                return r;
        }
        r = transient_make(connection->daemon, &request, &unit, diag);
        if (r < 0)
                return r;
        unit_add_waiter(unit, on_started, unit_call_new(connection->daemon, message));
        reconcile_mark_start(connection->daemon, unit);
        return 0;
}

/* Options of AttachProgram() and what each sets. */
static int read_program_options(char *const *words, ProgramRequest *request, Diag *diag) {
        for (; words && *words; words++) {
                AttachMode mode = attach_mode_from_string(*words);

                if (mode >= 0)
                        request->mode = mode;
                else if (strcmp(*words, "via=link") == 0)
                        request->via = VIA_CGROUP_LINK;
                else if (strcmp(*words, "via=legacy") == 0)
                        request->via = VIA_CGROUP_LEGACY;
                else if (strcmp(*words, "takeover") == 0)
                        request->takeover = true;
                else
                        return diag_fail(diag, -EINVAL, "unknown option '%s'", *words);
        }
        if (request->mode != ATTACH_MULTI && request->via == VIA_CGROUP_LINK)
                return diag_fail(diag, -EINVAL, "a link is always multi");
        return 0;
}

static int attach_leased(
        Daemon *daemon,
        const ProgramRequest *request,
        sd_bus_message *message,
        Diag *diag
) {
        _cleanup_close_ int lease = -EBADF;
        uint64_t id;
        int r = tracker_attach_program(daemon->tracker, request, &id, diag);

        if (r < 0)
                return r;
        r = lease_make(daemon->leases, id, &lease, diag);
        if (r >= 0)
                r = sd_bus_reply_method_return(message, "th", id, lease);
        if (r < 0) {
                /* it must not stay without anybody who could let go of it */
                (void)tracker_detach(daemon->tracker, id, NULL);
                lease_forget(daemon->leases, id);
        }
        return r;
}

int bus_attach_program(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        g_auto(GStrv) options = NULL;
        ProgramRequest request = {
                .mode = ATTACH_MULTI,
                .via = _VIA_INVALID,
                .lease = true,
                .origin = "AttachProgram",
        };
        const char *hook;
        int r = sd_bus_message_read(message, "hhs", &request.prog_fd, &request.cgroup_fd, &hook);

        if (r >= 0)
                r = sd_bus_message_read_strv(message, &options);
        if (r < 0)
                return r;
        request.hook = hook_from_string(hook);
        if (request.hook < 0)
                return diag_fail(diag, -EINVAL, "'%s' is no hook", hook);
        if (fd_kind(request.prog_fd) != FD_KIND_PROGRAM)
                return diag_fail(diag, -EINVAL, "the first descriptor is no BPF program");
        r = read_program_options(options, &request, diag);
        return r < 0 ? r : attach_leased(connection->daemon, &request, message, diag);
}

int bus_adopt(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        Daemon *daemon = connection->daemon;
        uint64_t prog_id, id;
        const char *name;
        const Unit *unit;
        UnitPlace place;
        int r = sd_bus_message_read(message, "st", &name, &prog_id);

        if (r < 0)
                return r;
        unit = unit_table_find(daemon->units, name);
        if (!unit || !unit->present) /* it need not have any [X-BPF] line */
                return bus_error_reply(
                        message, BUS_ERROR_NO_SUCH_UNIT,
                        "there is no unit of that name with a cgroup"
                );
        if (prog_id == 0 || prog_id > UINT32_MAX)
                return diag_fail(diag, -EINVAL, "that is no id of a program");
        place = (UnitPlace){ .unit = unit->name,
                             .invocation_id = unit->invocation_id,
                             .cgroup = unit->cgroup,
                             .cgroup_id = unit->cgroup_id };
        r = tracker_adopt(daemon->tracker, &place, (uint32_t)prog_id, &id, diag);
        if (r < 0)
                return r;
        log_notice(
                "Adopted program %" G_GUINT64_FORMAT " of '%s' as %" G_GUINT64_FORMAT, prog_id,
                name, id
        );
        return sd_bus_reply_method_return(message, "t", id);
}

int bus_reload(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        g_ptr_array_add(connection->daemon->reload_calls, sd_bus_message_ref(message));
        daemon_reload(connection->daemon);
        return 0;
}

int bus_reexecute(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        int r = reexec_begin(connection->daemon->reexec, message, diag);

        if (r >= 0 || r == -EALREADY)
                return r;
        /* whatever kept it from beginning, it is not for the caller's rights or arguments */
        return bus_error_reply(message, BUS_ERROR_FAILED, diag_text(diag, r));
}

int bus_set_log_level(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        const char *word;
        int level, r = sd_bus_message_read(message, "s", &word);

        if (r < 0)
                return r;
        level = log_level_from_string(word);
        if (level < 0)
                return diag_fail(diag, -EINVAL, "'%s' is no log level", word);
        log_set_max_level(level);
        return sd_bus_reply_method_return(message, NULL);
}
