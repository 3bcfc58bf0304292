/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/generator/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/limits.h"
#include "src/generator/kmsg.h"
#include "units/unit-name.h"

#define MARK "[X-BPF]"

typedef struct Search {
        Scan *scan;
        char *buffer; /* LIMIT_UNIT_FILE_BYTES */
} Search;

/* Does the file have the section? */
static bool file_has_mark(const Search *search, int directory, const char *path, const char *name) {
        _cleanup_close_ int fd = openat(
                directory, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        );
        size_t size = 0;
        ssize_t n;

        if (fd < 0) {
                if (errno != ENOENT && errno != ELOOP) /* links to nothing are common */
                        kmsg_warn("cannot open '%s/%s': %s", path, name, strerror(errno));
                return false;
        }
        while (size < LIMIT_UNIT_FILE_BYTES &&
               (n = read(fd, search->buffer + size, LIMIT_UNIT_FILE_BYTES - size)) > 0)
                size += (size_t)n;
        return memmem(search->buffer, size, MARK, strlen(MARK)) != NULL;
}

static bool is_hooked_type(const char *name) {
        return g_str_has_suffix(name, ".service") || g_str_has_suffix(name, ".socket");
}

static bool is_wanted_type(const char *name) {
        return is_hooked_type(name) || g_str_has_suffix(name, ".slice");
}

/* Drop-in directories of a whole type are named like it. */
static bool is_type(const char *name) {
        return strcmp(name, "service") == 0 || strcmp(name, "socket") == 0 ||
               strcmp(name, "slice") == 0;
}

static void note(const Search *search, const char *name, bool hit) {
        if (hit)
                (void)g_hash_table_add(search->scan->hits, g_strdup(name));
        if (is_hooked_type(name) && unit_name_kind(name) >= 0 &&
            !g_str_has_suffix(name, "-.service") && !g_str_has_suffix(name, "-.socket"))
                (void)g_hash_table_add(search->scan->known, g_strdup(name));
}

static void scan_dropins(const Search *search, int directory, const char *path, const char *entry) {
        g_autofree char *name = g_strndup(entry, strlen(entry) - 2);
        g_autofree char *inside = g_build_filename(path, entry, NULL);
        struct dirent *file;
        bool hit = false;
        int fd;
        DIR *dir;

        if (!is_wanted_type(name) && !is_type(name))
                return;
        fd = openat(directory, entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                (void)fd_close(fd);
                return;
        }
        while (!hit && (file = readdir(dir)))
                if (file->d_name[0] != '.' && g_str_has_suffix(file->d_name, ".conf"))
                        hit = file_has_mark(search, dirfd(dir), inside, file->d_name);
        (void)closedir(dir);
        note(search, name, hit);
}

static void scan_directory(const Search *search, const char *path) {
        DIR *dir = opendir(path);
        struct dirent *entry;

        if (!dir) {
                if (errno != ENOENT && errno != ENOTDIR)
                        kmsg_warn("cannot list '%s': %s", path, strerror(errno));
                return;
        }
        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                if (g_str_has_suffix(entry->d_name, ".d"))
                        scan_dropins(search, dirfd(dir), path, entry->d_name);
                else if (is_wanted_type(entry->d_name) && entry->d_type != DT_DIR)
                        note(search, entry->d_name,
                             file_has_mark(search, dirfd(dir), path, entry->d_name));
        }
        (void)closedir(dir);
}

void scan_run(char *const *directories, Scan *ret) {
        g_autofree char *buffer = g_malloc(LIMIT_UNIT_FILE_BYTES);
        const Search search = { ret, buffer };

        *ret = (Scan){
                .hits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                .known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        };
        for (; *directories; directories++)
                scan_directory(&search, *directories);
}

void scan_done(Scan *scan) {
        g_clear_pointer(&scan->hits, g_hash_table_unref);
        g_clear_pointer(&scan->known, g_hash_table_unref);
}
