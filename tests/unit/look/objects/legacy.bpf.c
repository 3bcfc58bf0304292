/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A map the way of libbpf before 1.0. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
        unsigned int type, key_size, value_size, max_entries, map_flags;
} old SEC("maps") = { BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0 };

SEC("cgroup_skb/egress") int count(void *context) {
        __u32 key = 0;

        return bpf_map_lookup_elem(&old, &key) ? 1 : 0;
}

char _license[] SEC("license") = "GPL";
