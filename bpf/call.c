/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/call.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/fd.h"

#define LOAD_ATTEMPTS 30

int call_kernel(int command, UapiAttr *attr) {
        long r = syscall(SYS_bpf, command, attr, sizeof *attr);

        return r < 0 ? -errno : (int)r;
}

int call_for_fd(int command, UapiAttr *attr) {
        int r = call_kernel(command, attr);

        return r < 0 ? r : fd_off_stdio(r); /* bpf(2) makes all of its close-on-exec */
}

int call_load(UapiAttr *attr) {
        int r = -EAGAIN;

        for (int i = 0; i < LOAD_ATTEMPTS && (r == -EAGAIN || r == -EINTR); i++)
                r = call_for_fd(BPF_PROG_LOAD, attr);
        return r;
}

int call_fd_by_id(int command, uint32_t id) {
        UapiAttr attr = { .bytes = { 0 } };

        attr.known.prog_id = id; /* the word is the same for programs, links and maps */
        return call_for_fd(command, &attr);
}

int call_info(int fd, void *info, size_t size) {
        UapiAttr attr = { .bytes = { 0 } };

        attr.known.info.bpf_fd = (uint32_t)fd;
        attr.known.info.info_len = (uint32_t)size;
        attr.known.info.info = (uintptr_t)info;
        return call_kernel(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

int call_load_return(uint32_t prog_type, uint32_t expected_attach_type, int32_t verdict) {
        const struct bpf_insn instructions[] = {
                { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
                { .code = BPF_JMP | BPF_EXIT },
        };
        UapiAttr attr = { .bytes = { 0 } };

        attr.known.prog_type = prog_type;
        attr.known.expected_attach_type = expected_attach_type;
        attr.known.insns = (uintptr_t)instructions;
        attr.known.insn_cnt = sizeof instructions / sizeof *instructions;
        attr.known.license = (uintptr_t) "LGPL";
        (void)memcpy(attr.known.prog_name, "unitbpf_return", sizeof "unitbpf_return");
        return call_load(&attr);
}
