/* SPDX-License-Identifier: GPL-2.0-only */

/* Takes a length for an address. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("cgroup_skb/ingress")
int bad_access(struct __sk_buff *skb) {
        const volatile int *p = (const volatile int *)(long)skb->len;

        return *p & 1;
}

char _license[] SEC("license") = "GPL";
