/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/unit-table.h"

#include <string.h>

#include <systemd/sd-id128.h>

struct UnitTable {
        GHashTable *units;
        GQueue dirty;
        void (*dirty_hook)(void *userdata);
        void *userdata;
};

typedef struct Waiter {
        UnitWaiterDone done;
        void *userdata;
} Waiter;

UnitTable *unit_table_new(void (*dirty_hook)(void *userdata), void *userdata) {
        UnitTable *table = g_new0(UnitTable, 1);

        table->units = g_hash_table_new(g_str_hash, g_str_equal);
        g_queue_init(&table->dirty);
        table->dirty_hook = dirty_hook;
        table->userdata = userdata;
        return table;
}

static void unit_free(Unit *unit) {
        g_queue_remove(&unit->table->dirty, unit);
        g_hash_table_unref(unit->refusals);
        g_array_unref(unit->waiters);
        g_strfreev(unit->overrides);
        g_strfreev(unit->dropins);
        (void)sd_event_source_disable_unref(unit->grace);
        g_free(unit->fragment);
        g_free(unit->error);
        g_free(unit->refusal);
        g_free(unit->said);
        g_free(unit->cgroup);
        g_free(unit->name);
        g_free(unit);
}

UnitTable *unit_table_free(UnitTable *table) {
        GHashTableIter iter;
        void *unit;

        if (!table)
                return NULL;
        g_hash_table_iter_init(&iter, table->units);
        while (g_hash_table_iter_next(&iter, NULL, &unit)) {
                g_hash_table_iter_steal(&iter);
                unit_free(unit);
        }
        g_hash_table_unref(table->units);
        g_queue_clear(&table->dirty);
        g_free(table);
        return NULL;
}

Unit *unit_table_find(const UnitTable *table, const char *name) {
        return g_hash_table_lookup(table->units, name);
}

Unit *unit_table_get(UnitTable *table, const char *name) {
        Unit *unit = unit_table_find(table, name);

        if (unit)
                return unit;
        unit = g_new0(Unit, 1);
        unit->table = table;
        unit->name = g_strdup(name);
        unit->refusals = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        unit->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
        g_hash_table_insert(table->units, unit->name, unit);
        return unit;
}

static int compare_units(const void *a, const void *b) {
        const Unit *const *left = a, *const *right = b;

        return strcmp((*left)->name, (*right)->name);
}

GPtrArray *unit_table_list(const UnitTable *table) {
        GPtrArray *list = g_ptr_array_new();
        GHashTableIter iter;
        void *unit;

        g_hash_table_iter_init(&iter, table->units);
        while (g_hash_table_iter_next(&iter, NULL, &unit))
                g_ptr_array_add(list, unit);
        g_ptr_array_sort(list, compare_units);
        return list;
}

/* How much a reason may do to a unit; the larger one includes the smaller. */
static unsigned reason_rank(ApplyReason reason) {
        switch (reason) {
        case APPLY_RESTORE:
                return 0;
        case APPLY_RELOAD:
                return 1;
        case APPLY_LATE:
                return 2;
        case APPLY_START:
                return 3;
        }
        return 0;
}

void unit_mark(Unit *unit, ApplyReason reason, bool urgent) {
        GQueue *dirty = &unit->table->dirty;
        bool first = g_queue_is_empty(dirty);

        if (!unit->dirty || reason_rank(reason) > reason_rank(unit->reason))
                unit->reason = reason;
        if (unit->dirty && urgent)
                g_queue_remove(dirty, unit);
        if (!unit->dirty || urgent) {
                if (urgent)
                        g_queue_push_head(dirty, unit);
                else
                        g_queue_push_tail(dirty, unit);
        }
        unit->dirty = true;
        if (first)
                unit->table->dirty_hook(unit->table->userdata);
}

Unit *unit_table_take_dirty(UnitTable *table) {
        Unit *unit = g_queue_pop_head(&table->dirty);

        if (unit)
                unit->dirty = false;
        return unit;
}

bool unit_table_is_clean(const UnitTable *table) {
        return table->dirty.length == 0;
}

static void unit_forget_hook(Unit *unit) {
        unit->hook_seen = unit->grace_over = false;
        unit->grace = sd_event_source_disable_unref(unit->grace);
}

bool unit_set_invocation(Unit *unit, const char *id) {
        if (strcmp(unit->invocation_id, id) == 0)
                return false;
        (void)g_strlcpy(unit->invocation_id, id, sizeof unit->invocation_id);
        unit_forget_hook(unit);
        return true;
}

void unit_set_cgroup(Unit *unit, const char *cgroup, uint64_t cgroup_id) {
        if (unit->cgroup_id != cgroup_id) {
                sd_id128_t id;

                if (sd_id128_randomize(&id) < 0)
                        id = SD_ID128_NULL; /* only without a random source: shows as all zero */
                (void)sd_id128_to_string(id, unit->invocation_id);
                unit->left_invocation_id[0] = 0;
                unit->blocked = unit->was_populated = false;
                unit_forget_hook(unit);
        }
        unit->cgroup_id = cgroup_id;
        if (g_strcmp0(unit->cgroup, cgroup) != 0) {
                g_free(unit->cgroup);
                unit->cgroup = g_strdup(cgroup);
        }
        unit->present = true;
}

void unit_add_waiter(Unit *unit, UnitWaiterDone done, void *userdata) {
        Waiter waiter = { done, userdata };

        g_array_append_val(unit->waiters, waiter);
}

void unit_answer_waiters(Unit *unit, int result, const char *text) {
        g_autoptr(GArray) waiters = unit->waiters;

        /* a waiter may come back and wait again */
        unit->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
        for (unsigned i = 0; i < waiters->len; i++) {
                const Waiter *waiter = &g_array_index(waiters, Waiter, i);

                waiter->done(unit, result, text, waiter->userdata);
        }
}

void unit_set_error(Unit *unit, char *text) {
        g_free(unit->error);
        unit->error = text;
}

void unit_note_refusal(Unit *unit, const char *text, uint64_t usec) {
        g_free(unit->refusal);
        unit->refusal = g_strdup(text);
        unit->refusal_usec = usec;
}

void unit_drop_if_unused(Unit *unit) {
        if (unit->present || unit->dirty || unit->wishes || unit->waiters->len > 0 ||
            g_hash_table_size(unit->refusals) > 0)
                return;
        g_hash_table_remove(unit->table->units, unit->name);
        unit_free(unit);
}
