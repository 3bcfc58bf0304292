/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "src/base/cleanup.h"
#include "tests/unit/check-main.h"
#include "tests/unit/units/unit-tree.h"
#include "units/unit-file.h"

START_TEST(drop_ins_follow_the_fragment_in_the_order_of_their_names)
{
        unit_tree_setup();
        unit_tree_file("lib/foo.service", "[X-BPF]\nBPFProgram=egress:/0\n");
        unit_tree_file("lib/foo.service.d/30.conf", "[X-BPF]\nBPFProgram=egress:/30\n");
        unit_tree_file("etc/foo.service.d/20.conf", "[X-BPF]\nBPFProgram=egress:/20\n");
        unit_tree_file("run/foo.service.d/10.conf", "[X-BPF]\nBPFProgram=egress:/10\n");
        unit_tree_file("run/foo.service.d/20.conf", "[X-BPF]\nBPFProgram=egress:/hidden\n");
        unit_tree_file("run/foo.service.d/40.txt", "[X-BPF]\nBPFProgram=egress:/no\n");
        unit_tree_file("run/foo.service.d/.50.conf", "[X-BPF]\nBPFProgram=egress:/no\n");
        unit_tree_expect("foo.service", "egress:/0 egress:/10 egress:/20 egress:/30");
        /* the fragment of the first directory hides the others; their drop-ins stay */
        unit_tree_file("etc/foo.service", "[X-BPF]\nBPFProgram=egress:/1\n");
        unit_tree_expect("foo.service", "egress:/1 egress:/10 egress:/20 egress:/30");
        unit_tree_teardown();
}
END_TEST

START_TEST(drop_ins_come_from_names_prefixes_and_the_type)
{
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = NULL;

        unit_tree_setup();
        unit_tree_file("lib/a-b-c.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/1\n");
        unit_tree_file("lib/a-b-.service.d/2.conf", "[X-BPF]\nBPFProgram=egress:/2\n");
        unit_tree_file("lib/a-.service.d/3.conf", "[X-BPF]\nBPFProgram=egress:/3\n");
        unit_tree_file("etc/service.d/4.conf", "[X-BPF]\nBPFProgram=egress:/4\n");
        unit_tree_file("etc/slice.d/5.conf", "[X-BPF]\nBPFProgram=egress:/5\n");
        unit_tree_expect("a-b-c.service", "egress:/1 egress:/2 egress:/3 egress:/4");
        unit_tree_expect("a-x.service", "egress:/3 egress:/4");
        unit_tree_expect("b.service", "egress:/4");
        unit_tree_expect("a-b-c.slice", "egress:/5");
        /* one name: a nearer directory of the search path goes first, the type goes last */
        unit_tree_file("etc/a-.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/near\n");
        unit_tree_file("lib/a-b-c.service.d/4.conf", "[X-BPF]\nBPFProgram=egress:/own\n");
        unit_tree_expect("a-b-c.service", "egress:/near egress:/2 egress:/3 egress:/own");
        unit = unit_tree_read("a-b-c.service", NULL);
        ck_assert_ptr_null(unit->fragment);
        ck_assert_uint_eq(g_strv_length(unit->dropins), 4);
        ck_assert(g_str_has_suffix(unit->dropins[0], "etc/a-.service.d/1.conf"));
        unit_tree_teardown();
}
END_TEST

START_TEST(prefixes_get_shorter_dash_by_dash)
{
        static const struct {
                const char *name, *shorter;
        } rows[] = {
                { "a-b-c.service", "a-b-.service" },
                { "a-b-.service", "a-.service" },
                { "a-.service", NULL },
                { "a.service", NULL },
                { "a-b@i-j.service", "a-@i-j.service" },
                { "a-b@.service", "a-@.service" },
                { "a--b.service", "a--.service" },
                { "a--.service", "a-.service" },
                { "-x.service", NULL },
                { "-x-y.service", "-x-.service" },
                { "-.slice", NULL },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                g_autofree char *shorter = unit_dropins_shorter_name(rows[i].name);

                ck_assert_msg(
                        g_strcmp0(shorter, rows[i].shorter) == 0, "%s: %s", rows[i].name,
                        shorter ? shorter : "none"
                );
        }
}
END_TEST

START_TEST(an_instance_falls_back_to_its_template)
{
        unit_tree_setup();
        unit_tree_file("lib/w@.service", "[X-BPF]\nBPFProgram=egress:/%i\n");
        unit_tree_file("etc/w@.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/all\n");
        unit_tree_file("etc/w@one.service.d/2.conf", "[X-BPF]\nBPFProgram=egress:/own-%j\n");
        unit_tree_expect("w@one.service", "egress:/one egress:/all egress:/own-w");
        unit_tree_expect("w@two.service", "egress:/two egress:/all");
        unit_tree_file("etc/w@two.service", "[X-BPF]\nBPFProgram=egress:/special\n");
        unit_tree_expect("w@two.service", "egress:/special egress:/all");
        unit_tree_file("lib/a-b@.service", "[X-BPF]\nBPFProgram=egress:/t\n");
        unit_tree_file("lib/a-@.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/p\n");
        unit_tree_expect("a-b@x.service", "egress:/t egress:/p");
        unit_tree_teardown();
}
END_TEST

START_TEST(masks_are_links_to_null_and_empty_files)
{
        unit_tree_setup();
        unit_tree_file("lib/foo.service", "[X-BPF]\nBPFProgram=egress:/0\n");
        unit_tree_file("lib/foo.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/1\n");
        unit_tree_file("lib/foo.service.d/2.conf", "[X-BPF]\nBPFProgram=egress:/2\n");
        unit_tree_link("etc/foo.service.d/1.conf", "/dev/null");
        unit_tree_file("run/foo.service.d/2.conf", "");
        unit_tree_expect("foo.service", "egress:/0");
        unit_tree_link("run/foo.service", "/dev/null");
        {
                static const char *const overrides[] = { "BPFProgram=egress:/p", NULL };
                _cleanup_(unit_wish_free_ptr)
                        UnitWish *unit = unit_tree_read("foo.service", overrides);

                ck_assert(unit->masked);
                ck_assert(g_str_has_suffix(unit->fragment, "run/foo.service"));
                ck_assert_uint_eq(unit->wishes->len, 0);
                ck_assert_uint_eq(g_strv_length(unit->dropins), 0);
        }
        unit_tree_file("etc/foo.service", "[X-BPF]\nBPFProgram=egress:/back\n");
        unit_tree_expect("foo.service", "egress:/back");
        unit_tree_file("etc/bar.service", "");
        {
                _cleanup_(unit_wish_free_ptr) UnitWish *unit = unit_tree_read("bar.service", NULL);

                ck_assert(unit->masked);
        }
        unit_tree_teardown();
}
END_TEST

START_TEST(aliases_share_fragment_and_drop_ins)
{
        g_autofree char *absolute = NULL;

        unit_tree_setup();
        unit_tree_file("lib/real.service", "[X-BPF]\nBPFProgram=egress:/real/%p\n");
        unit_tree_link("etc/other.service", "../lib/real.service");
        absolute = unit_tree_path("etc/other.service");
        unit_tree_link("run/third.service", absolute);
        unit_tree_file("etc/real.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/1\n");
        unit_tree_file("etc/other.service.d/2.conf", "[X-BPF]\nBPFProgram=egress:/2\n");
        unit_tree_file("etc/third.service.d/3.conf", "[X-BPF]\nBPFProgram=egress:/3\n");
        unit_tree_expect("other.service", "egress:/real/other egress:/1 egress:/2 egress:/3");
        unit_tree_expect("real.service", "egress:/real/real egress:/1 egress:/2 egress:/3");
        unit_tree_expect("third.service", "egress:/real/third egress:/1 egress:/2 egress:/3");
        /* of files of one name that of the real name counts */
        unit_tree_file("run/real.service.d/2.conf", "[X-BPF]\nBPFProgram=egress:/real-2\n");
        unit_tree_expect("other.service", "egress:/real/other egress:/1 egress:/real-2 egress:/3");
        unit_tree_expect("third.service", "egress:/real/third egress:/1 egress:/real-2 egress:/3");
        /* an alias is a name, so a nearer file of the real name counts */
        unit_tree_file("etc/real.service", "[X-BPF]\nBPFProgram=egress:/near\n");
        unit_tree_expect("other.service", "egress:/near egress:/1 egress:/real-2 egress:/3");
        unit_tree_teardown();
}
END_TEST

START_TEST(templates_have_aliases_too)
{
        unit_tree_setup();
        unit_tree_file("lib/t@.service", "[X-BPF]\nBPFProgram=egress:/t/%i\n");
        unit_tree_link("etc/u@.service", "../lib/t@.service");
        unit_tree_link("etc/v@x.service", "../lib/t@.service");
        unit_tree_file("etc/t@x.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/1\n");
        unit_tree_expect("u@x.service", "egress:/t/x egress:/1");
        unit_tree_expect("u@y.service", "egress:/t/y");
        unit_tree_expect("v@x.service", "egress:/t/x egress:/1");
        /* an instance of its own that only enables its template */
        unit_tree_link("etc/t@z.service", "../lib/t@.service");
        unit_tree_expect("t@z.service", "egress:/t/z");
        unit_tree_teardown();
}
END_TEST

START_TEST(links_that_lead_out_or_nowhere)
{
        unit_tree_setup();
        unit_tree_file("elsewhere/mine.service", "[X-BPF]\nBPFProgram=egress:/out\n");
        unit_tree_link("etc/mine.service", "../elsewhere/mine.service");
        unit_tree_expect("mine.service", "egress:/out");
        unit_tree_link("etc/gone.service", "../elsewhere/gone.service");
        unit_tree_expect("gone.service", "");
        unit_tree_file("lib/gone.service", "[X-BPF]\nBPFProgram=egress:/lib\n");
        unit_tree_expect("gone.service", "egress:/lib");
        unit_tree_link("etc/lost.service", "../lib/nothing.service");
        unit_tree_expect("lost.service", "");
        unit_tree_link("lib/x.service.d/1.conf", "/nonexistent");
        unit_tree_expect("x.service", "");
        unit_tree_teardown();
}
END_TEST

START_TEST(units_are_listed_by_their_own_names)
{
        g_auto(GStrv) units = NULL;
        g_autofree char *joined = NULL;

        unit_tree_setup();
        unit_tree_file("lib/b.service", "[Unit]\n");
        unit_tree_file("lib/t@.service", "[Unit]\n");
        unit_tree_file("lib/t@x.service", "[Unit]\n");
        unit_tree_file("lib/README", "");
        unit_tree_link("etc/alias.service", "../lib/b.service");
        unit_tree_link("etc/masked.service", "/dev/null");
        unit_tree_file("etc/b.service.d/1.conf", "[X-BPF]\n");
        unit_tree_file("etc/only.scope.d/1.conf", "[X-BPF]\n");
        unit_tree_file("etc/a-.service.d/1.conf", "[X-BPF]\n");
        unit_tree_file("etc/-.slice.d/1.conf", "[X-BPF]\n");
        unit_tree_file("etc/service.d/1.conf", "[X-BPF]\n");
        unit_tree_file("etc/x.service.wants/b.service", "");
        ck_assert_int_eq(unit_list(&unit_tree_context, &units, NULL), 0);
        joined = g_strjoinv(" ", units);
        ck_assert_str_eq(joined, "-.slice b.service masked.service only.scope t@x.service");
        unit_tree_teardown();
}
END_TEST

START_TEST(default_search_path_begins_with_our_directories)
{
        g_auto(GStrv) path = unit_search_path_default();

        ck_assert_uint_gt(g_strv_length(path), 12);
        ck_assert_str_eq(path[0], "/etc/unitbpf/system");
        ck_assert_str_eq(path[1], "/run/unitbpf/system");
        ck_assert_str_eq(path[2], "/usr/lib/unitbpf/system");
        ck_assert_str_eq(path[3], "/etc/systemd/system.control");
        ck_assert(g_strv_contains((const char *const *)path, "/usr/lib/systemd/system"));
}
END_TEST

CHECK_MAIN(
        "units/search-path",
        60,
        drop_ins_follow_the_fragment_in_the_order_of_their_names,
        drop_ins_come_from_names_prefixes_and_the_type,
        prefixes_get_shorter_dash_by_dash,
        an_instance_falls_back_to_its_template,
        masks_are_links_to_null_and_empty_files,
        aliases_share_fragment_and_drop_ins,
        templates_have_aliases_too,
        links_that_lead_out_or_nowhere,
        units_are_listed_by_their_own_names,
        default_search_path_begins_with_our_directories
)
