/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Single steps on the search path, shared by the search for fragments and for drop-ins. */

#include <stdbool.h>
#include <sys/stat.h>

#include <glib.h>

#include "units/wish.h"

/* Is this what the service manager takes for "masked": empty, or a device such as /dev/null? */
bool unit_file_is_null(const struct stat *st);

/* Reads the file; *ret belongs to the caller (free()). With context->trust it and all above it must be under root's
 * control alone. 1: read; 0: it is empty or a device, *ret is NULL; negative: explained. */
int unit_file_read(
        const UnitContext *context,
        const char *path,
        char **ret,
        size_t *ret_size,
        Diag *diag
);

/* "/lib/x" as "/usr/lib/x" where /lib is a link to it: there are two names of one directory, and links that point
 * at the one that is a link itself are everywhere. The result belongs to the caller (g_free). */
char *unit_file_real_path(const char *path);

/* What the link DIRECTORY/NAME says, made absolute and real. With context->trust the link must be root's and the
 * directory trusted. */
int unit_file_read_link(
        const UnitContext *context,
        const char *directory,
        const char *name,
        char **ret,
        Diag *diag
);

/* Does the file TARGET, to which a link called NAME points, give NAME another name, and which? *ret is that name
 * (for the instance, where TARGET is a template), or NULL where it is the file that counts. -EINVAL: the names do
 * not fit each other. */
int unit_file_alias(
        const UnitContext *context,
        const char *name,
        const char *target,
        char **ret,
        Diag *diag
);

/* Adds the names of all links on the search path that lead to one of names, until there is no more. */
int unit_file_add_aliases(const UnitContext *context, GPtrArray *names, Diag *diag);

/* Finds the drop-ins that apply to a unit of these names, its main name first. *ret ends with NULL
 * (g_strfreev). */
int unit_dropins_find(const UnitContext *context, GPtrArray *names, char ***ret, Diag *diag);

/* The name with its prefix cut behind the last dash but one: foo-bar-baz.service -> foo-bar-.service ->
 * foo-.service -> NULL. The result belongs to the caller (g_free). */
char *unit_dropins_shorter_name(const char *name);

bool unit_file_strings_contain(const GPtrArray *strings, const char *text);
