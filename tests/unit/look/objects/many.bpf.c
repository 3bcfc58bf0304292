/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One of everything: programs of exact, open, marked and foreign sections, all ways to define a map, all sorts
 * of variables, subprograms, a kernel config value. Never loaded. */

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

struct limits {
        __u32 soft, hard;
};

struct network {
        __u32 prefix;
        __u8 address[4];
};

typedef struct {
        __u64 a, b;
} unnamed_pair;

struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, 1024);
        __type(key, __u32);
        __type(value, struct limits);
} users SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 2);
        __uint(key_size, 4);
        __uint(value_size, 24);
} counters SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_LPM_TRIE);
        __uint(max_entries, 128);
        __uint(map_flags, BPF_F_NO_PREALLOC);
        __type(key, struct network);
        __type(value, __u8[3]);
} networks SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, 4096);
} events SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
        __uint(max_entries, 16);
        __uint(pinning, LIBBPF_PIN_BY_NAME);
        __type(key, int);
        __type(value, long);
} kept SEC(".maps");

struct inner {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, __u64);
} first_inner SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
        __uint(max_entries, 8);
        __type(key, __u64);
        __array(values, struct inner);
} outer SEC(".maps") = { .values = { &first_inner } };

const volatile unsigned int limit = 7;
const volatile bool enabled = true;
const volatile char label[16] = "none";
const volatile struct limits bounds = { 1, 2 };
const volatile __u64 cookie = 1;
const volatile short grid[2][3] SEC(".rodata.grid") = { { 1 } };
int level = 3;
enum colour {
        RED,
        GREEN
} colour = GREEN;
unnamed_pair pair SEC(".data.pair") = { 1, 2 };
__u64 seen;
const char *names[2];
void (*handlers)(void);
static volatile int hidden;

extern int CONFIG_HZ __kconfig;

static __attribute__((noinline)) int helper(struct __sk_buff *skb) {
        hidden++;
        return skb->len > limit;
}

__attribute__((noinline)) int global_helper(struct __sk_buff *skb) {
        return skb->len > cookie;
}

SEC("cgroup_skb/egress") int count(struct __sk_buff *skb) {
        __u32 key = 0;
        void *value = bpf_map_lookup_elem(&users, &key);

        seen++;
        return value || helper(skb) + global_helper(skb) + level + CONFIG_HZ + grid[1][1] > 2;
}

SEC("cgroup_skb/ingress") int watch(struct __sk_buff *skb) {
        return enabled && label[0] && bounds.soft && pair.a && colour && names[0] && handlers;
}

SEC("cgroup/skb") int either(struct __sk_buff *skb) {
        return 1;
}

SEC("cgroup/connect4") int guard(struct bpf_sock_addr *address) {
        return 1;
}

SEC("?cgroup/connect6") int guard_later(struct bpf_sock_addr *address) {
        return 1;
}

SEC("lsm_cgroup/socket_bind") int secure(void *context) {
        return 1;
}

SEC("tc") int shape(struct __sk_buff *skb) {
        return 0;
}

SEC("kprobe/do_exit") int trace(void *context) {
        return 0;
}

SEC("prog") int custom(void *context) {
        return 0;
}

char _license[] SEC("license") = "GPL";
