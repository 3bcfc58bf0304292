/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "src/daemon/bus-dict.h"
#include "src/daemon/bus-manager.h"
#include "src/daemon/unit-table.h"
#include "tests/unit/check-main.h"

static void count_wakes(void *userdata) {
        (*(unsigned *)userdata)++;
}

START_TEST(urgent_units_come_first_and_each_once)
{
        unsigned wakes = 0;
        UnitTable *table = unit_table_new(count_wakes, &wakes);
        Unit *a = unit_table_get(table, "a.service"), *b = unit_table_get(table, "b.service"),
             *c = unit_table_get(table, "c.service");

        ck_assert_ptr_eq(unit_table_get(table, "a.service"), a);
        unit_mark(a, APPLY_RELOAD, false);
        unit_mark(b, APPLY_LATE, false);
        unit_mark(c, APPLY_LATE, false);
        unit_mark(c, APPLY_START, true);
        unit_mark(a, APPLY_RESTORE, false);
        ck_assert_uint_eq(wakes, 1);
        ck_assert_ptr_eq(unit_table_take_dirty(table), c);
        ck_assert_int_eq(c->reason, APPLY_START);
        ck_assert_ptr_eq(unit_table_take_dirty(table), a);
        /* the weaker reason does not hide the stronger one */
        ck_assert_int_eq(a->reason, APPLY_RELOAD);
        ck_assert(!unit_table_is_clean(table));
        ck_assert_ptr_eq(unit_table_take_dirty(table), b);
        ck_assert(unit_table_is_clean(table));
        ck_assert_ptr_null(unit_table_take_dirty(table));
        table = unit_table_free(table);
}
END_TEST

START_TEST(another_cgroup_is_another_invocation)
{
        unsigned wakes = 0;
        UnitTable *table = unit_table_new(count_wakes, &wakes);
        Unit *unit = unit_table_get(table, "a.service");
        char first[33];

        unit_set_cgroup(unit, "/c/a.service", 7);
        ck_assert_uint_eq(strlen(unit->invocation_id), 32);
        (void)g_strlcpy(first, unit->invocation_id, sizeof first);
        unit->blocked = true;
        unit_set_cgroup(unit, "/c/a.service", 7);
        ck_assert_str_eq(unit->invocation_id, first);
        ck_assert(unit->blocked);
        unit_set_cgroup(unit, "/c/a.service", 8);
        ck_assert_str_ne(unit->invocation_id, first);
        ck_assert(!unit->blocked);
        table = unit_table_free(table);
}
END_TEST

static void note_answer(Unit *unit, int result, const char *text, void *userdata) {
        g_string_append_printf(userdata, "%d:%s ", result, text ? text : "-");
        if (result == 0)
                unit_add_waiter(unit, note_answer, userdata);
}

START_TEST(waiters_are_answered_once_and_may_wait_again)
{
        unsigned wakes = 0;
        UnitTable *table = unit_table_new(count_wakes, &wakes);
        Unit *unit = unit_table_get(table, "a.service");
        g_autoptr(GString) seen = g_string_new(NULL);

        unit_add_waiter(unit, note_answer, seen);
        unit_answer_waiters(unit, 0, NULL);
        ck_assert_str_eq(seen->str, "0:- ");
        unit_drop_if_unused(unit);
        ck_assert_ptr_eq(unit_table_find(table, "a.service"), unit);
        unit_answer_waiters(unit, -1, "no");
        unit_answer_waiters(unit, -1, "no");
        ck_assert_str_eq(seen->str, "0:- -1:no ");
        unit_drop_if_unused(unit);
        ck_assert_ptr_null(unit_table_find(table, "a.service"));
        table = unit_table_free(table);
}
END_TEST

START_TEST(tables_of_the_bus_are_whole)
{
        const FieldTable *const tables[] = { &attachment_fields, &unit_fields };

        for (size_t t = 0; t < ELEMENTS(tables); t++)
                for (size_t i = 0; i < tables[t]->n; i++) {
                        ck_assert_ptr_nonnull(field_signature(tables[t]->fields[i].kind));
                        for (size_t k = 0; k < i; k++)
                                ck_assert_str_ne(
                                        tables[t]->fields[i].name, tables[t]->fields[k].name
                                );
                }
        ck_assert_int_eq(bus_manager_access("ListUnits"), BUS_PUBLIC);
        ck_assert_int_eq(bus_manager_access("Dump"), BUS_ROOT);
        ck_assert_int_eq(bus_manager_access("StartTransient"), BUS_CHANGE);
        ck_assert_int_eq(bus_manager_access("NoSuchMethod"), _BUS_ACCESS_MAX);
}
END_TEST

CHECK_MAIN(
        "daemon/unit-table",
        10,
        urgent_units_come_first_and_each_once,
        another_cgroup_is_another_invocation,
        waiters_are_answered_once_and_may_wait_again,
        tables_of_the_bus_are_whole
)
