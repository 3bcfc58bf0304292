/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>

#include "src/daemon/unit-state.h"
#include "src/daemon/unit-table.h"
#include "tests/unit/check-main.h"

static void no_wakes(void *userdata) {
}

static UnitView view_of(UnitState state, uint64_t since) {
        return (UnitView){ .unit = "a.service", .state = state, .state_since_usec = since };
}

START_TEST(what_the_tracker_knows_is_dated_by_the_tracker)
{
        UnitTable *table = unit_table_new(no_wakes, NULL);
        Unit *unit = unit_table_get(table, "a.service");
        UnitView view = view_of(UNIT_COVERED, 100);

        unit_state_note_at(unit, &view, 500); /* after a re-exec: the state is older than we are */
        ck_assert_int_eq(unit_state_of(unit, &view), UNIT_COVERED);
        ck_assert_uint_eq(unit_state_since(unit, &view), 100);
        view = view_of(UNIT_DEGRADED, 600);
        ck_assert_uint_eq(unit_state_since(unit, &view), 600); /* before it is noted */
        unit_state_note_at(unit, &view, 700);
        ck_assert_uint_eq(unit_state_since(unit, &view), 600);
        view = view_of(UNIT_DEGRADED, 800); /* was something else for a while, unnoticed */
        ck_assert_uint_eq(unit_state_since(unit, &view), 800);
        table = unit_table_free(table);
}
END_TEST

START_TEST(what_the_daemon_knows_besides_is_dated_when_it_changes)
{
        UnitTable *table = unit_table_new(no_wakes, NULL);
        Unit *unit = unit_table_get(table, "a.service");
        UnitView view = view_of(UNIT_COVERED, 100);

        unit_state_note_at(unit, &view, 110);
        unit_set_error(unit, g_strdup("its file cannot be read"));
        unit_state_note_at(unit, &view, 200);
        unit_state_note_at(unit, &view, 300);
        ck_assert_int_eq(unit_state_of(unit, &view), UNIT_DEGRADED);
        ck_assert_uint_eq(unit_state_since(unit, &view), 200);
        unit_set_error(unit, NULL);
        unit_state_note_at(unit, &view, 400); /* to the tracker it was covered all the time */
        ck_assert_int_eq(unit_state_of(unit, &view), UNIT_COVERED);
        ck_assert_uint_eq(unit_state_since(unit, &view), 400);
        table = unit_table_free(table);
}
END_TEST

START_TEST(a_unit_that_was_never_seen_running_has_no_time)
{
        UnitTable *table = unit_table_new(no_wakes, NULL);
        Unit *unit = unit_table_get(table, "a.service");
        UnitView none = {}, view = view_of(UNIT_COVERED, 100);

        unit_state_note_at(unit, &none, 50);
        ck_assert_int_eq(unit_state_of(unit, &none), UNIT_INACTIVE);
        ck_assert_uint_eq(unit_state_since(unit, &none), 0);
        unit_state_note_at(unit, &view, 110);
        unit_state_note_at(unit, &none, 200);
        ck_assert_uint_eq(unit_state_since(unit, &none), 200);
        table = unit_table_free(table);
}
END_TEST

CHECK_MAIN(
        "daemon/unit-state",
        10,
        what_the_tracker_knows_is_dated_by_the_tracker,
        what_the_daemon_knows_besides_is_dated_when_it_changes,
        a_unit_that_was_never_seen_running_has_no_time
)
