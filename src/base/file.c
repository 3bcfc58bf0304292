/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/fd.h"
#include "src/base/text.h"

int file_read(const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
                return -errno;
        return fd_read_all(fd, max, ret, ret_size);
}

int file_read_line(const char *path, char **ret) {
        size_t size;
        char *text;
        int r = file_read(path, 64 * 1024, &text, &size);

        if (r < 0)
                return r;
        if (size > 0 && text[size - 1] == '\n')
                text[size - 1] = 0;
        *ret = text;
        return 0;
}

int file_write(const char *path, const char *text) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        size_t size = strlen(text);
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = write(fd, text, size);
        if (n < 0)
                return -errno;
        return (size_t)n == size ? 0 : -EIO;
}

int file_replace(const char *path, const char *text, size_t size, mode_t mode) {
        _cleanup_free_ char *temporary = text_format("%s.new", path);
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!temporary)
                return -ENOMEM;
        (void)unlink(temporary); /* a leftover of a crash in the middle */
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, text, size);
        if (r >= 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0)
                (void)unlink(temporary); /* the error that matters is the first one */
        return r;
}

int file_make_directories(const char *path, mode_t mode) {
        _cleanup_free_ char *copy = strdup(path);
        struct stat st;

        if (!copy)
                return -ENOMEM;
        for (char *p = copy + 1; p[-1]; p++) {
                char kept = *p;

                if (kept && kept != '/')
                        continue;
                *p = 0;
                if (mkdir(copy, mode) < 0 && errno != EEXIST)
                        return -errno;
                *p = kept;
                if (!kept)
                        break;
        }
        if (stat(path, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int file_boot_id(char **ret) {
        _cleanup_free_ char *line = NULL;
        char *out;
        int r = file_read_line("/proc/sys/kernel/random/boot_id", &line);

        if (r < 0)
                return r;
        out = line;
        for (const char *p = line; *p; p++)
                if (*p != '-')
                        *out++ = *p;
        *out = 0;
        *ret = TAKE_PTR(line);
        return 0;
}
