/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Views as they go over the bus. A row is a plain struct of texts and numbers; a table says which member is which key.
 * The same table writes a{sv} dictionaries and answers properties, so both always have the same names. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

#include "src/daemon/daemon.h"

typedef enum FieldKind {
        FIELD_TEXT, /* const char *; NULL is unknown */
        FIELD_NUMBER, /* uint64_t; 0 is unknown */
        FIELD_COUNT, /* uint64_t; COUNT_UNKNOWN is unknown */
        FIELD_TRUTH, /* bool */
        FIELD_LIST, /* const char *const *, NULL at the end; NULL is unknown */
        _FIELD_KIND_MAX,
} FieldKind;

#define COUNT_UNKNOWN UINT64_MAX

typedef struct Field {
        const char *name;
        FieldKind kind;
        size_t offset;
} Field;

/* A row of type struct to its table. */
typedef struct FieldTable {
        const Field *fields;
        size_t n;
} FieldTable;

/* D-Bus signature of a kind: s t t b as. */
const char *field_signature(FieldKind kind);

/* Row of one attachment. Texts are those of the view and live as long. */
typedef struct AttachmentRow {
        const char *unit, *invocation_id, *hook, *via, *target, *program, *object, *prog_tag,
                *policy, *state, *origin, *error, *detail, *pin;
        const char *const *flags, *const *users;
        const char *user_list[2], *flag_list[2]; /* what flags and users point to */
        uint64_t id, cgroup_id, prog_id, link_id, order, since_usec, run_count, run_time_ns;
        bool covered_from_start;
} AttachmentRow;
extern const FieldTable attachment_fields;

/* order: place among those of the same cgroup and hook, from 1. counters: also ask the kernel for run counts. The
 * row points into itself: fill it where it stays. */
void attachment_row_fill(
        AttachmentRow *row,
        const Daemon *daemon,
        const AttachmentView *view,
        uint64_t order,
        bool counters
);

/* Order of one attachment, by counting. */
uint64_t attachment_order(const Tracker *tracker, const AttachmentView *view);

typedef struct UnitRow {
        const char *unit, *state, *invocation_id, *cgroup, *fragment, *refusal;
        const char *const *dropins, *const *errors;
        uint64_t cgroup_id, attachments, since_usec, state_since_usec, refusal_usec;
        bool covered_from_start, held_off;
        GPtrArray *error_list; /* what errors points to */
} UnitRow;
extern const FieldTable unit_fields;

/* false: there is nothing to say about the unit (no [X-BPF] lines, not tracked, no problem). unit_row_done() is
 * due in both cases. */
bool unit_row_fill(UnitRow *row, const Daemon *daemon, const Unit *unit);
void unit_row_done(UnitRow *row);

/* Appends the row as a{sv}. */
int dict_append_row(sd_bus_message *message, const FieldTable *table, const void *row);

/* Appends the value of one property; texts and numbers that are unknown as empty and 0. row NULL: all unknown. */
int dict_append_property(
        sd_bus_message *message,
        const FieldTable *table,
        const char *name,
        const void *row
);

/* One entry {sv} each; a NULL text or list writes nothing. Bytes that are no UTF-8 are replaced. */
int dict_append_text(sd_bus_message *message, const char *key, const char *value);
int dict_append_number(sd_bus_message *message, const char *key, uint64_t value);
int dict_append_truth(sd_bus_message *message, const char *key, bool value);
int dict_append_list(sd_bus_message *message, const char *key, const char *const *value);
