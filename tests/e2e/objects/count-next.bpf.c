/* SPDX-License-Identifier: GPL-2.0-only */

/* The next version of count.bpf.c: other instructions, the same map. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct traffic {
        __u64 packets;
        __u64 bytes;
};

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 2);
        __type(key, __u32);
        __type(value, struct traffic);
} traffic SEC(".maps");

static __always_inline int count(const struct __sk_buff *skb, __u32 direction) {
        struct traffic *t = bpf_map_lookup_elem(&traffic, &direction);

        if (!t)
                return 1;
        __sync_fetch_and_add(&t->bytes, skb->len + 1000000);
        __sync_fetch_and_add(&t->packets, 1);
        return 1;
}

SEC("cgroup_skb/ingress")
int count_ingress(struct __sk_buff *skb) {
        return count(skb, 0);
}

SEC("cgroup_skb/egress")
int count_egress(struct __sk_buff *skb) {
        return count(skb, 1);
}

char _license[] SEC("license") = "GPL";
