/* SPDX-License-Identifier: GPL-2.0-only */

/* One program that is right and one that is not, with a map of their own. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, __u64);
} calls SEC(".maps");

SEC("cgroup_skb/egress")
int good(struct __sk_buff *skb) {
        __u32 key = 0;
        __u64 *n = bpf_map_lookup_elem(&calls, &key);

        if (n)
                __sync_fetch_and_add(n, 1);
        return 1;
}

SEC("cgroup_skb/ingress")
int bad(struct __sk_buff *skb) {
        __u32 key = skb->len;
        __u64 *n = bpf_map_lookup_elem(&calls, &key);

        return *n & 1; /* not checked */
}

char _license[] SEC("license") = "GPL";
