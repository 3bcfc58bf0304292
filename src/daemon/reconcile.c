/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/reconcile.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/text.h"
#include "src/daemon/cgroup-dir.h"
#include "src/daemon/message-id.h"
#include "src/daemon/priority.h"
#include "src/daemon/transient.h"
#include "src/daemon/unit-state.h"
#include "src/resolve/resolve.h"
#include "units/unit-name.h"

#define HOOK_GRACE_USEC   (2U * 1000U * 1000U)
#define PROBLEMS_SAID_MAX 4U /* in one message; status shows all */

UnitPlace reconcile_place(const Unit *unit) {
        return (UnitPlace){
                .unit = unit->name,
                .invocation_id = unit->invocation_id,
                .cgroup = unit->cgroup,
                .cgroup_id = unit->cgroup_id,
        };
}

/* The unit the cgroup of this one lies directly or indirectly in; NULL: none. Begin with the path of a unit. */
static Unit *parent_unit(const Daemon *daemon, char *path) {
        size_t root = strlen(daemon->cgroup_root);

        for (;;) {
                char *slash = strrchr(path, '/');
                Unit *unit;

                if (!slash || (size_t)(slash - path) <= root)
                        return NULL;
                *slash = 0;
                unit = unit_table_find(daemon->units, strrchr(path, '/') + 1);
                if (unit && unit->present && strcmp(unit->cgroup, path) == 0)
                        return unit;
        }
}

void reconcile_mark_start(Daemon *daemon, Unit *unit) {
        g_autofree char *path = g_strdup(unit->cgroup);
        Unit *parent;

        unit_mark(unit, APPLY_START, true);
        while ((parent = parent_unit(daemon, path)))
                if (parent->dirty) /* each goes to the head, so the outermost ends up first */
                        unit_mark(parent, parent->reason, true);
}

int reconcile_read(Daemon *daemon, Unit *unit, UnitWish **ret, Diag *diag) {
        UnitWish *wish;
        int r = unit_wish_read(
                &daemon->unit_context, unit->name, (const char *const *)unit->overrides, &wish, diag
        );

        if (r < 0)
                return r;
        unit->wishes = wish->wishes->len > 0;
        g_free(unit->fragment);
        unit->fragment = g_strdup(wish->fragment);
        g_strfreev(unit->dropins);
        unit->dropins = g_strdupv(wish->dropins);
        *ret = wish;
        return 0;
}

int reconcile_resolve(const UnitWish *wish, TargetSet **ret) {
        static const ResolveOptions options = { .trust = true };

        return resolve_unit(wish, &options, ret);
}

static void read_files_of(Daemon *daemon, const char *name) {
        _cleanup_(unit_wish_free_ptr) UnitWish *wish = NULL;
        _cleanup_diag_ Diag diag = {};
        Unit *unit;

        if (!unit_name_has_cgroup(name))
                return;
        unit = unit_table_get(daemon->units, name);
        if (reconcile_read(daemon, unit, &wish, &diag) < 0) {
                /* it says so itself when it is met; without a cgroup only [X-BPF] lines count, and none are known */
                log_debug("cannot read files of '%s': %s", name, diag_text(&diag, 0));
                unit->wishes = false;
        }
        unit_drop_if_unused(unit);
}

void reconcile_read_files(Daemon *daemon) {
        _cleanup_diag_ Diag diag = {};
        g_autoptr(GPtrArray) known = unit_table_list(daemon->units);
        g_autoptr(GPtrArray) idle = g_ptr_array_new_with_free_func(g_free);
        g_auto(GStrv) names = NULL;
        int r = unit_list(&daemon->unit_context, &names, &diag);

        if (r < 0) {
                log_warning("cannot list unit files: %s, ignoring", diag_text(&diag, r));
                return;
        }
        for (unsigned i = 0; i < known->len; i++) {
                Unit *unit = known->pdata[i];

                if (!unit->present)
                        g_ptr_array_add(idle, g_strdup(unit->name));
        }
        for (unsigned i = 0; i < idle->len; i++)
                read_files_of(daemon, idle->pdata[i]);
        for (char **name = names; *name; name++) {
                Unit *unit = unit_table_find(daemon->units, *name);

                if (!unit)
                        read_files_of(daemon, *name);
        }
}

/* A failing line of a start is refused by the tracker itself; this is for where it cannot even be asked. */
static bool any_required(const TargetSet *targets) {
        for (size_t i = 0; i < targets->n_targets; i++)
                if (targets->targets[i].policy == POLICY_REQUIRED)
                        return true;
        return false;
}

static bool any_stop_on_loss(const TargetSet *targets) {
        for (size_t i = 0; i < targets->n_targets; i++)
                if (targets->targets[i].on_loss == ON_LOSS_STOP &&
                    targets->targets[i].policy == POLICY_REQUIRED)
                        return true;
        return false;
}

static void unit_kill(Daemon *daemon, Unit *unit) {
        int r = daemon->source->ops->kill(daemon->source, unit->name);

        if (r < 0 && r != -ENOENT)
                log_error(
                        "cannot stop '%s': %s, its processes run without what is required",
                        unit->name, strerror(-r)
                );
}

/* What is the same as last time is said at debug level: a unit that cannot be mended is looked at again and again. */
static void say(Unit *unit, int level, const char *text, const char *consequence) {
        const LogFields fields = { .unit = unit->name, .message_id = MESSAGE_DEGRADED };
        g_autofree char *line = g_strdup_printf("'%s': %s, %s", unit->name, text, consequence);

        log_message(g_strcmp0(unit->said, line) == 0 ? LOG_DEBUG : level, &fields, "%s", line);
        g_free(unit->said);
        unit->said = g_steal_pointer(&line);
}

static int on_grace_over(sd_event_source *timer, uint64_t usec, void *userdata) {
        Unit *unit = userdata;

        unit->grace = sd_event_source_disable_unref(unit->grace);
        unit->grace_over = true;
        unit_mark(unit, APPLY_LATE, false);
        return 0;
}

/* A start that its hook announces is met twice: when the cgroup appears, and a moment later by the hook, which can
 * refuse it in a way the service manager understands. So what must be stopped is left to the hook, if it comes. */
static bool is_left_to_hook(Daemon *daemon, Unit *unit, ApplyReason reason) {
        const UnitSourceOps *ops = daemon->source->ops;
        int r;

        if (reason != APPLY_LATE || !ops->is_hooked || unit->at_start || unit->hook_seen ||
            unit->grace_over || !ops->is_hooked(daemon->source, unit->name))
                return false;
        if (unit->grace)
                return true;
        r = sd_event_add_time_relative(
                daemon->event, &unit->grace, CLOCK_MONOTONIC, HOOK_GRACE_USEC, 0, on_grace_over,
                unit
        );
        if (r >= 0)
                (void)sd_event_source_set_description(unit->grace, "hook-grace");
        return r >= 0;
}

/* A required line is not in force. */
static void refused(
        Daemon *daemon,
        Unit *unit,
        const TargetSet *targets,
        ApplyReason reason,
        const char *text
) {
        bool stop = (reason == APPLY_LATE && !(daemon->restore.first_start && unit->at_start)) ||
                    (reason != APPLY_START && any_stop_on_loss(targets));

        if (reason == APPLY_START) {
                say(unit, LOG_ERR, text, "start refused");
                return;
        }
        if (!stop) {
                say(unit, LOG_ERR, text, "unit degraded");
                return;
        }
        if (is_left_to_hook(daemon, unit, reason))
                return;
        say(unit, LOG_ERR, text, "stopping the unit");
        unit_note_refusal(unit, text, (uint64_t)g_get_real_time());
        unit->blocked = true;
        unit_kill(daemon, unit);
}

static bool any_in_force(const Daemon *daemon, const char *unit) {
        AttachmentView view;

        for (size_t i = 0; tracker_get_attachment(daemon->tracker, i, &view); i++)
                if (view.state == ATTACHMENT_ATTACHED && text_equal(view.unit, unit))
                        return true;
        return false;
}

/* The problems of a unit in one line, each with the line it comes from; the caller's (g_free). */
static char *problems_text(const UnitView *view) {
        g_autoptr(GString) text = g_string_new(NULL);
        size_t n = 0;

        for (size_t i = 0; i < view->n_problems; i++) {
                const UnitProblem *problem = &view->problems[i];

                if (problem->skipped || n++ >= PROBLEMS_SAID_MAX)
                        continue;
                g_string_append_printf(
                        text, "%s%s: %s", n > 1 ? "; " : "", problem->origin, problem->text
                );
        }
        if (n > PROBLEMS_SAID_MAX)
                g_string_append_printf(text, "; and %zu more", n - PROBLEMS_SAID_MAX);
        return g_string_free(g_steal_pointer(&text), FALSE);
}

/* What to say of the answer of an apply; the caller's (g_free). */
static char *answer_text(const Daemon *daemon, const Unit *unit, int answer, const Diag *diag) {
        g_autofree char *problems = NULL;
        UnitView view;

        if (answer == APPLY_DEGRADED && tracker_find_unit(daemon->tracker, unit->name, &view)) {
                if (view.held_off)
                        return g_strdup("held off by the operator");
                problems = problems_text(&view);
        }
        if (problems && *problems)
                return g_steal_pointer(&problems);
        if (diag->text || answer < 0)
                return g_strdup(diag_text(diag, answer));
        return g_strdup("not all lines are in force");
}

/* An optional line whose object or hook is not there is no problem, but it is not passed over in silence either. */
static void say_skipped(const Daemon *daemon, const Unit *unit) {
        const LogFields fields = { .unit = unit->name };
        UnitView view;

        if (!tracker_find_unit(daemon->tracker, unit->name, &view))
                return;
        for (size_t i = 0; i < view.n_problems; i++)
                if (view.problems[i].skipped)
                        log_message(
                                LOG_NOTICE, &fields, "'%s': %s: %s, skipped as optional",
                                unit->name, view.problems[i].origin, view.problems[i].text
                        );
}

static void update_coverage(Daemon *daemon, Unit *unit, ApplyReason reason, int result) {
        if (result == APPLY_REFUSED ||
            (result == APPLY_DEGRADED && !any_in_force(daemon, unit->name)))
                return;
        /* looked at behind the attach: whoever comes in from now on is seen */
        if (reason == APPLY_START || cgroup_dir_populated(unit->cgroup) == 0)
                (void)tracker_unit_set_covered_from_start(daemon->tracker, unit->name, true);
}

/* The answer of a start is kept: whoever asks later for the reason must not have to look for a log. */
static void answer(Unit *unit, ApplyReason reason, int result, const char *text) {
        if (result < 0 && reason == APPLY_START)
                unit_note_refusal(unit, text, (uint64_t)g_get_real_time());
        else if (result >= 0 && (reason == APPLY_START || reason == APPLY_LATE))
                unit_note_refusal(unit, NULL, 0);
        unit_answer_waiters(unit, result, text);
}

static bool has_vanished(const Unit *unit) {
        uint64_t id;

        return cgroup_dir_id(unit->cgroup, &id) < 0 || id != unit->cgroup_id;
}

/* Nothing could even be tried. */
static void apply_failed(
        Daemon *daemon,
        Unit *unit,
        const TargetSet *targets,
        ApplyReason reason,
        int error,
        const char *text
) {
        bool required = any_required(targets);

        if (has_vanished(unit)) {
                /* between two events: the source is about to tell */
                unit_answer_waiters(unit, -ENOENT, "the cgroup of the unit is gone");
                return;
        }
        unit_set_error(unit, g_strdup(text));
        /* while the state is read-only what protects the unit may be there, unseen */
        if (required && error != -EROFS)
                refused(daemon, unit, targets, reason, text);
        else
                say(unit, LOG_ERR, text, "unit degraded");
        answer(unit, reason, required ? error : 1, text);
}

static void apply(Daemon *daemon, Unit *unit, const TargetSet *targets, ApplyReason reason) {
        const UnitPlace place = reconcile_place(unit);
        _cleanup_diag_ Diag diag = {};
        UnitView before = {};
        bool known = tracker_find_unit(daemon->tracker, unit->name, &before);
        int r = tracker_apply(daemon->tracker, &place, targets, reason, &diag);
        g_autofree char *text = answer_text(daemon, unit, r, &diag);

        if (r < 0) {
                apply_failed(daemon, unit, targets, reason, r, text);
                return;
        }
        unit_set_error(unit, NULL);
        if (reason != APPLY_RESTORE) /* which comes again and again */
                say_skipped(daemon, unit);
        if (r != APPLY_REFUSED)
                unit->blocked = false;
        update_coverage(daemon, unit, reason, r);
        if (r == APPLY_COVERED) {
                if (known && before.state != UNIT_COVERED && reason != APPLY_START)
                        say(unit, LOG_NOTICE, "all that the unit files say is in force", "again");
                g_clear_pointer(&unit->said, g_free);
                answer(unit, reason, 0, NULL);
        } else if (r == APPLY_DEGRADED) {
                say(unit, LOG_WARNING, text, "unit degraded");
                answer(unit, reason, 1, text);
        } else {
                refused(daemon, unit, targets, reason, text);
                answer(unit, reason, -EPERM, text);
        }
}

static void files_unreadable(
        Daemon *daemon,
        Unit *unit,
        ApplyReason reason,
        int error,
        const Diag *diag
) {
        const char *text = diag_text(diag, error);

        unit_set_error(unit, g_strdup(text));
        /* whether it was required cannot be read either; that is the default */
        (void)tracker_unit_problem(
                daemon->tracker, unit->name, unit->fragment ? unit->fragment : unit->name, text,
                POLICY_REQUIRED
        );
        say(unit, LOG_ERR, text, "keeping what is in force");
        answer(unit, reason, -EPERM, text);
}

static bool is_tracked(const Daemon *daemon, const Unit *unit) {
        UnitView view;

        return tracker_find_unit(daemon->tracker, unit->name, &view);
}

/* What was adopted stays with a unit whose files want nothing, until it stops. */
static bool wants_nothing(const Daemon *daemon, const Unit *unit) {
        UnitView view;

        if (unit->wishes || unit->transient)
                return false;
        return !tracker_find_unit(daemon->tracker, unit->name, &view) || view.n_adopted == 0;
}

/* Whether a unit this one lies in must not have anybody inside. */
static bool in_blocked_unit(const Daemon *daemon, const Unit *unit, const Unit **ret) {
        g_autofree char *path = g_strdup(unit->cgroup);
        const Unit *parent;

        while ((parent = parent_unit(daemon, path)))
                if (parent->blocked) {
                        *ret = parent;
                        return true;
                }
        return false;
}

static void reconcile_present(Daemon *daemon, Unit *unit) {
        _cleanup_(unit_wish_free_ptr) UnitWish *wish = NULL;
        _cleanup_(target_set_free_ptr) TargetSet *targets = NULL;
        _cleanup_diag_ Diag diag = {};
        ApplyReason reason = unit->blocked && unit->reason != APPLY_START ? APPLY_LATE
                                                                          : unit->reason;
        const Unit *parent;
        int r;

        if (reason == APPLY_START && in_blocked_unit(daemon, unit, &parent)) {
                g_autofree char *text = g_strdup_printf(
                        "'%s', which '%s' lies in, is without a required program", parent->name,
                        unit->name
                );

                answer(unit, reason, -EPERM, text);
                return;
        }
        r = reconcile_read(daemon, unit, &wish, &diag);
        if (r >= 0)
                r = reconcile_resolve(wish, &targets);
        if (r < 0) {
                files_unreadable(daemon, unit, reason, r, &diag);
                return;
        }
        if (wish->masked && reason == APPLY_START) {
                answer(unit, reason, -EPERM, "the unit is masked");
                return;
        }
        if (wants_nothing(daemon, unit)) {
                unit_set_error(unit, NULL);
                unit->blocked = false;
                if (is_tracked(daemon, unit)) {
                        const LogFields fields = { .unit = unit->name };

                        log_message(
                                LOG_NOTICE, &fields,
                                "'%s': no unit file has an [X-BPF] line for it any more, detaching "
                                "its programs",
                                unit->name
                        );
                        r = tracker_unit_stop(daemon->tracker, unit->name, &diag);
                        if (r < 0)
                                log_error("'%s': %s", unit->name, diag_text(&diag, r));
                }
                answer(unit, reason, 0, NULL);
                return;
        }
        apply(daemon, unit, targets, reason);
}

/* systemd takes the files of a transient unit away a little after its cgroup. */
static bool file_stays(const char *path) {
        return !g_str_has_prefix(path, "/run/systemd/transient/") && access(path, F_OK) >= 0;
}

static bool has_files(const Unit *unit) {
        for (char **dropin = unit->dropins; dropin && *dropin; dropin++)
                if (file_stays(*dropin))
                        return true;
        return unit->fragment && file_stays(unit->fragment);
}

void reconcile_gone(Daemon *daemon, Unit *unit) {
        _cleanup_diag_ Diag diag = {};
        int r = tracker_unit_stop(daemon->tracker, unit->name, &diag);

        if (r < 0)
                log_error(
                        "'%s' has stopped, but not all of it could be taken off: %s", unit->name,
                        diag_text(&diag, r)
                );
        unit_answer_waiters(unit, -ENOENT, "the cgroup of the unit is gone");
        unit_set_error(unit, NULL);
        transient_forget(daemon, unit);
        g_clear_pointer(&unit->cgroup, g_free);
        unit->cgroup_id = 0;
        unit->blocked = unit->populated = unit->was_populated = false;
        if (!has_files(unit)) /* what was asked for on a command line has gone with it */
                unit->wishes = false;
        unit_state_note(daemon, unit);
        unit_drop_if_unused(unit);
}

/* Whoever is answered may give the unit up, so it is looked for again. */
static void reconcile_one(Daemon *daemon, Unit *unit) {
        g_autofree char *name = g_strdup(unit->name);

        reconcile_present(daemon, unit);
        unit = unit_table_find(daemon->units, name);
        if (unit)
                unit_state_note(daemon, unit);
}

static int on_reconcile(sd_event_source *event, void *userdata) {
        Daemon *daemon = userdata;
        Unit *unit = unit_table_take_dirty(daemon->units);

        if (unit) {
                if (unit->present)
                        reconcile_one(daemon, unit);
                else
                        reconcile_gone(daemon, unit);
        }
        if (unit_table_is_clean(daemon->units))
                daemon_units_clean(daemon);
        else
                reconcile_wake(daemon);
        return 0;
}

void reconcile_wake(void *userdata) {
        Daemon *daemon = userdata;

        if (daemon->reconcile) /* fails only on a dead source */
                (void)sd_event_source_set_enabled(daemon->reconcile, SD_EVENT_ONESHOT);
}

int reconcile_setup(Daemon *daemon) {
        int r = sd_event_add_defer(daemon->event, &daemon->reconcile, on_reconcile, daemon);

        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(
                daemon->reconcile,
                unit_table_is_clean(daemon->units) ? SD_EVENT_OFF : SD_EVENT_ONESHOT
        );
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(daemon->reconcile, "reconcile");
        return sd_event_source_set_priority(daemon->reconcile, PRIORITY_RECONCILE);
}
