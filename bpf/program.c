/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/program.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/bpffs.h"
#include "bpf/call.h"
#include "bpf/legacy.h"
#include "bpf/verifier.h"
#include "src/base/fd.h"
#include "src/base/limits.h"

/* Several calls would answer for a map or a link as well. */
static int check_kind(int fd) {
        FdKind kind = fd_kind(fd);

        if ((int)kind < 0)
                return (int)kind;
        return kind == FD_KIND_PROGRAM ? 0 : -EINVAL;
}

/* Takes fd over. */
static int keep_program(int fd, Diag *diag) {
        _cleanup_close_ int owned = fd;
        ProgramInfo info;
        int r;

        r = check_kind(owned);
        if (r < 0)
                return diag_fail(diag, r, "what is pinned there is no program");
        r = program_info(owned, &info); /* the kernel's word that it is one */
        if (r < 0)
                return diag_errno(diag, r, "cannot look at the pinned program");
        return TAKE_FD(owned);
}

int program_open_pin(const char *path, Diag *diag) {
        int fd = bpffs_pin_open(path);

        return fd < 0 ? diag_errno(diag, fd, "cannot open pin '%s'", path) : keep_program(fd, diag);
}

int program_open_pin_at(int path_fd, Diag *diag) {
        int fd = bpffs_pin_open_at(path_fd);

        return fd < 0 ? diag_errno(diag, fd, "cannot open the pin") : keep_program(fd, diag);
}

int program_map_ids(int prog_fd, uint32_t **ret_ids, size_t *ret_n) {
        struct bpf_prog_info info = {};
        _cleanup_free_ uint32_t *ids = NULL;
        uint32_t n;
        int r = check_kind(prog_fd);

        if (r < 0)
                return r;
        r = call_info(prog_fd, &info, sizeof info);
        if (r < 0)
                return r;
        n = info.nr_map_ids;
        if (n > 0) {
                /* The maps of a loaded program never change, so there is no race between the two calls. */
                ids = calloc(n, sizeof *ids);
                if (!ids)
                        return -ENOMEM;
                info = (struct bpf_prog_info){ .nr_map_ids = n, .map_ids = (uintptr_t)ids };
                r = call_info(prog_fd, &info, sizeof info);
                if (r < 0)
                        return r;
        }
        *ret_ids = TAKE_PTR(ids);
        *ret_n = n;
        return 0;
}

static void tag_to_text(const uint8_t *tag, size_t size, char *out) {
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < size; i++) {
                *out++ = digits[tag[i] >> 4];
                *out++ = digits[tag[i] & 0xf];
        }
        *out = 0;
}

int program_info(int prog_fd, ProgramInfo *ret) {
        ProgramInfo result = {};
        struct bpf_prog_info info = {
                .nr_map_ids = KERNEL_PROGRAM_MAPS_MAX,
                .map_ids = (uintptr_t)result.map_ids,
        };
        int r = check_kind(prog_fd);

        static_assert(sizeof info.tag * 2 < sizeof result.tag, "a tag must fit");
        static_assert(sizeof info.name <= sizeof result.name, "a name must fit");
        if (r < 0)
                return r;
        r = call_info(prog_fd, &info, sizeof info);
        if (r < 0)
                return r;
        result.id = info.id;
        result.type = info.type;
        (void)memcpy(result.name, info.name, sizeof info.name);
        result.name[sizeof result.name - 1] = 0;
        tag_to_text(info.tag, sizeof info.tag, result.tag);
        result.run_count = info.run_cnt;
        result.run_time_ns = info.run_time_ns;
        result.load_time_ns = info.load_time;
        result.n_maps = info.nr_map_ids;
        result.btf_id = info.btf_id;
        *ret = result;
        return 0;
}

static bool is_cgroup_storage(uint32_t map_type) {
        return map_type == BPF_MAP_TYPE_CGROUP_STORAGE ||
               map_type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

int program_has_cgroup_storage(int prog_fd) {
        _cleanup_free_ uint32_t *ids = NULL;
        size_t n;
        int r = program_map_ids(prog_fd, &ids, &n);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                struct bpf_map_info info = {};
                _cleanup_close_ int fd = call_fd_by_id(BPF_MAP_GET_FD_BY_ID, ids[i]);

                if (fd < 0)
                        return fd;
                r = call_info(fd, &info, sizeof info);
                if (r < 0)
                        return r;
                if (is_cgroup_storage(info.type))
                        return 1;
        }
        return 0;
}

int program_fits(int prog_fd, uint32_t attach_type) {
        return legacy_fits(prog_fd, attach_type);
}

void program_name_fit(const char *text, char *out) {
        size_t n = 0;

        for (; text[n] && n < KERNEL_NAME_MAX - 1; n++)
                out[n] = isalnum((unsigned char)text[n]) ? text[n] : '_';
        out[n] = 0;
}

/* The second try, with a log that grows until all of it fits. */
static int load_with_log(UapiAttr *attr, int first_error, Diag *diag) {
        size_t size = 0;
        int r = first_error;

        while (verifier_log_grow(&size)) {
                _cleanup_free_ char *log = calloc(1, size);

                if (!log)
                        return -ENOMEM;
                attr->known.log_level = 1;
                attr->known.log_size = (uint32_t)size;
                attr->known.log_buf = (uintptr_t)log;
                r = call_load(attr);
                if (r == -ENOSPC && size < LIMIT_VERIFIER_LOG_BYTES)
                        continue;
                return r >= 0 ? r : verifier_explain(first_error, log, diag);
        }
        return r;
}

int program_load_raw(const ProgramRaw *raw, int *ret_fd, Diag *diag) {
        UapiAttr attr = { .bytes = { 0 } };
        int r;

        if (raw->n_instructions == 0 || raw->n_instructions > UINT32_MAX)
                return diag_fail(
                        diag, -E2BIG, "a program of %zu instructions", raw->n_instructions
                );
        attr.known.prog_type = raw->type;
        attr.known.expected_attach_type = raw->expected_attach_type;
        attr.known.insns = (uintptr_t)raw->instructions;
        attr.known.insn_cnt = (uint32_t)raw->n_instructions;
        attr.known.license = (uintptr_t)(raw->license ?: "");
        program_name_fit(raw->name ?: "", attr.known.prog_name);
        r = call_load(&attr);
        if (r < 0)
                r = load_with_log(&attr, r, diag);
        if (r < 0)
                return diag_errno(diag, r, "cannot load program '%s'", raw->name ?: "");
        *ret_fd = r;
        return 0;
}
