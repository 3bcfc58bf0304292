/* SPDX-License-Identifier: GPL-2.0-only */

/* Goes round until a random number comes up: no end that can be proved. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("cgroup_skb/egress")
int endless_loop(struct __sk_buff *skb) {
        while (bpf_get_prandom_u32() != 7)
                ;
        return 1;
}

char _license[] SEC("license") = "GPL";
