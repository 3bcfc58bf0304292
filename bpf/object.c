/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One attempt opens the object, prepares it, loads it and gives it up again; the programs live on in duplicates of their
 * descriptors. libbpf cannot load an object twice, so what is worth another try (EAGAIN, a verifier log that did not
 * fit) begins with opening it. libbpf asks for no log at first, and for one when that failed. */

#include "bpf/object.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "bpf/object-map.h"
#include "bpf/object-messages.h"
#include "bpf/object-variable.h"
#include "bpf/program.h"
#include "bpf/verifier.h"
#include "src/base/limits.h"
#include "src/base/text.h"

/* libbpf repeats a load that is answered with EAGAIN five times by itself; together 30. */
#define AGAIN_ATTEMPTS 6

#define KERNEL_ENOTSUPP 524 /* leaks out of the kernel, no C library has a text for it */

typedef struct File {
        char *data;
        size_t size;
        char name[KERNEL_NAME_MAX]; /* of the object */
} File;

static void file_done(File *file) {
        free(file->data);
}

static void object_close(struct bpf_object **object) {
        bpf_object__close(*object);
}

/* "/usr/lib/bpf/count.bpf.o" -> "count" */
static void object_name(const char *path, char *out) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *stem = strdup(slash ? slash + 1 : path);
        static const char *const endings[] = { ".o", ".bpf" };

        for (size_t i = 0; stem && i < ELEMENTS(endings); i++) {
                size_t n = strlen(stem), ending = strlen(endings[i]);

                if (n > ending && strcmp(stem + n - ending, endings[i]) == 0)
                        stem[n - ending] = 0;
        }
        program_name_fit(stem && *stem ? stem : "object", out);
}

/* From offset 0, and the position of fd stays: others may read from the same open file. */
static int file_load(const LoadRequest *request, File *ret, Diag *diag) {
        _cleanup_free_ char *data = NULL;
        size_t size = 0, room = 0;

        for (;;) {
                ssize_t n;

                if (size == room) {
                        char *larger = realloc(data, room = room ? room * 2 : 64 * 1024);

                        if (!larger)
                                return -ENOMEM;
                        data = larger;
                }
                n = pread(request->fd, data + size, room - size, (off_t)size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return diag_errno(diag, -errno, "cannot read it");
                if (n == 0)
                        break;
                size += (size_t)n;
                if (size > LIMIT_OBJECT_BYTES)
                        return diag_fail(
                                diag, -EFBIG, "the file has more than %u bytes", LIMIT_OBJECT_BYTES
                        );
        }
        ret->data = TAKE_PTR(data);
        ret->size = size;
        object_name(request->path, ret->name);
        return 0;
}

/* Numbers of libbpf's own and of the kernel's inside become such that the C library knows. */
static int translate_error(int error) {
        if (error == -KERNEL_ENOTSUPP)
                return -EOPNOTSUPP;
        return error <= -__LIBBPF_ERRNO__START ? -ENOEXEC : error;
}

static int object_open(
        const File *file,
        struct bpf_object **ret,
        const Messages *messages,
        Diag *diag
) {
        LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = file->name);
        struct bpf_object *object = bpf_object__open_mem(file->data, file->size, &options);
        _cleanup_free_ char *said = NULL;
        int r;

        if (object) {
                *ret = object;
                return 0;
        }
        r = translate_error(-errno);
        if (r != -ENOMEM && r != -EOPNOTSUPP)
                r = -ENOEXEC; /* libbpf has many numbers for it */
        said = messages_first(messages);
        if (said)
                return diag_fail(diag, r, "%s", said);
        return diag_fail(diag, r, "it is no BPF object");
}

static int program_missing(const struct bpf_object *object, const char *name, Diag *diag) {
        const char *candidates[LIMIT_OBJECT_PROGRAMS + 1] = {};
        struct bpf_program *program;
        const char *nearest;
        size_t n = 0;

        bpf_object__for_each_program(program, object) {
                if (n < LIMIT_OBJECT_PROGRAMS)
                        candidates[n++] = bpf_program__name(program);
        }
        nearest = text_nearest(name, candidates);
        if (nearest)
                return diag_fail(
                        diag, -ENOENT, "no program '%s', did you mean '%s'?", name, nearest
                );
        return diag_fail(diag, -ENOENT, "no program '%s'", name);
}

/* Type and expected attach type by our table: libbpf 1.1 does not know all sections, authors use names of their own, and
 * some hooks share a section. lsm_cgroup stays with libbpf, which looks up the type of the kernel's function. */
static int set_type(struct bpf_program *program, const HookInfo *hook) {
        int r = bpf_program__set_type(program, hook->prog_type);

        if (r < 0)
                return r;
        /* An ordinary tc program must keep 0, or it could not share a program array with others. */
        if (hook->target == HOOK_TARGET_INTERFACE && hook->prog_type == BPF_PROG_TYPE_SCHED_CLS)
                return bpf_program__set_expected_attach_type(program, 0);
        return bpf_program__set_expected_attach_type(program, hook->attach_type);
}

/* One program for two hooks is loaded once, which must do for both. */
static int check_second_hook(const struct bpf_program *program, const HookInfo *hook, Diag *diag) {
        const HookInfo *first = hook_info(
                hook_from_attach_type(bpf_program__expected_attach_type(program))
        );

        if (hook->attach_type == bpf_program__expected_attach_type(program) ||
            (hook->prog_type == bpf_program__type(program) && hook->expected == HOOK_EXPECTED_NO &&
             (!first || first->expected == HOOK_EXPECTED_NO)))
                return 0;
        return diag_fail(
                diag, -EINVAL, "program '%s' cannot be loaded for %s and for %s at once",
                bpf_program__name(program), first ? first->name : "another hook", hook->name
        );
}

static int choose_program(struct bpf_object *object, const char *name, Hook wanted, Diag *diag) {
        struct bpf_program *program = bpf_object__find_program_by_name(object, name);
        const HookInfo *hook = hook_info(wanted);
        int r;

        if (!hook)
                return -EINVAL;
        if (!program)
                return program_missing(object, name, diag);
        if (bpf_program__autoload(program))
                return check_second_hook(program, hook, diag);
        if (wanted == HOOK_LSM_CGROUP) {
                if (bpf_program__expected_attach_type(program) != BPF_LSM_CGROUP)
                        return diag_fail(
                                diag, -EINVAL,
                                "program '%s' does not begin with section lsm_cgroup/", name
                        );
        } else {
                r = set_type(program, hook);
                if (r < 0)
                        return diag_errno(
                                diag, r, "cannot make program '%s' one for %s", name, hook->name
                        );
        }
        return bpf_program__set_autoload(program, true);
}

static int choose_programs(struct bpf_object *object, const LoadRequest *request, Diag *diag) {
        struct bpf_program *program;

        bpf_object__for_each_program(program, object) {
                (void)bpf_program__set_autoload(program, false); /* fails only after a load */
        }
        for (size_t i = 0; i < request->n_programs; i++) {
                int r = choose_program(object, request->programs[i], request->hooks[i], diag);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int explain_load(int error, const Messages *messages, const char *log, Diag *diag) {
        _cleanup_free_ char *said = messages_first(messages), *all = NULL;

        (void)verifier_explain(error, log, diag);
        if (diag->text && messages->program[0])
                diag_prefix(diag, "program '%s'", messages->program);
        if (!diag->text && said)
                (void)diag_fail(diag, error, "%s", said);
        if (!diag->text)
                (void)diag_errno(diag, error, "the kernel refuses it");
        /* Behind the log what libbpf had to say around it. */
        all = text_format("%s%s", diag->detail ?: "", messages->text ?: "");
        if (all && *all) {
                free(diag->detail);
                diag->detail = TAKE_PTR(all);
        }
        return error;
}

static void fds_close(int *fds, size_t n) {
        for (size_t i = 0; i < n; i++)
                (void)fd_close(fds[i]);
}

/* Duplicates the programs' descriptors, so that they outlive the object. */
static int collect_fds(const struct bpf_object *object, const LoadRequest *request, int *fds) {
        for (size_t i = 0; i < request->n_programs; i++) {
                const struct bpf_program *program = bpf_object__find_program_by_name(
                        object, request->programs[i]
                );
                int fd = fd_duplicate(bpf_program__fd(program));

                if (fd < 0) {
                        fds_close(fds, i);
                        return fd;
                }
                fds[i] = fd;
        }
        return 0;
}

typedef struct Attempt {
        const LoadRequest *request;
        const File *file;
        char *log;
        size_t log_size;
        uint32_t log_level; /* 0: libbpf asks for a log when the load without one has failed */
        int *fds; /* one for each program; filled on success only */
} Attempt;

/* All programs share the buffer: it is written only for one that fails, and that is the last one. */
static int attempt_set_log(const Attempt *attempt, struct bpf_object *object) {
        struct bpf_program *program;

        bpf_object__for_each_program(program, object) {
                int r = bpf_program__set_log_buf(program, attempt->log, attempt->log_size);

                if (r >= 0)
                        r = bpf_program__set_log_level(program, attempt->log_level);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int attempt_prepare(
        const Attempt *attempt,
        struct bpf_object *object,
        ObjectMaps *maps,
        Diag *diag
) {
        int r = choose_programs(object, attempt->request, diag);

        if (r < 0)
                return r;
        r = object_variables_set(object, attempt->request, diag);
        if (r < 0)
                return r;
        r = object_maps_prepare(object, attempt->request, maps, diag);
        if (r < 0)
                return r;
        return attempt_set_log(attempt, object);
}

static int attempt_load(const Attempt *attempt, Diag *diag) {
        _cleanup_messages_ Messages messages = {};
        _cleanup_(object_maps_done) ObjectMaps maps = {};
        _cleanup_(object_close) struct bpf_object *object = NULL;
        int r;

        messages_begin(&messages);
        r = object_open(attempt->file, &object, &messages, diag);
        if (r < 0)
                return r;
        r = attempt_prepare(attempt, object, &maps, diag);
        if (r < 0)
                return r;
        r = bpf_object__load(object);
        if (r < 0)
                return explain_load(translate_error(r), &messages, attempt->log, diag);
        r = object_maps_pin(&maps, diag);
        if (r < 0)
                return r;
        r = collect_fds(object, attempt->request, attempt->fds);
        if (r < 0)
                object_maps_unpin(&maps);
        return r;
}

/* Tries until the answer is final; the last attempt's explanation is kept. */
static int load_file(Attempt *attempt, Diag *ret_diag) {
        _cleanup_free_ char *log = NULL;
        int again = 0, r;

        (void)verifier_log_grow(&attempt->log_size);
        for (;;) {
                free(log);
                log = attempt->log = calloc(1, attempt->log_size);
                if (!log)
                        return -ENOMEM;
                diag_done(ret_diag);
                r = attempt_load(attempt, ret_diag);
                if (r == -EAGAIN && ++again < AGAIN_ATTEMPTS)
                        continue;
                if (r != -ENOSPC || !*log)
                        return r;
                attempt->log_level = 1; /* that it fails is known */
                if (!verifier_log_grow(&attempt->log_size))
                        return -EACCES; /* ENOSPC speaks of the log; what it was before, libbpf forgets */
        }
}

static int load(const LoadRequest *request, int *fds, Diag *diag) {
        _cleanup_(file_done) File file = {};
        Attempt attempt = { .request = request, .file = &file, .fds = fds };
        int r = file_load(request, &file, diag);

        return r < 0 ? r : load_file(&attempt, diag);
}

int object_load(const LoadRequest *request, int *ret_fds, Diag *diag) {
        _cleanup_free_ int *fds = calloc(request->n_programs + 1, sizeof *fds);
        _cleanup_diag_ Diag said = {};
        int r;

        if (!fds)
                return -ENOMEM;
        r = load(request, fds, &said);
        if (r < 0) {
                diag_detail(diag, said.detail);
                return diag_fail(diag, r, "'%s': %s", request->path, diag_text(&said, r));
        }
        (void)memcpy(ret_fds, fds, request->n_programs * sizeof *fds);
        return 0;
}
