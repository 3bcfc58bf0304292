/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/bus-dict.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "src/base/cleanup.h"
#include "src/base/file.h"
#include "src/daemon/unit-state.h"

#define ROW(type, key, field_kind, member) \
        { .name = key, .kind = field_kind, .offset = offsetof(type, member) }
#define A(key, kind, member) ROW(AttachmentRow, key, kind, member)
#define U(key, kind, member) ROW(UnitRow, key, kind, member)

static const Field attachment_field_rows[] = {
        A("Id", FIELD_NUMBER, id),
        A("Unit", FIELD_TEXT, unit),
        A("InvocationId", FIELD_TEXT, invocation_id),
        A("Hook", FIELD_TEXT, hook),
        A("Via", FIELD_TEXT, via),
        A("Flags", FIELD_LIST, flags),
        A("Target", FIELD_TEXT, target),
        A("CgroupId", FIELD_NUMBER, cgroup_id),
        A("Program", FIELD_TEXT, program),
        A("Object", FIELD_TEXT, object),
        A("ProgId", FIELD_NUMBER, prog_id),
        A("ProgTag", FIELD_TEXT, prog_tag),
        A("LinkId", FIELD_NUMBER, link_id),
        A("Policy", FIELD_TEXT, policy),
        A("Order", FIELD_NUMBER, order),
        A("State", FIELD_TEXT, state),
        A("CoveredFromStart", FIELD_TRUTH, covered_from_start),
        A("Origin", FIELD_TEXT, origin),
        A("SinceUsec", FIELD_NUMBER, since_usec),
        A("RunCount", FIELD_COUNT, run_count),
        A("RunTimeNs", FIELD_COUNT, run_time_ns),
        A("Error", FIELD_TEXT, error),
        A("Detail", FIELD_TEXT, detail),
        A("Users", FIELD_LIST, users),
        A("Pin", FIELD_TEXT, pin),
};

const FieldTable attachment_fields = { attachment_field_rows, ELEMENTS(attachment_field_rows) };

static const Field unit_field_rows[] = {
        U("Unit", FIELD_TEXT, unit),
        U("State", FIELD_TEXT, state),
        U("InvocationId", FIELD_TEXT, invocation_id),
        U("Cgroup", FIELD_TEXT, cgroup),
        U("CgroupId", FIELD_NUMBER, cgroup_id),
        U("CoveredFromStart", FIELD_TRUTH, covered_from_start),
        U("HeldOff", FIELD_TRUTH, held_off),
        U("Attachments", FIELD_COUNT, attachments),
        U("Fragment", FIELD_TEXT, fragment),
        U("Dropins", FIELD_LIST, dropins),
        U("Errors", FIELD_LIST, errors),
        U("SinceUsec", FIELD_NUMBER, since_usec),
        U("StateSinceUsec", FIELD_NUMBER, state_since_usec),
        U("LastRefusal", FIELD_TEXT, refusal),
        U("LastRefusalUsec", FIELD_NUMBER, refusal_usec),
};

const FieldTable unit_fields = { unit_field_rows, ELEMENTS(unit_field_rows) };

static const char *const signatures[_FIELD_KIND_MAX] = {
        [FIELD_TEXT] = "s",  [FIELD_NUMBER] = "t", [FIELD_COUNT] = "t",
        [FIELD_TRUTH] = "b", [FIELD_LIST] = "as",
};

const char *field_signature(FieldKind kind) {
        return (size_t)kind < ELEMENTS(signatures) ? signatures[kind] : NULL;
}

uint64_t attachment_order(const Tracker *tracker, const AttachmentView *view) {
        AttachmentView other;
        uint64_t order = 1;

        for (size_t i = 0; tracker_get_attachment(tracker, i, &other); i++) {
                if (other.id == view->id)
                        break;
                if (other.cgroup_id == view->cgroup_id && other.hook == view->hook)
                        order++;
        }
        return order;
}

/* Without kernel.bpf_stats_enabled a program that runs all the time has a count of 0, which says nothing. */
static bool runs_are_counted(const ProgramInfo *info) {
        g_autofree char *enabled = NULL;

        return info->run_count != 0 ||
               (file_read_line("/proc/sys/kernel/bpf_stats_enabled", &enabled) >= 0 &&
                strcmp(enabled, "1") == 0);
}

static void fill_counters(AttachmentRow *row, const Daemon *daemon) {
        const KernelOps *ops = daemon->ops;
        ProgramInfo info;
        int fd = ops->prog_by_id(ops, (uint32_t)row->prog_id);

        if (fd < 0)
                return;
        if (ops->prog_info(ops, fd, &info) >= 0 && runs_are_counted(&info)) {
                row->run_count = info.run_count;
                row->run_time_ns = info.run_time_ns;
        }
        (void)ops->close(ops, fd);
}

void attachment_row_fill(
        AttachmentRow *row,
        const Daemon *daemon,
        const AttachmentView *view,
        uint64_t order,
        bool counters
) {
        *row = (AttachmentRow){
                .unit = view->unit,
                .invocation_id = view->invocation_id,
                .hook = hook_to_string(view->hook),
                .via = via_to_string(view->via),
                .target = view->target,
                .program = view->program,
                .object = view->object,
                .prog_tag = view->prog_tag,
                .policy = policy_to_string(view->policy),
                .state = attachment_state_to_string(view->state),
                .origin = view->origin,
                .error = view->error,
                .detail = view->detail,
                .pin = view->pin,
                .id = view->id,
                .cgroup_id = view->cgroup_id,
                .prog_id = view->prog_id,
                .link_id = view->link_id,
                .order = order,
                .since_usec = view->since_usec,
                .run_count = COUNT_UNKNOWN,
                .run_time_ns = COUNT_UNKNOWN,
                .covered_from_start = view->covered_from_start,
        };
        row->user_list[0] = view->unit;
        row->flag_list[0] = attach_mode_to_string(view->mode);
        row->users = row->user_list;
        row->flags = row->flag_list;
        if (counters && view->prog_id != 0)
                fill_counters(row, daemon);
}

static void add_problems(UnitRow *row, const UnitView *view) {
        for (size_t i = 0; i < view->n_problems; i++) {
                const UnitProblem *problem = &view->problems[i];

                if (problem->skipped)
                        continue;
                g_ptr_array_add(
                        row->error_list,
                        problem->origin ? g_strdup_printf("%s: %s", problem->origin, problem->text)
                                        : g_strdup(problem->text)
                );
        }
}

/* What is wrong with the unit still may be what its start was refused for. */
static void add_refusal(UnitRow *row, const Unit *unit) {
        for (unsigned i = 0; i < row->error_list->len; i++)
                if (strstr(row->error_list->pdata[i], unit->refusal))
                        return;
        g_ptr_array_add(row->error_list, g_strdup_printf("last start refused: %s", unit->refusal));
}

static void add_own_problems(UnitRow *row, const Unit *unit) {
        GHashTableIter iter;
        void *text;

        /* what the tracker was told too is not said twice */
        if (unit->error && row->error_list->len == 0)
                g_ptr_array_add(row->error_list, g_strdup(unit->error));
        g_hash_table_iter_init(&iter, unit->refusals);
        while (g_hash_table_iter_next(&iter, NULL, &text))
                g_ptr_array_add(row->error_list, g_strdup(text));
        if (unit->refusal)
                add_refusal(row, unit);
}

bool unit_row_fill(UnitRow *row, const Daemon *daemon, const Unit *unit) {
        UnitView view = {};
        bool tracked = tracker_find_unit(daemon->tracker, unit->name, &view);

        if (!tracked)
                view = (UnitView){};
        *row = (UnitRow){
                .unit = unit->name,
                .invocation_id = unit->present ? unit->invocation_id : NULL,
                .cgroup = unit->cgroup,
                .cgroup_id = unit->present ? unit->cgroup_id : 0,
                .fragment = unit->fragment,
                .refusal = unit->refusal,
                .refusal_usec = unit->refusal_usec,
                .dropins = (const char *const *)unit->dropins,
                .attachments = view.n_attachments,
                .since_usec = view.since_usec,
                .state_since_usec = unit_state_since(unit, &view),
                .covered_from_start = view.covered_from_start,
                .held_off = view.held_off,
                .state = unit_state_to_string(unit_state_of(unit, &view)),
                .error_list = g_ptr_array_new_with_free_func(g_free),
        };
        add_problems(row, &view);
        add_own_problems(row, unit);
        tracked = tracked || unit->wishes || row->error_list->len > 0;
        g_ptr_array_add(row->error_list, NULL);
        row->errors = (const char *const *)row->error_list->pdata;
        return tracked;
}

void unit_row_done(UnitRow *row) {
        if (row->error_list)
                g_ptr_array_unref(row->error_list);
        row->error_list = NULL;
}

static int append_text(sd_bus_message *message, const char *text) {
        g_autofree char *valid = NULL;

        if (!g_utf8_validate(text, -1, NULL))
                text = valid = g_utf8_make_valid(text, -1);
        return sd_bus_message_append_basic(message, 's', text);
}

static int append_list(sd_bus_message *message, const char *const *list) {
        int r = sd_bus_message_open_container(message, 'a', "s");

        for (; r >= 0 && list && *list; list++)
                r = append_text(message, *list);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_value(sd_bus_message *message, const Field *field, const void *row) {
        const void *member = row ? (const char *)row + field->offset : NULL;
        const char *text;
        uint64_t number;
        int truth;

        switch (field->kind) {
        case FIELD_TEXT:
                text = member ? *(const char *const *)member : NULL;
                return append_text(message, text ? text : "");
        case FIELD_NUMBER:
        case FIELD_COUNT:
                number = member ? *(const uint64_t *)member : 0;
                if (field->kind == FIELD_COUNT && number == COUNT_UNKNOWN)
                        number = 0;
                return sd_bus_message_append_basic(message, 't', &number);
        case FIELD_TRUTH:
                truth = member && *(const bool *)member;
                return sd_bus_message_append_basic(message, 'b', &truth);
        case FIELD_LIST:
                return append_list(message, member ? *(const char *const *const *)member : NULL);
        case _FIELD_KIND_MAX:
                break;
        }
        return -EINVAL;
}

static bool is_known(const Field *field, const void *row) {
        const void *member = (const char *)row + field->offset;

        switch (field->kind) {
        case FIELD_TEXT:
        case FIELD_LIST:
                return *(const void *const *)member != NULL;
        case FIELD_NUMBER:
                return *(const uint64_t *)member != 0;
        case FIELD_COUNT:
                return *(const uint64_t *)member != COUNT_UNKNOWN;
        case FIELD_TRUTH:
                return true;
        case _FIELD_KIND_MAX:
                break;
        }
        return false;
}

static int append_entry(sd_bus_message *message, const Field *field, const void *row) {
        int r = sd_bus_message_open_container(message, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', field->name);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', signatures[field->kind]);
        if (r >= 0)
                r = append_value(message, field, row);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int dict_append_row(sd_bus_message *message, const FieldTable *table, const void *row) {
        int r = sd_bus_message_open_container(message, 'a', "{sv}");

        for (size_t i = 0; r >= 0 && i < table->n; i++)
                if (is_known(&table->fields[i], row))
                        r = append_entry(message, &table->fields[i], row);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int dict_append_property(
        sd_bus_message *message,
        const FieldTable *table,
        const char *name,
        const void *row
) {
        for (size_t i = 0; i < table->n; i++)
                if (strcmp(table->fields[i].name, name) == 0)
                        return append_value(message, &table->fields[i], row);
        return -ENOENT;
}

int dict_append_text(sd_bus_message *message, const char *key, const char *value) {
        const Field field = { key, FIELD_TEXT, 0 };

        return value ? append_entry(message, &field, &value) : 0;
}

int dict_append_number(sd_bus_message *message, const char *key, uint64_t value) {
        const Field field = { key, FIELD_NUMBER, 0 };

        return append_entry(message, &field, &value);
}

int dict_append_truth(sd_bus_message *message, const char *key, bool value) {
        const Field field = { key, FIELD_TRUTH, 0 };

        return append_entry(message, &field, &value);
}

int dict_append_list(sd_bus_message *message, const char *key, const char *const *value) {
        const Field field = { key, FIELD_LIST, 0 };

        return value ? append_entry(message, &field, &value) : 0;
}
