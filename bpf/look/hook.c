/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hook table. The numbers are written out, since the headers a distribution builds with are often older
 * than the kernel it runs: the UNIX hooks and tcx are missing in those of 6.1. They are uapi and never change;
 * the test compares them with whatever header there is. "expected" was measured, not read from libbpf, which
 * always gives an expected attach type: it says which programs of other sections the kernel would take. */

#include "bpf/look/hook.h"

#include <string.h>
#include <strings.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"

/* Program types of the rows below, uapi numbers. */
enum {
        TYPE_SCHED_CLS = 3,
        TYPE_XDP = 6,
        TYPE_CGROUP_SKB = 8,
        TYPE_CGROUP_SOCK = 9,
        TYPE_SOCK_OPS = 13,
        TYPE_CGROUP_DEVICE = 15,
        TYPE_CGROUP_SOCK_ADDR = 18,
        TYPE_FLOW_DISSECTOR = 22,
        TYPE_CGROUP_SYSCTL = 23,
        TYPE_CGROUP_SOCKOPT = 25,
        TYPE_LSM = 29,
        TYPE_SK_LOOKUP = 30,
};

/* One row: names, then uapi numbers, then what is measured. Fields left out are false, cgroup and "no". */
static const HookInfo hook_table[] = {
        [HOOK_INGRESS] = { .name = "ingress",
                           .uapi = "CGROUP_INET_INGRESS",
                           .libbpf = "cgroup_inet_ingress",
                           .section = "cgroup_skb/ingress",
                           .since = "4.10",
                           .what = "a packet arrives for a socket",
                           .attach_type = 0,
                           .prog_type = TYPE_CGROUP_SKB,
                           .socket_birth_cgroup = true,
                           .systemd = true },
        [HOOK_EGRESS] = { .name = "egress",
                          .uapi = "CGROUP_INET_EGRESS",
                          .libbpf = "cgroup_inet_egress",
                          .section = "cgroup_skb/egress",
                          .since = "4.10",
                          .what = "a socket sends a packet",
                          .attach_type = 1,
                          .prog_type = TYPE_CGROUP_SKB,
                          .socket_birth_cgroup = true,
                          .systemd = true },
        [HOOK_SOCK_CREATE] = { .name = "sock_create",
                               .uapi = "CGROUP_INET_SOCK_CREATE",
                               .libbpf = "cgroup_inet_sock_create",
                               .section = "cgroup/sock_create",
                               .since = "4.10",
                               .what = "a task makes an internet socket",
                               .attach_type = 2,
                               .prog_type = TYPE_CGROUP_SOCK,
                               .systemd = true },
        [HOOK_SOCK_RELEASE] = { .name = "sock_release",
                                .uapi = "CGROUP_INET_SOCK_RELEASE",
                                .libbpf = "cgroup_inet_sock_release",
                                .section = "cgroup/sock_release",
                                .since = "5.9",
                                .what = "an internet socket is closed",
                                .attach_type = 34,
                                .prog_type = TYPE_CGROUP_SOCK,
                                .expected = HOOK_EXPECTED_ATTACH,
                                .socket_birth_cgroup = true },
        [HOOK_SOCK_OPS] = { .name = "sock_ops",
                            .uapi = "CGROUP_SOCK_OPS",
                            .libbpf = "cgroup_sock_ops",
                            .section = "sockops",
                            .since = "4.13",
                            .what = "a TCP connection changes state",
                            .attach_type = 3,
                            .prog_type = TYPE_SOCK_OPS,
                            .socket_birth_cgroup = true,
                            .systemd = true },
        [HOOK_DEVICE] = { .name = "device",
                          .uapi = "CGROUP_DEVICE",
                          .libbpf = "cgroup_device",
                          .section = "cgroup/dev",
                          .since = "4.15",
                          .what = "a task opens or makes a device node",
                          .attach_type = 6,
                          .prog_type = TYPE_CGROUP_DEVICE,
                          .systemd = true },
        [HOOK_BIND4] = { .name = "bind4",
                         .uapi = "CGROUP_INET4_BIND",
                         .libbpf = "cgroup_inet4_bind",
                         .section = "cgroup/bind4",
                         .since = "4.17",
                         .what = "bind() of an IPv4 socket",
                         .attach_type = 8,
                         .prog_type = TYPE_CGROUP_SOCK_ADDR,
                         .expected = HOOK_EXPECTED_LOAD,
                         .socket_birth_cgroup = true,
                         .systemd = true },
        [HOOK_BIND6] = { .name = "bind6",
                         .uapi = "CGROUP_INET6_BIND",
                         .libbpf = "cgroup_inet6_bind",
                         .section = "cgroup/bind6",
                         .since = "4.17",
                         .what = "bind() of an IPv6 socket",
                         .attach_type = 9,
                         .prog_type = TYPE_CGROUP_SOCK_ADDR,
                         .expected = HOOK_EXPECTED_LOAD,
                         .socket_birth_cgroup = true,
                         .systemd = true },
        [HOOK_CONNECT4] = { .name = "connect4",
                            .uapi = "CGROUP_INET4_CONNECT",
                            .libbpf = "cgroup_inet4_connect",
                            .section = "cgroup/connect4",
                            .since = "4.17",
                            .what = "connect() of an IPv4 socket",
                            .attach_type = 10,
                            .prog_type = TYPE_CGROUP_SOCK_ADDR,
                            .expected = HOOK_EXPECTED_LOAD,
                            .socket_birth_cgroup = true,
                            .systemd = true },
        [HOOK_CONNECT6] = { .name = "connect6",
                            .uapi = "CGROUP_INET6_CONNECT",
                            .libbpf = "cgroup_inet6_connect",
                            .section = "cgroup/connect6",
                            .since = "4.17",
                            .what = "connect() of an IPv6 socket",
                            .attach_type = 11,
                            .prog_type = TYPE_CGROUP_SOCK_ADDR,
                            .expected = HOOK_EXPECTED_LOAD,
                            .socket_birth_cgroup = true,
                            .systemd = true },
        [HOOK_CONNECT_UNIX] = { .name = "connect_unix",
                                .uapi = "CGROUP_UNIX_CONNECT",
                                .libbpf = "cgroup_unix_connect",
                                .section = "cgroup/connect_unix",
                                .since = "6.7",
                                .what = "connect() of a unix socket",
                                .attach_type = 49,
                                .prog_type = TYPE_CGROUP_SOCK_ADDR,
                                .expected = HOOK_EXPECTED_LOAD,
                                .socket_birth_cgroup = true },
        [HOOK_POST_BIND4] = { .name = "post_bind4",
                              .uapi = "CGROUP_INET4_POST_BIND",
                              .libbpf = "cgroup_inet4_post_bind",
                              .section = "cgroup/post_bind4",
                              .since = "4.17",
                              .what = "an IPv4 socket got its port",
                              .attach_type = 12,
                              .prog_type = TYPE_CGROUP_SOCK,
                              .expected = HOOK_EXPECTED_ATTACH,
                              .socket_birth_cgroup = true,
                              .systemd = true },
        [HOOK_POST_BIND6] = { .name = "post_bind6",
                              .uapi = "CGROUP_INET6_POST_BIND",
                              .libbpf = "cgroup_inet6_post_bind",
                              .section = "cgroup/post_bind6",
                              .since = "4.17",
                              .what = "an IPv6 socket got its port",
                              .attach_type = 13,
                              .prog_type = TYPE_CGROUP_SOCK,
                              .expected = HOOK_EXPECTED_ATTACH,
                              .socket_birth_cgroup = true,
                              .systemd = true },
        [HOOK_SENDMSG4] = { .name = "sendmsg4",
                            .uapi = "CGROUP_UDP4_SENDMSG",
                            .libbpf = "cgroup_udp4_sendmsg",
                            .section = "cgroup/sendmsg4",
                            .since = "4.18",
                            .what = "an unconnected IPv4 UDP socket sends",
                            .attach_type = 14,
                            .prog_type = TYPE_CGROUP_SOCK_ADDR,
                            .expected = HOOK_EXPECTED_LOAD,
                            .socket_birth_cgroup = true,
                            .systemd = true },
        [HOOK_SENDMSG6] = { .name = "sendmsg6",
                            .uapi = "CGROUP_UDP6_SENDMSG",
                            .libbpf = "cgroup_udp6_sendmsg",
                            .section = "cgroup/sendmsg6",
                            .since = "4.18",
                            .what = "an unconnected IPv6 UDP socket sends",
                            .attach_type = 15,
                            .prog_type = TYPE_CGROUP_SOCK_ADDR,
                            .expected = HOOK_EXPECTED_LOAD,
                            .socket_birth_cgroup = true,
                            .systemd = true },
        [HOOK_SENDMSG_UNIX] = { .name = "sendmsg_unix",
                                .uapi = "CGROUP_UNIX_SENDMSG",
                                .libbpf = "cgroup_unix_sendmsg",
                                .section = "cgroup/sendmsg_unix",
                                .since = "6.7",
                                .what = "a unix datagram socket sends",
                                .attach_type = 50,
                                .prog_type = TYPE_CGROUP_SOCK_ADDR,
                                .expected = HOOK_EXPECTED_LOAD,
                                .socket_birth_cgroup = true },
        [HOOK_SYSCTL] = { .name = "sysctl",
                          .uapi = "CGROUP_SYSCTL",
                          .libbpf = "cgroup_sysctl",
                          .section = "cgroup/sysctl",
                          .since = "5.2",
                          .what = "a task reads or writes a sysctl",
                          .attach_type = 18,
                          .prog_type = TYPE_CGROUP_SYSCTL,
                          .systemd = true },
        [HOOK_RECVMSG4] = { .name = "recvmsg4",
                            .uapi = "CGROUP_UDP4_RECVMSG",
                            .libbpf = "cgroup_udp4_recvmsg",
                            .section = "cgroup/recvmsg4",
                            .since = "5.2",
                            .what = "an IPv4 UDP socket learns who sent",
                            .attach_type = 19,
                            .prog_type = TYPE_CGROUP_SOCK_ADDR,
                            .expected = HOOK_EXPECTED_LOAD,
                            .socket_birth_cgroup = true,
                            .systemd = true },
        [HOOK_RECVMSG6] = { .name = "recvmsg6",
                            .uapi = "CGROUP_UDP6_RECVMSG",
                            .libbpf = "cgroup_udp6_recvmsg",
                            .section = "cgroup/recvmsg6",
                            .since = "5.2",
                            .what = "an IPv6 UDP socket learns who sent",
                            .attach_type = 20,
                            .prog_type = TYPE_CGROUP_SOCK_ADDR,
                            .expected = HOOK_EXPECTED_LOAD,
                            .socket_birth_cgroup = true,
                            .systemd = true },
        [HOOK_RECVMSG_UNIX] = { .name = "recvmsg_unix",
                                .uapi = "CGROUP_UNIX_RECVMSG",
                                .libbpf = "cgroup_unix_recvmsg",
                                .section = "cgroup/recvmsg_unix",
                                .since = "6.7",
                                .what = "a unix datagram socket learns who sent",
                                .attach_type = 51,
                                .prog_type = TYPE_CGROUP_SOCK_ADDR,
                                .expected = HOOK_EXPECTED_LOAD,
                                .socket_birth_cgroup = true },
        [HOOK_GETSOCKOPT] = { .name = "getsockopt",
                              .uapi = "CGROUP_GETSOCKOPT",
                              .libbpf = "cgroup_getsockopt",
                              .section = "cgroup/getsockopt",
                              .since = "5.3",
                              .what = "getsockopt() of a socket",
                              .attach_type = 21,
                              .prog_type = TYPE_CGROUP_SOCKOPT,
                              .expected = HOOK_EXPECTED_LOAD,
                              .socket_birth_cgroup = true,
                              .systemd = true },
        [HOOK_SETSOCKOPT] = { .name = "setsockopt",
                              .uapi = "CGROUP_SETSOCKOPT",
                              .libbpf = "cgroup_setsockopt",
                              .section = "cgroup/setsockopt",
                              .since = "5.3",
                              .what = "setsockopt() of a socket",
                              .attach_type = 22,
                              .prog_type = TYPE_CGROUP_SOCKOPT,
                              .expected = HOOK_EXPECTED_LOAD,
                              .socket_birth_cgroup = true,
                              .systemd = true },
        [HOOK_GETPEERNAME4] = { .name = "getpeername4",
                                .uapi = "CGROUP_INET4_GETPEERNAME",
                                .libbpf = "cgroup_inet4_getpeername",
                                .section = "cgroup/getpeername4",
                                .since = "5.8",
                                .what = "getpeername() of an IPv4 socket",
                                .attach_type = 29,
                                .prog_type = TYPE_CGROUP_SOCK_ADDR,
                                .expected = HOOK_EXPECTED_LOAD,
                                .socket_birth_cgroup = true },
        [HOOK_GETPEERNAME6] = { .name = "getpeername6",
                                .uapi = "CGROUP_INET6_GETPEERNAME",
                                .libbpf = "cgroup_inet6_getpeername",
                                .section = "cgroup/getpeername6",
                                .since = "5.8",
                                .what = "getpeername() of an IPv6 socket",
                                .attach_type = 30,
                                .prog_type = TYPE_CGROUP_SOCK_ADDR,
                                .expected = HOOK_EXPECTED_LOAD,
                                .socket_birth_cgroup = true },
        [HOOK_GETPEERNAME_UNIX] = { .name = "getpeername_unix",
                                    .uapi = "CGROUP_UNIX_GETPEERNAME",
                                    .libbpf = "cgroup_unix_getpeername",
                                    .section = "cgroup/getpeername_unix",
                                    .since = "6.7",
                                    .what = "getpeername() of a unix socket",
                                    .attach_type = 52,
                                    .prog_type = TYPE_CGROUP_SOCK_ADDR,
                                    .expected = HOOK_EXPECTED_LOAD,
                                    .socket_birth_cgroup = true },
        [HOOK_GETSOCKNAME4] = { .name = "getsockname4",
                                .uapi = "CGROUP_INET4_GETSOCKNAME",
                                .libbpf = "cgroup_inet4_getsockname",
                                .section = "cgroup/getsockname4",
                                .since = "5.8",
                                .what = "getsockname() of an IPv4 socket",
                                .attach_type = 31,
                                .prog_type = TYPE_CGROUP_SOCK_ADDR,
                                .expected = HOOK_EXPECTED_LOAD,
                                .socket_birth_cgroup = true },
        [HOOK_GETSOCKNAME6] = { .name = "getsockname6",
                                .uapi = "CGROUP_INET6_GETSOCKNAME",
                                .libbpf = "cgroup_inet6_getsockname",
                                .section = "cgroup/getsockname6",
                                .since = "5.8",
                                .what = "getsockname() of an IPv6 socket",
                                .attach_type = 32,
                                .prog_type = TYPE_CGROUP_SOCK_ADDR,
                                .expected = HOOK_EXPECTED_LOAD,
                                .socket_birth_cgroup = true },
        [HOOK_GETSOCKNAME_UNIX] = { .name = "getsockname_unix",
                                    .uapi = "CGROUP_UNIX_GETSOCKNAME",
                                    .libbpf = "cgroup_unix_getsockname",
                                    .section = "cgroup/getsockname_unix",
                                    .since = "6.7",
                                    .what = "getsockname() of a unix socket",
                                    .attach_type = 53,
                                    .prog_type = TYPE_CGROUP_SOCK_ADDR,
                                    .expected = HOOK_EXPECTED_LOAD,
                                    .socket_birth_cgroup = true },
        [HOOK_LSM_CGROUP] = { .name = "lsm_cgroup",
                              .uapi = "LSM_CGROUP",
                              .libbpf = "lsm_cgroup",
                              .section = "lsm_cgroup",
                              .since = "6.0",
                              .what = "the security hook named by the program is asked",
                              .attach_type = 43,
                              .prog_type = TYPE_LSM,
                              .expected = HOOK_EXPECTED_LOAD },
        [HOOK_TC_INGRESS] = { .name = "tc_ingress",
                              .uapi = "TCX_INGRESS",
                              .libbpf = "tcx_ingress",
                              .section = "tcx/ingress",
                              .since = "6.6",
                              .what = "a packet comes in through the interface",
                              .attach_type = 46,
                              .prog_type = TYPE_SCHED_CLS,
                              .target = HOOK_TARGET_INTERFACE },
        [HOOK_TC_EGRESS] = { .name = "tc_egress",
                             .uapi = "TCX_EGRESS",
                             .libbpf = "tcx_egress",
                             .section = "tcx/egress",
                             .since = "6.6",
                             .what = "a packet goes out through the interface",
                             .attach_type = 47,
                             .prog_type = TYPE_SCHED_CLS,
                             .target = HOOK_TARGET_INTERFACE },
        [HOOK_SK_LOOKUP] = { .name = "sk_lookup",
                             .uapi = "SK_LOOKUP",
                             .libbpf = "sk_lookup",
                             .section = "sk_lookup",
                             .since = "5.9",
                             .what = "the namespace looks for a listening socket",
                             .attach_type = 36,
                             .prog_type = TYPE_SK_LOOKUP,
                             .target = HOOK_TARGET_NETNS,
                             .expected = HOOK_EXPECTED_LOAD },
        [HOOK_FLOW_DISSECTOR] = { .name = "flow_dissector",
                                  .uapi = "FLOW_DISSECTOR",
                                  .libbpf = "flow_dissector",
                                  .section = "flow_dissector",
                                  .since = "4.20",
                                  .what = "the namespace takes a packet header apart",
                                  .attach_type = 17,
                                  .prog_type = TYPE_FLOW_DISSECTOR,
                                  .target = HOOK_TARGET_NETNS },
        [HOOK_XDP] = { .name = "xdp",
                       .uapi = "XDP",
                       .libbpf = "xdp",
                       .section = "xdp",
                       .since = "5.9",
                       .what = "the driver of the interface received a frame",
                       .attach_type = 37,
                       .prog_type = TYPE_XDP,
                       .target = HOOK_TARGET_INTERFACE },
};
_Static_assert(ELEMENTS(hook_table) == _HOOK_MAX, "a hook has no row");

static const char *const hook_name_list[] = {
        [HOOK_INGRESS] = "ingress",
        [HOOK_EGRESS] = "egress",
        [HOOK_SOCK_CREATE] = "sock_create",
        [HOOK_SOCK_RELEASE] = "sock_release",
        [HOOK_SOCK_OPS] = "sock_ops",
        [HOOK_DEVICE] = "device",
        [HOOK_BIND4] = "bind4",
        [HOOK_BIND6] = "bind6",
        [HOOK_CONNECT4] = "connect4",
        [HOOK_CONNECT6] = "connect6",
        [HOOK_CONNECT_UNIX] = "connect_unix",
        [HOOK_POST_BIND4] = "post_bind4",
        [HOOK_POST_BIND6] = "post_bind6",
        [HOOK_SENDMSG4] = "sendmsg4",
        [HOOK_SENDMSG6] = "sendmsg6",
        [HOOK_SENDMSG_UNIX] = "sendmsg_unix",
        [HOOK_SYSCTL] = "sysctl",
        [HOOK_RECVMSG4] = "recvmsg4",
        [HOOK_RECVMSG6] = "recvmsg6",
        [HOOK_RECVMSG_UNIX] = "recvmsg_unix",
        [HOOK_GETSOCKOPT] = "getsockopt",
        [HOOK_SETSOCKOPT] = "setsockopt",
        [HOOK_GETPEERNAME4] = "getpeername4",
        [HOOK_GETPEERNAME6] = "getpeername6",
        [HOOK_GETPEERNAME_UNIX] = "getpeername_unix",
        [HOOK_GETSOCKNAME4] = "getsockname4",
        [HOOK_GETSOCKNAME6] = "getsockname6",
        [HOOK_GETSOCKNAME_UNIX] = "getsockname_unix",
        [HOOK_LSM_CGROUP] = "lsm_cgroup",
        [HOOK_TC_INGRESS] = "tc_ingress",
        [HOOK_TC_EGRESS] = "tc_egress",
        [HOOK_SK_LOOKUP] = "sk_lookup",
        [HOOK_FLOW_DISSECTOR] = "flow_dissector",
        [HOOK_XDP] = "xdp",
        [_HOOK_MAX] = NULL,
};

/* Further names. Those with is_section are ELF section names too, and then exact in case. */
typedef struct HookAlias {
        const char *name;
        Hook hook;
        bool is_section;
} HookAlias;

static const HookAlias hook_aliases[] = {
        { "cgroup/sock", HOOK_SOCK_CREATE, true },
        { "tc/ingress", HOOK_TC_INGRESS, true },
        { "tc/egress", HOOK_TC_EGRESS, true },
        { "xdp.frags", HOOK_XDP, true }, /* the driver may hand over frames in several buffers */
        { "dev", HOOK_DEVICE, false },
};

/* Sections that name a program type and leave the hook open. Such a program is loaded without an expected
 * attach type, so it fits every hook of its type that does not ask for one. */
typedef struct HookSection {
        const char *name;
        uint32_t prog_type;
} HookSection;

static const HookSection open_sections[] = {
        { "cgroup/skb", TYPE_CGROUP_SKB },
        { "tc", TYPE_SCHED_CLS },
        { "classifier", TYPE_SCHED_CLS },
};

const HookInfo *hook_info(Hook hook) {
        return (size_t)hook < ELEMENTS(hook_table) ? &hook_table[hook] : NULL;
}

const char *hook_to_string(Hook hook) {
        return (size_t)hook < ELEMENTS(hook_table) ? hook_table[hook].name : NULL;
}

Hook hook_from_attach_type(uint32_t attach_type) {
        for (size_t i = 0; i < ELEMENTS(hook_table); i++)
                if (hook_table[i].attach_type == attach_type)
                        return (Hook)i;
        return _HOOK_INVALID;
}

/* CGROUP_INET4_BIND, BPF_CGROUP_INET4_BIND or INET4_BIND. */
static bool hook_is_uapi_name(const HookInfo *info, const char *name) {
        const char *bare = text_after_prefix(info->uapi, "CGROUP_");

        if (strncasecmp(name, "BPF_", 4) == 0)
                return strcasecmp(name + 4, info->uapi) == 0;
        return strcasecmp(name, info->uapi) == 0 || (bare && strcasecmp(name, bare) == 0);
}

static bool hook_is_called(const HookInfo *info, const char *name) {
        return (info->libbpf && strcasecmp(name, info->libbpf) == 0) ||
               hook_is_uapi_name(info, name) || strcasecmp(name, info->name) == 0 ||
               strcasecmp(name, info->section) == 0;
}

Hook hook_from_string(const char *name) {
        uint32_t number;

        if (!name)
                return _HOOK_INVALID;
        for (size_t i = 0; i < ELEMENTS(hook_table); i++)
                if (hook_is_called(&hook_table[i], name))
                        return (Hook)i;
        for (size_t i = 0; i < ELEMENTS(hook_aliases); i++)
                if (strcasecmp(name, hook_aliases[i].name) == 0)
                        return hook_aliases[i].hook;
        if (text_to_u32(name, &number) < 0)
                return _HOOK_INVALID;
        return hook_from_attach_type(number);
}

/* A leading "?" tells libbpf not to load the program unasked. It says nothing about the hook. */
static const char *section_without_mark(const char *section) {
        return section[0] == '?' ? section + 1 : section;
}

Hook hook_from_section(const char *section) {
        if (!section)
                return _HOOK_INVALID;
        section = section_without_mark(section);
        for (size_t i = 0; i < ELEMENTS(hook_table); i++)
                if (strcmp(section, hook_table[i].section) == 0)
                        return (Hook)i;
        for (size_t i = 0; i < ELEMENTS(hook_aliases); i++)
                if (hook_aliases[i].is_section && strcmp(section, hook_aliases[i].name) == 0)
                        return hook_aliases[i].hook;
        return text_after_prefix(section, "lsm_cgroup/") ? HOOK_LSM_CGROUP : _HOOK_INVALID;
}

bool hook_section_fits(const char *section, Hook wanted) {
        const HookInfo *info = hook_info(wanted);
        Hook found = hook_from_section(section);

        if (!section || !info)
                return false;
        if (found == wanted)
                return true;
        if (info->expected != HOOK_EXPECTED_NO)
                return false;
        if (found != _HOOK_INVALID)
                return hook_table[found].prog_type == info->prog_type &&
                       hook_table[found].expected == HOOK_EXPECTED_NO;
        section = section_without_mark(section);
        for (size_t i = 0; i < ELEMENTS(open_sections); i++)
                if (strcmp(section, open_sections[i].name) == 0)
                        return open_sections[i].prog_type == info->prog_type;
        return false;
}

const char *const *hook_names(void) {
        return hook_name_list;
}
