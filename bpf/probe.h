/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the running kernel can do, asked by calls that change nothing (bad descriptors mostly) and asked once. Version
 * numbers lie, since stable kernels take features back; only where a bug cannot be asked for is the release read. */

#include <stdbool.h>

#include "bpf/kernel-ops.h"
#include "bpf/look/hook.h"

/* A feature the kernel would not tell about (no privilege) counts as absent and is asked again next time. */
bool probe_feature(Feature feature);

/* 1 the kernel knows the hook, 0 it does not, negative errno if it would not say. Cgroup and network namespace hooks
 * are looked up; for hooks on interfaces a program of two instructions is loaded and closed. That a program can be
 * attached now is not said by it: BPF LSM, for one, must also be enabled at boot. */
int probe_hook(Hook hook);

/* Name of a feature, for reports. NULL outside the enum. */
const char *probe_feature_name(Feature feature);

/* Does a kernel of this release ("6.18.44-unified") update the right slot of a list with PREORDER programs?
 * CVE-2026-72427 names the releases that do not. A text that is no release counts as affected. */
bool probe_release_updates_preorder(const char *release);
