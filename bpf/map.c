/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/map.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "bpf/bpffs.h"
#include "bpf/call.h"
#include "src/base/fd.h"
#include "src/base/text.h"

#define PIN_DEPTH_MAX 16 /* directories of bpffs below each other */

void map_name_fit(const char *text, char *out) {
        size_t n = 0;

        for (; text[n] && n < KERNEL_NAME_MAX - 1; n++)
                out[n] = isalnum((unsigned char)text[n]) || text[n] == '.' ? text[n] : '_';
        out[n] = 0;
}

int map_create(const MapOptions *options) {
        UapiAttr attr = { .bytes = { 0 } };

        attr.known.map_type = options->type;
        attr.known.key_size = options->key_size;
        attr.known.value_size = options->value_size;
        attr.known.max_entries = options->max_entries;
        attr.known.map_flags = options->flags;
        map_name_fit(options->name ?: "", attr.known.map_name);
        return call_for_fd(BPF_MAP_CREATE, &attr);
}

int map_info(int map_fd, MapInfo *ret) {
        struct bpf_map_info info = {};
        int r;

        if (fd_kind(map_fd) != FD_KIND_MAP)
                return -EINVAL;
        r = call_info(map_fd, &info, sizeof info);
        if (r < 0)
                return r;
        *ret = (MapInfo){
                .id = info.id,
                .type = info.type,
                .key_size = info.key_size,
                .value_size = info.value_size,
                .max_entries = info.max_entries,
                .flags = info.map_flags,
        };
        (void)memcpy(ret->name, info.name, sizeof ret->name - 1);
        return 0;
}

static int element(int command, int map_fd, const void *key, const void *value, uint64_t flags) {
        UapiAttr attr = { .bytes = { 0 } };

        attr.known.map_fd = (uint32_t)map_fd;
        attr.known.key = (uintptr_t)key;
        attr.known.value = (uintptr_t)value; /* the same word as next_key */
        attr.known.flags = flags;
        return call_kernel(command, &attr);
}

int map_update(int map_fd, const void *key, const void *value, uint64_t flags) {
        return element(BPF_MAP_UPDATE_ELEM, map_fd, key, value, flags);
}

int map_lookup(int map_fd, const void *key, void *ret) {
        return element(BPF_MAP_LOOKUP_ELEM, map_fd, key, ret, 0);
}

int map_delete(int map_fd, const void *key) {
        return element(BPF_MAP_DELETE_ELEM, map_fd, key, NULL, 0);
}

int map_next_key(int map_fd, const void *key, void *ret_next) {
        return element(BPF_MAP_GET_NEXT_KEY, map_fd, key, ret_next, 0);
}

static bool is_per_cpu(uint32_t type) {
        return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
               type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

int64_t map_value_bytes(const MapInfo *info) {
        int cpus;

        if (!is_per_cpu(info->type))
                return info->value_size;
        cpus = libbpf_num_possible_cpus();
        return cpus < 0 ? cpus : (int64_t)cpus * (int64_t)((info->value_size + 7U) & ~7U);
}

static bool is_array(uint32_t type) {
        return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

int64_t map_count(int map_fd, uint32_t max) {
        _cleanup_free_ uint8_t *key = NULL;
        MapInfo info;
        uint32_t n = 0;
        int r = map_info(map_fd, &info);

        if (r < 0)
                return r;
        if (is_array(info.type))
                return info.max_entries < max ? info.max_entries : max;
        key = calloc(1, info.key_size + 1);
        if (!key)
                return -ENOMEM;
        for (; n < max; n++) {
                r = map_next_key(map_fd, n == 0 ? NULL : key, key);
                if (r == -ENOENT)
                        break;
                if (r < 0)
                        return n == 0 ? -EOPNOTSUPP : r;
        }
        return n;
}

static void directory_close(DIR **directory) {
        if (*directory)
                (void)closedir(*directory);
}

static int find_pin_below(int directory_fd, uint32_t map_id, const char *path, int depth, char **ret);

/* 1 and the path if this is the pin. */
static int examine_pin(int fd, uint32_t map_id, char **path, char **ret) {
        _cleanup_close_ int pinned = bpffs_pin_open_at(fd);
        MapInfo info;

        if (pinned < 0 || map_info(pinned, &info) < 0 || info.id != map_id)
                return 0; /* something else, or gone meanwhile */
        *ret = TAKE_PTR(*path);
        return 1;
}

static int examine_name(
        int directory_fd,
        const struct dirent *entry,
        uint32_t map_id,
        char **path,
        char **ret,
        int depth
) {
        _cleanup_close_ int fd = openat(
                directory_fd, entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC
        );
        _cleanup_close_ int below = -EBADF;

        if (fd < 0)
                return 0;
        if (entry->d_type == DT_REG)
                return examine_pin(fd, map_id, path, ret);
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                return 0;
        below = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return below < 0 ? 0 : find_pin_below(TAKE_FD(below), map_id, *path, depth + 1, ret);
}

/* Takes directory_fd over. 1: found. */
static int find_pin_below(
        int directory_fd,
        uint32_t map_id,
        const char *path,
        int depth,
        char **ret
) {
        _cleanup_(directory_close) DIR *directory = fdopendir(directory_fd);
        struct dirent *entry;
        int r = 0;

        if (!directory) {
                (void)fd_close(directory_fd);
                return -errno;
        }
        while (r == 0 && depth <= PIN_DEPTH_MAX && (entry = readdir(directory))) {
                _cleanup_free_ char *name = text_format("%s/%s", path, entry->d_name);

                if (!name)
                        return -ENOMEM;
                r = examine_name(dirfd(directory), entry, map_id, &name, ret, depth);
        }
        return r;
}

int map_find_pin(uint32_t map_id, const char *directory, char **ret_path) {
        int r = bpffs_contains(directory), fd;

        if (r <= 0)
                return r < 0 ? r : -EMEDIUMTYPE;
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = find_pin_below(fd, map_id, directory, 0, ret_path);
        return r < 0 ? r : r == 0 ? -ENOENT : 0;
}
