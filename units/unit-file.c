/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Directories are listed as they are, but whatever is found and used is opened by its full path under the rules of
 * trust. A directory somebody else can write to is therefore no harm until there is something for this unit in it. */

#include "units/unit-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/limits.h"
#include "src/base/trust.h"
#include "units/unit-name.h"

bool unit_file_is_null(const struct stat *st) {
        return (S_ISREG(st->st_mode) && st->st_size == 0) || S_ISCHR(st->st_mode) ||
               S_ISBLK(st->st_mode);
}

static int unit_file_open(const UnitContext *context, const char *path, int *ret_fd, Diag *diag) {
        g_autofree char *real = unit_file_real_path(path);
        int fd;

        if (context->trust)
                return trust_open(real, TRUST_FINAL_LINK, ret_fd, diag);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return diag_errno(diag, -errno, "cannot open '%s'", path);
        fd = fd_above_stdio(fd);
        if (fd < 0)
                return fd;
        *ret_fd = fd;
        return 0;
}

int unit_file_read(
        const UnitContext *context,
        const char *path,
        char **ret,
        size_t *ret_size,
        Diag *diag
) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        r = unit_file_open(context, path, &fd, diag);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return diag_errno(diag, -errno, "cannot look at '%s'", path);
        if (unit_file_is_null(&st)) {
                *ret = NULL;
                *ret_size = 0;
                return 0;
        }
        if (!S_ISREG(st.st_mode))
                return diag_fail(diag, -EINVAL, "'%s' is not a regular file", path);
        r = fd_read_all(fd, LIMIT_UNIT_FILE_BYTES, ret, ret_size);
        if (r == -EFBIG)
                return diag_fail(
                        diag, r, "'%s' is larger than %u bytes", path, LIMIT_UNIT_FILE_BYTES
                );
        if (r < 0)
                return diag_errno(diag, r, "cannot read '%s'", path);
        return 1;
}

char *unit_file_real_path(const char *path) {
        char target[16];
        ssize_t n;

        if (!g_str_has_prefix(path, "/lib/"))
                return g_strdup(path);
        n = readlink("/lib", target, sizeof target - 1);
        target[n < 0 ? 0 : n] = 0;
        if (strcmp(target, "usr/lib") != 0 && strcmp(target, "/usr/lib") != 0)
                return g_strdup(path);
        return g_strconcat("/usr", path, NULL);
}

static int trust_link(const char *directory, const char *name, const struct stat *st, Diag *diag) {
        _cleanup_close_ int fd = -EBADF;

        if (st->st_uid != 0)
                return diag_fail(
                        diag, -EPERM, "'%s/%s' is owned by uid %u, not by root", directory, name,
                        (unsigned)st->st_uid
                );
        return trust_open(directory, TRUST_DIRECTORY | TRUST_FINAL_LINK, &fd, diag);
}

int unit_file_read_link(
        const UnitContext *context,
        const char *directory,
        const char *name,
        char **ret,
        Diag *diag
) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        g_autofree char *absolute = NULL;
        char target[PATH_MAX];
        struct stat st;
        ssize_t n;
        int r;

        n = readlink(path, target, sizeof target - 1);
        if (n < 0 || lstat(path, &st) < 0)
                return diag_errno(diag, -errno, "cannot read link '%s'", path);
        target[n] = 0;
        if (context->trust) {
                r = trust_link(directory, name, &st, diag);
                if (r < 0)
                        return r;
        }
        absolute = g_canonicalize_filename(target, directory);
        *ret = unit_file_real_path(absolute);
        return 0;
}

static bool is_on_search_path(const UnitContext *context, const char *path) {
        g_autofree char *directory = g_path_get_dirname(path);

        for (char **p = context->search_path; *p; p++) {
                g_autofree char *real = unit_file_real_path(*p);

                if (strcmp(real, directory) == 0)
                        return true;
        }
        return false;
}

/* Which kinds of names may stand for which. */
static bool alias_fits(const char *name, const char *base) {
        _cleanup_free_ char *instance = unit_name_instance(name);
        _cleanup_free_ char *other = unit_name_instance(base);
        UnitNameKind kind = unit_name_kind(name), base_kind = unit_name_kind(base);

        if (strcmp(strrchr(name, '.'), strrchr(base, '.')) != 0)
                return false;
        if (kind == UNIT_NAME_INSTANCE && base_kind == UNIT_NAME_TEMPLATE)
                return true;
        return kind == base_kind && g_strcmp0(instance, other) == 0;
}

int unit_file_alias(
        const UnitContext *context,
        const char *name,
        const char *target,
        char **ret,
        Diag *diag
) {
        g_autofree char *base = g_path_get_basename(target);
        _cleanup_free_ char *instance = unit_name_instance(name);
        _cleanup_free_ char *full = NULL;

        *ret = NULL;
        if ((int)unit_name_kind(base) < 0 || !is_on_search_path(context, target))
                return 0;
        if (!alias_fits(name, base))
                return diag_fail(
                        diag, -EINVAL, "unit '%s' cannot be another name of '%s'", name, base
                );
        if (instance && unit_name_kind(base) == UNIT_NAME_TEMPLATE)
                full = unit_name_of_instance(base, instance);
        if (strcmp(full ? full : base, name) != 0)
                *ret = g_strdup(full ? full : base);
        return 0;
}

bool unit_file_strings_contain(const GPtrArray *strings, const char *text) {
        for (guint i = 0; i < strings->len; i++)
                if (strcmp(g_ptr_array_index(strings, i), text) == 0)
                        return true;
        return false;
}

/* Where a link leads to, as another name of the unit called name; NULL if it does not give one. Whether the link
 * can be trusted is not asked yet: most of them have nothing to do with the unit in question. */
static char *alias_of_link(
        const UnitContext *context,
        const char *directory,
        const char *link,
        const char *name
) {
        UnitContext plain = { .search_path = context->search_path };
        g_autofree char *target = NULL, *base = NULL;
        _cleanup_diag_ Diag ignored = {};
        char *alias = NULL;

        if (unit_file_read_link(&plain, directory, link, &target, &ignored) < 0)
                return NULL;
        base = g_path_get_basename(target);
        if (unit_name_kind(link) == UNIT_NAME_TEMPLATE &&
            unit_name_kind(base) != UNIT_NAME_TEMPLATE)
                return NULL;
        if (unit_file_alias(&plain, name, target, &alias, &ignored) < 0)
                return NULL;
        return alias;
}

/* Adds the name of the link if it leads to one of names: 1 if it does. A template is taken for the instance. */
static int add_alias(
        const UnitContext *context,
        const char *directory,
        const char *link,
        GPtrArray *names,
        Diag *diag
) {
        _cleanup_free_ char *instance = unit_name_instance(g_ptr_array_index(names, 0));
        _cleanup_free_ char *full = instance ? unit_name_of_instance(link, instance) : NULL;
        const char *name = full ? full : link;
        g_autofree char *alias = NULL, *target = NULL;
        int r;

        if (unit_file_strings_contain(names, name))
                return 0;
        alias = alias_of_link(context, directory, link, name);
        if (!alias || !unit_file_strings_contain(names, alias))
                return 0;
        r = unit_file_read_link(context, directory, link, &target, diag);
        if (r < 0)
                return r;
        g_ptr_array_add(names, g_strdup(name));
        return 1;
}

/* One pass over all links of the search path: 1 if names grew. */
static int add_aliases_once(const UnitContext *context, GPtrArray *names, Diag *diag) {
        const char *type = strrchr(g_ptr_array_index(names, 0), '.');
        int grown = 0;

        for (char **p = context->search_path; *p; p++) {
                DIR *directory = opendir(*p);
                struct dirent *entry;
                int r = 0;

                while (directory && r >= 0 && (entry = readdir(directory))) {
                        if ((entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN) ||
                            !g_str_has_suffix(entry->d_name, type) ||
                            (int)unit_name_kind(entry->d_name) < 0)
                                continue;
                        r = add_alias(context, *p, entry->d_name, names, diag);
                        if (r > 0)
                                grown = 1;
                }
                if (directory)
                        (void)closedir(directory);
                if (r < 0)
                        return r;
        }
        return grown;
}

int unit_file_add_aliases(const UnitContext *context, GPtrArray *names, Diag *diag) {
        int r;

        do
                r = add_aliases_once(context, names, diag);
        while (r > 0);
        return r;
}
