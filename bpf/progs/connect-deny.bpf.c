/* SPDX-License-Identifier: GPL-2.0-only */

/* Refuses connections to a list of networks. The list is a longest-prefix map for each family, which can be filled
 * from outside while the unit runs (BPFMap=denied4:PATH gives it a pin); one IPv4 network can be named in the unit
 * file alone: BPFVariable=deny4=0x7f000002 and BPFVariable=deny4_prefix=32 (0 is none). */

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct key4 {
        __u32 prefix;
        __u32 address; /* network order */
};

struct key6 {
        __u32 prefix;
        __u32 address[4]; /* network order */
};

struct {
        __uint(type, BPF_MAP_TYPE_LPM_TRIE);
        __uint(map_flags, BPF_F_NO_PREALLOC);
        __uint(max_entries, 4096);
        __type(key, struct key4);
        __type(value, __u8);
} denied4 SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_LPM_TRIE);
        __uint(map_flags, BPF_F_NO_PREALLOC);
        __uint(max_entries, 4096);
        __type(key, struct key6);
        __type(value, __u8);
} denied6 SEC(".maps");

/* How many were refused: 0 over IPv4, 1 over IPv6. */
struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 2);
        __type(key, __u32);
        __type(value, __u64);
} refused SEC(".maps");

const volatile __u32 deny4 = 0; /* host order */
const volatile __u32 deny4_prefix = 0;

static __always_inline int refuse(__u32 family) {
        __u64 *n = bpf_map_lookup_elem(&refused, &family);

        if (n)
                __sync_fetch_and_add(n, 1);
        return 0;
}

static __always_inline int judge4(__u32 address) {
        struct key4 key = { .prefix = 32, .address = address };
        __u32 prefix = deny4_prefix;

        if (prefix > 0 && prefix <= 32) {
                __u32 mask = 0xffffffffU << (32 - prefix);

                if ((bpf_ntohl(key.address) & mask) == (deny4 & mask))
                        return refuse(0);
        }
        return bpf_map_lookup_elem(&denied4, &key) ? refuse(0) : 1;
}

static __always_inline int judge6(const struct bpf_sock_addr *ctx) {
        struct key6 key = { .prefix = 128 };

        key.address[0] = ctx->user_ip6[0];
        key.address[1] = ctx->user_ip6[1];
        key.address[2] = ctx->user_ip6[2];
        key.address[3] = ctx->user_ip6[3];
        /* ::ffff:1.2.3.4 goes out as IPv4, and no hook of IPv4 sees the connection */
        if (key.address[0] == 0 && key.address[1] == 0 && key.address[2] == bpf_htonl(0xffff))
                return judge4(key.address[3]);
        return bpf_map_lookup_elem(&denied6, &key) ? refuse(1) : 1;
}

SEC("cgroup/connect4")
int deny_connect4(struct bpf_sock_addr *ctx) {
        return judge4(ctx->user_ip4);
}

SEC("cgroup/connect6")
int deny_connect6(struct bpf_sock_addr *ctx) {
        return judge6(ctx);
}

SEC("cgroup/sendmsg4")
int deny_sendmsg4(struct bpf_sock_addr *ctx) {
        return judge4(ctx->user_ip4);
}

SEC("cgroup/sendmsg6")
int deny_sendmsg6(struct bpf_sock_addr *ctx) {
        return judge6(ctx);
}

char _license[] SEC("license") = "GPL";
