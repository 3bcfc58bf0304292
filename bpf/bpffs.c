/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/bpffs.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <libmount.h>

#include "src/base/file.h"
#include "src/base/text.h"

/* What is mounted on exactly one path. */
typedef struct Mounts {
        struct libmnt_table *table;
        struct libmnt_fs *top; /* the one on top, NULL if the path is no mount point */
        bool several; /* different instances of bpffs are stacked */
} Mounts;

static void mounts_done(Mounts *mounts) {
        mnt_unref_table(mounts->table);
}

static void iterator_free(struct libmnt_iter **iterator) {
        mnt_free_iter(*iterator);
}

static bool is_bpf_mount(struct libmnt_fs *fs) {
        return text_equal(mnt_fs_get_fstype(fs), "bpf");
}

/* Later lines of the mount table lie on top of earlier ones. Only whole paths are compared: /sys/fs/bpf/xdp is
 * another mount than /sys/fs/bpf. Something else below ours (an automount) is fine, a second bpffs is not. */
static void mounts_look_at(Mounts *mounts, struct libmnt_fs *fs, dev_t *device) {
        mounts->top = fs;
        if (!is_bpf_mount(fs) || !text_equal(mnt_fs_get_root(fs), "/"))
                return;
        if (*device && *device != mnt_fs_get_devno(fs))
                mounts->several = true;
        *device = mnt_fs_get_devno(fs);
}

/* The mount table knows what device numbers of directories do not tell: bind mounts of the same file system. */
static int mounts_of(const char *mountinfo, const char *path, Mounts *ret) {
        _cleanup_(mounts_done) Mounts mounts = { .table = mnt_new_table() };
        _cleanup_(iterator_free) struct libmnt_iter *iterator = mnt_new_iter(MNT_ITER_FORWARD);
        struct libmnt_fs *fs;
        dev_t device = 0;
        int r;

        if (!mounts.table || !iterator)
                return -ENOMEM;
        r = mnt_table_parse_file(mounts.table, mountinfo);
        if (r < 0)
                return r;
        while (mnt_table_next_fs(mounts.table, iterator, &fs) == 0)
                if (text_equal(mnt_fs_get_target(fs), path))
                        mounts_look_at(&mounts, fs, &device);
        *ret = mounts;
        mounts.table = NULL;
        return 0;
}

static int has_bpf_magic(const char *path) {
        struct statfs fs;

        if (statfs(path, &fs) < 0)
                return -errno;
        return (uint32_t)fs.f_type == BPF_FS_MAGIC;
}

static void warn(const BpffsOptions *options, const char *format, ...) _printf_(2, 3);

static void warn(const BpffsOptions *options, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list arguments;
        int n;

        if (!options->warn)
                return;
        va_start(arguments, format);
        n = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (n < 0)
                text = NULL;
        else
                options->warn(options->userdata, text);
}

/* Restricted as a file system nobody runs things from should be. */
static int mount_at(const char *root, Diag *diag) {
        int r = file_make_directories(root, 0755);

        if (r < 0)
                return diag_errno(diag, r, "cannot make directory '%s'", root);
        if (mount(root, root, "bpf", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=0700") < 0)
                return diag_errno(diag, -errno, "cannot mount the BPF file system on '%s'", root);
        return 0;
}

typedef enum RootState {
        ROOT_ABSENT, /* not mounted, or not even there */
        ROOT_BPFFS,
        ROOT_FOREIGN, /* a mount of another type */
} RootState;

/* Always asked anew, also after mounting: an answer from before the mount would be wrong. */
static int root_state(const char *root, Diag *diag) {
        _cleanup_(mounts_done) Mounts mounts = {};
        struct stat st;
        int r;

        if (stat(root, &st) < 0) {
                r = -errno;
                return r == -ENOENT ? ROOT_ABSENT
                                    : diag_errno(diag, r, "cannot look at '%s'", root);
        }
        if (!S_ISDIR(st.st_mode))
                return diag_fail(diag, -ENOTDIR, "'%s' is not a directory", root);
        r = mounts_of("/proc/self/mountinfo", root, &mounts);
        if (r < 0)
                return diag_errno(diag, r, "cannot read the mount table");
        if (mounts.several)
                return diag_fail(
                        diag, -ENOTUNIQ,
                        "several BPF file systems are mounted on '%s', one above the other", root
                );
        r = has_bpf_magic(root);
        if (r < 0)
                return diag_errno(diag, r, "cannot look at '%s'", root);
        /* a directory inside a mounted bpffs serves as well as its top */
        return r > 0 ? ROOT_BPFFS : mounts.top ? ROOT_FOREIGN : ROOT_ABSENT;
}

/* Mounts where nothing is and says what is there in the end. */
static int root_ensure(const char *root, bool *ret_mounted, Diag *diag) {
        int r = root_state(root, diag);

        *ret_mounted = r == ROOT_ABSENT;
        if (r != ROOT_ABSENT)
                return r;
        r = mount_at(root, diag);
        return r < 0 ? r : root_state(root, diag);
}

static int foreign(const char *root, Diag *diag) {
        return diag_fail(
                diag, -EMEDIUMTYPE, "'%s' is a mount of a different file system than bpf", root
        );
}

static int prepare_default(const BpffsOptions *options, const char **ret_root, Diag *diag) {
        const char *root = options->default_root ?: BPFFS_DEFAULT_ROOT;
        const char *fallback = options->fallback_root ?: BPFFS_FALLBACK_ROOT;
        bool mounted;
        int r = root_ensure(root, &mounted, diag);

        if (r == ROOT_FOREIGN) {
                warn(options,
                     "'%s' is a mount of a different file system than bpf; using '%s', whose pins do not "
                     "outlive this mount namespace",
                     root, fallback);
                root = fallback;
                r = root_ensure(root, &mounted, diag);
                if (r == ROOT_FOREIGN)
                        return foreign(root, diag);
        }
        if (r < 0)
                return r;
        *ret_root = root;
        return 0;
}

static int prepare_custom(const BpffsOptions *options, const char *root, Diag *diag) {
        bool mounted;
        int r = root_ensure(root, &mounted, diag);

        if (r < 0)
                return r;
        if (r == ROOT_FOREIGN)
                return foreign(root, diag);
        if (mounted)
                warn(options,
                     "mounted a BPF file system on '%s', which was none; its pins are lost with this "
                     "mount namespace",
                     root);
        return 0;
}

/* Without "/" at the end and without symbolic links, as the mount table writes it; a root that does not exist yet is
 * taken as written. */
static char *root_normal(const char *root) {
        char *copy = realpath(root, NULL);
        size_t n;

        if (copy)
                return copy;
        copy = strdup(root);
        if (!copy)
                return NULL;
        for (n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
                copy[n - 1] = 0;
        return copy;
}

static void report_warn(const BpffsOptions *options, const char *root) {
        _cleanup_(bpffs_report_done) BpffsReport report = {};

        if (bpffs_examine(root, &report) < 0)
                return;
        if (report.pid1_differs)
                warn(options,
                     "the BPF file system on '%s' (device %#jx) is not the one pid 1 sees there; its pins "
                     "are lost with this mount namespace",
                     root, (uintmax_t)report.device);
        if (report.lacks_nosuid || report.lacks_noexec)
                warn(options, "the BPF file system on '%s' is mounted without%s%s", root,
                     report.lacks_nosuid ? " nosuid" : "", report.lacks_noexec ? " noexec" : "");
        if (report.mode & S_IWOTH) /* bpffs sets the sticky bit by itself, so nobody can remove */
                warn(options, "everybody may make names in '%s' (mode %04o)", root, report.mode);
        if (report.delegates)
                warn(options, "the BPF file system on '%s' delegates: %s", root, report.options);
}

/* Where everybody may make names, somebody else may have been here first. */
static int check_owned(const char *path, Diag *diag) {
        struct stat st;

        if (lstat(path, &st) < 0)
                return diag_errno(diag, -errno, "cannot look at '%s'", path);
        if (!S_ISDIR(st.st_mode))
                return diag_fail(diag, -ENOTDIR, "'%s' is not a directory", path);
        if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
                return diag_fail(
                        diag, -EPERM,
                        "'%s' belongs to uid %u with mode %04o; refusing to keep pins there", path,
                        st.st_uid, st.st_mode & 07777
                );
        return 0;
}

static int directory_make(const char *path, Diag *diag) {
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return diag_errno(diag, -errno, "cannot make '%s'", path);
        return check_owned(path, diag);
}

/* Others may make names in the root, but not move ours away: its owner could, and anybody without the sticky bit. */
static int check_root(const char *root, Diag *diag) {
        struct stat st;

        if (stat(root, &st) < 0)
                return diag_errno(diag, -errno, "cannot look at '%s'", root);
        if (st.st_uid != geteuid() ||
            ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX)))
                return diag_fail(
                        diag, -EPERM,
                        "'%s' belongs to uid %u with mode %04o; refusing to keep pins below it",
                        root, st.st_uid, st.st_mode & 07777
                );
        return 0;
}

static int links_make(const char *root, Diag *diag) {
        _cleanup_free_ char *ours = text_format("%s/unitbpf", root),
                            *links = bpffs_links_path(root);
        int r;

        if (!ours || !links)
                return -ENOMEM;
        r = check_root(root, diag);
        if (r < 0)
                return r;
        r = directory_make(ours, diag);
        return r < 0 ? r : directory_make(links, diag);
}

int bpffs_prepare(const BpffsOptions *options, char **ret_root, Diag *diag) {
        _cleanup_free_ char *wanted = NULL, *usual = NULL, *root = NULL;
        const char *chosen = NULL;
        int r;

        usual = root_normal(options->default_root ?: BPFFS_DEFAULT_ROOT);
        wanted = options->root ? root_normal(options->root) : NULL;
        if (!usual || (options->root && !wanted))
                return -ENOMEM;
        if (wanted && wanted[0] != '/')
                return diag_fail(diag, -EINVAL, "'%s' is not an absolute path", wanted);
        if (!wanted || text_equal(wanted, usual)) {
                r = prepare_default(options, &chosen, diag);
        } else {
                chosen = wanted;
                r = prepare_custom(options, chosen, diag);
        }
        if (r < 0)
                return r;
        root = root_normal(chosen);
        if (!root)
                return -ENOMEM;
        r = links_make(root, diag);
        if (r < 0)
                return r;
        report_warn(options, root);
        *ret_root = TAKE_PTR(root);
        return 0;
}

/* Which instance pid 1 has at the path. Its mount table says it; looking through /proc/1/root would need every
 * capability pid 1 has. */
static void examine_pid1(const char *root, BpffsReport *report) {
        _cleanup_(mounts_done) Mounts mounts = {};

        if (mounts_of("/proc/1/mountinfo", root, &mounts) < 0)
                return;
        report->pid1_known = true;
        report->pid1_differs = !mounts.top || mnt_fs_get_devno(mounts.top) != report->device;
}

static bool option_is_set(const char *options, const char *name) {
        return mnt_optstr_get_option(options, name, NULL, NULL) == 0;
}

static void examine_options(BpffsReport *report) {
        static const char *const delegation[] = { "delegate_cmds", "delegate_maps",
                                                  "delegate_progs", "delegate_attachs" };

        report->lacks_nosuid = !option_is_set(report->options, "nosuid");
        report->lacks_noexec = !option_is_set(report->options, "noexec");
        for (size_t i = 0; i < ELEMENTS(delegation); i++)
                report->delegates |= option_is_set(report->options, delegation[i]);
}

int bpffs_examine(const char *root, BpffsReport *ret) {
        _cleanup_(bpffs_report_done) BpffsReport report = {};
        _cleanup_(mounts_done) Mounts mounts = {};
        _cleanup_free_ char *path = root_normal(root);
        struct stat st;
        int r;

        if (!path)
                return -ENOMEM;
        r = has_bpf_magic(path);
        if (r <= 0)
                return r < 0 ? r : -EMEDIUMTYPE;
        if (stat(path, &st) < 0)
                return -errno;
        report.device = st.st_dev;
        report.mode = st.st_mode & 07777;
        r = mounts_of("/proc/self/mountinfo", path, &mounts);
        if (r < 0)
                return r;
        if (mounts.top && mnt_fs_get_options(mounts.top)) {
                report.options = strdup(mnt_fs_get_options(mounts.top));
                if (!report.options)
                        return -ENOMEM;
                examine_options(&report);
                examine_pid1(path, &report);
        }
        *ret = report;
        report = (BpffsReport){};
        return 0;
}

void bpffs_report_done(BpffsReport *report) {
        free(report->options);
        *report = (BpffsReport){};
}

char *bpffs_links_path(const char *root) {
        return text_format("%s/unitbpf/links", root);
}
