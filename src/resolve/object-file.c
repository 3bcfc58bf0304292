/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The path is walked once, without opening the file for reading: a pin cannot be opened so, and a device or a pipe
 * should not. What was found is then looked at, and an object opened for reading through its descriptor, so the
 * file that was judged is the file that is read. */

#include "src/resolve/object-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/trust.h"

#define BPFFS_MAGIC 0xcafe4a11U

/* Finds the file: a descriptor that only stands for it. */
static int find_file(const char *path, bool trust, int *ret_fd, Diag *diag) {
        int fd;

        if (trust)
                return trust_open(path, TRUST_PATH_ONLY, ret_fd, diag);
        fd = open(path, O_PATH | O_CLOEXEC);
        if (fd < 0)
                return diag_errno(diag, -errno, "cannot open '%s'", path);
        fd = fd_above_stdio(fd);
        if (fd < 0)
                return fd;
        *ret_fd = fd;
        return 0;
}

/* Opens the file behind fd for reading, in its place. */
static int open_file(int *fd, const char *path, Diag *diag) {
        char link[64];
        int opened;

        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", *fd);
        opened = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (opened < 0)
                return diag_errno(diag, -errno, "cannot open '%s' for reading", path);
        opened = fd_above_stdio(opened);
        if (opened < 0)
                return opened;
        (void)fd_close(*fd);
        *fd = opened;
        return 0;
}

static int64_t nanoseconds(const struct timespec *time) {
        return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

/* Identity and kind of the file. */
static int judge(ObjectFile *object, Diag *diag) {
        struct statfs fs;
        struct stat st;

        if (fstat(object->fd, &st) < 0 || fstatfs(object->fd, &fs) < 0)
                return diag_errno(diag, -errno, "cannot look at '%s'", object->path);
        if (!S_ISREG(st.st_mode))
                return diag_fail(
                        diag, -EINVAL, "'%s' is not a file with a BPF program", object->path
                );
        object->is_pin = (uint32_t)fs.f_type == BPFFS_MAGIC;
        object->identity = (FileIdentity){
                .device = st.st_dev,
                .inode = st.st_ino,
                .size = (uint64_t)st.st_size,
                .mtime_ns = nanoseconds(&st.st_mtim),
                .ctime_ns = nanoseconds(&st.st_ctim),
        };
        return 0;
}

static int object_file_load(ObjectFile *object, bool trust, Diag *diag) {
        int r;

        r = find_file(object->path, trust, &object->fd, diag);
        if (r < 0) {
                object->absent = r == -ENOENT;
                return r;
        }
        r = judge(object, diag);
        if (r < 0 || object->is_pin)
                return r;
        r = open_file(&object->fd, object->path, diag);
        if (r < 0)
                return r;
        return inspect_fd(object->fd, object->path, &object->inspect, diag);
}

ObjectFile *object_file_new(const char *path, bool trust) {
        ObjectFile *object = g_new0(ObjectFile, 1);
        int r;

        object->path = g_strdup(path);
        object->fd = -EBADF;
        r = object_file_load(object, trust, &object->error);
        if (r < 0) {
                object->fd = fd_close(object->fd);
                if (!object->error.text)
                        (void)diag_errno(&object->error, r, "cannot use '%s'", path);
        }
        return object;
}

ObjectFile *object_file_free(ObjectFile *object) {
        if (!object)
                return NULL;
        g_free(object->path);
        (void)fd_close(object->fd);
        if (object->inspect)
                (void)inspect_free(object->inspect);
        diag_done(&object->error);
        g_free(object);
        return NULL;
}

bool object_file_has_stem(const ObjectFile *object, const char *stem) {
        g_autofree char *base = g_path_get_basename(object->path);

        if (g_str_has_suffix(base, ".o"))
                base[strlen(base) - 2] = 0;
        if (strcmp(base, stem) == 0)
                return true;
        if (g_str_has_suffix(base, ".bpf"))
                base[strlen(base) - 4] = 0;
        return strcmp(base, stem) == 0;
}

const InspectVariable *object_file_variable(const ObjectFile *object, const char *name) {
        for (size_t i = 0; object->inspect && i < object->inspect->n_variables; i++)
                if (strcmp(object->inspect->variables[i].name, name) == 0)
                        return &object->inspect->variables[i];
        return NULL;
}

const InspectMap *object_file_map(const ObjectFile *object, const char *name) {
        for (size_t i = 0; object->inspect && i < object->inspect->n_maps; i++)
                if (strcmp(object->inspect->maps[i].name, name) == 0)
                        return &object->inspect->maps[i];
        return NULL;
}
