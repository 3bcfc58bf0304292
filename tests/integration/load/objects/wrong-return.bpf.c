/* SPDX-License-Identifier: GPL-2.0-only */

/* Answers what the hook has no meaning for. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("cgroup/sock_create")
int wrong_return(struct bpf_sock *sock) {
        return 5;
}

char _license[] SEC("license") = "GPL";
