/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/cgroup.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <libmount.h>

#include "src/base/fd.h"
#include "src/base/text.h"

#define CGROUP_HANDLE_TYPE 0xfe /* FILEID_KERNFS: 8 bytes, the id */
#define CGROUP_DEPTH_MAX   64
#define CGROUP_FILE_MAX    4096

typedef union CgroupHandle {
        struct file_handle known;
        uint8_t bytes[sizeof(struct file_handle) + sizeof(uint64_t)];
} CgroupHandle;

static void table_free(struct libmnt_table **table) {
        mnt_unref_table(*table);
}

static void iterator_free(struct libmnt_iter **iterator) {
        mnt_free_iter(*iterator);
}

static void directory_close(DIR **directory) {
        if (*directory)
                (void)closedir(*directory);
}

/* Lower is better. */
static unsigned mount_rank(struct libmnt_fs *fs) {
        const char *root = mnt_fs_get_root(fs), *target = mnt_fs_get_target(fs);

        if (!text_equal(root, "/"))
                return 3;
        if (text_equal(target, "/sys/fs/cgroup"))
                return 0;
        return text_equal(target, "/sys/fs/cgroup/unified") ? 1 : 2;
}

static bool is_cgroup2(int fd) {
        struct statfs fs;

        return fstatfs(fd, &fs) >= 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* A mount may be hidden by a later one on the same path. */
static bool mount_is_visible(const char *path) {
        struct statfs fs;

        return path && statfs(path, &fs) >= 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

int cgroup_mount_find(char **ret, Diag *diag) {
        _cleanup_(table_free) struct libmnt_table *table = mnt_new_table();
        _cleanup_(iterator_free) struct libmnt_iter *iterator = mnt_new_iter(MNT_ITER_FORWARD);
        struct libmnt_fs *fs;
        const char *found = NULL;
        unsigned rank = 4;
        char *copy;
        int r;

        if (!table || !iterator)
                return -ENOMEM;
        r = mnt_table_parse_file(table, "/proc/self/mountinfo");
        if (r < 0)
                return diag_errno(diag, r, "cannot read the mount table");
        while (mnt_table_next_fs(table, iterator, &fs) == 0) {
                if (!text_equal(mnt_fs_get_fstype(fs), "cgroup2") || mount_rank(fs) >= rank ||
                    !mount_is_visible(mnt_fs_get_target(fs)))
                        continue;
                found = mnt_fs_get_target(fs);
                rank = mount_rank(fs);
        }
        if (!found)
                return diag_fail(diag, -ENOENT, "no cgroup v2 file system is mounted");
        copy = strdup(found);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

static int explain_other(int fd, const char *path, Diag *diag) {
        struct statfs fs;

        if (fstatfs(fd, &fs) >= 0 && fs.f_type == CGROUP_SUPER_MAGIC)
                return diag_fail(
                        diag, -EBADF,
                        "'%s' belongs to a cgroup v1 hierarchy; BPF programs attach to cgroup v2 only",
                        path
                );
        return diag_fail(diag, -EBADF, "'%s' is not a cgroup v2 directory", path);
}

/* Fills the handle of an open cgroup; on kernels before 5.5 it is of another type. */
static int handle_of(int cgroup_fd, CgroupHandle *ret, int *ret_mount_id) {
        CgroupHandle handle = { .known = { .handle_bytes = sizeof(uint64_t) } };

        if (name_to_handle_at(cgroup_fd, "", &handle.known, ret_mount_id, AT_EMPTY_PATH) < 0)
                return -errno;
        *ret = handle;
        return 0;
}

/* The mount handles are opened in, kept for the life of the process: finding it costs far more than opening by
 * handle. O_PATH is not accepted for it. */
static int mount_fd(void) {
        static atomic_int kept = -EBADF;
        int known = atomic_load(&kept), fd, nobody = -EBADF;
        _cleanup_free_ char *path = NULL;

        if (known >= 0)
                return known;
        fd = cgroup_mount_find(&path, NULL);
        if (fd < 0)
                return fd;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        fd = fd_above_stdio(fd);
        if (fd >= 0 && !atomic_compare_exchange_strong(&kept, &nobody, fd)) {
                (void)fd_close(fd);
                return nobody; /* another thread was faster; this is its descriptor */
        }
        return fd;
}

/* The device number of the cgroup2 file system, if its inode numbers are the ids (64-bit kernels since 5.5); else 0,
 * which no file system has. The kept mount keeps the number from being given to another one. */
static dev_t inode_device(void) {
        static atomic_bool asked;
        static _Atomic dev_t kept;
        CgroupHandle handle = {};
        struct stat st;
        uint64_t id;
        int mount, mount_id;

        if (atomic_load(&asked))
                return atomic_load(&kept);
        mount = mount_fd();
        if (mount < 0 || fstat(mount, &st) < 0 || handle_of(mount, &handle, &mount_id) < 0)
                return 0;
        memcpy(&id, handle.known.f_handle, sizeof id);
        if (handle.known.handle_type == CGROUP_HANDLE_TYPE && sizeof st.st_ino == sizeof id &&
            st.st_ino == id)
                atomic_store(&kept, st.st_dev);
        atomic_store(&asked, true);
        return atomic_load(&kept);
}

/* One call tells both that it is a cgroup and which. False: it must be asked in the long way. */
static bool id_by_inode(int fd, uint64_t *ret_id) {
        dev_t device = inode_device();
        struct stat st;

        if (device == 0 || fstat(fd, &st) < 0 || st.st_dev != device)
                return false;
        *ret_id = st.st_ino;
        return true;
}

int cgroup_open(const char *path, uint64_t *ret_id, Diag *diag) {
        _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        uint64_t id;
        int r;

        if (fd < 0)
                return diag_errno(diag, -errno, "cannot open cgroup '%s'", path);
        fd = fd_off_stdio(TAKE_FD(fd));
        if (fd < 0)
                return fd;
        if (id_by_inode(fd, &id)) {
                if (ret_id)
                        *ret_id = id;
                return TAKE_FD(fd);
        }
        if (!is_cgroup2(fd))
                return explain_other(fd, path, diag);
        if (ret_id) {
                r = cgroup_id(fd, ret_id);
                if (r < 0)
                        return diag_errno(diag, r, "cannot read the id of cgroup '%s'", path);
        }
        return TAKE_FD(fd);
}

int cgroup_id(int cgroup_fd, uint64_t *ret_id) {
        CgroupHandle handle = {};
        struct stat st;
        int mount_id, r;

        if (id_by_inode(cgroup_fd, ret_id))
                return 0;
        r = handle_of(cgroup_fd, &handle, &mount_id);
        if (r >= 0 && handle.known.handle_type == CGROUP_HANDLE_TYPE) {
                memcpy(ret_id, handle.known.f_handle, sizeof *ret_id);
                return 0;
        }
        if (fstat(cgroup_fd, &st) < 0)
                return -errno;
        *ret_id = st.st_ino;
        return 0;
}

static int open_by_handle(int mount, uint64_t id) {
        CgroupHandle handle = {
                .known = { .handle_bytes = sizeof(uint64_t), .handle_type = CGROUP_HANDLE_TYPE },
        };
        int fd;

        memcpy(handle.known.f_handle, &id, sizeof id);
        fd = open_by_handle_at(mount, &handle.known, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd_above_stdio(fd);
}

int cgroup_by_id(uint64_t id, char **ret_path) {
        _cleanup_close_ int fd = -EBADF;
        int mount = mount_fd(), r;

        if (mount < 0)
                return mount;
        fd = open_by_handle(mount, id);
        if (fd == -EPERM || fd == -EOPNOTSUPP)
                return cgroup_by_walk(mount, id, ret_path);
        if (fd < 0)
                return fd;
        r = cgroup_alive(fd); /* a handle is good for a moment longer than the cgroup */
        if (r <= 0)
                return r < 0 ? r : -ESTALE;
        if (ret_path) {
                r = cgroup_path(fd, ret_path);
                if (r < 0)
                        return r;
        }
        return TAKE_FD(fd);
}

static int walk(int fd, uint64_t id, unsigned depth);

/* Looks at one name of a directory: the cgroup itself, or a tree to search. */
static int walk_entry(int parent, const char *name, uint64_t id, unsigned depth) {
        _cleanup_close_ int fd = openat(
                parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        );
        uint64_t found;
        int r;

        if (fd < 0) /* removed meanwhile, or not ours to read: search on */
                return errno == ENOENT || errno == EACCES ? -ESTALE : -errno;
        r = cgroup_id(fd, &found);
        if (r < 0)
                return r;
        if (found != id)
                return walk(fd, id, depth + 1);
        r = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return r < 0 ? -errno : fd_above_stdio(r);
}

static int walk(int fd, uint64_t id, unsigned depth) {
        _cleanup_(directory_close) DIR *directory = NULL;
        int copy, r = -ESTALE;

        if (depth > CGROUP_DEPTH_MAX)
                return -ELOOP;
        copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (copy < 0)
                return -errno;
        directory = fdopendir(copy);
        if (!directory) {
                r = -errno;
                (void)fd_close(copy);
                return r;
        }
        for (const struct dirent *entry = readdir(directory); entry && r == -ESTALE;
             entry = readdir(directory))
                if (entry->d_type == DT_DIR && !text_equal(entry->d_name, ".") &&
                    !text_equal(entry->d_name, ".."))
                        r = walk_entry(fd, entry->d_name, id, depth);
        return r;
}

int cgroup_by_walk(int mount, uint64_t id, char **ret_path) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t top;
        int r = cgroup_id(mount, &top);

        if (r < 0)
                return r;
        if (top == id) {
                fd = openat(mount, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
                fd = fd < 0 ? -errno : fd_above_stdio(TAKE_FD(fd));
        } else {
                fd = walk(mount, id, 0);
        }
        if (fd < 0)
                return fd;
        if (ret_path) {
                r = cgroup_path(fd, ret_path);
                if (r < 0)
                        return r;
        }
        return TAKE_FD(fd);
}

int cgroup_path(int cgroup_fd, char **ret_path) {
        static const char suffix[] = " (deleted)";
        char link[32], path[PATH_MAX];
        char *copy;
        ssize_t n;
        int alive = cgroup_alive(cgroup_fd);

        if (alive < 0)
                return alive;
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", cgroup_fd);
        n = readlink(link, path, sizeof path - 1);
        if (n < 0)
                return -errno;
        path[n] = 0;
        /* a living cgroup may really be called so */
        if (!alive && n >= (ssize_t)sizeof suffix &&
            text_equal(path + n - (sizeof suffix - 1), suffix))
                path[n - (ssize_t)(sizeof suffix - 1)] = 0;
        copy = strdup(path);
        if (!copy)
                return -ENOMEM;
        *ret_path = copy;
        return 0;
}

int cgroup_alive(int cgroup_fd) {
        /* the files of a cgroup go first when it is removed, and no cgroup is without this one */
        if (faccessat(cgroup_fd, "cgroup.procs", F_OK, 0) >= 0)
                return 1;
        return errno == ENOENT ? 0 : -errno;
}

int cgroup_parent(int cgroup_fd) {
        _cleanup_close_ int fd = -EBADF;
        CgroupHandle handle;
        int mine = -1, above = -1, r = cgroup_alive(cgroup_fd);

        if (r <= 0)
                return r < 0 ? r : -ESTALE;
        fd = openat(cgroup_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        fd = fd_above_stdio(TAKE_FD(fd));
        if (fd < 0)
                return fd;
        if (!is_cgroup2(fd))
                return -ENOENT;
        r = handle_of(cgroup_fd, &handle, &mine);
        if (r >= 0)
                r = handle_of(fd, &handle, &above);
        if (r < 0)
                return r;
        /* ".." of the top of a mount leads out of it, perhaps into another cgroup2 mount */
        return mine == above ? TAKE_FD(fd) : -ENOENT;
}

static int read_at(int cgroup_fd, const char *name, char **ret) {
        _cleanup_close_ int fd = openat(cgroup_fd, name, O_RDONLY | O_CLOEXEC);
        int r;

        if (fd < 0)
                return -errno;
        r = fd_read_all(fd, CGROUP_FILE_MAX, ret, NULL);
        return r == -ENODEV ? -ENOENT : r; /* removed between open and read */
}

/* The number behind "KEY " at the beginning of a line. */
static int number_of(char *text, const char *key, uint64_t *ret) {
        char *state = NULL;

        for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
                const char *rest = text_after_prefix(line, key);

                if (rest && *rest == ' ')
                        return text_to_u64(rest + 1, ret);
        }
        return -EBADMSG;
}

int cgroup_descendants(int cgroup_fd, unsigned max) {
        _cleanup_free_ char *text = NULL;
        uint64_t n = 0;
        int r = read_at(cgroup_fd, "cgroup.stat", &text);

        if (r >= 0)
                r = number_of(text, "nr_descendants", &n);
        if (r < 0)
                return r;
        assert(max <= INT_MAX);
        return n < max ? (int)n : (int)max;
}

int cgroup_populated(int cgroup_fd) {
        _cleanup_free_ char *text = NULL;
        uint64_t populated = 0;
        int r = read_at(cgroup_fd, "cgroup.events", &text);

        if (r >= 0)
                r = number_of(text, "populated", &populated);
        return r < 0 ? r : populated != 0;
}

int cgroup_kill(int cgroup_fd) {
        _cleanup_close_ int fd = openat(cgroup_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
        int r = fd < 0 ? -errno : 0;

        if (r == -ENOENT)
                return cgroup_alive(cgroup_fd) == 1 ? -EOPNOTSUPP : -ENOENT;
        if (r < 0)
                return r;
        r = fd_write_all(fd, "1", 1);
        return r == -ENODEV ? -ENOENT : r;
}
