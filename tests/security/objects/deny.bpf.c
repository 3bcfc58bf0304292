/* SPDX-License-Identifier: GPL-2.0-only */

/* Refuses every connection. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("cgroup/connect4")
int deny_connect4(struct bpf_sock_addr *context) {
        return 0;
}

char _license[] SEC("license") = "GPL";
