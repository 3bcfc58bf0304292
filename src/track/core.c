/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/core.h"

#include <inttypes.h>

#include "src/track/record.h"

TrackedUnit *core_find_unit(const Tracker *tracker, const char *name) {
        return g_hash_table_lookup(tracker->units_by_name, name);
}

TrackedUnit *core_add_unit(Tracker *tracker, const char *name) {
        TrackedUnit *unit = tracked_unit_new(name);

        unit->since_usec = core_now_usec();
        g_ptr_array_add(tracker->units, unit);
        g_hash_table_replace(tracker->units_by_name, unit->name, unit);
        return unit;
}

void core_close(const Tracker *tracker, int *fd) {
        if (*fd >= 0)
                *fd = tracker->ops->close(tracker->ops, *fd);
        *fd = -EBADF;
}

void core_close_unit(Tracker *tracker, TrackedUnit *unit) {
        core_close(tracker, &unit->cgroup_fd);
}

void core_remove_unit(Tracker *tracker, TrackedUnit *unit) {
        core_close_unit(tracker, unit);
        g_hash_table_remove(tracker->units_by_name, unit->name);
        g_ptr_array_remove(tracker->units, unit);
        tracked_unit_free(unit);
}

uint64_t core_new_id(Tracker *tracker) {
        return tracker->next_id++;
}

/* Index of the first attachment whose id is not below id. */
static guint place_of(const Tracker *tracker, uint64_t id) {
        guint low = 0, high = tracker->all->len;

        while (low < high) {
                guint middle = low + (high - low) / 2;
                const Attachment *a = tracker->all->pdata[middle];

                if (a->id < id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

void core_add_attachment(Tracker *tracker, TrackedUnit *unit, Attachment *attachment) {
        if (unit)
                text_assign(&attachment->unit, unit->name);
        g_ptr_array_add(unit ? unit->attachments : tracker->leases, attachment);
        if (attachment->id)
                g_ptr_array_insert(
                        tracker->all, (gint)place_of(tracker, attachment->id), attachment
                );
}

static void forget_program(Tracker *tracker, KnownProgram *program) {
        char *key;

        core_close(tracker, &program->fd);
        key = g_strdup_printf("%s#%s", program->object_id ?: "", program->name ?: "");

        if (g_hash_table_lookup(tracker->programs_by_object, key) == program)
                g_hash_table_remove(tracker->programs_by_object, key);
        g_free(key);
        g_hash_table_remove(tracker->programs, GUINT_TO_POINTER(program->id));
}

KnownProgram *core_release_program(Tracker *tracker, KnownProgram *program) {
        if (!program)
                return NULL;
        if (program->references == 2 && core_find_program(tracker, program->id) == program)
                forget_program(tracker, program); /* drops the table's reference */
        return known_program_unref(program);
}

void core_forget_unused_programs(Tracker *tracker) {
        GPtrArray *unused = g_ptr_array_new();
        GHashTableIter iter;
        void *value;

        g_hash_table_iter_init(&iter, tracker->programs);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (((KnownProgram *)value)->references == 1)
                        g_ptr_array_add(unused, value);
        for (guint i = 0; i < unused->len; i++)
                forget_program(tracker, unused->pdata[i]);
        g_ptr_array_unref(unused);
}

void core_remove_attachment(Tracker *tracker, Attachment *attachment) {
        TrackedUnit *unit = attachment->unit ? core_find_unit(tracker, attachment->unit) : NULL;
        guint place = place_of(tracker, attachment->id);

        if (attachment->id && place < tracker->all->len && tracker->all->pdata[place] == attachment)
                g_ptr_array_remove_index(tracker->all, place);
        attachment->program = core_release_program(tracker, attachment->program);
        if (unit && g_ptr_array_remove(unit->attachments, attachment))
                return;
        if (!g_ptr_array_remove(tracker->leases, attachment))
                g_ptr_array_remove(tracker->quarantine, attachment);
}

Attachment *core_find_attachment(const Tracker *tracker, uint64_t id) {
        guint place = place_of(tracker, id);
        Attachment *a = place < tracker->all->len ? tracker->all->pdata[place] : NULL;

        return a && a->id == id ? a : NULL;
}

void core_add_program(Tracker *tracker, KnownProgram *program) {
        if (program->object_id)
                g_hash_table_replace(
                        tracker->programs_by_object,
                        g_strdup_printf("%s#%s", program->object_id, program->name ?: ""), program
                );
        g_hash_table_replace(tracker->programs, GUINT_TO_POINTER(program->id), program);
}

KnownProgram *core_learn_program(
        Tracker *tracker,
        const ProgramInfo *info,
        const char *name,
        const char *object,
        const char *object_id
) {
        KnownProgram *program = core_find_program(tracker, info->id);

        if (program && !program->object_id && object_id) { /* met without its file before */
                known_program_describe(program, name, object, object_id);
                core_add_program(tracker, known_program_ref(program));
                record_write_program(tracker->lines, program);
        }
        if (!program) {
                program = known_program_new(info->id, name, object, object_id);
                (void)g_strlcpy(program->tag, info->tag, sizeof program->tag);
                core_add_program(tracker, program);
                record_write_program(tracker->lines, program);
        }
        return known_program_ref(program);
}

KnownProgram *core_program_of_id(Tracker *tracker, uint32_t id) {
        KnownProgram *program = core_find_program(tracker, id);

        if (!program && id) {
                program = known_program_new(id, NULL, NULL, NULL);
                core_add_program(tracker, program);
        }
        return known_program_ref(program);
}

KnownProgram *core_find_program(const Tracker *tracker, uint32_t id) {
        return g_hash_table_lookup(tracker->programs, GUINT_TO_POINTER(id));
}

KnownProgram *core_find_program_of_object(
        const Tracker *tracker,
        const char *object_id,
        const char *name
) {
        char *key = g_strdup_printf("%s#%s", object_id, name ?: "");
        KnownProgram *program = g_hash_table_lookup(tracker->programs_by_object, key);

        g_free(key);
        return program;
}

bool attachment_is_in_force(const Attachment *a) {
        return a->state == ATTACHMENT_ATTACHED || a->state == ATTACHMENT_DRIFTED ||
               a->state == ATTACHMENT_QUARANTINED || a->state == ATTACHMENT_DEFUNCT;
}

bool core_program_is_ours(const Tracker *tracker, uint32_t id, uint64_t cgroup_id, Hook hook) {
        for (guint i = 0; i < tracker->all->len; i++) {
                const Attachment *a = tracker->all->pdata[i];

                if (a->cgroup_id == cgroup_id && a->hook == hook && a->program &&
                    a->program->id == id && attachment_is_in_force(a))
                        return true;
        }
        return false;
}

bool core_link_is_tracked(const Tracker *tracker, uint32_t link_id) {
        for (guint i = 0; i < tracker->all->len; i++) {
                const Attachment *a = tracker->all->pdata[i];

                if (a->via == VIA_CGROUP_LINK && a->link_id == link_id && a->fd >= 0)
                        return true;
        }
        return false;
}

char *core_pin_path(const Tracker *tracker, uint64_t id) {
        if (!tracker->pin_directory || id == 0)
                return NULL;
        return g_strdup_printf("%s/%" PRIu64, tracker->pin_directory, id);
}

void core_view(const Tracker *tracker, const Attachment *a, AttachmentView *ret) {
        static char pin[4096]; /* a view is valid until the next call, so may its pin be */

        attachment_view(a, ret);
        if (a->pinned && tracker->pin_directory && a->id) {
                (void)g_snprintf(pin, sizeof pin, "%s/%" PRIu64, tracker->pin_directory, a->id);
                ret->pin = pin;
        }
}

void core_emit_attachment(Tracker *tracker, TrackerEventKind kind, const Attachment *a) {
        AttachmentView view;

        if (!tracker->event)
                return;
        core_view(tracker, a, &view);
        tracker->event(tracker->userdata, kind, &view, NULL);
}

void core_emit_unit(Tracker *tracker, const TrackedUnit *unit) {
        UnitView view;

        if (!tracker->event)
                return;
        tracked_unit_view(unit, &view);
        tracker->event(tracker->userdata, TRACKER_UNIT_CHANGED, NULL, &view);
}

uint64_t core_now_usec(void) {
        return (uint64_t)g_get_real_time();
}
