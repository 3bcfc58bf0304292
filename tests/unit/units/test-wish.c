/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "src/base/cleanup.h"
#include "src/base/limits.h"
#include "tests/unit/check-main.h"
#include "tests/unit/units/unit-tree.h"

START_TEST(a_program_line_becomes_a_wish)
{
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = NULL;
        const Wish *wish;

        unit_tree_setup();
        unit_tree_file(
                "lib/foo.service",
                "[Service]\nExecStart=/bin/true\nBPFProgram=egress:/not/ours\n\n[X-BPF]\n"
                "BPFProgram=egress,override,wanted:/usr/lib/bpf/count.bpf.o#count\n"
        );
        unit = unit_tree_read("foo.service", NULL);
        ck_assert_uint_eq(unit->wishes->len, 1);
        wish = g_ptr_array_index(unit->wishes, 0);
        ck_assert_int_eq(wish->kind, WISH_PROGRAM);
        ck_assert_str_eq(wish->key, "BPFProgram");
        ck_assert_str_eq(wish->file, unit->fragment);
        ck_assert_uint_eq(wish->line, 6);
        ck_assert_str_eq(wish->hook, "egress");
        ck_assert_str_eq(wish->options[0], "override");
        ck_assert_str_eq(wish->options[1], "wanted");
        ck_assert_ptr_null(wish->options[2]);
        ck_assert_str_eq(wish->path, "/usr/lib/bpf/count.bpf.o");
        ck_assert_str_eq(wish->program, "count");
        ck_assert_ptr_null(wish->error);
        unit_tree_teardown();
}
END_TEST

START_TEST(empty_assignments_reach_over_files)
{
        unit_tree_setup();
        unit_tree_file(
                "lib/foo.service",
                "[X-BPF]\nBPFProgram=egress:/0\nBPFProgram=junk\nBPFVariable=x=1\n"
                "BPFPolicy=optional\n"
        );
        unit_tree_file("etc/foo.service.d/1.conf", "[X-BPF]\nBPFProgram=\nBPFProgram=egress:/1\n");
        unit_tree_expect("foo.service", "x=1 egress:/1");
        unit_tree_file("etc/foo.service.d/2.conf", "[X-BPF]\nBPFVariable=\nBPFPolicy=wanted\n");
        {
                _cleanup_(unit_wish_free_ptr) UnitWish *unit = unit_tree_read("foo.service", NULL);

                ck_assert_uint_eq(unit->wishes->len, 1);
                ck_assert_str_eq(unit->policy, "wanted");
        }
        unit_tree_teardown();
}
END_TEST

START_TEST(more_drop_ins_or_lines_than_allowed_are_not_dropped_in_silence)
{
        GString *lines = g_string_new("[X-BPF]\n");

        unit_tree_setup();
        for (unsigned i = 0; i <= LIMIT_UNIT_DROPINS; i++) {
                g_autofree char *path = g_strdup_printf("etc/many.service.d/%u.conf", i);

                unit_tree_file(path, "[X-BPF]\n");
        }
        unit_tree_expect_failure("many.service", -E2BIG, "drop-ins");
        for (unsigned i = 0; i < LIMIT_UNIT_DIRECTIVES; i++)
                g_string_append_printf(lines, "BPFProgram=egress:/%u\n", i);
        unit_tree_file("etc/long.service", lines->str);
        {
                _cleanup_(unit_wish_free_ptr) UnitWish *unit = unit_tree_read("long.service", NULL);
                const Wish *last = g_ptr_array_index(unit->wishes, unit->wishes->len - 1);

                ck_assert_uint_eq(unit->wishes->len, LIMIT_UNIT_DIRECTIVES);
                ck_assert_int_eq(last->kind, WISH_PROGRAM);
        }
        (void)g_string_append(lines, "BPFProgram=egress:/x\nBPFProgram=egress:/y\n");
        unit_tree_file("etc/long.service", lines->str);
        {
                _cleanup_(unit_wish_free_ptr) UnitWish *unit = unit_tree_read("long.service", NULL);
                const Wish *last = g_ptr_array_index(unit->wishes, unit->wishes->len - 1);

                ck_assert_uint_eq(unit->wishes->len, LIMIT_UNIT_DIRECTIVES + 1);
                ck_assert_int_eq(last->kind, WISH_FAILED);
                ck_assert_uint_eq(last->line, LIMIT_UNIT_DIRECTIVES + 2);
        }
        (void)g_string_free(lines, TRUE);
        unit_tree_teardown();
}
END_TEST

START_TEST(only_our_section_counts_but_one_nearly_ours_is_no_silence)
{
        static const struct {
                const char *text, *wishes;
        } rows[] = {
                { "[Service]\nnot a line\n\374\n[Unit]\nBPFProgram=egress:/a\n", "" },
                { "[Broken\nBPFProgram=egress:/a\n", "" },
                { "[X-BPFX]\nBPFProgram=egress:/a\n", "!BPFProgram:2" },
                { "[X-BFP]\nBPFProgram=egress:/a\n", "!BPFProgram:2" },
                { "[X-BFP]\nTheirs=1\n", "" },
                { "[X-BPF]\nwhat\nBPFProgram=egress:/a\n", "!:2 egress:/a" },
                { "[X-BPF]\nBPFProgram=egress:/\374\n", "!:2" },
                { "[X-BPF]\n[Install\nX=y\n", "!:2" },
                { "[x-bpf]\nBPFProgram=egress:/a\n", "!BPFProgram:2" },
                { "[X_BPF ]\nBPFProgram=egress:/a\n", "!BPFProgram:2" },
                { "[X-BPF\nBPFProgram=egress:/a\n", "!:1" },
                { "[X-BPF] # comment\nBPFProgram=egress:/a\n", "!:1" },
                { "BPFProgram=egress:/a\n[Unit]\n", "!BPFProgram:1" },
                { "Description=x\n", "" },
                { "[X-BPF]\nX-Mine=1\nBPFProgram=egress:/a\n", "egress:/a" },
                { "[X-BPF]\nBPFProgram=egress:\\\n/a\n", "!BPFProgram:2" },
                { "[X-BPF]\nBPFVariable=a=1 \\\n# why\n b=2\n", "a=1 b=2" },
        };

        unit_tree_setup();
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                unit_tree_file("etc/foo.service", rows[i].text);
                unit_tree_expect("foo.service", rows[i].wishes);
        }
        unit_tree_teardown();
}
END_TEST

START_TEST(overrides_come_last)
{
        static const char *const overrides[] = { "BPFProgram=", " BPFProgram = egress:/p ",
                                                 "nonsense", "BPFPolicy=optional", NULL };
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = NULL;
        g_autofree char *text = NULL;
        const Wish *wish;

        unit_tree_setup();
        unit_tree_file("etc/foo.service.d/zz.conf", "[X-BPF]\nBPFProgram=egress:/0\n");
        unit = unit_tree_read("foo.service", overrides);
        text = unit_tree_summary(unit);
        ck_assert_str_eq(text, "egress:/p !nonsense:3");
        wish = g_ptr_array_index(unit->wishes, 0);
        ck_assert_str_eq(wish->file, "-p");
        ck_assert_uint_eq(wish->line, 2);
        ck_assert_str_eq(unit->policy, "optional");
        ck_assert_uint_eq(g_strv_length(unit->dropins), 1);
        unit_tree_teardown();
}
END_TEST

START_TEST(a_unit_without_files_wishes_nothing)
{
        unit_tree_setup();
        unit_tree_expect("nothing.service", "");
        unit_tree_expect("-.slice", "");
        unit_tree_teardown();
}
END_TEST

START_TEST(one_file_can_be_read_alone)
{
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = NULL, *dropin = NULL;
        g_autofree char *path = NULL, *conf = NULL;
        UnitWish *none = NULL;

        unit_tree_setup();
        unit_tree_file("elsewhere/a@b.service", "[X-BPF]\nBPFProgram=egress:/%i\n");
        unit_tree_file("elsewhere/x.conf", "[X-BPF]\nBPFProgram=egress:/%p\n");
        path = unit_tree_path("elsewhere/a@b.service");
        conf = unit_tree_path("elsewhere/x.conf");
        ck_assert_int_eq(unit_wish_read_file(path, NULL, &unit, NULL), 0);
        ck_assert_str_eq(unit->unit, "a@b.service");
        ck_assert_str_eq(((Wish *)g_ptr_array_index(unit->wishes, 0))->path, "/b");
        ck_assert_int_eq(unit_wish_read_file(conf, NULL, &none, NULL), -EINVAL);
        ck_assert_int_eq(unit_wish_read_file(conf, "c.service", &dropin, NULL), 0);
        ck_assert_str_eq(((Wish *)g_ptr_array_index(dropin->wishes, 0))->path, "/c");
        ck_assert_int_eq(unit_wish_read_file("/nonexistent.service", NULL, &none, NULL), -ENOENT);
        unit_tree_teardown();
}
END_TEST

START_TEST(files_that_somebody_else_found_are_read_in_their_order)
{
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = NULL;
        g_autofree char *text = NULL;
        char *dropins[3] = {};
        UnitPaths paths = { .dropins = dropins };
        UnitWish *none = NULL;

        unit_tree_setup();
        unit_tree_file("x/foo.service", "[X-BPF]\nBPFProgram=egress:/0\n");
        unit_tree_file("x/b.conf", "[X-BPF]\nBPFProgram=egress:/b\n");
        unit_tree_file("x/a.conf", "[X-BPF]\nBPFProgram=egress:/a\n");
        paths.fragment = unit_tree_path("x/foo.service");
        dropins[0] = unit_tree_path("x/b.conf");
        dropins[1] = unit_tree_path("x/a.conf");
        ck_assert_int_eq(
                unit_wish_read_paths(&unit_tree_context, "foo.service", &paths, &unit, NULL), 0
        );
        text = unit_tree_summary(unit);
        ck_assert_str_eq(text, "egress:/0 egress:/b egress:/a");
        ck_assert_int_eq(unlink(dropins[1]), 0);
        ck_assert_int_eq(
                unit_wish_read_paths(&unit_tree_context, "foo.service", &paths, &none, NULL),
                -ENOENT
        );
        g_free(paths.fragment);
        g_free(dropins[0]);
        g_free(dropins[1]);
        unit_tree_teardown();
}
END_TEST

START_TEST(what_keeps_files_from_being_read_is_an_error)
{
        g_autofree char *large = NULL, *path = NULL;

        unit_tree_setup();
        unit_tree_expect_failure("foo", -EINVAL, "'foo'");
        unit_tree_link("etc/a.service", "b.service");
        unit_tree_link("etc/b.service", "a.service");
        unit_tree_expect_failure("a.service", -ELOOP, "a.service");
        unit_tree_link("etc/c.service", "../lib/c.socket");
        unit_tree_expect_failure("c.service", -EINVAL, "c.socket");
        large = g_strnfill(LIMIT_UNIT_FILE_BYTES + 1, '\n');
        unit_tree_file("etc/large.service", large);
        unit_tree_expect_failure("large.service", -EFBIG, "large.service");
        large[LIMIT_UNIT_FILE_BYTES] = 0;
        unit_tree_file("etc/large.service", large);
        unit_tree_expect("large.service", "");
        path = unit_tree_path("etc/pipe.service");
        ck_assert_int_eq(mkfifo(path, 0644), 0);
        unit_tree_expect_failure("pipe.service", -EINVAL, "regular file");
        path[strlen(path) - strlen("pipe.service")] = 0;
        {
                g_autofree char *nul = g_strconcat(path, "nul.service", NULL);

                ck_assert(g_file_set_contents(nul, "[X-BPF]\n\0", 9, NULL));
                unit_tree_expect_failure("nul.service", -EBADMSG, "nul.service: line 2");
        }
        unit_tree_teardown();
}
END_TEST

START_TEST(a_trusted_reader_refuses_what_lies_below_a_public_directory)
{
        unit_tree_setup();
        unit_tree_file("lib/foo.service", "[X-BPF]\nBPFProgram=egress:/0\n");
        unit_tree_context.trust = true;
        unit_tree_expect_failure("foo.service", -EPERM, "'/tmp' is writable by others");
        unit_tree_expect("bar.service", ""); /* nothing there for it, so nothing to refuse */
        unit_tree_context.trust = false;
        unit_tree_teardown();
}
END_TEST

/* Trust needs files of unit_tree_root: as a plain user there is only the test above. */
START_TEST(a_trusted_reader_names_the_file_and_the_reason)
{
        g_autofree char *dropin = NULL, *directory = NULL, *link = NULL;

        if (geteuid() != 0)
                return;
        unit_tree_setup_in(g_mkdtemp_full(g_strdup("/run/unitbpf-wish-XXXXXX"), 0755));
        unit_tree_context.trust = true;
        unit_tree_file("lib/foo.service", "[X-BPF]\nBPFProgram=egress:/0\n");
        unit_tree_file("etc/foo.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/1\n");
        unit_tree_link("etc/alias.service", "../lib/foo.service");
        unit_tree_link("etc/foo.service.d/2.conf", "/dev/null");
        dropin = unit_tree_path("etc/foo.service.d/1.conf");
        directory = unit_tree_path("etc/foo.service.d");
        link = unit_tree_path("etc/alias.service");
        unit_tree_expect("foo.service", "egress:/0 egress:/1");
        unit_tree_expect("alias.service", "egress:/0 egress:/1");
        ck_assert_int_eq(chmod(dropin, 0664), 0);
        unit_tree_expect_failure("foo.service", -EPERM, "1.conf' is writable by its group");
        ck_assert_int_eq(chmod(dropin, 0644), 0);
        ck_assert_int_eq(chown(dropin, 65534, 0), 0);
        unit_tree_expect_failure("foo.service", -EPERM, "1.conf' is owned by uid 65534");
        ck_assert_int_eq(chown(dropin, 0, 0), 0);
        ck_assert_int_eq(chmod(directory, 0777), 0);
        unit_tree_expect_failure("foo.service", -EPERM, "foo.service.d' is writable by others");
        ck_assert_int_eq(chmod(directory, 0755), 0);
        ck_assert_int_eq(lchown(link, 65534, 0), 0);
        unit_tree_expect_failure("alias.service", -EPERM, "alias.service' is owned by");
        unit_tree_expect_failure("foo.service", -EPERM, "alias.service' is owned by");
        ck_assert_int_eq(lchown(link, 0, 0), 0);
        unit_tree_expect("foo.service", "egress:/0 egress:/1");
        unit_tree_context.trust = false;
        unit_tree_teardown();
}
END_TEST

CHECK_MAIN(
        "units/wish",
        60,
        a_program_line_becomes_a_wish,
        empty_assignments_reach_over_files,
        more_drop_ins_or_lines_than_allowed_are_not_dropped_in_silence,
        only_our_section_counts_but_one_nearly_ours_is_no_silence,
        overrides_come_last,
        a_unit_without_files_wishes_nothing,
        one_file_can_be_read_alone,
        files_that_somebody_else_found_are_read_in_their_order,
        what_keeps_files_from_being_read_is_an_error,
        a_trusted_reader_refuses_what_lies_below_a_public_directory,
        a_trusted_reader_names_the_file_and_the_reason
)
