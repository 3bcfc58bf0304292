/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/legacy.h"

#include <assert.h>
#include <errno.h>

#include "bpf/call.h"
#include "bpf/look/hook.h"

bool legacy_is_cgroup_type(uint32_t attach_type) {
        const HookInfo *info = hook_info(hook_from_attach_type(attach_type));

        return info && info->target == HOOK_TARGET_CGROUP;
}

int legacy_attach(const AttachArguments *arguments) {
        UapiAttr attr = { .bytes = { 0 } };

        assert(legacy_is_cgroup_type(arguments->attach_type));
        attr.attach.target = (uint32_t)arguments->cgroup_fd;
        attr.attach.prog_fd = (uint32_t)arguments->prog_fd;
        attr.attach.attach_type = arguments->attach_type;
        attr.attach.flags = arguments->flags;
        /* kernels below 5.6 refuse any other value than 0 here, so "none" is not passed on */
        if (arguments->replace_prog_fd >= 0 || (arguments->flags & BPF_F_REPLACE))
                attr.attach.replace_prog_fd = (uint32_t)arguments->replace_prog_fd;
        attr.attach.anchor = arguments->anchor;
        attr.attach.expected_revision = arguments->expected_revision;
        return call_kernel(BPF_PROG_ATTACH, &attr);
}

int legacy_detach(const AttachArguments *arguments) {
        UapiAttr attr = { .bytes = { 0 } };

        assert(legacy_is_cgroup_type(arguments->attach_type));
        attr.attach.target = (uint32_t)arguments->cgroup_fd;
        attr.attach.prog_fd = (uint32_t)arguments->prog_fd;
        attr.attach.attach_type = arguments->attach_type;
        attr.attach.expected_revision = arguments->expected_revision;
        return call_kernel(BPF_PROG_DETACH, &attr);
}

int legacy_fits(int prog_fd, uint32_t attach_type) {
        AttachArguments arguments = {
                .cgroup_fd = -1,
                .prog_fd = prog_fd,
                .replace_prog_fd = -EBADF,
                .attach_type = attach_type,
                .flags = BPF_F_ALLOW_MULTI,
        };
        int r;

        if (prog_fd < 0)
                return -EBADF; /* else the answer of the kernel would read as "fits" */
        r = legacy_attach(&arguments);
        assert(r < 0);
        return r == -EBADF ? 0 : r;
}
