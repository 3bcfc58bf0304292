/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the kernel has and the oldest supported headers (Linux 6.1) do not: flags, link types, attach types and the
 * tails of the bpf(2) attributes. The numbers are kernel interface and never change; the names are our own, so that
 * newer headers do not clash with them. This file may shrink whenever the oldest supported headers move on.
 *
 * UapiAttr is larger than any attribute a kernel knows and is always passed whole and zeroed: some kernels
 * (CVE-2026-74371: 6.17.0 to 6.18.39, 6.19 to 7.1.4) write query.revision at offset 56 whatever size the caller
 * named, and older kernels accept a longer attribute as long as the unknown rest is zero. */

#include <assert.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/* Flags of PROG_ATTACH and LINK_CREATE beside BPF_F_ALLOW_OVERRIDE, BPF_F_ALLOW_MULTI and BPF_F_REPLACE. */
#define UAPI_F_BEFORE   (1U << 3)
#define UAPI_F_AFTER    (1U << 4)
#define UAPI_F_ID       (1U << 5)
#define UAPI_F_PREORDER (1U << 6)
#define UAPI_F_LINK     (1U << 13)

/* Attach types behind those of Linux 6.1. */
enum {
        UAPI_TCX_INGRESS = 46,
        UAPI_TCX_EGRESS = 47,
        UAPI_TRACE_UPROBE_MULTI = 48,
        UAPI_CGROUP_UNIX_CONNECT = 49,
        UAPI_CGROUP_UNIX_SENDMSG = 50,
        UAPI_CGROUP_UNIX_RECVMSG = 51,
        UAPI_CGROUP_UNIX_GETPEERNAME = 52,
        UAPI_CGROUP_UNIX_GETSOCKNAME = 53,
        UAPI_NETKIT_PRIMARY = 54,
        UAPI_NETKIT_PEER = 55,
        UAPI_TRACE_KPROBE_SESSION = 56,
        UAPI_TRACE_UPROBE_SESSION = 57,
};

/* Link types behind those of Linux 6.1. */
enum {
        UAPI_LINK_TYPE_NETFILTER = 10,
        UAPI_LINK_TYPE_TCX = 11,
        UAPI_LINK_TYPE_UPROBE_MULTI = 12,
        UAPI_LINK_TYPE_NETKIT = 13,
        UAPI_LINK_TYPE_SOCKMAP = 14,
};

/* Start as { .bytes = { 0 } }, which zeroes all of it, then set fields. */
typedef union UapiAttr {
        uint8_t bytes[256];
        union bpf_attr known;
        struct {
                uint32_t target; /* descriptor or interface index, as attach_type says */
                uint32_t prog_fd;
                uint32_t attach_type;
                uint32_t flags;
                uint32_t replace_prog_fd;
                uint32_t anchor; /* descriptor or, with UAPI_F_ID, id */
                uint64_t expected_revision;
        } attach; /* BPF_PROG_ATTACH, BPF_PROG_DETACH */
        struct {
                uint32_t target;
                uint32_t attach_type;
                uint32_t query_flags;
                uint32_t attach_flags;
                uint64_t prog_ids;
                uint32_t count;
                uint32_t padding;
                uint64_t prog_attach_flags;
                uint64_t link_ids;
                uint64_t link_attach_flags;
                uint64_t revision;
        } query; /* BPF_PROG_QUERY */
        struct {
                uint32_t prog_fd;
                uint32_t target;
                uint32_t attach_type;
                uint32_t flags;
                uint32_t anchor;
                uint32_t padding;
                uint64_t expected_revision;
        } link_create; /* BPF_LINK_CREATE for cgroups and tcx */
} UapiAttr;

static_assert(sizeof(union bpf_attr) <= sizeof(UapiAttr), "headers know a larger attribute");
static_assert(offsetof(UapiAttr, attach.expected_revision) == 24, "layout of the kernel");
static_assert(offsetof(UapiAttr, query.revision) == 56, "layout of the kernel");
static_assert(offsetof(UapiAttr, link_create.expected_revision) == 24, "layout of the kernel");
