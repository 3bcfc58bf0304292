/* SPDX-License-Identifier: GPL-2.0-only */

/* A variable of each kind, and what became of it: the map shows the settings as the program saw them. Beside that,
 * counters that are to go on in the next version of the object. */

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

enum color {
        COLOR_RED = 3,
        COLOR_GREEN = 5
};

const volatile __s8 small = 1;
const volatile __u64 wide = 1;
const volatile bool flag = false;
const volatile enum color color = COLOR_RED;
const volatile char word[8] = "abc";
const volatile __u8 bytes[4] = {};
__u32 setting = 10; /* in .data */
/* In .bss; which comes first is for the build to say. */
__u64 FIRST = 0;
__u64 SECOND = 0;

struct settings {
        __u64 wide;
        __u64 seen;
        __s32 small;
        __u32 flag;
        __u32 color;
        __u32 setting;
        char word[8];
        __u8 bytes[4];
        __u32 padding;
};

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct settings);
} settings SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, SLOTS);
        __type(key, __u32);
        __type(value, __u64);
} calls SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, __u64);
} percpu SEC(".maps");

SEC("cgroup/sock_create")
int note(struct bpf_sock *sock) {
        __u32 key = 0;
        __u64 one = 1;
        struct settings *s = bpf_map_lookup_elem(&settings, &key);
        __u64 *n = bpf_map_lookup_elem(&calls, &key);
        __u64 *here = bpf_map_lookup_elem(&percpu, &key);

        if (n)
                __sync_fetch_and_add(n, 1);
        else
                bpf_map_update_elem(&calls, &key, &one, BPF_ANY);
        if (here)
                (*here)++;
        __sync_fetch_and_add(&seen, 1);
        if (!s)
                return 1;
        s->small = small;
        s->wide = wide;
        s->flag = flag;
        s->color = color;
        s->setting = setting;
        s->seen = seen;
        for (int i = 0; i < 8; i++)
                s->word[i] = word[i];
        for (int i = 0; i < 4; i++)
                s->bytes[i] = bytes[i];
        return 1;
}

/* The same program type with another expected attach type: cannot be loaded for two such hooks at once. */
SEC("cgroup/post_bind4")
int after_bind(struct bpf_sock *sock) {
        __sync_fetch_and_add(&other, 1000);
        return 1;
}

char _license[] SEC("license") = "GPL";
