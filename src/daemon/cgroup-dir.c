/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/cgroup-dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <glib.h>

#include "bpf/cgroup.h"
#include "src/base/fd.h"
#include "src/base/file.h"
#include "src/base/limits.h"
#include "src/base/text.h"

/* cpu.stat has a dozen short lines */
#define CPU_STAT_BYTES_MAX 4096U
#define PROC_BYTES_MAX     (1024U * 1024U)

int cgroup_dir_id(const char *path, uint64_t *ret) {
        _cleanup_close_ int fd = cgroup_open(path, ret, NULL);

        return fd < 0 ? fd : 0;
}

int cgroup_dir_of_fd(int fd, uint64_t *ret_id, char **ret_path) {
        char link[32], path[PATH_MAX];
        struct statfs fs;
        uint64_t id, found;
        ssize_t n;
        int r;

        if (fstatfs(fd, &fs) < 0)
                return -errno;
        if (fs.f_type != CGROUP2_SUPER_MAGIC)
                return -EBADF;
        r = cgroup_id(fd, &id);

        if (r < 0)
                return r;
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof path - 1);
        if (n < 0)
                return -errno;
        path[n] = 0;
        /* a removed directory reads as "PATH (deleted)", and another one may stand at the path by now */
        r = cgroup_dir_id(path, &found);
        if (r < 0)
                return r;
        if (found != id)
                return -ESTALE;
        *ret_path = strdup(path);
        if (!*ret_path)
                return -ENOMEM;
        *ret_id = id;
        return 0;
}

int cgroup_dir_of_process(pid_t pid, uint64_t *ret_id, char **ret_path) {
        g_autofree char *file = g_strdup_printf("/proc/%d/cgroup", (int)pid);
        _cleanup_free_ char *text = NULL, *mount = NULL, *path = NULL;
        const char *line;
        uint64_t id;
        int r = file_read(file, PROC_BYTES_MAX, &text, NULL);

        if (r >= 0)
                r = cgroup_mount_find(&mount, NULL);
        if (r < 0)
                return r;
        /* v1 hierarchies have numbers and names */
        line = text_after_prefix(text, "0::");
        if (!line) {
                line = strstr(text, "\n0::");
                if (!line)
                        return -ENODATA;
                line += strlen("\n0::");
        }
        path = text_format("%s%.*s", mount, (int)strcspn(line, "\n"), line);
        if (!path)
                return -ENOMEM;
        r = cgroup_dir_id(path, &id);
        if (r < 0)
                return r;
        *ret_id = id;
        *ret_path = TAKE_PTR(path);
        return 0;
}

static int check_owner(const char *path, const char *file, Diag *diag) {
        _cleanup_free_ char *name = text_format("%s%s%s", path, *file ? "/" : "", file);
        struct stat st;

        if (!name)
                return -ENOMEM;
        if (lstat(name, &st) < 0)
                return diag_errno(diag, -errno, "cannot look at '%s'", name);
        if (st.st_uid != 0)
                return diag_fail(
                        diag, -EPERM, "'%s' is owned by uid %u: the cgroup is delegated", name,
                        (unsigned)st.st_uid
                );
        if (st.st_mode & 022)
                return diag_fail(
                        diag, -EPERM, "'%s' is writable by others than root (mode %04o)", name,
                        (unsigned)st.st_mode & 07777
                );
        return 0;
}

int cgroup_dir_check_trust(const char *path, Diag *diag) {
        static const char *const files[] = { "", "cgroup.procs", "cgroup.subtree_control" };

        for (size_t i = 0; i < ELEMENTS(files); i++) {
                int r = check_owner(path, files[i], diag);

                if (r < 0)
                        return r;
        }
        return 0;
}

int cgroup_dir_used(const char *path) {
        g_autofree char *file = g_build_filename(path, "cpu.stat", NULL);
        _cleanup_free_ char *text = NULL;
        const char *usage;
        int r = file_read(file, CPU_STAT_BYTES_MAX, &text, NULL);

        if (r < 0)
                return r;
        usage = text_after_prefix(text, "usage_usec ");
        if (!usage)
                return -EBADMSG;
        return *usage != '0';
}

int cgroup_dir_populated(const char *path) {
        _cleanup_close_ int fd = cgroup_open(path, NULL, NULL);

        return fd < 0 ? fd : cgroup_populated(fd);
}

int cgroup_dir_kill(const char *path) {
        _cleanup_close_ int fd = cgroup_open(path, NULL, NULL);

        return fd < 0 ? fd : cgroup_kill(fd);
}

static int remove_children(const char *path, unsigned depth) {
        struct dirent *entry;
        int r = 0;
        DIR *dir;

        dir = opendir(path);
        if (!dir)
                return errno == ENOENT ? 0 : -errno;
        while (r >= 0 && (entry = readdir(dir))) {
                _cleanup_free_ char *child = NULL;

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                child = text_format("%s/%s", path, entry->d_name);
                r = !child ? -ENOMEM : depth == 0 ? -ELOOP : remove_children(child, depth - 1);
                if (r >= 0 && rmdir(child) < 0 && errno != ENOENT)
                        r = -errno;
        }
        (void)closedir(dir);
        return r;
}

int cgroup_dir_remove(const char *path, bool nested) {
        if (nested) {
                int r = remove_children(path, 4 * LIMIT_CGROUP_DEPTH);

                /* without a descriptor to look with there may still be nothing below */
                if (r < 0 && r != -EMFILE && r != -ENFILE)
                        return r;
        }
        if (rmdir(path) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}
