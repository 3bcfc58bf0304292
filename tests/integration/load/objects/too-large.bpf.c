/* SPDX-License-Identifier: GPL-2.0-only */

/* Ends, but not before more steps than the verifier follows. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("cgroup_skb/egress")
int too_large(struct __sk_buff *skb) {
        volatile __u64 sum = 0;

        for (__u32 i = 0; i < 100000000; i++)
                sum += i;
        return sum & 1;
}

char _license[] SEC("license") = "GPL";
