/* SPDX-License-Identifier: GPL-2.0-only */

/* Calls a helper that programs of this type do not have. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("cgroup/dev")
int wrong_helper(struct bpf_cgroup_dev_ctx *ctx) {
        return bpf_redirect(1, 0) == 0;
}

char _license[] SEC("license") = "GPL";
