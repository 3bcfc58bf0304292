/* SPDX-License-Identifier: GPL-2.0-only */

/* Calls itself, twice, so that the compiler cannot make a loop of it. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

static __attribute__((noinline)) __u32 descend(struct __sk_buff *skb, __u32 n) {
        if (n < 2 || skb->len < n)
                return 1;
        return descend(skb, n - 1) ^ descend(skb, n / 2);
}

SEC("cgroup_skb/egress")
int recursion(struct __sk_buff *skb) {
        return descend(skb, skb->mark) & 1;
}

char _license[] SEC("license") = "GPL";
