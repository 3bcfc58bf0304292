/* SPDX-License-Identifier: GPL-2.0-only */

/* Lets a unit bind only ports of one range: BPFVariable=port_min=8000 and BPFVariable=port_max=8099. Port 0, "any free
 * port", is allowed unless BPFVariable=allow_any=false. It has no maps, so all units with the same range share it. */

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

const volatile __u16 port_min = 1;
const volatile __u16 port_max = 65535;
const volatile bool allow_any = true;

static __always_inline int judge(const struct bpf_sock_addr *ctx) {
        __u16 port = bpf_ntohs((__u16)ctx->user_port);

        if (port == 0)
                return allow_any;
        return port >= port_min && port <= port_max;
}

SEC("cgroup/bind4")
int bind_ports4(struct bpf_sock_addr *ctx) {
        return judge(ctx);
}

SEC("cgroup/bind6")
int bind_ports6(struct bpf_sock_addr *ctx) {
        return judge(ctx);
}

char _license[] SEC("license") = "GPL";
