/* SPDX-License-Identifier: GPL-2.0-only */

/* A counter that the kernel keeps for each cgroup and attach type. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
        __uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
        __type(key, struct bpf_cgroup_storage_key);
        __type(value, __u64);
} counter SEC(".maps");

SEC("cgroup_skb/egress")
int stored(struct __sk_buff *skb) {
        __u64 *n = bpf_get_local_storage(&counter, 0);

        __sync_fetch_and_add(n, 1);
        return 1;
}

char _license[] SEC("license") = "GPL";
