/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* bpf(2) itself. Used where libbpf cannot carry an argument (anchors, revisions, full-size attributes) and where a
 * call is so small that its own wrapper says more. All return a negative errno on failure. */

#include <stddef.h>
#include <stdint.h>

#include "bpf/uapi.h"

/* One call, never repeated. What the kernel answers, 0 or more, or -errno. */
int call_kernel(int command, UapiAttr *attr);

/* A call that makes a descriptor. It is close-on-exec, 3 or above and belongs to the caller. */
int call_for_fd(int command, UapiAttr *attr);

/* BPF_PROG_LOAD: the kernel answers EAGAIN when a signal came in between and asks to be called again; that is
 * done up to 30 times (and for EINTR). Returns a descriptor of the caller's. */
int call_load(UapiAttr *attr);

/* BPF_PROG_GET_FD_BY_ID, BPF_LINK_GET_FD_BY_ID or BPF_MAP_GET_FD_BY_ID. -ENOENT: there is none (any more). */
int call_fd_by_id(int command, uint32_t id);

/* BPF_OBJ_GET_INFO_BY_FD into a zeroed buffer of this size; a kernel that knows less leaves the rest zero. */
int call_info(int fd, void *info, size_t size);

/* Loads "return verdict" as a program of this type; the smallest program there is, for probes and tests. */
int call_load_return(uint32_t prog_type, uint32_t expected_attach_type, int32_t verdict);
