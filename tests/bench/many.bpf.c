/* SPDX-License-Identifier: GPL-2.0-only */
/* Eight programs without state for eight hooks, so that a few units make many attachments. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define PASS(hook, name, context)       \
        SEC("cgroup/" #hook)            \
        int name(struct context *ctx) { \
                return 1;               \
        }

PASS(sock_create, pass_sock_create, bpf_sock)
PASS(sock_release, pass_sock_release, bpf_sock)
PASS(post_bind4, pass_post_bind4, bpf_sock)
PASS(post_bind6, pass_post_bind6, bpf_sock)
PASS(bind4, pass_bind4, bpf_sock_addr)
PASS(bind6, pass_bind6, bpf_sock_addr)
PASS(connect4, pass_connect4, bpf_sock_addr)
PASS(connect6, pass_connect6, bpf_sock_addr)

char _license[] SEC("license") = "GPL";
