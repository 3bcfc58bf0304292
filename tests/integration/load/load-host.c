/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/integration/load/load-host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "bpf/call.h"
#include "bpf/cgroup.h"
#include "bpf/link.h"
#include "bpf/map.h"
#include "bpf/object.h"
#include "bpf/program.h"
#include "src/base/file.h"
#include "src/base/text.h"
#include "tests/integration/bpf/kernel-host.h"

#define UNTOUCHED (-4711)

static char *bpffs;

static char *object_path(const char *object) {
        const char *directory = strstr(object, ".bpfobj") ? getenv("LOAD_OBJECTS")
                                                          : getenv("LOAD_PROGS");

        return *object == '/' ? strdup(object) : text_format("%s/%s", directory, object);
}

int load_host_try(const LoadCase *wanted, int *ret_fds, Diag *diag) {
        _cleanup_free_ char *path = object_path(wanted->object);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        const char *names[LOAD_MAX];
        Hook hooks[LOAD_MAX];
        TargetVariable variables[LOAD_MAX];
        TargetMap maps[LOAD_MAX];
        LoadRequest request = {
                .fd = fd,
                .path = path,
                .programs = names,
                .hooks = hooks,
                .variables = variables,
                .maps = maps,
                .donor_prog_ids = wanted->donors,
        };

        ck_assert_msg(fd >= 0, "open %s: %s", path, strerror(errno));
        for (; request.n_programs < LOAD_MAX && wanted->wishes[request.n_programs].program;
             request.n_programs++) {
                names[request.n_programs] = wanted->wishes[request.n_programs].program;
                hooks[request.n_programs] = wanted->wishes[request.n_programs].hook;
        }
        for (const LoadText *text = wanted->variables; text->name; text++)
                variables[request.n_variables++] = (TargetVariable){
                        (char *)text->name,
                        (char *)text->value,
                        (char *)text->origin,
                };
        for (const LoadText *text = wanted->maps; text->name; text++)
                maps[request.n_maps++] = (TargetMap){
                        (char *)text->name,
                        (char *)text->value,
                        (char *)text->origin,
                };
        while (request.n_donors < LOAD_MAX && wanted->donors[request.n_donors])
                request.n_donors++;
        return object_load(&request, ret_fds, diag);
}

void load_host_load(const LoadCase *wanted, int *ret_fds) {
        _cleanup_diag_ Diag diag = {};
        int r = load_host_try(wanted, ret_fds, &diag);

        ck_assert_msg(r == 0, "%s: %s\n%s", wanted->object, diag_text(&diag, r), diag.detail ?: "");
        for (size_t i = 0; i < LOAD_MAX && wanted->wishes[i].program; i++) {
                ck_assert_int_ge(ret_fds[i], 3);
                ck_assert_int_eq(fd_get_cloexec(ret_fds[i]), 1);
                ck_assert_int_eq(fd_kind(ret_fds[i]), FD_KIND_PROGRAM);
        }
}

void load_host_refused(const LoadCase *wanted, int error, const char *text) {
        _cleanup_diag_ Diag diag = {};
        unsigned before = kernel_host_fds();
        int fds[LOAD_MAX], r;

        for (size_t i = 0; i < LOAD_MAX; i++)
                fds[i] = UNTOUCHED;
        r = load_host_try(wanted, fds, &diag);
        ck_assert_msg(r == error, "%s: %d, '%s'", wanted->object, r, diag_text(&diag, r));
        ck_assert_msg(
                diag.text && strstr(diag.text, text), "'%s' does not say '%s'", diag_text(&diag, r),
                text
        );
        ck_assert_ptr_null(strchr(diag.text, '\n'));
        for (size_t i = 0; i < LOAD_MAX; i++)
                ck_assert_int_eq(fds[i], UNTOUCHED);
        ck_assert_uint_eq(kernel_host_fds(), before);
}

uint32_t load_host_prog_id(int prog_fd) {
        ProgramInfo info;

        ck_assert_int_eq(program_info(prog_fd, &info), 0);
        return info.id;
}

int load_host_map(int prog_fd, const char *name) {
        _cleanup_free_ uint32_t *ids = NULL;
        size_t n;

        ck_assert_int_eq(program_map_ids(prog_fd, &ids, &n), 0);
        for (size_t i = 0; i < n; i++) {
                _cleanup_close_ int fd = call_fd_by_id(BPF_MAP_GET_FD_BY_ID, ids[i]);
                MapInfo info;

                ck_assert_int_eq(map_info(fd, &info), 0);
                if (strcmp(*name == '.' ? strchrnul(info.name, '.') : info.name, name) == 0)
                        return TAKE_FD(fd);
        }
        return -ENOENT;
}

uint32_t load_host_map_id(int prog_fd, const char *name) {
        _cleanup_close_ int fd = load_host_map(prog_fd, name);
        MapInfo info = {};

        if (fd >= 0)
                ck_assert_int_eq(map_info(fd, &info), 0);
        return info.id;
}

int load_host_attach(int prog_fd, Hook hook) {
        _cleanup_close_ int cgroup = cgroup_open(kernel_host_cgroup(), NULL, NULL);
        int link;

        ck_assert_int_ge(cgroup, 0);
        link = link_create(&(LinkArguments){
                .cgroup_fd = cgroup,
                .prog_fd = prog_fd,
                .attach_type = hook_info(hook)->attach_type,
        });
        ck_assert_msg(link >= 0, "attach to %s: %s", hook_to_string(hook), strerror(-link));
        return link;
}

int load_host_inside(int (*function)(void *userdata), void *userdata) {
        _cleanup_free_ char *procs = kernel_host_path("cgroup.procs");
        pid_t pid = fork();
        int status;

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if (file_write(procs, "0") < 0)
                        _exit(126);
                _exit(function(userdata));
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void close_one(int *fd) {
        _cleanup_free_ uint32_t *maps = NULL;
        uint32_t id = load_host_prog_id(*fd);
        size_t n;

        ck_assert_int_eq(program_map_ids(*fd, &maps, &n), 0);
        *fd = fd_close(*fd);
        kernel_host_wait_gone(BPF_PROG_GET_FD_BY_ID, id);
        for (size_t i = 0; i < n; i++)
                kernel_host_wait_gone(BPF_MAP_GET_FD_BY_ID, maps[i]);
}

void load_host_close(int *fds, size_t n) {
        /* Programs of one object share maps, so only the last one takes them along. */
        for (size_t i = 1; i < n; i++) {
                uint32_t id = load_host_prog_id(fds[i]);
                bool same = id == load_host_prog_id(fds[0]);

                fds[i] = fd_close(fds[i]);
                if (!same)
                        kernel_host_wait_gone(BPF_PROG_GET_FD_BY_ID, id);
        }
        close_one(&fds[0]);
}

const char *load_host_bpffs(void) {
        if (bpffs)
                return bpffs;
        bpffs = text_format("/run/unitbpf-test-load-%d", getpid());
        ck_assert_int_eq(mkdir(bpffs, 0700), 0);
        ck_assert_msg(
                mount("bpf", bpffs, "bpf", 0, "mode=0700") == 0, "mount bpffs: %s", strerror(errno)
        );
        return bpffs;
}

void load_host_bpffs_end(void) {
        DIR *directory = opendir(bpffs);
        struct dirent *entry;

        ck_assert_ptr_nonnull(directory);
        while ((entry = readdir(directory)))
                /* no pin has a dot in its name, but the kernel's own progs.debug and maps.debug */
                ck_assert_msg(strchr(entry->d_name, '.'), "pin '%s' is left", entry->d_name);
        (void)closedir(directory);
        ck_assert_int_eq(umount(bpffs), 0);
        ck_assert_int_eq(rmdir(bpffs), 0);
        free(bpffs);
        bpffs = NULL;
}
