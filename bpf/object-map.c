/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A map carried over from a donor goes on living in the new program, so that counters and lists survive a new object
 * file. Never carried: constants, which belong to one program each; program arrays, because libbpf writes the new
 * programs into them during the load, that is, into what runs now. */

#include "bpf/object-map.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/bpffs.h"
#include "bpf/call.h"
#include "bpf/map-shape.h"
#include "bpf/object-variable.h"
#include "bpf/program.h"
#include "src/base/limits.h"
#include "src/base/text.h"
#include "src/base/trust.h"

static int map_missing(const struct bpf_object *object, const char *name, Diag *diag) {
        const char *candidates[LIMIT_OBJECT_MAPS + 1] = {};
        const struct bpf_map *map;
        const char *nearest;
        size_t n = 0;

        bpf_object__for_each_map(map, object) {
                if (n < LIMIT_OBJECT_MAPS && !bpf_map__is_internal(map))
                        candidates[n++] = bpf_map__name(map);
        }
        nearest = text_nearest(name, candidates);
        if (nearest)
                return diag_fail(diag, -ENOENT, "no map '%s', did you mean '%s'?", name, nearest);
        return diag_fail(diag, -ENOENT, "no map '%s'", name);
}

/* The directory must be under root's control alone, and of bpffs. */
static int check_directory(const char *path, Diag *diag) {
        _cleanup_free_ char *directory = strdup(path);
        _cleanup_close_ int fd = -EBADF;
        char *slash = directory ? strrchr(directory, '/') : NULL;
        int r;

        if (!directory)
                return -ENOMEM;
        if (!slash)
                return diag_fail(diag, -EINVAL, "path '%s' is not absolute", path);
        slash[slash == directory] = 0;
        r = trust_open(directory, TRUST_DIRECTORY, &fd, diag);
        if (r < 0)
                return r;
        r = bpffs_contains(path);
        if (r < 0)
                return diag_errno(diag, r, "cannot look at '%s'", path);
        if (r == 0)
                return diag_fail(diag, -EINVAL, "'%s' is not on a BPF file system", directory);
        return 0;
}

/* Opens the map pinned at path; -ENOENT if there is nothing yet. */
static int open_pinned_map(const char *path, Diag *diag) {
        _cleanup_close_ int path_fd = -EBADF, fd = -EBADF;
        _cleanup_diag_ Diag said = {};
        int r = trust_open(path, TRUST_PATH_ONLY, &path_fd, &said);

        if (r == -ENOENT)
                return r;
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&said, r));
        fd = bpffs_pin_open_at(path_fd);
        if (fd < 0)
                return diag_errno(diag, fd, "cannot open pin '%s'", path);
        if (fd_kind(fd) != FD_KIND_MAP)
                return diag_fail(diag, -EINVAL, "what is pinned at '%s' is no map", path);
        return TAKE_FD(fd);
}

static int reuse_pinned(struct bpf_map *map, const TargetMap *wanted, int fd, Diag *diag) {
        MapShape want = map_shape_wanted(map), there;
        _cleanup_free_ char *difference = NULL;
        int r = map_shape_of_fd(fd, &there);

        if (r < 0)
                return diag_errno(diag, r, "cannot look at the map pinned at '%s'", wanted->path);
        if (map_shape_equal(&want, &there))
                return bpf_map__reuse_fd(map, fd);
        difference = map_shape_difference(&there, &want);
        return diag_fail(
                diag, -EMEDIUMTYPE, "the map pinned at '%s' is another one: %s", wanted->path,
                difference ?: ""
        );
}

static int prepare_pinned(
        struct bpf_object *object,
        const TargetMap *wanted,
        struct bpf_map **ret_fresh,
        Diag *diag
) {
        struct bpf_map *map = bpf_object__find_map_by_name(object, wanted->name);
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!map || bpf_map__is_internal(map))
                return map_missing(object, wanted->name, diag);
        r = check_directory(wanted->path, diag);
        if (r < 0)
                return r;
        (void)bpf_map__set_pin_path(map, NULL); /* what libbpf would do by the map's definition */
        fd = open_pinned_map(wanted->path, diag);
        if (fd == -ENOENT) {
                *ret_fresh = map;
                return 0;
        }
        return fd < 0 ? fd : reuse_pinned(map, wanted, fd, diag);
}

static int refuse_pinning_by_name(const struct bpf_object *object, Diag *diag) {
        const struct bpf_map *map;

        bpf_object__for_each_map(map, object) {
                if (bpf_map__pin_path(map))
                        return diag_fail(
                                diag, -EOPNOTSUPP,
                                "map '%s' wants to be pinned by its name, and nothing says where (BPFMap=%s:PATH does)",
                                bpf_map__name(map), bpf_map__name(map)
                        );
        }
        return 0;
}

static bool may_be_carried(const struct bpf_map *map) {
        const char *section = bpf_map__is_internal(map) ? strchr(bpf_map__name(map), '.') : NULL;

        if (bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY ||
            bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS || bpf_map__fd(map) >= 0)
                return false;
        return !section || text_after_prefix(section, ".data") ||
               text_after_prefix(section, ".bss");
}

/* Do the variables in there mean the same, and have the wanted values? */
static int variables_match(
        const struct bpf_object *object,
        const LoadRequest *request,
        const struct bpf_map *map,
        int donor_fd
) {
        _cleanup_free_ void *contents = calloc(1, bpf_map__value_size(map));
        const uint32_t key = 0;

        if (!contents)
                return -ENOMEM;
        if (!object_variables_same_layout(object, map, donor_fd))
                return 0;
        if (bpf_map_lookup_elem(donor_fd, &key, contents) < 0)
                return -errno;
        return object_variables_agree(object, request, map, contents);
}

/* 1: map goes on in the donor's one. */
static int carry_map(
        struct bpf_object *object,
        const LoadRequest *request,
        struct bpf_map *map,
        int donor_fd
) {
        struct bpf_map_info info = {};
        MapShape want = map_shape_wanted(map), there;
        int r = call_info(donor_fd, &info, sizeof info);

        if (r >= 0)
                r = map_shape_of_fd(donor_fd, &there);
        if (r < 0)
                return r;
        if (strncmp(info.name, bpf_map__name(map), KERNEL_NAME_MAX - 1) != 0 ||
            !map_shape_equal(&want, &there))
                return 0;
        if (bpf_map__is_internal(map)) {
                r = variables_match(object, request, map, donor_fd);
                if (r <= 0)
                        return r;
        }
        r = bpf_map__reuse_fd(map, donor_fd);
        return r < 0 ? r : 1;
}

static int carry_donor_map(struct bpf_object *object, const LoadRequest *request, uint32_t map_id) {
        _cleanup_close_ int fd = call_fd_by_id(BPF_MAP_GET_FD_BY_ID, map_id);
        struct bpf_map *map;
        int r = 0;

        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        bpf_object__for_each_map(map, object) {
                if (r == 0 && may_be_carried(map))
                        r = carry_map(object, request, map, fd);
        }
        return r < 0 ? r : 0;
}

static int carry_from_donor(struct bpf_object *object, const LoadRequest *request, uint32_t prog_id) {
        _cleanup_close_ int fd = call_fd_by_id(BPF_PROG_GET_FD_BY_ID, prog_id);
        _cleanup_free_ uint32_t *ids = NULL;
        size_t n = 0;
        int r;

        if (fd < 0)
                return fd == -ENOENT ? 0 : fd; /* gone with its last attachment: nothing to carry */
        r = program_map_ids(fd, &ids, &n);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = carry_donor_map(object, request, ids[i]);
        return r;
}

static int prepare(struct bpf_object *object, const ObjectMaps *maps, Diag *diag) {
        const LoadRequest *request = maps->request;
        int r;

        for (size_t i = 0; i < request->n_maps; i++) {
                r = prepare_pinned(object, &request->maps[i], &maps->fresh[i], diag);
                if (r < 0) {
                        if (request->maps[i].origin)
                                diag_prefix(diag, "%s", request->maps[i].origin);
                        return r;
                }
        }
        r = refuse_pinning_by_name(object, diag);
        if (r < 0)
                return r;
        for (size_t i = 0; i < request->n_donors; i++) {
                r = carry_from_donor(object, request, request->donor_prog_ids[i]);
                if (r < 0)
                        return diag_errno(
                                diag, r, "cannot carry over the maps of program %u",
                                request->donor_prog_ids[i]
                        );
        }
        return 0;
}

int object_maps_prepare(
        struct bpf_object *object,
        const LoadRequest *request,
        ObjectMaps *ret,
        Diag *diag
) {
        _cleanup_(object_maps_done) ObjectMaps maps = { .request = request };
        int r;

        maps.fresh = calloc(request->n_maps + 1, sizeof *maps.fresh);
        if (!maps.fresh)
                return -ENOMEM;
        r = prepare(object, &maps, diag);
        if (r < 0)
                return r;
        *ret = maps;
        maps = (ObjectMaps){};
        return 0;
}

static void unpin_first(const ObjectMaps *maps, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (maps->fresh[i])
                        (void)bpffs_unpin(maps->request->maps[i].path); /* we made it just now */
}

int object_maps_pin(const ObjectMaps *maps, Diag *diag) {
        for (size_t i = 0; i < maps->request->n_maps; i++) {
                const TargetMap *wanted = &maps->request->maps[i];
                int r;

                if (!maps->fresh[i])
                        continue;
                r = bpffs_pin(bpf_map__fd(maps->fresh[i]), wanted->path);
                if (r < 0) {
                        unpin_first(maps, i);
                        return diag_errno(
                                diag, r, "cannot pin map '%s' at '%s'", wanted->name, wanted->path
                        );
                }
        }
        return 0;
}

void object_maps_unpin(const ObjectMaps *maps) {
        unpin_first(maps, maps->request->n_maps);
}

void object_maps_done(ObjectMaps *maps) {
        free(maps->fresh);
        *maps = (ObjectMaps){};
}
