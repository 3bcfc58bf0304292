/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/cli/verb.h"
#include "tests/unit/check-main.h"

#define PARSE(invocation, diag, ...) \
        parse((char *[]){ (char *)"unitbpfctl", __VA_ARGS__, NULL }, invocation, diag)

static int parse(char **argv, Invocation *ret, Diag *diag) {
        return invocation_parse((int)g_strv_length(argv), argv, ret, diag);
}

static char *word(const char *text) {
        return (char *)text;
}
#define W(text) word(text)

static void expect_failure(const char *part, char **argv) {
        _cleanup_diag_ Diag diag = {};
        Invocation invocation;

        ck_assert_int_eq(parse(argv, &invocation, &diag), -EINVAL);
        ck_assert_msg(diag.text && strstr(diag.text, part), "'%s' not in '%s'", part, diag.text);
        invocation_done(&invocation);
}
#define FAILS(part, ...) expect_failure(part, (char *[]){ W("unitbpfctl"), __VA_ARGS__, NULL })

START_TEST(options_stand_before_or_behind_the_verb)
{
        Invocation invocation;

        ck_assert_int_eq(
                PARSE(&invocation, NULL, W("-q"), W("show"), W("a.service"), W("-pId"), W("7")), 0
        );
        ck_assert_str_eq(invocation.verb->name, "show");
        ck_assert(invocation.quiet);
        ck_assert_uint_eq(invocation_n(&invocation), 2);
        ck_assert_str_eq(invocation_argument(&invocation, 1), "7");
        ck_assert_str_eq(invocation.properties->pdata[0], "Id");
        invocation_done(&invocation);
}
END_TEST

START_TEST(run_leaves_the_options_of_the_command_alone)
{
        Invocation invocation;

        ck_assert_int_eq(
                PARSE(&invocation, NULL, W("run"), W("--unit=x"), W("ls"), W("-l"), W("--json=no")),
                0
        );
        ck_assert_str_eq(invocation.unit, "x");
        ck_assert_uint_eq(invocation_n(&invocation), 3);
        ck_assert_str_eq(invocation_argument(&invocation, 2), "--json=no");
        ck_assert(!invocation.full);
        ck_assert_ptr_null(invocation_argument(&invocation, 3));
        invocation_done(&invocation);
        ck_assert_int_eq(PARSE(&invocation, NULL, W("run"), W("--"), W("-x"), W("--")), 0);
        ck_assert_str_eq(invocation_argument(&invocation, 0), "-x");
        ck_assert_str_eq(invocation_argument(&invocation, 1), "--");
        invocation_done(&invocation);
}
END_TEST

START_TEST(two_dashes_end_the_options)
{
        Invocation invocation;

        ck_assert_int_eq(PARSE(&invocation, NULL, W("cat"), W("--"), W("-a"), W("-b")), 0);
        ck_assert_uint_eq(invocation_n(&invocation), 2);
        ck_assert_str_eq(invocation_argument(&invocation, 0), "-a");
        invocation_done(&invocation);
        ck_assert_int_eq(PARSE(&invocation, NULL, W("--"), W("cat"), W("-a")), 0);
        ck_assert_str_eq(invocation.verb->name, "cat");
        ck_assert_str_eq(invocation_argument(&invocation, 0), "-a");
        invocation_done(&invocation);
}
END_TEST

START_TEST(slips_are_answered_with_what_may_be_meant)
{
        FAILS("did you mean 'status'", W("sttaus"));
        FAILS("did you mean '--no-pager'", W("--no-pagr"), W("list"));
        FAILS("unknown option '-z'", W("-z"));
        FAILS("'unitbpfctl help'", W("xyzzy"));
}
END_TEST

START_TEST(what_means_nothing_is_refused_not_passed_over)
{
        FAILS("--effective means nothing to 'list'", W("list"), W("--effective"));
        FAILS("--unit means nothing to 'status'", W("status"), W("--unit=a"));
        FAILS("-P means nothing to 'run'", W("run"), W("-P"), W("x"), W("true"));
        FAILS("must be pretty", W("--json=xml"), W("list"));
        FAILS("needs a value", W("list"), W("--json"));
        FAILS("takes no value", W("list"), W("--quiet=yes"));
        FAILS("absolute", W("--runtime-dir=x"), W("list"));
}
END_TEST

START_TEST(other_hosts_and_machines_are_for_what_asks_the_daemon)
{
        FAILS("--host means nothing to 'verify'", W("-H"), W("host"), W("verify"), W("x"));
        FAILS("--machine means nothing to 'run'", W("--machine=m"), W("run"), W("true"));
        FAILS("must name a host", W("--host="), W("list"));
        FAILS("needs a value", W("list"), W("-M"));
}
END_TEST

START_TEST(numbers_of_arguments_are_checked)
{
        Invocation invocation;

        FAILS("needs more arguments", W("cat"));
        FAILS("too many arguments", W("plan"), W("a"), W("b"));
        FAILS("needs more arguments", W("detach"));
        FAILS("needs more arguments", W("run"));
        ck_assert_int_eq(PARSE(&invocation, NULL, W("detach"), W("--all")), 0);
        invocation_done(&invocation);
}
END_TEST

START_TEST(types_select_units_by_suffix)
{
        Invocation invocation;

        ck_assert_int_eq(
                PARSE(&invocation, NULL, W("list"), W("-t"), W("service,scope"), W("--type=slice")),
                0
        );
        ck_assert(invocation_wants_type(&invocation, "a.service"));
        ck_assert(invocation_wants_type(&invocation, "a.b.slice"));
        ck_assert(!invocation_wants_type(&invocation, "a.socket"));
        ck_assert(!invocation_wants_type(&invocation, NULL));
        invocation_done(&invocation);
}
END_TEST

START_TEST(runtime_directory_comes_from_option_environment_default)
{
        Invocation invocation;

        ck_assert_int_eq(unsetenv("UNITBPF_RUNTIME_DIR"), 0);
        ck_assert_int_eq(PARSE(&invocation, NULL, W("list")), 0);
        ck_assert_str_eq(invocation.runtime_directory, "/run/unitbpf");
        invocation_done(&invocation);
        ck_assert_int_eq(setenv("UNITBPF_RUNTIME_DIR", "/run/x", 1), 0);
        ck_assert_int_eq(PARSE(&invocation, NULL, W("list")), 0);
        ck_assert_str_eq(invocation.runtime_directory, "/run/x");
        invocation_done(&invocation);
        ck_assert_int_eq(PARSE(&invocation, NULL, W("list"), W("--runtime-dir=/run/y")), 0);
        ck_assert_str_eq(invocation.runtime_directory, "/run/y");
        invocation_done(&invocation);
}
END_TEST

START_TEST(every_verb_is_found_described_and_in_the_help)
{
        g_autofree char *all = verb_help_text();
        size_t n;
        const Verb *verbs = verb_table(&n);

        for (size_t i = 0; i < n; i++) {
                g_autofree char *line = g_strdup_printf("\n  %s ", verbs[i].name);
                g_autofree char *own = verb_help_text_of(&verbs[i]);

                ck_assert_ptr_eq(verb_find(verbs[i].name), &verbs[i]);
                ck_assert_str_eq(verb_nearest(verbs[i].name), verbs[i].name);
                ck_assert_ptr_nonnull(strstr(all, line));
                ck_assert_ptr_nonnull(strstr(own, verbs[i].summary));
                ck_assert_ptr_nonnull(verbs[i].run);
                ck_assert_uint_le(verbs[i].min, verbs[i].max);
        }
        ck_assert_ptr_null(verb_find("no-verb"));
}
END_TEST

START_TEST(help_of_a_verb_has_its_options_and_no_others)
{
        g_autofree char *list = verb_help_text_of(verb_find("list"));
        g_autofree char *run = verb_help_text_of(verb_find("run"));

        ck_assert_ptr_nonnull(strstr(list, "--json"));
        ck_assert_ptr_null(strstr(list, "--slice"));
        ck_assert_ptr_nonnull(strstr(run, "--slice"));
        ck_assert_ptr_nonnull(strstr(run, "--runtime-dir"));
}
END_TEST

CHECK_MAIN(
        "cli/invocation",
        10,
        options_stand_before_or_behind_the_verb,
        run_leaves_the_options_of_the_command_alone,
        two_dashes_end_the_options,
        slips_are_answered_with_what_may_be_meant,
        what_means_nothing_is_refused_not_passed_over,
        other_hosts_and_machines_are_for_what_asks_the_daemon,
        numbers_of_arguments_are_checked,
        types_select_units_by_suffix,
        runtime_directory_comes_from_option_environment_default,
        every_verb_is_found_described_and_in_the_help,
        help_of_a_verb_has_its_options_and_no_others
)
