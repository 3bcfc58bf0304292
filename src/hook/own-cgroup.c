/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/hook/own-cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/fd.h"
#include "src/base/file.h"
#include "src/base/text.h"

#define PROC_BYTES_MAX (16U * 1024U * 1024U)

int own_cgroup_parse(const char *text, char **ret) {
        const char *line = text;

        while (line && *line) {
                const char *path = text_after_prefix(line, "0::");

                if (path && *path == '/') {
                        size_t n = strcspn(path, "\n");

                        *ret = strndup(path, n);
                        return *ret ? 0 : -ENOMEM;
                }
                line = strchr(line, '\n');
                if (line)
                        line++;
        }
        return -ENOENT;
}

/* Field of a line with blanks between, undone; NULL if there is none. */
static char *field_of(const char *line, unsigned index) {
        const char *end = strchr(line, '\n');
        const char *start = line;
        char *text;
        size_t n;

        for (unsigned i = 0; i < index; i++) {
                start = strchr(start, ' ');
                if (!start || (end && start > end))
                        return NULL;
                start++;
        }
        n = strcspn(start, " \n");
        return text_unescape_c(start, n, &text) < 0 ? NULL : text;
}

/* Path below the mount for a cgroup when the mount shows only the part of the hierarchy below root. */
static const char *below_root(const char *cgroup, const char *root) {
        size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);

        if (strncmp(cgroup, root, n) != 0 || (cgroup[n] && cgroup[n] != '/'))
                return NULL;
        return cgroup + n;
}

static char *directory_of_line(const char *line, const char *cgroup) {
        const char *separator = strstr(line, " - ");
        const char *end = strchr(line, '\n');
        _cleanup_free_ char *root = NULL, *mount = NULL;
        const char *rest;

        if (!separator || (end && separator > end) || !text_after_prefix(separator + 3, "cgroup2 "))
                return NULL;
        root = field_of(line, 3);
        mount = field_of(line, 4);
        if (!root || !mount)
                return NULL;
        rest = below_root(cgroup, root);
        return rest ? text_format("%s%s", mount, strcmp(rest, "/") == 0 ? "" : rest) : NULL;
}

int own_cgroup_directory(const char *mountinfo, const char *cgroup, char **ret) {
        const char *line = mountinfo;

        while (line && *line) {
                char *directory = directory_of_line(line, cgroup);

                if (directory) {
                        *ret = directory;
                        return 0;
                }
                line = strchr(line, '\n');
                if (line)
                        line++;
        }
        return -ENOENT;
}

int own_cgroup_open(void) {
        _cleanup_free_ char *cgroups = NULL, *mounts = NULL, *cgroup = NULL, *directory = NULL;
        int fd, r = file_read("/proc/self/cgroup", PROC_BYTES_MAX, &cgroups, NULL);

        if (r < 0)
                return r;
        r = file_read("/proc/self/mountinfo", PROC_BYTES_MAX, &mounts, NULL);
        if (r < 0)
                return r;
        r = own_cgroup_parse(cgroups, &cgroup);
        if (r < 0)
                return r;
        r = own_cgroup_directory(mounts, cgroup, &directory);
        if (r < 0)
                return r;
        fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}
