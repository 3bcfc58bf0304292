/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the inspection only. */

#include "bpf/look/inspect.h"

#define INSPECT_NAME_BYTES 1023U

/* Reads maps and variables out of section .BTF into inspect. -EBADMSG: damaged, -EFBIG: too many. */
int inspect_read_btf(Inspect *inspect, const void *data, size_t size, Diag *diag);

/* Copies a name of the file if it is printable ASCII and not too long, else -EBADMSG. */
int inspect_copy_name(const Inspect *inspect, const char *name, char **ret, Diag *diag);

/* Appends an empty variable; NULL with errno set (EFBIG beyond the limit). */
InspectVariable *inspect_add_variable(Inspect *inspect, Diag *diag);

/* Does a section of this name hold constants (.rodata, .rodata.*), or variables (.data, .bss and kin)? */
bool inspect_section_is_constant(const char *section);
bool inspect_section_is_writable(const char *section);
