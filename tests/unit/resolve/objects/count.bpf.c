/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two programs for one program type, one for another; a map and variables to be set. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, __u64);
} packets SEC(".maps");

const volatile __u32 limit = 1;
__u64 offset;

SEC("cgroup_skb/egress")
int count_out(struct __sk_buff *skb) {
        __u64 *n = bpf_map_lookup_elem(&packets, &(__u32){ 0 });

        if (n)
                *n += limit + offset;
        return 1;
}

SEC("cgroup/connect4")
int first_connect(struct bpf_sock_addr *address) {
        return 1;
}

SEC("cgroup/connect4")
int second_connect(struct bpf_sock_addr *address) {
        return 1;
}

char _license[] SEC("license") = "GPL";
