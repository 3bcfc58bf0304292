/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two programs for one hook, no state. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("cgroup_skb/egress") int allow(void *context) {
        return 1;
}

SEC("cgroup_skb/egress") int refuse(void *context) {
        return 0;
}

SEC("sockops") int tune(void *context) {
        return 1;
}

char _license[] SEC("license") = "GPL";
