/* SPDX-License-Identifier: GPL-2.0-only */

/* Refuses to make sockets: one program those of IPv4, the other those of IPv6, so that two owners can be watched on
 * one process. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define AF_INET  2
#define AF_INET6 10

SEC("cgroup/sock_create")
int refuse_inet(struct bpf_sock *socket) {
        return socket->family != AF_INET;
}

SEC("cgroup/sock_create")
int refuse_inet6(struct bpf_sock *socket) {
        return socket->family != AF_INET6;
}

char _license[] SEC("license") = "GPL";
