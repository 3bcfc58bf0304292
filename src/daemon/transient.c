/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/transient.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-id128.h>

#include "src/base/cleanup.h"
#include "src/base/file.h"
#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/daemon/cgroup-dir.h"
#include "src/daemon/priority.h"
#include "src/daemon/reconcile.h"
#include "units/unit-name.h"

#define VACANT_USEC (10U * 1000U * 1000U)

static char *memory_path(const Daemon *daemon, const char *unit) {
        return g_build_filename(daemon->transient_directory, unit, NULL);
}

static int remember(const Daemon *daemon, const char *unit, char **assignments) {
        g_autofree char *path = memory_path(daemon, unit);
        g_autofree char *text = assignments ? g_strjoinv("\n", assignments) : g_strdup("");

        return file_replace(path, text, strlen(text), 0600);
}

static int check_assignments(char **assignments, Diag *diag) {
        size_t n = 0;

        for (char **a = assignments; a && *a; a++, n++) {
                if (!strchr(*a, '=') || strpbrk(*a, "\n\r") || !g_utf8_validate(*a, -1, NULL))
                        return diag_fail(diag, -EINVAL, "'%s' is no assignment KEY=VALUE", *a);
                if (strlen(*a) > LIMIT_UNIT_LINE_BYTES)
                        return diag_fail(diag, -EINVAL, "assignment is too long");
        }
        return n > LIMIT_UNIT_DIRECTIVES ? diag_fail(diag, -EINVAL, "too many assignments") : 0;
}

/* a-b.slice lies in a.slice: the path of all slices from the outermost one on, relative to the root. */
static int slice_path(const char *slice, char **ret, Diag *diag) {
        g_autoptr(GString) path = g_string_new(NULL);
        g_autofree char *prefix = NULL;

        if (!*slice || strcmp(slice, "-.slice") == 0) {
                *ret = g_strdup("");
                return 0;
        }
        if (unit_name_kind(slice) != UNIT_NAME_PLAIN || !g_str_has_suffix(slice, ".slice"))
                return diag_fail(diag, -EINVAL, "'%s' is no name of a slice", slice);
        prefix = g_strndup(slice, strlen(slice) - strlen(".slice"));
        if (*prefix == '-' || g_str_has_suffix(prefix, "-") || strstr(prefix, "--"))
                return diag_fail(diag, -EINVAL, "'%s' has an empty part", slice);
        for (const char *dash = strchr(prefix, '-'); dash; dash = strchr(dash + 1, '-'))
                g_string_append_printf(path, "%.*s.slice/", (int)(dash - prefix), prefix);
        g_string_append_printf(path, "%s/", slice);
        *ret = g_string_free(g_steal_pointer(&path), FALSE);
        return 0;
}

static void remove_cgroup(Daemon *daemon, Unit *unit) {
        bool slice = g_str_has_suffix(unit->name, ".slice");
        g_autofree char *cgroup = NULL;
        int r;

        if (daemon->source->ops->start_scope)
                return; /* whoever made it removes it */
        cgroup = g_strdup(unit->cgroup);
        /* a slice's children are units of their own and go by themselves */
        r = cgroup_dir_remove(cgroup, !slice);
        /* EBUSY: somebody moved in meanwhile, or there are children; it is asked again with the next change */
        if (r < 0 && r != -EBUSY && r != -ENOTEMPTY)
                log_warning("cannot remove cgroup '%s': %s", cgroup, strerror(-r));
}

/* The kernel tells up to 10 ms late that a unit is empty. Who runs one of the same name right after it has ended must
 * not fail for that. Whether the unit is out of the way. */
static bool finish_ended(Daemon *daemon, Unit *unit) {
        g_autofree char *cgroup = g_strdup(unit->cgroup);

        if (!unit->transient || cgroup_dir_populated(cgroup) != 0)
                return false;
        if (!unit->was_populated && cgroup_dir_used(cgroup) <= 0) /* somebody is about to move in */
                return false;
        remove_cgroup(daemon, unit);
        (void)daemon->source->ops->look(daemon->source, cgroup); /* what it finds, it tells */
        if (unit->present)
                return false;
        reconcile_gone(daemon, unit);
        return true;
}

static int unit_name_for(Daemon *daemon, const TransientRequest *request, char **ret, Diag *diag) {
        /* what systemd makes of a process that is there already is a scope */
        const char *type = daemon->source->ops->start_scope ? "scope" : "service";
        g_autofree char *name = NULL;
        Unit *unit;

        if (*request->unit)
                name = strchr(request->unit, '.') ? g_strdup(request->unit)
                                                  : g_strdup_printf("%s.%s", request->unit, type);
        else {
                char id[33];
                sd_id128_t random;
                int r = sd_id128_randomize(&random);

                if (r < 0)
                        return diag_errno(diag, r, "cannot make up a name");
                name = g_strdup_printf("run-%s.%s", sd_id128_to_string(random, id), type);
        }
        if (!name || !unit_name_has_cgroup(name) || unit_name_kind(name) == UNIT_NAME_TEMPLATE ||
            g_str_has_suffix(name, ".slice"))
                return diag_fail(
                        diag, -EINVAL, "'%s' is no name for a unit that is run", request->unit
                );
        if (daemon->source->ops->start_scope && !g_str_has_suffix(name, ".scope"))
                return diag_fail(
                        diag, -EINVAL, "'%s': what is run becomes a scope, leave the type out", name
                );
        unit = unit_table_find(daemon->units, name);
        if (unit && unit->present && !finish_ended(daemon, unit))
                return diag_fail(
                        diag, -EEXIST, "unit '%s' is there already, as '%s'", name, unit->cgroup
                );
        *ret = g_steal_pointer(&name);
        return 0;
}

static int on_vacant(sd_event_source *timer, uint64_t usec, void *userdata);

/* One timer for each unit; it is the event loop's (floating) and finds the unit again by name and id. */
typedef struct Vacancy {
        Daemon *daemon;
        uint64_t cgroup_id;
        char *unit;
} Vacancy;

static void vacancy_free(void *userdata) {
        Vacancy *vacancy = userdata;

        g_free(vacancy->unit);
        g_free(vacancy);
}

static void watch_vacancy(Daemon *daemon, const Unit *unit) {
        Vacancy *vacancy = g_new0(Vacancy, 1);
        sd_event_source *timer;
        int r;

        *vacancy = (Vacancy){ daemon, unit->cgroup_id, g_strdup(unit->name) };
        r = sd_event_add_time_relative(
                daemon->event, &timer, CLOCK_MONOTONIC, VACANT_USEC, 0, on_vacant, vacancy
        );
        if (r < 0) {
                log_warning(
                        "cannot watch over '%s': %s, its cgroup stays if nobody moves in",
                        unit->name, strerror(-r)
                );
                vacancy_free(vacancy);
                return;
        }
        (void)sd_event_source_set_description(timer, "transient-vacancy");
        (void)sd_event_source_set_destroy_callback(timer, vacancy_free);
        (void)sd_event_source_set_floating(timer, true);
        (void)sd_event_source_unref(timer);
}

static int on_vacant(sd_event_source *timer, uint64_t usec, void *userdata) {
        const Vacancy *vacancy = userdata;
        Unit *unit = unit_table_find(vacancy->daemon->units, vacancy->unit);

        if (unit && unit->present && unit->transient && unit->cgroup_id == vacancy->cgroup_id &&
            !unit->populated && cgroup_dir_populated(unit->cgroup) == 0) {
                if (!g_str_has_suffix(unit->name, ".slice"))
                        log_info("nobody moved into '%s', removing its cgroup", unit->name);
                remove_cgroup(vacancy->daemon, unit);
        }
        return 0;
}

void transient_populated(Daemon *daemon, Unit *unit) {
        if (unit->transient && unit->present && unit->was_populated && !unit->populated)
                remove_cgroup(daemon, unit);
}

void transient_forget(Daemon *daemon, Unit *unit) {
        g_autofree char *path = NULL, *parent = NULL, *name = NULL;
        Unit *slice;

        if (!unit->transient)
                return;
        path = memory_path(daemon, unit->name);
        (void)unlink(path); /* at worst it is found again at the next start, without a cgroup */
        unit->transient = false;
        g_clear_pointer(&unit->overrides, g_strfreev);
        if (!unit->cgroup)
                return;
        /* the slice made for it may be empty now */
        parent = g_path_get_dirname(unit->cgroup);
        name = g_path_get_basename(parent);
        slice = unit_table_find(daemon->units, name);
        if (slice && slice->transient && slice->present && !slice->populated)
                remove_cgroup(daemon, slice);
}

/* Makes one directory of the chain; the source then judges it. */
static int make_directory(Daemon *daemon, const char *path, bool last, bool *ret_made, Diag *diag) {
        int r;

        if (mkdir(path, 0755) < 0) {
                r = -errno;
                if (r != -EEXIST || last)
                        return diag_errno(diag, r, "cannot make cgroup '%s'", path);
        } else
                *ret_made = true;
        r = daemon->source->ops->look(daemon->source, path);
        if (r < 0)
                return diag_errno(diag, r, "cgroup '%s' cannot be used", path);
        return 0;
}

static int make_slices(Daemon *daemon, const char *slices, Diag *diag) {
        g_auto(GStrv) names = g_strsplit(slices, "/", -1);
        g_autofree char *path = g_strdup(daemon->cgroup_root);

        for (char **name = names; *name && **name; name++) {
                g_autofree char *next = g_build_filename(path, *name, NULL);
                bool made = false;
                Unit *unit;
                int r = make_directory(daemon, next, false, &made, diag);

                if (r < 0)
                        return r;
                unit = unit_table_find(daemon->units, *name);
                if (!unit || !unit->present || strcmp(unit->cgroup, next) != 0)
                        return diag_fail(diag, -EPERM, "slice '%s' cannot be used", *name);
                if (made) {
                        unit->transient = true;
                        r = remember(daemon, *name, NULL);
                        if (r < 0)
                                return diag_errno(diag, r, "cannot remember slice '%s'", *name);
                        watch_vacancy(daemon, unit);
                        unit_mark(unit, APPLY_LATE, false);
                }
                g_free(path);
                path = g_steal_pointer(&next);
        }
        return 0;
}

static int make_unit(Daemon *daemon, const char *path, const char *name, Unit **ret, Diag *diag) {
        bool made = false;
        Unit *unit;
        int r = make_directory(daemon, path, true, &made, diag);

        unit = unit_table_find(daemon->units, name);
        if (r >= 0 && (!unit || !unit->present || strcmp(unit->cgroup, path) != 0))
                r = diag_fail(diag, -EPERM, "cgroup '%s' cannot be used", path);
        if (r < 0) {
                if (made)
                        (void)rmdir(path); /* nobody is inside; the source tells of what is left */
                return r;
        }
        unit->transient = true;
        watch_vacancy(daemon, unit);
        *ret = unit;
        return 0;
}

int transient_make(Daemon *daemon, const TransientRequest *request, Unit **ret, Diag *diag) {
        g_autofree char *name = NULL, *slices = NULL, *path = NULL, *memory = NULL;
        Unit *unit;
        int r = check_assignments(request->assignments, diag);

        if (r < 0)
                return r;
        r = unit_name_for(daemon, request, &name, diag);
        if (r < 0)
                return r;
        r = slice_path(request->slice, &slices, diag);
        if (r < 0)
                return r;
        r = make_slices(daemon, slices, diag);
        if (r < 0)
                return r;
        /* remembered before it is there: a crash in between leaves a note, not a cgroup nobody removes */
        r = remember(daemon, name, request->assignments);
        if (r < 0)
                return diag_errno(diag, r, "cannot remember unit '%s'", name);
        path = g_strdup_printf("%s/%s%s", daemon->cgroup_root, slices, name);
        r = make_unit(daemon, path, name, &unit, diag);
        if (r < 0) {
                memory = memory_path(daemon, name);
                (void)unlink(memory); /* harmless if it stays: there is no such cgroup */
                return r;
        }
        g_strfreev(unit->overrides);
        unit->overrides = g_strdupv(request->assignments);
        *ret = unit;
        return 0;
}

typedef struct ScopeCall {
        Daemon *daemon;
        char *name;
        char **assignments;
        pid_t pid;
        TransientDone done;
        void *userdata;
} ScopeCall;

static void scope_call_free(ScopeCall *call) {
        g_free(call->name);
        g_strfreev(call->assignments);
        g_free(call);
}

/* The scope is there: it becomes a unit like those whose cgroup we make. */
static int enter_scope(const ScopeCall *call, Unit **ret, Diag *diag) {
        Daemon *daemon = call->daemon;
        _cleanup_free_ char *path = NULL;
        uint64_t id;
        Unit *unit;
        int r = cgroup_dir_of_process(call->pid, &id, &path);

        if (r >= 0)
                r = daemon->source->ops->look(daemon->source, path);
        if (r < 0)
                return diag_errno(diag, r, "cannot look at the cgroup of '%s'", call->name);
        unit = unit_table_find(daemon->units, call->name);
        if (!unit || !unit->present || strcmp(unit->cgroup, path) != 0)
                return diag_fail(diag, -ESRCH, "'%s' has ended already", call->name);
        unit->transient = true;
        g_strfreev(unit->overrides);
        unit->overrides = g_strdupv(call->assignments);
        *ret = unit;
        return 0;
}

static void on_scope(void *userdata, const char *error) {
        ScopeCall *call = userdata;
        _cleanup_diag_ Diag diag = {};
        Unit *unit = NULL;
        int r = error ? diag_fail(&diag, -EIO, "%s", error) : enter_scope(call, &unit, &diag);

        if (r < 0) {
                g_autofree char *memory = memory_path(call->daemon, call->name);

                (void)unlink(memory);
        }
        call->done(call->userdata, unit, r, &diag);
        scope_call_free(call);
}

int transient_make_scope(
        Daemon *daemon,
        const TransientRequest *request,
        TransientDone done,
        void *userdata,
        Diag *diag
) {
        g_autofree char *name = NULL;
        ScopeCall *call;
        int r = check_assignments(request->assignments, diag);

        if (r >= 0)
                r = unit_name_for(daemon, request, &name, diag);
        if (r < 0)
                return r;
        /* before it is there, as for those we make ourselves */
        r = remember(daemon, name, request->assignments);
        if (r < 0)
                return diag_errno(diag, r, "cannot remember unit '%s'", name);
        call = g_new0(ScopeCall, 1);
        *call = (ScopeCall){ daemon,       g_strdup(name), g_strdupv(request->assignments),
                             request->pid, done,           userdata };
        r = daemon->source->ops->start_scope(
                daemon->source, &(UnitScope){ name, request->slice, request->pid }, on_scope, call
        );
        if (r < 0) {
                scope_call_free(call);
                return diag_errno(diag, r, "cannot ask the service manager for '%s'", name);
        }
        return 0;
}

void transient_discard(Daemon *daemon, Unit *unit) {
        if (unit->present && unit->transient)
                remove_cgroup(daemon, unit);
}

static void restore_one(Daemon *daemon, const char *name) {
        g_autofree char *path = memory_path(daemon, name);
        Unit *unit = unit_table_find(daemon->units, name);
        _cleanup_free_ char *text = NULL;
        size_t max = (size_t)LIMIT_UNIT_DIRECTIVES * LIMIT_UNIT_LINE_BYTES;
        int r;

        if (!unit || !unit->present) {
                (void)unlink(path); /* ended while we were away */
                return;
        }
        r = file_read(path, max, &text, NULL);
        if (r < 0) {
                log_error(
                        "cannot read '%s': %s, '%s' is without the assignments it was run with",
                        path, strerror(-r), name
                );
                return;
        }
        unit->transient = true;
        g_strfreev(unit->overrides);
        unit->overrides = *text ? g_strsplit(text, "\n", -1) : NULL;
        unit->was_populated = unit->populated || cgroup_dir_used(unit->cgroup) > 0;
        if (!unit->was_populated)
                watch_vacancy(daemon, unit);
        else /* whoever was inside may have gone while nobody looked */
                transient_populated(daemon, unit);
}

void transient_restore(Daemon *daemon) {
        DIR *dir = opendir(daemon->transient_directory);
        struct dirent *entry;

        if (!dir)
                return;
        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.' && unit_name_has_cgroup(entry->d_name))
                        restore_one(daemon, entry->d_name);
        (void)closedir(dir);
}
