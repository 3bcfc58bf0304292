/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The hook table: every place of the kernel a program can be attached to for a unit, with all the names
 * it goes by. The kind of target (cgroup, interface, network namespace) follows from the hook and from
 * nothing else: the kernel reads the same attribute word as a cgroup descriptor or as an interface index. */

#include <stdbool.h>
#include <stdint.h>

typedef enum Hook {
        HOOK_INGRESS,
        HOOK_EGRESS,
        HOOK_SOCK_CREATE,
        HOOK_SOCK_RELEASE,
        HOOK_SOCK_OPS,
        HOOK_DEVICE,
        HOOK_BIND4,
        HOOK_BIND6,
        HOOK_CONNECT4,
        HOOK_CONNECT6,
        HOOK_CONNECT_UNIX,
        HOOK_POST_BIND4,
        HOOK_POST_BIND6,
        HOOK_SENDMSG4,
        HOOK_SENDMSG6,
        HOOK_SENDMSG_UNIX,
        HOOK_SYSCTL,
        HOOK_RECVMSG4,
        HOOK_RECVMSG6,
        HOOK_RECVMSG_UNIX,
        HOOK_GETSOCKOPT,
        HOOK_SETSOCKOPT,
        HOOK_GETPEERNAME4,
        HOOK_GETPEERNAME6,
        HOOK_GETPEERNAME_UNIX,
        HOOK_GETSOCKNAME4,
        HOOK_GETSOCKNAME6,
        HOOK_GETSOCKNAME_UNIX,
        HOOK_LSM_CGROUP,
        HOOK_TC_INGRESS,
        HOOK_TC_EGRESS,
        HOOK_SK_LOOKUP,
        HOOK_FLOW_DISSECTOR,
        HOOK_XDP,
        _HOOK_MAX,
        _HOOK_INVALID = -22,
} Hook;

typedef enum HookTarget {
        HOOK_TARGET_CGROUP,
        HOOK_TARGET_INTERFACE,
        HOOK_TARGET_NETNS,
        _HOOK_TARGET_MAX,
} HookTarget;

typedef enum HookExpected {
        HOOK_EXPECTED_NO, /* loads and fits without expected_attach_type */
        HOOK_EXPECTED_ATTACH, /* loads without, but fits this hook only with it */
        HOOK_EXPECTED_LOAD, /* PROG_LOAD refuses it without */
} HookExpected;

typedef struct HookInfo {
        const char *name; /* canonical, systemd's short name where it has one */
        const char *uapi; /* enumerator without BPF_ */
        const char
                *libbpf; /* libbpf_bpf_attach_type_str() of a library that knows it; NULL if none */
        const char *section; /* ELF section libbpf uses for it */
        const char *since; /* upstream release that has it */
        const char *what; /* one short line for people: when the program runs */
        uint32_t attach_type; /* uapi number */
        uint32_t prog_type; /* uapi number */
        HookTarget target;
        HookExpected expected;
        bool socket_birth_cgroup; /* goes by the cgroup the socket was made in, not the caller's */
        bool systemd; /* systemd's BPFProgram= knows the name */
} HookInfo;

/* The row of a hook; NULL for a value outside the table. Static. */
const HookInfo *hook_info(Hook hook);

/* Canonical name; NULL for a value outside the table. */
const char *hook_to_string(Hook hook);

/* Takes any spelling: libbpf's name, the uapi enumerator with or without BPF_ or BPF_CGROUP_, the short name,
 * the section name, the aliases of the field, the decimal number; case is ignored. _HOOK_INVALID if unknown,
 * also for "cgroup/skb", which names a program type only. Unique prefixes are not accepted. */
Hook hook_from_string(const char *name);

/* The hook of a uapi attach type; _HOOK_INVALID if it is none of ours. */
Hook hook_from_attach_type(uint32_t attach_type);

/* The hook an ELF section name stands for, exact in case, without or with libbpf's leading "?". Only lsm_cgroup
 * takes a trailing part ("lsm_cgroup/socket_bind"). _HOOK_INVALID for all else, also for sections that name a
 * program type only ("cgroup/skb", "tc") and for names of the author's own ("prog"). */
Hook hook_from_section(const char *section);

/* May a program of this section be attached to "wanted"? Yes if the section names that hook; if both need no
 * expected attach type and have one program type (cgroup_skb/ingress for egress: the kernel takes it, unless the
 * program says it returns 2 or 3, which only loading shows); if the section names just the program type of such
 * a hook. A section of the author's own fits nothing: its program type is unknown before it is loaded. */
bool hook_section_fits(const char *section, Hook wanted);

/* All canonical names, NULL at the end, for "did you mean" and completion. Static. */
const char *const *hook_names(void);

/* Name of a BPF program type as bpftool prints it ("cgroup_skb"); NULL if unknown. */
const char *program_type_to_string(uint32_t prog_type);

/* Name of a map type as bpftool prints it ("hash", "lpm_trie"); NULL if unknown. */
const char *map_type_to_string(uint32_t map_type);
