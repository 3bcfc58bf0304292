/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Only constants: nothing of it changes while it runs. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

const volatile __u32 mark = 1;
extern int CONFIG_HZ __kconfig;

SEC("cgroup/sock_create") int tag(struct bpf_sock *socket) {
        socket->mark = mark + CONFIG_HZ;
        return 1;
}

char _license[] SEC("license") = "Dual BSD/GPL";
