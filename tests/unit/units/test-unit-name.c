/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "src/base/cleanup.h"
#include "tests/unit/check-main.h"
#include "units/unit-name.h"

START_TEST(kinds_follow_the_first_at_and_the_last_dot)
{
        static const struct {
                const char *name;
                UnitNameKind kind;
        } rows[] = {
                { "foo.service", UNIT_NAME_PLAIN },
                { "a.b.service", UNIT_NAME_PLAIN },
                { "-.slice", UNIT_NAME_PLAIN },
                { "-.mount", UNIT_NAME_PLAIN },
                { "x:y_z\\x2d.scope", UNIT_NAME_PLAIN },
                { "foo@.service", UNIT_NAME_TEMPLATE },
                { "foo@bar.service", UNIT_NAME_INSTANCE },
                { "foo@bar@baz.service", UNIT_NAME_INSTANCE },
                { "foo@a.b.socket", UNIT_NAME_INSTANCE },
                { "", _UNIT_NAME_KIND_INVALID },
                { "foo", _UNIT_NAME_KIND_INVALID },
                { ".service", _UNIT_NAME_KIND_INVALID },
                { "@.service", _UNIT_NAME_KIND_INVALID },
                { "@x.service", _UNIT_NAME_KIND_INVALID },
                { "foo.conf", _UNIT_NAME_KIND_INVALID },
                { "foo.Service", _UNIT_NAME_KIND_INVALID },
                { "foo.service.", _UNIT_NAME_KIND_INVALID },
                { "f/o.service", _UNIT_NAME_KIND_INVALID },
                { "f o.service", _UNIT_NAME_KIND_INVALID },
                { "f\303\274.service", _UNIT_NAME_KIND_INVALID },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++)
                ck_assert_msg(unit_name_kind(rows[i].name) == rows[i].kind, "'%s'", rows[i].name);
}
END_TEST

START_TEST(names_have_at_most_255_bytes)
{
        char name[300];

        memset(name, 'a', sizeof name);
        strcpy(name + 255 - strlen(".service"), ".service");
        ck_assert_int_eq(unit_name_kind(name), UNIT_NAME_PLAIN);
        memset(name, 'a', 255);
        strcpy(name + 256 - strlen(".service"), ".service");
        ck_assert_int_eq(unit_name_kind(name), _UNIT_NAME_KIND_INVALID);
}
END_TEST

START_TEST(only_types_with_processes_have_a_cgroup)
{
        static const char *const yes[] = { "a.service", "a.slice", "a.scope",    "a.socket",
                                           "a.mount",   "a.swap",  "a@b.service" };
        static const char *const no[] = { "a.target",    "a.timer", "a.path",     "a.device",
                                          "a.automount", "service", "a b.service" };

        for (size_t i = 0; i < ELEMENTS(yes); i++)
                ck_assert_msg(unit_name_has_cgroup(yes[i]), "%s", yes[i]);
        for (size_t i = 0; i < ELEMENTS(no); i++)
                ck_assert_msg(!unit_name_has_cgroup(no[i]), "%s", no[i]);
}
END_TEST

static void expect(char *result, const char *wanted) {
        if (!wanted)
                ck_assert_msg(!result, "'%s' instead of nothing", result);
        else
                ck_assert_msg(
                        result && strcmp(result, wanted) == 0, "'%s' instead of '%s'", result,
                        wanted
                );
        free(result);
}

START_TEST(names_fall_into_parts)
{
        expect(unit_name_prefix("foo-bar@x@y.service"), "foo-bar");
        expect(unit_name_prefix("a.b.socket"), "a.b");
        expect(unit_name_instance("foo@x@y.z.service"), "x@y.z");
        expect(unit_name_instance("foo@.service"), NULL);
        expect(unit_name_instance("foo.service"), NULL);
        expect(unit_name_type("foo@x.scope"), "scope");
        expect(unit_name_template("foo@x@y.service"), "foo@.service");
        expect(unit_name_template("foo@.service"), NULL);
        expect(unit_name_template("foo.service"), NULL);
        expect(unit_name_of_instance("foo@.service", "x"), "foo@x.service");
        expect(unit_name_of_instance("foo@y.service", "x"), NULL);
}
END_TEST

START_TEST(names_without_type_are_services)
{
        expect(unit_name_complete("foo"), "foo.service");
        expect(unit_name_complete("foo@x"), "foo@x.service");
        expect(unit_name_complete("foo.conf"), "foo.conf.service");
        expect(unit_name_complete("foo.slice"), "foo.slice");
        expect(unit_name_complete("f o"), NULL);
        expect(unit_name_complete(""), NULL);
}
END_TEST

START_TEST(escaping_is_that_of_systemd_escape)
{
        static const struct {
                const char *text, *escaped;
        } rows[] = {
                { "foo/bar-baz", "foo-bar\\x2dbaz" },
                { ".hid/.x", "\\x2ehid-.x" },
                { "a@b", "a\\x40b" },
                { "\303\274%", "\\xc3\\xbc\\x25" },
                { "\\", "\\x5c" },
                { "plain:_9", "plain:_9" },
                { "", "" },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                expect(unit_name_escape(rows[i].text), rows[i].escaped);
                expect(unit_name_unescape(rows[i].escaped), rows[i].text);
        }
        expect(unit_name_unescape("\\x2D"), "-");
        expect(unit_name_unescape("\\x00"), NULL);
        expect(unit_name_unescape("\\x2"), NULL);
        expect(unit_name_unescape("\\n"), NULL);
        expect(unit_name_unescape("a\\"), NULL);
}
END_TEST

START_TEST(path_escaping_drops_slashes_at_both_ends)
{
        expect(unit_name_escape_path("/foo//bar/"), "foo-bar");
        expect(unit_name_escape_path("/"), "-");
        expect(unit_name_escape_path("///"), "-");
        expect(unit_name_escape_path("/.x/y-z"), "\\x2ex-y\\x2dz");
        expect(unit_name_escape_path("/a/../b"), NULL);
        expect(unit_name_escape_path("/a/./b"), NULL);
        expect(unit_name_unescape_path("foo-bar\\x2dx"), "/foo/bar-x");
        expect(unit_name_unescape_path("-"), "/");
        expect(unit_name_unescape_path(""), NULL);
        expect(unit_name_unescape_path("-a"), NULL);
        expect(unit_name_unescape_path("a-"), NULL);
        expect(unit_name_unescape_path("a--b"), NULL);
        expect(unit_name_unescape_path("a-..-b"), NULL);
}
END_TEST

CHECK_MAIN(
        "units/unit-name",
        10,
        kinds_follow_the_first_at_and_the_last_dot,
        names_have_at_most_255_bytes,
        only_types_with_processes_have_a_cgroup,
        names_fall_into_parts,
        names_without_type_are_services,
        escaping_is_that_of_systemd_escape,
        path_escaping_drops_slashes_at_both_ends
)
