/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/probe.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "bpf/call.h"
#include "src/base/fd.h"

#define NO_FD      UINT32_MAX /* -1: the call fails once it looks at it */
#define NO_IFINDEX 0x7fffffffU /* no interface has it */

#define RELEASE(major, minor) ((major) << 16 | (minor))

typedef enum Answer {
        ANSWER_UNKNOWN,
        ANSWER_NO,
        ANSWER_YES,
} Answer;

/* -EBADF: the kernel understood the call and stopped at the descriptor; -EINVAL: it did not understand. */
static int judge(int r, int yes) {
        if (r == yes)
                return 1;
        return r == -EINVAL ? 0 : r < 0 ? r : -EIO;
}

static int attach_with(uint32_t flags) {
        UapiAttr attr = { .bytes = { 0 } };

        attr.attach.target = NO_FD;
        attr.attach.prog_fd = NO_FD;
        attr.attach.attach_type = BPF_CGROUP_INET_EGRESS;
        attr.attach.flags = BPF_F_ALLOW_MULTI | flags;
        return judge(call_kernel(BPF_PROG_ATTACH, &attr), -EBADF);
}

static int query_type(uint32_t attach_type, uint32_t target, int yes) {
        UapiAttr attr = { .bytes = { 0 } };

        attr.query.target = target;
        attr.query.attach_type = attach_type;
        return judge(call_kernel(BPF_PROG_QUERY, &attr), yes);
}

static int has_link(void) {
        UapiAttr attr = { .bytes = { 0 } };

        attr.known.link_update.link_fd = NO_FD;
        return judge(call_kernel(BPF_LINK_UPDATE, &attr), -EBADF);
}

static int has_link_detach(void) {
        UapiAttr attr = { .bytes = { 0 } };

        attr.known.link_detach.link_fd = NO_FD;
        return judge(call_kernel(BPF_LINK_DETACH, &attr), -EBADF);
}

static int has_replace(void) {
        return attach_with(BPF_F_REPLACE);
}

/* Anchors and expected_revision came together; a revision alone would be ignored by LINK_CREATE. */
static int has_revision(void) {
        return attach_with(UAPI_F_BEFORE);
}

static int has_preorder(void) {
        return attach_with(UAPI_F_PREORDER);
}

static int has_tcx(void) {
        return query_type(UAPI_TCX_INGRESS, NO_IFINDEX, -ENODEV);
}

bool probe_release_updates_preorder(const char *release) {
        /* from the first release of "first" to before "fixed" of "last" */
        static const struct {
                unsigned first, last, fixed;
        } affected[] = {
                { RELEASE(0, 0), RELEASE(6, 6), 145 },
                { RELEASE(6, 7), RELEASE(6, 12), 97 },
                { RELEASE(6, 13), RELEASE(6, 18), 40 },
                { RELEASE(6, 19), RELEASE(7, 1), 5 },
        };
        unsigned major, minor, version, patch = 0;

        if (sscanf(release, "%u.%u.%u", &major, &minor, &patch) < 2)
                return false;
        version = RELEASE(major, minor);
        for (size_t i = 0; i < ELEMENTS(affected); i++)
                if (version >= affected[i].first &&
                    (version < affected[i].last ||
                     (version == affected[i].last && patch < affected[i].fixed)))
                        return false;
        return true;
}

static int has_preorder_update(void) {
        struct utsname name;

        if (uname(&name) < 0)
                return -errno;
        return probe_release_updates_preorder(name.release);
}

static const struct {
        const char *name;
        int (*ask)(void);
} features[_FEATURE_MAX] = {
        [FEATURE_CGROUP_LINK] = { "cgroup-link", has_link },
        [FEATURE_LINK_DETACH] = { "link-detach", has_link_detach },
        [FEATURE_REPLACE] = { "replace", has_replace },
        [FEATURE_REVISION] = { "revision", has_revision },
        [FEATURE_PREORDER] = { "preorder", has_preorder },
        [FEATURE_TCX] = { "tcx", has_tcx },
        [FEATURE_PREORDER_UPDATE] = { "preorder-update", has_preorder_update },
};

const char *probe_feature_name(Feature feature) {
        return (unsigned)feature < _FEATURE_MAX ? features[feature].name : NULL;
}

bool probe_feature(Feature feature) {
        static atomic_int answers[_FEATURE_MAX];
        int r, known = atomic_load(&answers[feature]);

        if (known != ANSWER_UNKNOWN)
                return known == ANSWER_YES;
        r = features[feature].ask();
        if (r < 0)
                return false;
        atomic_store(&answers[feature], r > 0 ? ANSWER_YES : ANSWER_NO);
        return r > 0;
}

static int load_type(const HookInfo *info) {
        _cleanup_close_ int fd = call_load_return(info->prog_type, 0, 0);

        return fd >= 0 ? 1 : fd == -EINVAL ? 0 : fd;
}

static int ask_hook(const HookInfo *info) {
        if (info->target == HOOK_TARGET_INTERFACE)
                return load_type(info);
        return query_type(info->attach_type, NO_FD, -EBADF);
}

int probe_hook(Hook hook) {
        static atomic_int answers[_HOOK_MAX];
        const HookInfo *info = hook_info(hook);
        int r, known;

        if (!info)
                return -EINVAL;
        known = atomic_load(&answers[hook]);
        if (known != ANSWER_UNKNOWN)
                return known == ANSWER_YES;
        r = ask_hook(info);
        if (r >= 0)
                atomic_store(&answers[hook], r > 0 ? ANSWER_YES : ANSWER_NO);
        return r;
}
