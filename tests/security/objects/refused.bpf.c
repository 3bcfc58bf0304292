/* SPDX-License-Identifier: GPL-2.0-only */

/* Follows a pointer that may be NULL, which no verifier takes. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, 4);
        __type(key, __u32);
        __type(value, __u64);
} table SEC(".maps");

SEC("cgroup/connect4")
int follow_null(struct bpf_sock_addr *context) {
        __u32 key = context->user_port;
        __u64 *value = bpf_map_lookup_elem(&table, &key);

        return *value ? 1 : 0;
}

char _license[] SEC("license") = "GPL";
