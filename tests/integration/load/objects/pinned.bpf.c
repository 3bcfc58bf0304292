/* SPDX-License-Identifier: GPL-2.0-only */

/* A map that asks to be pinned by its name. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, __u64);
        __uint(pinning, LIBBPF_PIN_BY_NAME);
} kept SEC(".maps");

SEC("cgroup/sock_create")
int note(struct bpf_sock *sock) {
        __u32 key = 0;
        __u64 *n = bpf_map_lookup_elem(&kept, &key);

        if (n)
                __sync_fetch_and_add(n, 1);
        return 1;
}

char _license[] SEC("license") = "GPL";
