/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/query.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "bpf/call.h"
#include "bpf/legacy.h"

/* A list holds 64 at most, an effective one 64 for each level. Between two calls the list may grow again. */
#define QUERY_ROOM   64U
#define QUERY_ROUNDS 10

void query_result_done(QueryResult *result) {
        free(result->prog_ids);
        *result = (QueryResult){};
}

/* One call with room for so many ids; flags only where the kernel wants the array to be there. */
static int query_once(UapiAttr *attr, uint32_t room, uint32_t **ret_ids, uint32_t **ret_flags) {
        bool lsm = attr->query.attach_type == BPF_LSM_CGROUP && attr->query.query_flags == 0;
        _cleanup_free_ uint32_t *ids = calloc(room, sizeof *ids);
        _cleanup_free_ uint32_t *flags = lsm ? calloc(room, sizeof *flags) : NULL;
        int r;

        if (!ids || (lsm && !flags))
                return -ENOMEM;
        attr->query.prog_ids = (uintptr_t)ids;
        attr->query.prog_attach_flags = (uintptr_t)flags;
        attr->query.count = room;
        r = call_kernel(BPF_PROG_QUERY, attr);
        if (r < 0)
                return r;
        *ret_ids = TAKE_PTR(ids);
        *ret_flags = TAKE_PTR(flags);
        return 0;
}

int query_cgroup(int cgroup_fd, uint32_t attach_type, bool effective, QueryResult *ret) {
        _cleanup_free_ uint32_t *ids = NULL, *flags = NULL;
        UapiAttr attr;
        uint32_t room = QUERY_ROOM;
        int r = -ENOSPC;

        assert(legacy_is_cgroup_type(attach_type));
        for (int i = 0; i < QUERY_ROUNDS && r == -ENOSPC; i++) {
                attr = (UapiAttr){ .bytes = { 0 } };
                attr.query.target = (uint32_t)cgroup_fd;
                attr.query.attach_type = attach_type;
                attr.query.query_flags = effective ? BPF_F_QUERY_EFFECTIVE : 0;
                r = query_once(&attr, room, &ids, &flags);
                if (r == -ENOSPC) /* count is the true total then */
                        room = attr.query.count > room ? attr.query.count : room * 2;
        }
        if (r < 0)
                return r == -ENOSPC ? -EBUSY : r;
        *ret = (QueryResult){
                .prog_ids = TAKE_PTR(ids),
                .n_prog_ids = attr.query.count,
                .attach_flags = attr.query.attach_flags,
                .revision = attr.query.revision,
        };
        if (flags && ret->n_prog_ids > 0)
                ret->attach_flags = flags[0]; /* LSM: the common word is always 0 */
        return 0;
}
