/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/link-list.h"

#include <errno.h>
#include <stdlib.h>

#include "bpf/call.h"
#include "bpf/link.h"
#include "src/base/cleanup.h"
#include "src/base/fd.h"

static int next_id(uint32_t after, uint32_t *ret) {
        UapiAttr attr = {};
        int r;

        attr.known.start_id = after;
        r = call_kernel(BPF_LINK_GET_NEXT_ID, &attr);
        if (r < 0)
                return r;
        *ret = attr.known.next_id;
        return 0;
}

int link_list(LinkInfo **ret, size_t *ret_n) {
        _cleanup_free_ LinkInfo *links = NULL;
        size_t n = 0, room = 0;
        uint32_t id = 0;
        int r;

        while ((r = next_id(id, &id)) >= 0) {
                _cleanup_close_ int fd = call_fd_by_id(BPF_LINK_GET_FD_BY_ID, id);

                if (fd == -ENOENT)
                        continue;
                if (fd < 0)
                        return fd;
                if (n == room) {
                        LinkInfo *grown = reallocarray(links, room ? room * 2 : 64, sizeof *links);

                        if (!grown)
                                return -ENOMEM;
                        links = grown;
                        room = room ? room * 2 : 64;
                }
                r = link_info(fd, &links[n]);
                if (r < 0)
                        return r;
                n++;
        }
        if (r != -ENOENT)
                return r;
        *ret = TAKE_PTR(links);
        *ret_n = n;
        return 0;
}
