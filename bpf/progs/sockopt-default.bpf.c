/* SPDX-License-Identifier: GPL-2.0-only */

/* Gives every socket a unit makes a priority and a mark before its first packet, and keeps SO_MARK out of the
 * unit's hands: BPFVariable=priority=6, BPFVariable=mark=42 (0 leaves either alone). */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define SOL_SOCKET 1
#define SO_MARK    36

const volatile __u32 priority = 0;
const volatile __u32 mark = 0;

SEC("cgroup/sock_create")
int sockopt_default(struct bpf_sock *sock) {
        if (priority)
                sock->priority = priority;
        if (mark)
                sock->mark = mark;
        return 1;
}

SEC("cgroup/setsockopt")
int sockopt_keep(struct bpf_sockopt *ctx) {
        if (mark && ctx->level == SOL_SOCKET && ctx->optname == SO_MARK)
                return 0;
        return 1;
}

char _license[] SEC("license") = "GPL";
