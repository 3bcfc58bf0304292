/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Unit names after systemd.unit(5): PREFIX[@[INSTANCE]].TYPE, and systemd's escaping. */

#include <stdbool.h>

typedef enum UnitNameKind {
        UNIT_NAME_PLAIN, /* foo.service */
        UNIT_NAME_TEMPLATE, /* foo@.service */
        UNIT_NAME_INSTANCE, /* foo@bar.service */
        _UNIT_NAME_KIND_INVALID = -22,
} UnitNameKind;

/* The kind, or invalid: bad characters, unknown type, empty prefix, longer than LIMIT_UNIT_NAME. */
UnitNameKind unit_name_kind(const char *name);

/* Types that can have a cgroup of their own: service slice scope socket mount swap. */
bool unit_name_has_cgroup(const char *name);

/* Parts; each belongs to the caller (free()). NULL without memory; unit_name_instance() also for no instance. */
char *unit_name_prefix(const char *name); /* foo */
char *unit_name_instance(const char *name); /* bar */
char *unit_name_type(const char *name); /* service */
char *unit_name_template(const char *name
); /* foo@.service of foo@bar.service; NULL if it is no instance */

/* foo@bar.service of foo@.service and "bar"; NULL if the first is no template. Not checked further. */
char *unit_name_of_instance(const char *template, const char *instance);

/* Gives a name without type the type ".service". NULL if the result is no valid name. */
char *unit_name_complete(const char *name);

/* systemd-escape: "foo/bar-baz" <-> "foo-bar\x2dbaz". unescape: NULL for a bad escape. */
char *unit_name_escape(const char *text);
char *unit_name_unescape(const char *text);

/* The same for paths, slashes at both ends aside: "/foo//bar/" -> "foo-bar", "/" -> "-". NULL for "." or "..". */
char *unit_name_escape_path(const char *path);
/* The way back, as %f: always with a leading slash; NULL also where the result would not be a plain path. */
char *unit_name_unescape_path(const char *text);
