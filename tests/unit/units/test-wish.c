/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "src/base/cleanup.h"
#include "src/base/file.h"
#include "src/base/limits.h"
#include "tests/unit/check-main.h"
#include "units/wish.h"

/* A search path of three directories in one temporary directory: etc, run, lib. */
static char *root;
static char *search_path[4];
static UnitContext context = { .search_path = search_path };

static char *in_root(const char *path) {
        return g_strconcat(root, "/", path, NULL);
}

static void make_file(const char *path, const char *text) {
        g_autofree char *full = in_root(path), *directory = g_path_get_dirname(full);

        ck_assert_int_eq(file_make_directories(directory, 0755), 0);
        ck_assert(g_file_set_contents(full, text, -1, NULL));
}

static void make_link(const char *path, const char *target) {
        g_autofree char *full = in_root(path), *directory = g_path_get_dirname(full);

        ck_assert_int_eq(file_make_directories(directory, 0755), 0);
        ck_assert_int_eq(symlink(target, full), 0);
}

/* Takes over the name of an empty directory. */
static void setup_in(char *directory) {
        static const char *const names[] = { "etc", "run", "lib" };

        root = directory;
        ck_assert_ptr_nonnull(root);
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                search_path[i] = in_root(names[i]);
                ck_assert_int_eq(mkdir(search_path[i], 0755), 0);
        }
}

static void setup(void) {
        setup_in(g_dir_make_tmp("unitbpf-wish-XXXXXX", NULL));
}

static void remove_tree(const char *path) {
        GDir *directory = g_dir_open(path, 0, NULL);
        const char *name;

        while (directory && (name = g_dir_read_name(directory))) {
                g_autofree char *full = g_build_filename(path, name, NULL);

                if (g_file_test(full, G_FILE_TEST_IS_DIR) &&
                    !g_file_test(full, G_FILE_TEST_IS_SYMLINK))
                        remove_tree(full);
                else
                        (void)unlink(full);
        }
        if (directory)
                g_dir_close(directory);
        ck_assert_int_eq(rmdir(path), 0);
}

static void teardown(void) {
        remove_tree(root);
        for (size_t i = 0; i < 3; i++)
                g_clear_pointer(&search_path[i], g_free);
        g_clear_pointer(&root, g_free);
}

static UnitWish *read_unit(const char *unit, const char *const *overrides) {
        UnitWish *wish = NULL;
        Diag diag = {};
        int r = unit_wish_read(&context, unit, overrides, &wish, &diag);

        ck_assert_msg(r == 0, "%s: %s", unit, diag_text(&diag, r));
        diag_done(&diag);
        return wish;
}

/* All wishes as one line each: programs as PATH, variables as NAME=VALUE, failures as !ERROR. */
static char *summary(const UnitWish *unit) {
        GString *out = g_string_new(NULL);

        for (guint i = 0; i < unit->wishes->len; i++) {
                const Wish *wish = g_ptr_array_index(unit->wishes, i);

                if (out->len > 0)
                        (void)g_string_append_c(out, ' ');
                if (wish->kind == WISH_PROGRAM)
                        g_string_append_printf(out, "%s:%s", wish->hook, wish->path);
                else if (wish->kind == WISH_FAILED)
                        g_string_append_printf(out, "!%s:%u", wish->key, wish->line);
                else
                        g_string_append_printf(out, "%s=%s", wish->name, wish->value);
        }
        return g_string_free(out, FALSE);
}

static void expect(const char *unit, const char *wanted) {
        _cleanup_(unit_wish_free_ptr) UnitWish *wish = read_unit(unit, NULL);
        g_autofree char *text = summary(wish);

        ck_assert_msg(strcmp(text, wanted) == 0, "%s: '%s' instead of '%s'", unit, text, wanted);
}

__attribute__((unused)) static void keep(void) {
        make_link("", "");
        expect("", "");
}
START_TEST(a_program_line_becomes_a_wish)
{
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = NULL;
        const Wish *wish;

        setup();
        make_file(
                "lib/foo.service",
                "[Service]\nExecStart=/bin/true\nBPFProgram=egress:/not/ours\n\n[X-BPF]\n"
                "BPFProgram=egress,override,wanted:/usr/lib/bpf/count.bpf.o#count\n"
        );
        unit = read_unit("foo.service", NULL);
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
        teardown();
}
END_TEST

START_TEST(drop_ins_follow_the_fragment_in_the_order_of_their_names)
{
        setup();
        make_file("lib/foo.service", "[X-BPF]\nBPFProgram=egress:/0\n");
        make_file("lib/foo.service.d/30.conf", "[X-BPF]\nBPFProgram=egress:/30\n");
        make_file("etc/foo.service.d/20.conf", "[X-BPF]\nBPFProgram=egress:/20\n");
        make_file("run/foo.service.d/10.conf", "[X-BPF]\nBPFProgram=egress:/10\n");
        make_file("run/foo.service.d/20.conf", "[X-BPF]\nBPFProgram=egress:/hidden\n");
        make_file("run/foo.service.d/40.txt", "[X-BPF]\nBPFProgram=egress:/no\n");
        make_file("run/foo.service.d/.50.conf", "[X-BPF]\nBPFProgram=egress:/no\n");
        expect("foo.service", "egress:/0 egress:/10 egress:/20 egress:/30");
        /* the fragment of the first directory hides the others; their drop-ins stay */
        make_file("etc/foo.service", "[X-BPF]\nBPFProgram=egress:/1\n");
        expect("foo.service", "egress:/1 egress:/10 egress:/20 egress:/30");
        teardown();
}
END_TEST

START_TEST(drop_ins_come_from_names_prefixes_and_the_type)
{
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = NULL;

        setup();
        make_file("lib/a-b-c.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/1\n");
        make_file("lib/a-b-.service.d/2.conf", "[X-BPF]\nBPFProgram=egress:/2\n");
        make_file("lib/a-.service.d/3.conf", "[X-BPF]\nBPFProgram=egress:/3\n");
        make_file("etc/service.d/4.conf", "[X-BPF]\nBPFProgram=egress:/4\n");
        make_file("etc/slice.d/5.conf", "[X-BPF]\nBPFProgram=egress:/5\n");
        expect("a-b-c.service", "egress:/1 egress:/2 egress:/3 egress:/4");
        expect("a-x.service", "egress:/3 egress:/4");
        expect("b.service", "egress:/4");
        expect("a-b-c.slice", "egress:/5");
        /* one name: a nearer directory of the search path goes first, the type goes last */
        make_file("etc/a-.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/near\n");
        make_file("lib/a-b-c.service.d/4.conf", "[X-BPF]\nBPFProgram=egress:/own\n");
        expect("a-b-c.service", "egress:/near egress:/2 egress:/3 egress:/own");
        unit = read_unit("a-b-c.service", NULL);
        ck_assert_ptr_null(unit->fragment);
        ck_assert_uint_eq(g_strv_length(unit->dropins), 4);
        ck_assert(g_str_has_suffix(unit->dropins[0], "etc/a-.service.d/1.conf"));
        teardown();
}
END_TEST

START_TEST(an_instance_falls_back_to_its_template)
{
        setup();
        make_file("lib/w@.service", "[X-BPF]\nBPFProgram=egress:/%i\n");
        make_file("etc/w@.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/all\n");
        make_file("etc/w@one.service.d/2.conf", "[X-BPF]\nBPFProgram=egress:/own-%j\n");
        expect("w@one.service", "egress:/one egress:/all egress:/own-w");
        expect("w@two.service", "egress:/two egress:/all");
        make_file("etc/w@two.service", "[X-BPF]\nBPFProgram=egress:/special\n");
        expect("w@two.service", "egress:/special egress:/all");
        make_file("lib/a-b@.service", "[X-BPF]\nBPFProgram=egress:/t\n");
        make_file("lib/a-@.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/p\n");
        expect("a-b@x.service", "egress:/t egress:/p");
        teardown();
}
END_TEST

START_TEST(empty_assignments_reach_over_files)
{
        setup();
        make_file(
                "lib/foo.service",
                "[X-BPF]\nBPFProgram=egress:/0\nBPFProgram=junk\nBPFVariable=x=1\n"
                "BPFPolicy=optional\n"
        );
        make_file("etc/foo.service.d/1.conf", "[X-BPF]\nBPFProgram=\nBPFProgram=egress:/1\n");
        expect("foo.service", "x=1 egress:/1");
        make_file("etc/foo.service.d/2.conf", "[X-BPF]\nBPFVariable=\nBPFPolicy=wanted\n");
        {
                _cleanup_(unit_wish_free_ptr) UnitWish *unit = read_unit("foo.service", NULL);

                ck_assert_uint_eq(unit->wishes->len, 1);
                ck_assert_str_eq(unit->policy, "wanted");
        }
        teardown();
}
END_TEST

START_TEST(masks_are_links_to_null_and_empty_files)
{
        setup();
        make_file("lib/foo.service", "[X-BPF]\nBPFProgram=egress:/0\n");
        make_file("lib/foo.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/1\n");
        make_file("lib/foo.service.d/2.conf", "[X-BPF]\nBPFProgram=egress:/2\n");
        make_link("etc/foo.service.d/1.conf", "/dev/null");
        make_file("run/foo.service.d/2.conf", "");
        expect("foo.service", "egress:/0");
        make_link("run/foo.service", "/dev/null");
        {
                static const char *const overrides[] = { "BPFProgram=egress:/p", NULL };
                _cleanup_(unit_wish_free_ptr) UnitWish *unit = read_unit("foo.service", overrides);

                ck_assert(unit->masked);
                ck_assert(g_str_has_suffix(unit->fragment, "run/foo.service"));
                ck_assert_uint_eq(unit->wishes->len, 0);
                ck_assert_uint_eq(g_strv_length(unit->dropins), 0);
        }
        make_file("etc/foo.service", "[X-BPF]\nBPFProgram=egress:/back\n");
        expect("foo.service", "egress:/back");
        make_file("etc/bar.service", "");
        {
                _cleanup_(unit_wish_free_ptr) UnitWish *unit = read_unit("bar.service", NULL);

                ck_assert(unit->masked);
        }
        teardown();
}
END_TEST

START_TEST(aliases_share_fragment_and_drop_ins)
{
        g_autofree char *absolute = NULL;

        setup();
        make_file("lib/real.service", "[X-BPF]\nBPFProgram=egress:/real/%p\n");
        make_link("etc/other.service", "../lib/real.service");
        absolute = in_root("etc/other.service");
        make_link("run/third.service", absolute);
        make_file("etc/real.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/1\n");
        make_file("etc/other.service.d/2.conf", "[X-BPF]\nBPFProgram=egress:/2\n");
        make_file("etc/third.service.d/3.conf", "[X-BPF]\nBPFProgram=egress:/3\n");
        expect("other.service", "egress:/real/other egress:/1 egress:/2 egress:/3");
        expect("real.service", "egress:/real/real egress:/1 egress:/2 egress:/3");
        expect("third.service", "egress:/real/third egress:/1 egress:/2 egress:/3");
        /* of files of one name that of the real name counts */
        make_file("run/real.service.d/2.conf", "[X-BPF]\nBPFProgram=egress:/real-2\n");
        expect("other.service", "egress:/real/other egress:/1 egress:/real-2 egress:/3");
        expect("third.service", "egress:/real/third egress:/1 egress:/real-2 egress:/3");
        /* an alias is a name, so a nearer file of the real name counts */
        make_file("etc/real.service", "[X-BPF]\nBPFProgram=egress:/near\n");
        expect("other.service", "egress:/near egress:/1 egress:/real-2 egress:/3");
        teardown();
}
END_TEST

START_TEST(templates_have_aliases_too)
{
        setup();
        make_file("lib/t@.service", "[X-BPF]\nBPFProgram=egress:/t/%i\n");
        make_link("etc/u@.service", "../lib/t@.service");
        make_link("etc/v@x.service", "../lib/t@.service");
        make_file("etc/t@x.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/1\n");
        expect("u@x.service", "egress:/t/x egress:/1");
        expect("u@y.service", "egress:/t/y");
        expect("v@x.service", "egress:/t/x egress:/1");
        /* an instance of its own that only enables its template */
        make_link("etc/t@z.service", "../lib/t@.service");
        expect("t@z.service", "egress:/t/z");
        teardown();
}
END_TEST

START_TEST(links_that_lead_out_or_nowhere)
{
        setup();
        make_file("elsewhere/mine.service", "[X-BPF]\nBPFProgram=egress:/out\n");
        make_link("etc/mine.service", "../elsewhere/mine.service");
        expect("mine.service", "egress:/out");
        make_link("etc/gone.service", "../elsewhere/gone.service");
        expect("gone.service", "");
        make_file("lib/gone.service", "[X-BPF]\nBPFProgram=egress:/lib\n");
        expect("gone.service", "egress:/lib");
        make_link("etc/lost.service", "../lib/nothing.service");
        expect("lost.service", "");
        make_link("lib/x.service.d/1.conf", "/nonexistent");
        expect("x.service", "");
        teardown();
}
END_TEST

static void expect_failure(const char *unit, int error, const char *why) {
        UnitWish *wish = NULL;
        Diag diag = {};
        int r = unit_wish_read(&context, unit, NULL, &wish, &diag);

        ck_assert_ptr_null(wish);
        ck_assert_msg(r == error, "%s: %d instead of %d", unit, r, error);
        ck_assert_msg(strstr(diag_text(&diag, r), why), "%s: %s", unit, diag_text(&diag, r));
        diag_done(&diag);
}

START_TEST(what_keeps_files_from_being_read_is_an_error)
{
        g_autofree char *large = NULL, *path = NULL;

        setup();
        expect_failure("foo", -EINVAL, "'foo'");
        make_link("etc/a.service", "b.service");
        make_link("etc/b.service", "a.service");
        expect_failure("a.service", -ELOOP, "a.service");
        make_link("etc/c.service", "../lib/c.socket");
        expect_failure("c.service", -EINVAL, "c.socket");
        large = g_strnfill(LIMIT_UNIT_FILE_BYTES + 1, '\n');
        make_file("etc/large.service", large);
        expect_failure("large.service", -EFBIG, "large.service");
        large[LIMIT_UNIT_FILE_BYTES] = 0;
        make_file("etc/large.service", large);
        expect("large.service", "");
        path = in_root("etc/pipe.service");
        ck_assert_int_eq(mkfifo(path, 0644), 0);
        expect_failure("pipe.service", -EINVAL, "regular file");
        path[strlen(path) - strlen("pipe.service")] = 0;
        {
                g_autofree char *nul = g_strconcat(path, "nul.service", NULL);

                ck_assert(g_file_set_contents(nul, "[X-BPF]\n\0", 9, NULL));
                expect_failure("nul.service", -EBADMSG, "nul.service: line 2");
        }
        teardown();
}
END_TEST

START_TEST(more_drop_ins_or_lines_than_allowed_are_not_dropped_in_silence)
{
        GString *lines = g_string_new("[X-BPF]\n");

        setup();
        for (unsigned i = 0; i <= LIMIT_UNIT_DROPINS; i++) {
                g_autofree char *path = g_strdup_printf("etc/many.service.d/%u.conf", i);

                make_file(path, "[X-BPF]\n");
        }
        expect_failure("many.service", -E2BIG, "drop-ins");
        for (unsigned i = 0; i < LIMIT_UNIT_DIRECTIVES; i++)
                g_string_append_printf(lines, "BPFProgram=egress:/%u\n", i);
        make_file("etc/long.service", lines->str);
        {
                _cleanup_(unit_wish_free_ptr) UnitWish *unit = read_unit("long.service", NULL);
                const Wish *last = g_ptr_array_index(unit->wishes, unit->wishes->len - 1);

                ck_assert_uint_eq(unit->wishes->len, LIMIT_UNIT_DIRECTIVES);
                ck_assert_int_eq(last->kind, WISH_PROGRAM);
        }
        (void)g_string_append(lines, "BPFProgram=egress:/x\nBPFProgram=egress:/y\n");
        make_file("etc/long.service", lines->str);
        {
                _cleanup_(unit_wish_free_ptr) UnitWish *unit = read_unit("long.service", NULL);
                const Wish *last = g_ptr_array_index(unit->wishes, unit->wishes->len - 1);

                ck_assert_uint_eq(unit->wishes->len, LIMIT_UNIT_DIRECTIVES + 1);
                ck_assert_int_eq(last->kind, WISH_FAILED);
                ck_assert_uint_eq(last->line, LIMIT_UNIT_DIRECTIVES + 2);
        }
        (void)g_string_free(lines, TRUE);
        teardown();
}
END_TEST

START_TEST(only_our_section_counts_but_one_nearly_ours_is_no_silence)
{
        static const struct {
                const char *text, *wishes;
        } rows[] = {
                { "[Service]\nnot a line\n\374\n[Unit]\nBPFProgram=egress:/a\n", "" },
                { "[Broken\nBPFProgram=egress:/a\n", "" },
                { "[X-BPFX]\nBPFProgram=egress:/a\n", "" },
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

        setup();
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                make_file("etc/foo.service", rows[i].text);
                expect("foo.service", rows[i].wishes);
        }
        teardown();
}
END_TEST

START_TEST(overrides_come_last)
{
        static const char *const overrides[] = { "BPFProgram=", " BPFProgram = egress:/p ",
                                                 "nonsense", "BPFPolicy=optional", NULL };
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = NULL;
        g_autofree char *text = NULL;
        const Wish *wish;

        setup();
        make_file("etc/foo.service.d/zz.conf", "[X-BPF]\nBPFProgram=egress:/0\n");
        unit = read_unit("foo.service", overrides);
        text = summary(unit);
        ck_assert_str_eq(text, "egress:/p !nonsense:3");
        wish = g_ptr_array_index(unit->wishes, 0);
        ck_assert_str_eq(wish->file, "-p");
        ck_assert_uint_eq(wish->line, 2);
        ck_assert_str_eq(unit->policy, "optional");
        ck_assert_uint_eq(g_strv_length(unit->dropins), 1);
        teardown();
}
END_TEST

START_TEST(a_unit_without_files_wishes_nothing)
{
        setup();
        expect("nothing.service", "");
        expect("-.slice", "");
        teardown();
}
END_TEST

START_TEST(one_file_can_be_read_alone)
{
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = NULL, *dropin = NULL;
        g_autofree char *path = NULL, *conf = NULL;
        UnitWish *none = NULL;

        setup();
        make_file("elsewhere/a@b.service", "[X-BPF]\nBPFProgram=egress:/%i\n");
        make_file("elsewhere/x.conf", "[X-BPF]\nBPFProgram=egress:/%p\n");
        path = in_root("elsewhere/a@b.service");
        conf = in_root("elsewhere/x.conf");
        ck_assert_int_eq(unit_wish_read_file(path, NULL, &unit, NULL), 0);
        ck_assert_str_eq(unit->unit, "a@b.service");
        ck_assert_str_eq(((Wish *)g_ptr_array_index(unit->wishes, 0))->path, "/b");
        ck_assert_int_eq(unit_wish_read_file(conf, NULL, &none, NULL), -EINVAL);
        ck_assert_int_eq(unit_wish_read_file(conf, "c.service", &dropin, NULL), 0);
        ck_assert_str_eq(((Wish *)g_ptr_array_index(dropin->wishes, 0))->path, "/c");
        ck_assert_int_eq(unit_wish_read_file("/nonexistent.service", NULL, &none, NULL), -ENOENT);
        teardown();
}
END_TEST

START_TEST(files_that_somebody_else_found_are_read_in_their_order)
{
        _cleanup_(unit_wish_free_ptr) UnitWish *unit = NULL;
        g_autofree char *text = NULL;
        char *dropins[3] = {};
        UnitPaths paths = { .dropins = dropins };
        UnitWish *none = NULL;

        setup();
        make_file("x/foo.service", "[X-BPF]\nBPFProgram=egress:/0\n");
        make_file("x/b.conf", "[X-BPF]\nBPFProgram=egress:/b\n");
        make_file("x/a.conf", "[X-BPF]\nBPFProgram=egress:/a\n");
        paths.fragment = in_root("x/foo.service");
        dropins[0] = in_root("x/b.conf");
        dropins[1] = in_root("x/a.conf");
        ck_assert_int_eq(unit_wish_read_paths(&context, "foo.service", &paths, &unit, NULL), 0);
        text = summary(unit);
        ck_assert_str_eq(text, "egress:/0 egress:/b egress:/a");
        ck_assert_int_eq(unlink(dropins[1]), 0);
        ck_assert_int_eq(
                unit_wish_read_paths(&context, "foo.service", &paths, &none, NULL), -ENOENT
        );
        g_free(paths.fragment);
        g_free(dropins[0]);
        g_free(dropins[1]);
        teardown();
}
END_TEST

START_TEST(units_are_listed_by_their_own_names)
{
        g_auto(GStrv) units = NULL;
        g_autofree char *joined = NULL;

        setup();
        make_file("lib/b.service", "[Unit]\n");
        make_file("lib/t@.service", "[Unit]\n");
        make_file("lib/t@x.service", "[Unit]\n");
        make_file("lib/README", "");
        make_link("etc/alias.service", "../lib/b.service");
        make_link("etc/masked.service", "/dev/null");
        make_file("etc/b.service.d/1.conf", "[X-BPF]\n");
        make_file("etc/only.scope.d/1.conf", "[X-BPF]\n");
        make_file("etc/a-.service.d/1.conf", "[X-BPF]\n");
        make_file("etc/-.slice.d/1.conf", "[X-BPF]\n");
        make_file("etc/service.d/1.conf", "[X-BPF]\n");
        make_file("etc/x.service.wants/b.service", "");
        ck_assert_int_eq(unit_list(&context, &units, NULL), 0);
        joined = g_strjoinv(" ", units);
        ck_assert_str_eq(joined, "-.slice b.service masked.service only.scope t@x.service");
        teardown();
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

START_TEST(a_trusted_reader_refuses_what_lies_below_a_public_directory)
{
        setup();
        make_file("lib/foo.service", "[X-BPF]\nBPFProgram=egress:/0\n");
        context.trust = true;
        expect_failure("foo.service", -EPERM, "'/tmp' is writable by others");
        expect("bar.service", ""); /* nothing there for it, so nothing to refuse */
        context.trust = false;
        teardown();
}
END_TEST

/* Trust needs files of root: as a plain user there is only the test above. */
START_TEST(a_trusted_reader_names_the_file_and_the_reason)
{
        g_autofree char *dropin = NULL, *directory = NULL, *link = NULL;

        if (geteuid() != 0)
                return;
        setup_in(g_mkdtemp_full(g_strdup("/run/unitbpf-wish-XXXXXX"), 0755));
        context.trust = true;
        make_file("lib/foo.service", "[X-BPF]\nBPFProgram=egress:/0\n");
        make_file("etc/foo.service.d/1.conf", "[X-BPF]\nBPFProgram=egress:/1\n");
        make_link("etc/alias.service", "../lib/foo.service");
        make_link("etc/foo.service.d/2.conf", "/dev/null");
        dropin = in_root("etc/foo.service.d/1.conf");
        directory = in_root("etc/foo.service.d");
        link = in_root("etc/alias.service");
        expect("foo.service", "egress:/0 egress:/1");
        expect("alias.service", "egress:/0 egress:/1");
        ck_assert_int_eq(chmod(dropin, 0664), 0);
        expect_failure("foo.service", -EPERM, "1.conf' is writable by its group");
        ck_assert_int_eq(chmod(dropin, 0644), 0);
        ck_assert_int_eq(chown(dropin, 65534, 0), 0);
        expect_failure("foo.service", -EPERM, "1.conf' is owned by uid 65534");
        ck_assert_int_eq(chown(dropin, 0, 0), 0);
        ck_assert_int_eq(chmod(directory, 0777), 0);
        expect_failure("foo.service", -EPERM, "foo.service.d' is writable by others");
        ck_assert_int_eq(chmod(directory, 0755), 0);
        ck_assert_int_eq(lchown(link, 65534, 0), 0);
        expect_failure("alias.service", -EPERM, "alias.service' is owned by");
        expect_failure("foo.service", -EPERM, "alias.service' is owned by");
        ck_assert_int_eq(lchown(link, 0, 0), 0);
        expect("foo.service", "egress:/0 egress:/1");
        context.trust = false;
        teardown();
}
END_TEST

CHECK_MAIN(
        "units/wish",
        60,
        a_program_line_becomes_a_wish,
        drop_ins_follow_the_fragment_in_the_order_of_their_names,
        drop_ins_come_from_names_prefixes_and_the_type,
        an_instance_falls_back_to_its_template,
        empty_assignments_reach_over_files,
        masks_are_links_to_null_and_empty_files,
        aliases_share_fragment_and_drop_ins,
        templates_have_aliases_too,
        links_that_lead_out_or_nowhere,
        what_keeps_files_from_being_read_is_an_error,
        more_drop_ins_or_lines_than_allowed_are_not_dropped_in_silence,
        only_our_section_counts_but_one_nearly_ours_is_no_silence,
        overrides_come_last,
        a_unit_without_files_wishes_nothing,
        one_file_can_be_read_alone,
        files_that_somebody_else_found_are_read_in_their_order,
        units_are_listed_by_their_own_names,
        default_search_path_begins_with_our_directories,
        a_trusted_reader_refuses_what_lies_below_a_public_directory,
        a_trusted_reader_names_the_file_and_the_reason
)
