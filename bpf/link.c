/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/link.h"

#include <assert.h>

#include "bpf/call.h"
#include "bpf/legacy.h"

int link_create(const LinkArguments *arguments) {
        UapiAttr attr = { .bytes = { 0 } };

        assert(legacy_is_cgroup_type(arguments->attach_type));
        attr.link_create.prog_fd = (uint32_t)arguments->prog_fd;
        attr.link_create.target = (uint32_t)arguments->cgroup_fd;
        attr.link_create.attach_type = arguments->attach_type;
        attr.link_create.flags = arguments->flags;
        attr.link_create.anchor = arguments->anchor;
        attr.link_create.expected_revision = arguments->expected_revision;
        return call_for_fd(BPF_LINK_CREATE, &attr);
}

int link_update(int link_fd, int new_prog_fd, int old_prog_fd) {
        UapiAttr attr = { .bytes = { 0 } };

        attr.known.link_update.link_fd = (uint32_t)link_fd;
        attr.known.link_update.new_prog_fd = (uint32_t)new_prog_fd;
        if (old_prog_fd >= 0) {
                attr.known.link_update.flags = BPF_F_REPLACE;
                attr.known.link_update.old_prog_fd = (uint32_t)old_prog_fd;
        }
        return call_kernel(BPF_LINK_UPDATE, &attr);
}

int link_detach(int link_fd) {
        UapiAttr attr = { .bytes = { 0 } };

        attr.known.link_detach.link_fd = (uint32_t)link_fd;
        return call_kernel(BPF_LINK_DETACH, &attr);
}

int link_info(int link_fd, LinkInfo *ret) {
        /* larger than the headers' struct: a newer kernel may fill more, and what it fills must be ours */
        union {
                struct bpf_link_info known;
                uint8_t bytes[256];
        } info = { .bytes = { 0 } };
        LinkInfo out;
        int r = call_info(link_fd, &info, sizeof info);

        if (r < 0)
                return r;
        out = (LinkInfo){
                .id = info.known.id,
                .type = info.known.type,
                .prog_id = info.known.prog_id,
        };
        if (out.type == BPF_LINK_TYPE_CGROUP) {
                out.cgroup_id = info.known.cgroup.cgroup_id;
                out.attach_type = info.known.cgroup.attach_type;
        } else if (out.type == BPF_LINK_TYPE_NETNS) {
                out.netns_inode = info.known.netns.netns_ino;
                out.attach_type = info.known.netns.attach_type;
        } else if (out.type == BPF_LINK_TYPE_XDP) {
                out.ifindex = info.known.xdp.ifindex;
        } else if (out.type == UAPI_LINK_TYPE_TCX || out.type == UAPI_LINK_TYPE_NETKIT) {
                /* ifindex, attach_type: laid out as the two words of netns */
                out.ifindex = info.known.netns.netns_ino;
                out.attach_type = info.known.netns.attach_type;
        }
        *ret = out;
        return 0;
}
