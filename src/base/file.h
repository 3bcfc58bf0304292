/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Small files and directories by path. */

#include <stddef.h>
#include <sys/types.h>

/* Reads a whole file of at most max bytes; the text ends in NUL and belongs to the caller. -EFBIG beyond. */
int file_read(const char *path, size_t max, char **ret, size_t *ret_size);

/* As file_read() with one trailing newline taken off; for the one-line files of /proc and /sys. */
int file_read_line(const char *path, char **ret);

/* Writes an existing file (such as cgroup.kill) in one write. */
int file_write(const char *path, const char *text);

/* Puts a new file of this mode in place of path, whole or not at all (temporary name, then rename). */
int file_replace(const char *path, const char *text, size_t size, mode_t mode);

/* Makes the directory and its missing parents with this mode (before umask). Existing ones are fine; a path
 * component that is no directory is -ENOTDIR. */
int file_make_directories(const char *path, mode_t mode);

/* Present boot id, 32 hex digits without dashes. */
int file_boot_id(char **ret);
