/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Object files into the kernel. libbpf does the linking; what it leaves to the caller is done here: which programs,
 * for which hooks, with which variables, and which maps are not made anew but taken over. */

#include "bpf/kernel-ops.h"
#include "src/base/diag.h"

/* Loads the requested programs of the object; ret_fds[i] belongs to programs[i] and to the caller, close-on-exec, 3 or
 * above, independent of all else. A name may be there more than once. All or none: after a failure nothing is left
 * open, loaded or pinned, and ret_fds is untouched.
 *
 * Variables are set before the load; a value that does not fit the variable's type is -EINVAL or -ERANGE. A map with
 * a path is taken from the pin there, which must be equal in type, sizes and flags (-EMEDIUMTYPE), or made and pinned
 * there. Other maps that a donor has in the same shape are shared with it, so their contents go on: all kinds but
 * program arrays, constants (.rodata, .kconfig), and those variables (.data, .bss) of which one is set by the
 * request to another value than it has, or whose layout is another one. So a variable outside of .rodata that the
 * request does not set keeps what the donor made of it. One thread at a time may load.
 *
 * -ENOENT: the object has no program, variable or map of a name (diag suggests the nearest one); -ENOEXEC: no BPF
 * object; -EFBIG: the file is too large; -EOPNOTSUPP: a map that wants to be pinned by its name without being told
 * where; and what the kernel answers, where diag has the condensed complaint of the verifier as text, and all
 * messages as detail. */
int object_load(const LoadRequest *request, int *ret_fds, Diag *diag);
