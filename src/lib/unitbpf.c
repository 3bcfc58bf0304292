/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/lib/unitbpf.h"

#include <errno.h>
#include <string.h>

#include "src/track/tracker.h"

struct Unitbpf {
        Tracker *tracker;
        Diag diag;
        bool ready; /* unitbpf_deserialize() was called */
};

static int check_ready(Unitbpf *unitbpf) {
        diag_done(&unitbpf->diag);
        if (unitbpf->ready)
                return 0;
        return diag_fail(&unitbpf->diag, -EINVAL, "unitbpf_deserialize() was not called");
}

_public_ int unitbpf_new(const char *pin_directory, const char *state_path, Unitbpf **ret) {
        _cleanup_diag_ Diag diag = {};
        TrackerOptions options = {
                .ops = kernel_ops_real(),
                .pin_directory = pin_directory,
                .state_path = state_path,
        };
        Unitbpf *unitbpf = calloc(1, sizeof *unitbpf);
        int r;

        if (!unitbpf)
                return -ENOMEM;
        r = tracker_new(&options, &unitbpf->tracker, &diag);
        if (r < 0) {
                free(unitbpf);
                return r;
        }
        *ret = unitbpf;
        return 0;
}

static Unitbpf *release(Unitbpf *unitbpf) {
        diag_done(&unitbpf->diag);
        free(unitbpf);
        return NULL;
}

_public_ Unitbpf *unitbpf_free(Unitbpf *unitbpf) {
        if (!unitbpf)
                return NULL;
        unitbpf->tracker = tracker_free(unitbpf->tracker);
        return release(unitbpf);
}

_public_ Unitbpf *unitbpf_forget(Unitbpf *unitbpf) {
        if (!unitbpf)
                return NULL;
        unitbpf->tracker = tracker_forget(unitbpf->tracker);
        return release(unitbpf);
}

/* Descriptors that could not be entered are closed: they are the library's in any case. Those that came through
 * execve() must not go on into the next program by themselves. */
static int adopt_all(FdSet *set, const int *fds, size_t n_fds) {
        int result = 0;

        for (size_t i = 0; i < n_fds; i++) {
                int r = fdset_adopt(set, fds[i]);

                if (r >= 0)
                        r = fd_set_cloexec(fds[i], true);
                if (r >= 0 || r == -EEXIST)
                        continue;
                if (fdset_contains(set, fds[i]))
                        (void)fdset_take(set, fds[i]);
                (void)fd_close(fds[i]);
                result = result < 0 ? result : r;
        }
        return result;
}

_public_ int unitbpf_deserialize(
        Unitbpf *unitbpf,
        const char *text,
        size_t size,
        const int *fds,
        size_t n_fds
) {
        _cleanup_(fdset_free_ptr) FdSet *set = fdset_new();
        int r;

        diag_done(&unitbpf->diag);
        if (!set)
                return -ENOMEM;
        r = adopt_all(set, fds, n_fds);
        if (r < 0)
                return diag_errno(&unitbpf->diag, r, "bad descriptor among those passed");
        if (unitbpf->ready)
                return diag_fail(
                        &unitbpf->diag, -EINVAL, "unitbpf_deserialize() was called before"
                );
        unitbpf->ready = true;
        return tracker_restore(unitbpf->tracker, text, size, set, NULL, &unitbpf->diag);
}

static int fds_of(const FdSet *set, int **ret, size_t *ret_n) {
        size_t n = 0;
        int *fds = calloc(fdset_size(set) + 1, sizeof *fds);

        if (!fds)
                return -ENOMEM;
        for (int fd = fdset_next(set, -1); fd >= 0; fd = fdset_next(set, fd))
                fds[n++] = fd;
        *ret = fds;
        *ret_n = n;
        return 0;
}

_public_ int unitbpf_serialize(
        const Unitbpf *unitbpf,
        char **ret,
        size_t *ret_size,
        int **ret_fds,
        size_t *ret_n_fds
) {
        _cleanup_(fdset_free_ptr) FdSet *set = fdset_new();
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        _cleanup_free_ char *copy = NULL;
        const char *text;
        size_t size = 0;
        int r;

        if (!set || !writer)
                return -ENOMEM;
        r = tracker_snapshot(unitbpf->tracker, writer, set);
        if (r < 0)
                return r;
        r = writer_finish(writer, &text, &size);
        if (r < 0)
                return r;
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        r = fds_of(set, ret_fds, ret_n_fds);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(copy);
        *ret_size = size;
        return 0;
}

_public_ int unitbpf_attach(
        Unitbpf *unitbpf,
        const char *unit,
        int cgroup_fd,
        int prog_fd,
        const char *hook,
        unsigned flags,
        uint64_t *ret_id
) {
        static const AttachMode modes[] = {
                [UNITBPF_MULTI] = ATTACH_MULTI,
                [UNITBPF_OVERRIDE] = ATTACH_OVERRIDE,
                [UNITBPF_EXCLUSIVE] = ATTACH_EXCLUSIVE,
        };
        unsigned mode = flags & ~(unsigned)(UNITBPF_LEGACY | UNITBPF_TAKEOVER);
        int r;
        ProgramRequest request = {
                .unit = unit,
                .prog_fd = prog_fd,
                .cgroup_fd = cgroup_fd,
                .hook = hook_from_string(hook),
                .via = flags & UNITBPF_LEGACY ? VIA_CGROUP_LEGACY : _VIA_INVALID,
                .takeover = flags & UNITBPF_TAKEOVER,
        };

        r = check_ready(unitbpf);
        if (r < 0)
                return r;
        if (request.hook < 0)
                return diag_fail(&unitbpf->diag, -EINVAL, "unknown hook '%s'", hook);
        if (mode >= ELEMENTS(modes))
                return diag_fail(&unitbpf->diag, -EINVAL, "unknown flags 0x%x", flags);
        request.mode = modes[mode];
        return tracker_attach_program(unitbpf->tracker, &request, ret_id, &unitbpf->diag);
}

_public_ int unitbpf_detach(Unitbpf *unitbpf, uint64_t id) {
        int r = check_ready(unitbpf);

        if (r < 0)
                return r;
        return tracker_free_attachment(unitbpf->tracker, id, &unitbpf->diag);
}

_public_ int unitbpf_detach_unit(Unitbpf *unitbpf, const char *unit) {
        int r = check_ready(unitbpf);

        if (r < 0)
                return r;
        return tracker_unit_stop(unitbpf->tracker, unit, &unitbpf->diag);
}

_public_ int unitbpf_get(const Unitbpf *unitbpf, size_t index, UnitbpfAttachment *ret) {
        UnitbpfAttachment attachment = { .struct_size = ret->struct_size };
        AttachmentView view;

        if (ret->struct_size == 0 || ret->struct_size > sizeof attachment)
                return -EINVAL;
        if (!tracker_get_attachment(unitbpf->tracker, index, &view))
                return -ENOENT;
        attachment.id = view.id;
        attachment.cgroup_id = view.cgroup_id;
        attachment.unit = view.unit;
        attachment.hook = hook_to_string(view.hook);
        attachment.via = via_to_string(view.via);
        attachment.flags = attach_mode_to_string(view.mode);
        attachment.path = view.target;
        attachment.state = attachment_state_to_string(view.state);
        attachment.error = view.error;
        attachment.prog_id = view.prog_id;
        attachment.link_id = view.link_id;
        memcpy(ret, &attachment, ret->struct_size);
        return 0;
}

_public_ const char *unitbpf_last_error(const Unitbpf *unitbpf) {
        return unitbpf->diag.text ?: "no error";
}
