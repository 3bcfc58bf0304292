/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One program and nothing else: no state. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("cgroup/sock_create")
int pass(struct bpf_sock *socket) {
        return 1;
}

char _license[] SEC("license") = "GPL";
