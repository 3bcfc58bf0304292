/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* As little as can be: built without -g it has neither BTF nor license. */

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

const volatile int verdict = 1;
long total;

SEC("cgroup/dev") int allow(void *context) {
        total++;
        return verdict;
}
