/* SPDX-License-Identifier: GPL-2.0-only */

/* Counts which devices a unit opens or makes, and refuses one of them: BPFVariable=deny_major=1 and
 * BPFVariable=deny_minor=5 (major 0 is none), kind by BPFVariable=deny_block=true. */

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

struct device {
        __u32 type; /* 1 block, 2 character */
        __u32 major;
        __u32 minor;
        __u32 access; /* 1 mknod, 2 read, 4 write */
};

struct uses {
        __u64 allowed;
        __u64 refused;
};

struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, 1024);
        __type(key, struct device);
        __type(value, struct uses);
} devices SEC(".maps");

const volatile __u32 deny_major = 0;
const volatile __u32 deny_minor = 0;
const volatile bool deny_block = false;

SEC("cgroup/dev")
int device_log(struct bpf_cgroup_dev_ctx *ctx) {
        struct device key = {
                .type = ctx->access_type & 0xffff,
                .access = ctx->access_type >> 16,
                .major = ctx->major,
                .minor = ctx->minor,
        };
        struct uses none = {}, *uses;
        bool denied = deny_major != 0 && key.major == deny_major && key.minor == deny_minor &&
                      key.type == (deny_block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);

        bpf_map_update_elem(
                &devices, &key, &none, BPF_NOEXIST
        ); /* full or there: the lookup tells */
        uses = bpf_map_lookup_elem(&devices, &key);
        if (uses)
                __sync_fetch_and_add(denied ? &uses->refused : &uses->allowed, 1);
        return !denied;
}

char _license[] SEC("license") = "GPL";
