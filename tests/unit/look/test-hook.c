/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hook table walked both ways. The uapi numbers are compared with the kernel's header as far as it
 * knows them; the younger ones (UNIX hooks, tcx) are pinned to what a 6.18 kernel answered to. */

#include <ctype.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "bpf/look/hook.h"
#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "tests/unit/check-main.h"

/* Written independently of the table: canonical name, uapi enumerator, number, program type. */
static const struct {
        Hook hook;
        const char *name, *uapi;
        uint32_t attach_type, prog_type;
} known[] = {
#define KNOWN(hook, name, attach_type, prog_type) \
        { HOOK_##hook, name, #attach_type, attach_type, prog_type }
        KNOWN(INGRESS, "ingress", BPF_CGROUP_INET_INGRESS, BPF_PROG_TYPE_CGROUP_SKB),
        KNOWN(EGRESS, "egress", BPF_CGROUP_INET_EGRESS, BPF_PROG_TYPE_CGROUP_SKB),
        KNOWN(SOCK_CREATE, "sock_create", BPF_CGROUP_INET_SOCK_CREATE, BPF_PROG_TYPE_CGROUP_SOCK),
        KNOWN(SOCK_RELEASE, "sock_release", BPF_CGROUP_INET_SOCK_RELEASE, BPF_PROG_TYPE_CGROUP_SOCK
        ),
        KNOWN(SOCK_OPS, "sock_ops", BPF_CGROUP_SOCK_OPS, BPF_PROG_TYPE_SOCK_OPS),
        KNOWN(DEVICE, "device", BPF_CGROUP_DEVICE, BPF_PROG_TYPE_CGROUP_DEVICE),
        KNOWN(BIND4, "bind4", BPF_CGROUP_INET4_BIND, BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        KNOWN(BIND6, "bind6", BPF_CGROUP_INET6_BIND, BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        KNOWN(CONNECT4, "connect4", BPF_CGROUP_INET4_CONNECT, BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        KNOWN(CONNECT6, "connect6", BPF_CGROUP_INET6_CONNECT, BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        KNOWN(POST_BIND4, "post_bind4", BPF_CGROUP_INET4_POST_BIND, BPF_PROG_TYPE_CGROUP_SOCK),
        KNOWN(POST_BIND6, "post_bind6", BPF_CGROUP_INET6_POST_BIND, BPF_PROG_TYPE_CGROUP_SOCK),
        KNOWN(SENDMSG4, "sendmsg4", BPF_CGROUP_UDP4_SENDMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        KNOWN(SENDMSG6, "sendmsg6", BPF_CGROUP_UDP6_SENDMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        KNOWN(SYSCTL, "sysctl", BPF_CGROUP_SYSCTL, BPF_PROG_TYPE_CGROUP_SYSCTL),
        KNOWN(RECVMSG4, "recvmsg4", BPF_CGROUP_UDP4_RECVMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        KNOWN(RECVMSG6, "recvmsg6", BPF_CGROUP_UDP6_RECVMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        KNOWN(GETSOCKOPT, "getsockopt", BPF_CGROUP_GETSOCKOPT, BPF_PROG_TYPE_CGROUP_SOCKOPT),
        KNOWN(SETSOCKOPT, "setsockopt", BPF_CGROUP_SETSOCKOPT, BPF_PROG_TYPE_CGROUP_SOCKOPT),
        KNOWN(GETPEERNAME4,
              "getpeername4",
              BPF_CGROUP_INET4_GETPEERNAME,
              BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        KNOWN(GETPEERNAME6,
              "getpeername6",
              BPF_CGROUP_INET6_GETPEERNAME,
              BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        KNOWN(GETSOCKNAME4,
              "getsockname4",
              BPF_CGROUP_INET4_GETSOCKNAME,
              BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        KNOWN(GETSOCKNAME6,
              "getsockname6",
              BPF_CGROUP_INET6_GETSOCKNAME,
              BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        KNOWN(LSM_CGROUP, "lsm_cgroup", BPF_LSM_CGROUP, BPF_PROG_TYPE_LSM),
        KNOWN(SK_LOOKUP, "sk_lookup", BPF_SK_LOOKUP, BPF_PROG_TYPE_SK_LOOKUP),
        KNOWN(FLOW_DISSECTOR, "flow_dissector", BPF_FLOW_DISSECTOR, BPF_PROG_TYPE_FLOW_DISSECTOR),
        KNOWN(XDP, "xdp", BPF_XDP, BPF_PROG_TYPE_XDP),
#undef KNOWN
#define YOUNG(hook, name, uapi, attach_type, prog_type) \
        { HOOK_##hook, name, uapi, attach_type, prog_type }
        YOUNG(CONNECT_UNIX,
              "connect_unix",
              "BPF_CGROUP_UNIX_CONNECT",
              49,
              BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        YOUNG(SENDMSG_UNIX,
              "sendmsg_unix",
              "BPF_CGROUP_UNIX_SENDMSG",
              50,
              BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        YOUNG(RECVMSG_UNIX,
              "recvmsg_unix",
              "BPF_CGROUP_UNIX_RECVMSG",
              51,
              BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        YOUNG(GETPEERNAME_UNIX,
              "getpeername_unix",
              "BPF_CGROUP_UNIX_GETPEERNAME",
              52,
              BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        YOUNG(GETSOCKNAME_UNIX,
              "getsockname_unix",
              "BPF_CGROUP_UNIX_GETSOCKNAME",
              53,
              BPF_PROG_TYPE_CGROUP_SOCK_ADDR),
        YOUNG(TC_INGRESS, "tc_ingress", "BPF_TCX_INGRESS", 46, BPF_PROG_TYPE_SCHED_CLS),
        YOUNG(TC_EGRESS, "tc_egress", "BPF_TCX_EGRESS", 47, BPF_PROG_TYPE_SCHED_CLS),
#undef YOUNG
};

START_TEST(every_hook_is_what_the_kernel_header_says)
{
        bool seen[_HOOK_MAX] = {};

        ck_assert_uint_eq(ELEMENTS(known), _HOOK_MAX);
        for (size_t i = 0; i < ELEMENTS(known); i++) {
                const HookInfo *info = hook_info(known[i].hook);

                ck_assert(!seen[known[i].hook]);
                seen[known[i].hook] = true;
                ck_assert_str_eq(info->name, known[i].name);
                ck_assert_str_eq(info->uapi, known[i].uapi + strlen("BPF_"));
                ck_assert_uint_eq(info->attach_type, known[i].attach_type);
                ck_assert_uint_eq(info->prog_type, known[i].prog_type);
                ck_assert_int_eq(hook_from_attach_type(known[i].attach_type), known[i].hook);
        }
}
END_TEST

/* Collects every spelling the contract promises for a hook; returns how many. */
static size_t spellings(Hook hook, char out[][64]) {
        const HookInfo *info = hook_info(hook);
        const char *bare = text_after_prefix(info->uapi, "CGROUP_");
        size_t n = 0;

        (void)snprintf(out[n++], 64, "%s", info->name);
        (void)snprintf(out[n++], 64, "%s", info->libbpf);
        (void)snprintf(out[n++], 64, "%s", info->section);
        (void)snprintf(out[n++], 64, "%s", info->uapi);
        (void)snprintf(out[n++], 64, "BPF_%s", info->uapi);
        (void)snprintf(out[n++], 64, "%s", bare ? bare : info->uapi);
        (void)snprintf(out[n++], 64, "%u", info->attach_type);
        return n;
}

static void swap_case(char *text) {
        for (; *text; text++)
                *text = (char
                )(islower((unsigned char)*text) ? toupper((unsigned char)*text)
                                                : tolower((unsigned char)*text));
}

START_TEST(every_spelling_leads_to_its_hook_and_no_other)
{
        for (size_t i = 0; i < _HOOK_MAX; i++) {
                char words[8][64];
                size_t n = spellings((Hook)i, words);

                ck_assert_int_eq(hook_from_string(hook_to_string((Hook)i)), i);
                for (size_t k = 0; k < n; k++) {
                        ck_assert_msg(hook_from_string(words[k]) == (Hook)i, "%s", words[k]);
                        swap_case(words[k]);
                        ck_assert_msg(hook_from_string(words[k]) == (Hook)i, "%s", words[k]);
                }
        }
        for (size_t i = 0; i < _HOOK_MAX; i++) {
                char mine[8][64];
                size_t n = spellings((Hook)i, mine);

                for (size_t j = 0; j < _HOOK_MAX; j++) {
                        char theirs[8][64];
                        size_t m = i == j ? 0 : spellings((Hook)j, theirs);

                        for (size_t a = 0; a < n; a++)
                                for (size_t b = 0; b < m; b++)
                                        ck_assert_str_ne(mine[a], theirs[b]);
                }
        }
}
END_TEST

START_TEST(aliases_of_the_field_are_taken)
{
        static const struct {
                const char *name;
                Hook hook;
        } cases[] = {
                { "dev", HOOK_DEVICE },
                { "cgroup/dev", HOOK_DEVICE },
                { "sockops", HOOK_SOCK_OPS },
                { "cgroup/sock", HOOK_SOCK_CREATE },
                { "unix_connect", HOOK_CONNECT_UNIX },
                { "unix_getsockname", HOOK_GETSOCKNAME_UNIX },
                { "cgroup_skb/egress", HOOK_EGRESS },
                { "BPF_CGROUP_INET4_CONNECT", HOOK_CONNECT4 },
                { "Inet4_Connect", HOOK_CONNECT4 },
                { "cgroup_inet4_connect", HOOK_CONNECT4 },
                { "tc/ingress", HOOK_TC_INGRESS },
                { "tc/egress", HOOK_TC_EGRESS },
                { "xdp.frags", HOOK_XDP },
                { "0", HOOK_INGRESS },
                { "53", HOOK_GETSOCKNAME_UNIX },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++)
                ck_assert_msg(
                        hook_from_string(cases[i].name) == cases[i].hook, "%s", cases[i].name
                );
}
END_TEST

START_TEST(ambiguous_and_unknown_names_are_refused)
{
        static const char *const words[] = {
                "cgroup/skb",
                "cgroup_skb",
                "CGROUP_SKB",
                "cgroup_sock",
                "cgroup_sock_addr",
                "cgroup_sockopt",
                "lsm",
                "tc",
                "tcx",
                "classifier",
                "ingres",
                "ing",
                "conn",
                "connect",
                "bind",
                "",
                " ingress",
                "ingress ",
                "BPF_",
                "BPF_CGROUP_",
                "CGROUP_",
                "BPF_INET4_CONNECT",
                "7",
                "41",
                "54",
                "00",
                "+0",
                "-1",
                "0x0",
                "4294967296",
                "lsm_cgroup/",
                "lsm_cgroup/socket_bind",
                "?xdp",
        };

        for (size_t i = 0; i < ELEMENTS(words); i++)
                ck_assert_msg(hook_from_string(words[i]) == _HOOK_INVALID, "%s", words[i]);
        ck_assert_int_eq(hook_from_string(NULL), _HOOK_INVALID);
        ck_assert_int_eq(hook_from_section(NULL), _HOOK_INVALID);
        ck_assert_ptr_null(hook_info(_HOOK_INVALID));
        ck_assert_ptr_null(hook_info(_HOOK_MAX));
        ck_assert_ptr_null(hook_to_string(_HOOK_INVALID));
        ck_assert_int_eq(hook_from_attach_type(7), _HOOK_INVALID); /* BPF_SK_MSG_VERDICT */
        ck_assert_int_eq(hook_from_attach_type(UINT32_MAX), _HOOK_INVALID);
}
END_TEST

START_TEST(names_are_listed_in_order_and_end_with_null)
{
        const char *const *names = hook_names();

        for (size_t i = 0; i < _HOOK_MAX; i++)
                ck_assert_str_eq(names[i], hook_to_string((Hook)i));
        ck_assert_ptr_null(names[_HOOK_MAX]);
}
END_TEST

START_TEST(target_and_origin_follow_from_the_hook)
{
        size_t cgroup = 0, systemd = 0;

        for (size_t i = 0; i < _HOOK_MAX; i++) {
                const HookInfo *info = hook_info((Hook)i);

                cgroup += info->target == HOOK_TARGET_CGROUP;
                systemd += info->systemd;
                ck_assert_ptr_nonnull(info->what);
                ck_assert(strchr(info->since, '.'));
        }
        ck_assert_uint_eq(cgroup, 29); /* all cgroup types of the 6.18 uapi */
        ck_assert_uint_eq(systemd, 18);
        ck_assert_int_eq(hook_info(HOOK_XDP)->target, HOOK_TARGET_INTERFACE);
        ck_assert_int_eq(hook_info(HOOK_TC_EGRESS)->target, HOOK_TARGET_INTERFACE);
        ck_assert_int_eq(hook_info(HOOK_SK_LOOKUP)->target, HOOK_TARGET_NETNS);
        ck_assert_int_eq(hook_info(HOOK_FLOW_DISSECTOR)->target, HOOK_TARGET_NETNS);
        ck_assert(hook_info(HOOK_EGRESS)->socket_birth_cgroup);
        ck_assert(!hook_info(HOOK_SOCK_CREATE)->socket_birth_cgroup);
        ck_assert(!hook_info(HOOK_DEVICE)->socket_birth_cgroup);
        ck_assert(!hook_info(HOOK_SYSCTL)->socket_birth_cgroup);
}
END_TEST

START_TEST(sections_name_their_hook)
{
        for (size_t i = 0; i < _HOOK_MAX; i++) {
                const HookInfo *info = hook_info((Hook)i);
                char marked[64];

                (void)snprintf(marked, sizeof marked, "?%s", info->section);
                ck_assert_int_eq(hook_from_section(info->section), i);
                ck_assert_int_eq(hook_from_section(marked), i);
                ck_assert(hook_section_fits(info->section, (Hook)i));
                ck_assert(hook_section_fits(marked, (Hook)i));
        }
        ck_assert_int_eq(hook_from_section("lsm_cgroup/socket_bind"), HOOK_LSM_CGROUP);
        ck_assert_int_eq(hook_from_section("?lsm_cgroup/socket_bind"), HOOK_LSM_CGROUP);
        ck_assert_int_eq(hook_from_section("cgroup/connect4/more"), _HOOK_INVALID);
        ck_assert_int_eq(hook_from_section("CGROUP/CONNECT4"), _HOOK_INVALID);
        ck_assert_int_eq(hook_from_section("??xdp"), _HOOK_INVALID);
        ck_assert_int_eq(hook_from_section("xdp/devmap"), _HOOK_INVALID);
        ck_assert_int_eq(hook_from_section("cgroup/skb"), _HOOK_INVALID);
        ck_assert_int_eq(hook_from_section("dev"), _HOOK_INVALID);
        ck_assert_int_eq(hook_from_section("egress"), _HOOK_INVALID);
        ck_assert_int_eq(hook_from_section(""), _HOOK_INVALID);
}
END_TEST

/* "eat" of the measured table: who was loaded without an expected attach type fits all hooks of its program
 * type that need none; who needs one fits that hook alone. */
START_TEST(a_section_fits_other_hooks_only_where_the_kernel_lets_it)
{
        ck_assert(hook_section_fits("cgroup_skb/ingress", HOOK_EGRESS));
        ck_assert(hook_section_fits("cgroup_skb/egress", HOOK_INGRESS));
        ck_assert(hook_section_fits("cgroup/skb", HOOK_INGRESS));
        ck_assert(hook_section_fits("?cgroup/skb", HOOK_EGRESS));
        ck_assert(!hook_section_fits("cgroup/skb", HOOK_SOCK_OPS));
        ck_assert(hook_section_fits("cgroup/sock", HOOK_SOCK_CREATE));
        ck_assert(!hook_section_fits("cgroup/sock", HOOK_POST_BIND4));
        ck_assert(!hook_section_fits("cgroup/post_bind4", HOOK_SOCK_CREATE));
        ck_assert(!hook_section_fits("cgroup/sock_release", HOOK_SOCK_CREATE));
        ck_assert(!hook_section_fits("cgroup/connect4", HOOK_CONNECT6));
        ck_assert(!hook_section_fits("cgroup/getsockopt", HOOK_SETSOCKOPT));
        ck_assert(hook_section_fits("tc", HOOK_TC_INGRESS));
        ck_assert(hook_section_fits("classifier", HOOK_TC_EGRESS));
        ck_assert(hook_section_fits("tc/ingress", HOOK_TC_EGRESS));
        ck_assert(!hook_section_fits("tc", HOOK_EGRESS));
        ck_assert(!hook_section_fits("xdp", HOOK_TC_INGRESS));
        ck_assert(!hook_section_fits("prog", HOOK_EGRESS));
        ck_assert(!hook_section_fits("kprobe/do_exit", HOOK_EGRESS));
        ck_assert(!hook_section_fits(NULL, HOOK_EGRESS));
        ck_assert(!hook_section_fits("cgroup_skb/egress", _HOOK_INVALID));
        ck_assert(!hook_section_fits("prog", _HOOK_INVALID));
}
END_TEST

START_TEST(types_have_bpftools_names)
{
        ck_assert_str_eq(program_type_to_string(BPF_PROG_TYPE_CGROUP_SKB), "cgroup_skb");
        ck_assert_str_eq(program_type_to_string(BPF_PROG_TYPE_CGROUP_SOCKOPT), "cgroup_sockopt");
        ck_assert_str_eq(program_type_to_string(BPF_PROG_TYPE_SCHED_CLS), "sched_cls");
        ck_assert_str_eq(program_type_to_string(BPF_PROG_TYPE_LSM), "lsm");
        ck_assert_str_eq(program_type_to_string(BPF_PROG_TYPE_SYSCALL), "syscall");
        ck_assert_str_eq(program_type_to_string(32), "netfilter");
        ck_assert_ptr_null(program_type_to_string(33));
        ck_assert_str_eq(map_type_to_string(BPF_MAP_TYPE_HASH), "hash");
        ck_assert_str_eq(map_type_to_string(BPF_MAP_TYPE_LPM_TRIE), "lpm_trie");
        ck_assert_str_eq(map_type_to_string(BPF_MAP_TYPE_CGROUP_STORAGE), "cgroup_storage");
        ck_assert_str_eq(map_type_to_string(BPF_MAP_TYPE_RINGBUF), "ringbuf");
        ck_assert_str_eq(map_type_to_string(BPF_MAP_TYPE_USER_RINGBUF), "user_ringbuf");
        ck_assert_str_eq(map_type_to_string(33), "arena");
        ck_assert_ptr_null(map_type_to_string(UINT32_MAX));
}
END_TEST

CHECK_MAIN(
        "look/hook",
        10,
        every_hook_is_what_the_kernel_header_says,
        every_spelling_leads_to_its_hook_and_no_other,
        aliases_of_the_field_are_taken,
        ambiguous_and_unknown_names_are_refused,
        names_are_listed_in_order_and_end_with_null,
        target_and_origin_follow_from_the_hook,
        sections_name_their_hook,
        a_section_fits_other_hooks_only_where_the_kernel_lets_it,
        types_have_bpftools_names
)
