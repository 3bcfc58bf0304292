/* SPDX-License-Identifier: GPL-2.0-only */
/* The smallest program there is: what is measured is the way to it. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("cgroup/sock_create")
int pass(struct bpf_sock *sock) {
        return 1;
}

char _license[] SEC("license") = "GPL";
