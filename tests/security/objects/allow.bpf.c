/* SPDX-License-Identifier: GPL-2.0-only */

/* Lets everything through, in as many ways as a foreign program is wanted for. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("cgroup/connect4")
int allow_connect4(struct bpf_sock_addr *context) {
        return 1;
}

SEC("cgroup_skb/egress")
int allow_egress(struct __sk_buff *skb) {
        return 1;
}

char _license[] SEC("license") = "GPL";
