/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <glib.h>

#include "src/base/cleanup.h"
#include "tests/unit/check-main.h"
#include "units/directive.h"

static void apply(UnitWish *unit, const char *key, const char *value) {
        DirectiveLine line = { .key = key, .value = value, .file = "/f", .line = 7 };

        directive_apply(unit, &line);
}

/* The only wish that KEY=VALUE makes. */
static UnitWish *apply_one(const char *key, const char *value, const Wish **ret) {
        UnitWish *unit = unit_wish_new("a@b:c.service");

        apply(unit, key, value);
        ck_assert_msg(unit->wishes->len == 1, "%s=%s made %u", key, value, unit->wishes->len);
        *ret = g_ptr_array_index(unit->wishes, 0);
        return unit;
}

static const char *text(const char *s) {
        return s ? s : "(none)";
}

START_TEST(program_lines_split_at_the_first_colon_and_the_last_hash)
{
        static const struct {
                const char *value, *hook, *options, *path, *program;
        } rows[] = {
                { "egress:/a", "egress", "", "/a", NULL },
                { "egress:/a#p", "egress", "", "/a", "p" },
                { "cgroup/connect4:/a:b#c#p", "cgroup/connect4", "", "/a:b#c", "p" },
                { "egress:/a\\x3ab\\x23c", "egress", "", "/a:b#c", NULL },
                { "egress:/a\\x23c#p", "egress", "", "/a#c", "p" },
                { "device,override,optional,via=legacy,takeover:/a b", "device",
                  "override,optional,via=legacy,takeover", "/a b", NULL },
                { "egress,shared,fresh-maps,multi,via=link,wanted:/x", "egress",
                  "shared,fresh-maps,multi,via=link,wanted", "/x", NULL },
                /* a name with a ':' in it cannot move the split */
                { "egress:/x/%i/%n#p", "egress", "", "/x/b:c/a@b:c.service", "p" },
                { "egress:/x/100%%", "egress", "", "/x/100%", NULL },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                const Wish *wish;
                _cleanup_(unit_wish_free_ptr)
                        _unused_ UnitWish *unit = apply_one("BPFProgram", rows[i].value, &wish);
                g_autofree char *options = NULL;

                ck_assert_msg(
                        wish->kind == WISH_PROGRAM, "%s: %s", rows[i].value, text(wish->error)
                );
                options = g_strjoinv(",", wish->options);
                ck_assert_str_eq(wish->hook, rows[i].hook);
                ck_assert_str_eq(options, rows[i].options);
                ck_assert_str_eq(wish->path, rows[i].path);
                ck_assert_pstr_eq(wish->program, rows[i].program);
                ck_assert_uint_eq(wish->line, 7);
        }
}
END_TEST

START_TEST(filter_paths_are_programs_of_their_direction)
{
        static const struct {
                const char *key, *hook;
        } rows[] = {
                { "IPIngressFilterPath", "ingress" },
                { "IPEgressFilterPath", "egress" },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                const Wish *wish;
                _cleanup_(unit_wish_free_ptr
                ) _unused_ UnitWish *unit = apply_one(rows[i].key, "/sys/fs/bpf/a:b#p", &wish);

                ck_assert_int_eq(wish->kind, WISH_PROGRAM);
                ck_assert_str_eq(wish->hook, rows[i].hook);
                ck_assert_str_eq(wish->key, rows[i].key);
                ck_assert_str_eq(wish->path, "/sys/fs/bpf/a:b");
                ck_assert_str_eq(wish->program, "p");
        }
}
END_TEST

START_TEST(a_bad_line_is_a_failed_wish_that_says_why)
{
        static const struct {
                const char *key, *value, *why;
        } rows[] = {
                { "BPFProgram", "egress", "HOOK" },
                { "BPFProgram", "egress\\x3a/a", "HOOK" },
                { "BPFProgram", ":/a", "no hook" },
                { "BPFProgram", ",wanted:/a", "no hook" },
                { "BPFProgram", "egress:", "not absolute" },
                { "BPFProgram", "egress:a", "not absolute" },
                { "BPFProgram", "egress: /a", "not absolute" },
                { "BPFProgram", "egress:/a/../b", "not normalized" },
                { "BPFProgram", "egress:/a/./b", "not normalized" },
                { "BPFProgram", "egress:/a//b", "not normalized" },
                { "BPFProgram", "egress:/a/", "not normalized" },
                { "BPFProgram", "egress:/", "not normalized" },
                { "BPFProgram", "egress:/a\\nb", "control byte" },
                { "BPFProgram", "egress:/a#", "name of a program" },
                { "BPFProgram", "egress:/a#1x", "name of a program" },
                { "BPFProgram", "egress:/a#x y", "name of a program" },
                { "BPFProgram", "egress:#x", "not absolute" },
                { "BPFProgram", "egress:/a%z", "unknown specifier" },
                { "BPFProgram", "egress:/a\\q", "bad escape" },
                { "BPFProgram", "egress,:/a", "option is empty" },
                { "BPFProgram", "egress,multi,multi:/a", "twice" },
                { "BPFProgram", "egress,multi,override:/a", "contradict" },
                { "BPFProgram", "egress,exclusive,override:/a", "contradict" },
                { "BPFProgram", "egress,required,wanted:/a", "contradict" },
                { "BPFProgram", "egress,first,last:/a", "contradict" },
                { "BPFProgram", "egress,via=link,via=legacy:/a", "contradict" },
                { "BPFProgram", "egress,via=links:/a", "one of link" },
                { "BPFProgram", "egress,via:/a", "unknown option" },
                { "BPFProgram", "egress,overide:/a", "did you mean 'override'?" },
                { "BPFProgram", "egress, wanted:/a", "unknown option" },
                { "BPFProgram", "egress,Wanted:/a", "did you mean 'wanted'?" },
                { "BPFProgram", "egress,before=x:/a", "UNIT" },
                { "BPFProgram", "egress,after=x.service/:/a", "UNIT" },
                { "IPIngressFilterPath", "x", "not absolute" },
                { "BPFVariable", "x", "NAME=VALUE" },
                { "BPFVariable", "1x=2", "name of a variable" },
                { "BPFVariable", ".x=2", "stem" },
                { "BPFVariable", "a/b.x=2", "stem" },
                { "BPFVariable", "x=%z", "unknown specifier" },
                { "BPFVariable", "x=\"a", "not closed" },
                { "BPFMap", "name", "NAME:PATH" },
                { "BPFMap", "a-b:/x", "name of a map" },
                { "BPFMap", "a:x", "not absolute" },
                { "BPFPolicy", "requierd", "did you mean 'required'?" },
                { "BPFPolicy", "zzz", "one of required, wanted, optional" },
                { "BPFRepair", "maybe", "neither yes nor no" },
                { "BPFOnLoss", "halt", "one of continue, stop" },
                { "BPFProgramm", "egress:/a", "did you mean 'BPFProgram'?" },
                { "bpfprogram", "egress:/a", "did you mean 'BPFProgram'?" },
                { "Nonsense", "", "unknown directive" },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                const Wish *wish;
                _cleanup_(unit_wish_free_ptr)
                        _unused_ UnitWish *unit = apply_one(rows[i].key, rows[i].value, &wish);

                ck_assert_msg(
                        wish->kind == WISH_FAILED && strstr(wish->error, rows[i].why),
                        "%s=%s: '%s' does not say '%s'", rows[i].key, rows[i].value,
                        text(wish->error), rows[i].why
                );
                ck_assert_str_eq(wish->key, rows[i].key);
                ck_assert_str_eq(wish->file, "/f");
        }
}
END_TEST

START_TEST(what_this_build_cannot_do_says_so_and_only_if_it_is_well_written)
{
        static const struct {
                const char *key, *good, *bad;
        } rows[] = {
                { "BPFProgram", "egress,preorder:/a", "egress,preorder=1:/a" },
                { "BPFProgram", "egress,before=a.service/p,after=b.service:/a",
                  "egress,before=:/a" },
                { "BPFProgram", "egress,first:/a", "egress,first,first:/a" },
                { "BPFProgram", "egress,last:/a", "egress,last:a" },
                { "BPFProgram", "egress,via=tcx:/a", "egress,via=xdp:/a" },
                { "BPFProgram", "egress,via=tc:/a", "egress,via=:/a" },
                { "TCProgram", "ingress:eth0:/a#p", "connect4:eth0:/a" },
                { "TCProgram", "egress,via=tc:@peers:/a", "egress:/a" },
                { "XDPProgram", "eth0:/a:b#p", "/a" },
                { "XDPProgram", "wanted,first:@peers:/a", "wnted:eth0:/a" },
                { "IPAddressAllow", "any 10.0.0.0/8 fe80::/10", "10.0.0.0/33" },
                { "IPAddressDeny", "localhost link-local multicast ::1", "example.org" },
                { "IPAccounting", "yes", "perhaps" },
                { "DevicePolicy", "closed", "open" },
                { "DeviceAllow", "/dev/null rw", "/dev/null rx" },
                { "DeviceAllow", "char-pts", "null" },
                { "SocketBindAllow", "ipv4:tcp:80-90", "ipv4:tcp:90-80" },
                { "SocketBindAllow", "tcp", "icmp" },
                { "SocketBindDeny", "any", "0" },
                { "SocketBindDeny", "443", "ipv6:70000" },
                { "RestrictNetworkInterfaces", "~eth0 lo", "a/b" },
                { "RestrictFileSystems", "~@network tmpfs", "@" },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                const Wish *wish, *other;
                _cleanup_(unit_wish_free_ptr)
                        _unused_ UnitWish *good = apply_one(rows[i].key, rows[i].good, &wish);
                _cleanup_(unit_wish_free_ptr)
                        _unused_ UnitWish *bad = apply_one(rows[i].key, rows[i].bad, &other);

                ck_assert_int_eq(wish->kind, WISH_FAILED);
                ck_assert_msg(
                        strstr(wish->error, "not supported by this build"), "%s=%s: %s",
                        rows[i].key, rows[i].good, wish->error
                );
                ck_assert_int_eq(other->kind, WISH_FAILED);
                ck_assert_msg(
                        !strstr(other->error, "not supported by this build"), "%s=%s: %s",
                        rows[i].key, rows[i].bad, other->error
                );
        }
}
END_TEST

START_TEST(a_half_understood_program_keeps_what_was_understood)
{
        const Wish *wish;
        UnitWish *unit = apply_one("BPFProgram", "egress,wnted:/a#p", &wish);

        ck_assert_str_eq(wish->hook, "egress");
        ck_assert_str_eq(wish->path, "/a");
        ck_assert_str_eq(wish->program, "p");
        (void)unit_wish_free(unit);
        /* the hook of an interface is never taken for that of a cgroup */
        unit = apply_one("TCProgram", "ingress:eth0:/a", &wish);
        ck_assert_str_eq(wish->hook, "tc_ingress");
        ck_assert_str_eq(wish->path, "/a");
        (void)unit_wish_free(unit);
        unit = apply_one("XDPProgram", "eth0:/a", &wish);
        ck_assert_str_eq(wish->hook, "xdp");
        (void)unit_wish_free(unit);
}
END_TEST

START_TEST(variables_are_words_with_an_optional_stem)
{
        static const struct {
                const char *word, *stem, *name, *value;
        } wanted[] = {
                { "limit=5", NULL, "limit", "5" },
                { "count.rate=0x10", "count", "rate", "0x10" },
                { "my.v2.key=hex:00ff", "my.v2", "key", "hex:00ff" },
                { "\"text=two words\"", NULL, "text", "two words" },
                { "text='a b'=c", NULL, "text", "a b=c" },
                { "unit=%p-%i", NULL, "unit", "a-b:c" },
                { "empty=", NULL, "empty", "" },
        };
        GString *all = g_string_new(NULL);
        UnitWish *unit = unit_wish_new("a@b:c.service");

        for (size_t i = 0; i < ELEMENTS(wanted); i++)
                g_string_append_printf(all, "%s ", wanted[i].word);
        apply(unit, "BPFVariable", all->str);
        ck_assert_uint_eq(unit->wishes->len, ELEMENTS(wanted));
        for (size_t i = 0; i < ELEMENTS(wanted); i++) {
                const Wish *wish = g_ptr_array_index(unit->wishes, i);

                ck_assert_msg(wish->kind == WISH_VARIABLE, "%s", text(wish->error));
                ck_assert_pstr_eq(wish->object_stem, wanted[i].stem);
                ck_assert_str_eq(wish->name, wanted[i].name);
                ck_assert_str_eq(wish->value, wanted[i].value);
        }
        (void)unit_wish_free(unit);
        (void)g_string_free(all, TRUE);
}
END_TEST

START_TEST(one_bad_word_does_not_spoil_the_others)
{
        UnitWish *unit = unit_wish_new("a.service");
        static const WishKind kinds[] = { WISH_FAILED, WISH_VARIABLE, WISH_FAILED };

        apply(unit, "BPFVariable", "x y=1 1z=2");
        ck_assert_uint_eq(unit->wishes->len, ELEMENTS(kinds));
        for (size_t i = 0; i < ELEMENTS(kinds); i++) {
                const Wish *wish = g_ptr_array_index(unit->wishes, i);

                ck_assert_int_eq(wish->kind, kinds[i]);
                ck_assert((wish->error != NULL) == (kinds[i] == WISH_FAILED));
        }
        (void)unit_wish_free(unit);
}
END_TEST

START_TEST(maps_have_a_name_and_a_path_without_dots_of_specifiers)
{
        const Wish *wish;
        UnitWish *unit = apply_one("BPFMap", "peers:/sys/fs/bpf/%n/peers", &wish);

        ck_assert_int_eq(wish->kind, WISH_MAP);
        ck_assert_str_eq(wish->name, "peers");
        ck_assert_str_eq(wish->value, "/sys/fs/bpf/a@b:c_service/peers");
        (void)unit_wish_free(unit);
}
END_TEST

START_TEST(settings_make_no_wish_and_the_last_one_counts)
{
        UnitWish *unit = unit_wish_new("a.service");

        ck_assert(unit->repair && !unit->repair_set && !unit->policy && !unit->on_loss);
        apply(unit, "BPFPolicy", "wanted");
        apply(unit, "BPFPolicy", "optional");
        apply(unit, "BPFRepair", "off");
        apply(unit, "BPFOnLoss", "stop");
        ck_assert_uint_eq(unit->wishes->len, 0);
        ck_assert_str_eq(unit->policy, "optional");
        ck_assert_str_eq(unit->on_loss, "stop");
        ck_assert(!unit->repair && unit->repair_set);
        /* a bad one leaves the good one in force and is shown */
        apply(unit, "BPFPolicy", "none");
        ck_assert_uint_eq(unit->wishes->len, 1);
        ck_assert_str_eq(unit->policy, "optional");
        apply(unit, "BPFPolicy", "");
        apply(unit, "BPFRepair", "");
        apply(unit, "BPFOnLoss", "");
        ck_assert_uint_eq(unit->wishes->len, 0);
        ck_assert(unit->repair && !unit->repair_set && !unit->policy && !unit->on_loss);
        (void)unit_wish_free(unit);
}
END_TEST

START_TEST(an_empty_value_takes_back_its_own_list_only)
{
        UnitWish *unit = unit_wish_new("a.service");
        static const char *const left[] = { "IPIngressFilterPath", "BPFVariable", "Unknown" };

        apply(unit, "BPFProgram", "egress:/a");
        apply(unit, "BPFProgram", "bad");
        apply(unit, "IPIngressFilterPath", "/b");
        apply(unit, "BPFVariable", "x=1");
        apply(unit, "IPAddressDeny", "any");
        apply(unit, "Unknown", "x");
        apply(unit, "X-Other", "x");
        ck_assert_uint_eq(unit->wishes->len, 6);
        apply(unit, "BPFProgram", "");
        apply(unit, "IPAddressDeny", "");
        ck_assert_uint_eq(unit->wishes->len, ELEMENTS(left));
        for (size_t i = 0; i < ELEMENTS(left); i++) {
                const Wish *wish = g_ptr_array_index(unit->wishes, i);

                ck_assert_str_eq(wish->key, left[i]);
        }
        (void)unit_wish_free(unit);
}
END_TEST

/* Every name of the table is a directive: an empty value of it is a reset and never a failure. */
START_TEST(all_names_are_known)
{
        UnitWish *unit = unit_wish_new("a.service");
        size_t n = 0;

        for (const char *const *name = directive_names(); *name; name++, n++)
                apply(unit, *name, "");
        ck_assert_uint_eq(n, 19);
        ck_assert_uint_eq(unit->wishes->len, 0);
        (void)unit_wish_free(unit);
}
END_TEST

START_TEST(all_options_are_known)
{
        size_t n = 0;

        for (const char *const *name = directive_option_names(); *name; name++, n++) {
                const char *value = strcmp(*name, "via=") == 0     ? "link"
                                    : g_str_has_suffix(*name, "=") ? "a.service"
                                                                   : "";
                g_autofree char *line = g_strdup_printf("egress,%s%s:/a", *name, value);
                const Wish *wish;
                _cleanup_(unit_wish_free_ptr)
                        _unused_ UnitWish *unit = apply_one("BPFProgram", line, &wish);

                ck_assert_msg(
                        wish->kind == WISH_PROGRAM || strstr(wish->error, "this build"), "%s: %s",
                        line, text(wish->error)
                );
        }
        ck_assert_uint_eq(n, 15);
}
END_TEST

CHECK_MAIN(
        "units/directive",
        20,
        program_lines_split_at_the_first_colon_and_the_last_hash,
        filter_paths_are_programs_of_their_direction,
        a_bad_line_is_a_failed_wish_that_says_why,
        what_this_build_cannot_do_says_so_and_only_if_it_is_well_written,
        a_half_understood_program_keeps_what_was_understood,
        variables_are_words_with_an_optional_stem,
        one_bad_word_does_not_spoil_the_others,
        maps_have_a_name_and_a_path_without_dots_of_specifiers,
        settings_make_no_wish_and_the_last_one_counts,
        an_empty_value_takes_back_its_own_list_only,
        all_names_are_known,
        all_options_are_known
)
