/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bpf/bpffs.h"
#include "bpf/call.h"
#include "src/base/text.h"

static void directory_close(DIR **directory) {
        if (*directory)
                (void)closedir(*directory);
}

static void names_free(char ***names) {
        (void)bpffs_names_free(*names);
}

static int on_bpffs(const char *path) {
        struct statfs fs;

        if (statfs(path, &fs) < 0)
                return -errno;
        return (uint32_t)fs.f_type == BPF_FS_MAGIC;
}

int bpffs_contains(const char *path) {
        _cleanup_free_ char *parent = NULL;
        const char *slash;
        int r = on_bpffs(path);

        if (r != -ENOENT && r != -EPERM) /* EPERM: bpffs was asked for a name with a dot */
                return r;
        slash = strrchr(path, '/');
        parent = !slash          ? strdup(".")
                 : slash == path ? strdup("/")
                                 : strndup(path, (size_t)(slash - path));
        return parent ? on_bpffs(parent) : -ENOMEM;
}

int bpffs_pin(int fd, const char *path) {
        UapiAttr attr = { .bytes = { 0 } };

        attr.known.pathname = (uintptr_t)path;
        attr.known.bpf_fd = (uint32_t)fd;
        return call_kernel(BPF_OBJ_PIN, &attr);
}

int bpffs_unpin(const char *path) {
        struct stat st;
        int r;

        if (lstat(path, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        r = bpffs_contains(path);
        if (r <= 0)
                return r < 0 ? r : -EPERM;
        return unlink(path) < 0 ? -errno : 0;
}

int bpffs_pin_open(const char *path) {
        UapiAttr attr = { .bytes = { 0 } };

        attr.known.pathname = (uintptr_t)path;
        return call_for_fd(BPF_OBJ_GET, &attr);
}

int bpffs_pin_open_at(int path_fd) {
        char path[32];

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", path_fd);
        return bpffs_pin_open(path);
}

/* Room for one more name and the NULL behind. */
static int names_add(char ***names, size_t *n, const char *name) {
        char **grown = reallocarray(*names, *n + 2, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        *names = grown;
        grown[*n] = strdup(name);
        if (!grown[*n])
                return -ENOMEM;
        grown[++*n] = NULL;
        return 0;
}

static int compare(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_directory(DIR *directory, const char *name) {
        struct stat st;

        return fstatat(dirfd(directory), name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode);
}

int bpffs_pins_list(const char *path, char ***ret) {
        _cleanup_(directory_close) DIR *directory = opendir(path);
        _cleanup_(names_free) char **names = calloc(1, sizeof *names);
        const struct dirent *entry;
        struct statfs fs;
        size_t n = 0;
        int r;

        if (!directory)
                return -errno;
        if (!names)
                return -ENOMEM;
        if (fstatfs(dirfd(directory), &fs) < 0)
                return -errno;
        if ((uint32_t)fs.f_type != BPF_FS_MAGIC)
                return -EMEDIUMTYPE;
        for (errno = 0; (entry = readdir(directory)); errno = 0) {
                if (is_directory(directory, entry->d_name))
                        continue;
                r = names_add(&names, &n, entry->d_name);
                if (r < 0)
                        return r;
        }
        if (errno > 0)
                return -errno;
        qsort(names, n, sizeof *names, compare);
        *ret = TAKE_PTR(names);
        return 0;
}

char **bpffs_names_free(char **names) {
        for (size_t i = 0; names && names[i]; i++)
                free(names[i]);
        free(names);
        return NULL;
}
