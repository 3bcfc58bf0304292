/* SPDX-License-Identifier: GPL-2.0-only */

/* Sections libbpf 1.1 has never heard of, and one without a meaning: the hook of the request decides. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("cgroup/connect_unix")
int unix_deny(struct bpf_sock_addr *ctx) {
        return 0;
}

SEC("mine")
int any_egress(struct __sk_buff *skb) {
        return 1;
}

SEC("?cgroup/sock_release")
int released(struct bpf_sock *sock) {
        return 1;
}

char _license[] SEC("license") = "GPL";
