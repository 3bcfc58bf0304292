/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Wishes: what the [X-BPF] sections of one unit say, line by line, specifiers expanded, defaults and resets done,
 * but not yet understood against objects: words are words. A line that could not even be read is a wish with an
 * error, so that its policy can act; nothing is dropped. Plain GLib data, read-only for others. */

#include <stdbool.h>

#include <glib.h>

#include "src/base/diag.h"

typedef enum WishKind {
        WISH_PROGRAM, /* BPFProgram=, IPIngressFilterPath=, IPEgressFilterPath= */
        WISH_VARIABLE, /* BPFVariable= */
        WISH_MAP, /* BPFMap= */
        WISH_FAILED, /* key or value not understood, or not supported by this build; error is set */
} WishKind;

typedef struct Wish {
        WishKind kind;
        char *key; /* directive as written */
        char *file; /* where it stands */
        unsigned line;
        char *error; /* WISH_FAILED: why, for people; may also be set beside a program half understood */
        /* WISH_PROGRAM */
        char *hook; /* word as written; "ingress"/"egress" for the IP*FilterPath directives */
        char **options; /* option words, NULL at the end */
        char *path; /* object or pin, absolute */
        char *program; /* behind '#'; NULL: none given */
        /* WISH_VARIABLE */
        char *object_stem; /* NULL: any object */
        char *name; /* also WISH_MAP */
        char *value; /* also WISH_MAP: its path */
} Wish;

typedef struct UnitWish {
        char *unit;
        char *fragment; /* path of the unit file; NULL if there is only drop-ins or nothing */
        char **dropins; /* paths in the order read, NULL at the end */
        bool masked;
        GPtrArray *wishes; /* of Wish, in file order */
        char *policy; /* BPFPolicy= as last set, valid word; NULL: default (required) */
        bool repair; /* BPFRepair=, default true for required (repair_set false then) */
        bool repair_set;
        char *on_loss; /* BPFOnLoss= valid word; NULL: default (continue) */
} UnitWish;

/* Where unit files are looked for, and what specifiers stand for. */
typedef struct UnitContext {
        char **search_path; /* directories, highest precedence first, NULL at the end */
        bool trust; /* refuse files and directories that are not under root's control alone */
} UnitContext;

/* Which files make up one unit. */
typedef struct UnitPaths {
        char *fragment; /* NULL: none */
        char **dropins; /* in the order they apply, NULL at the end; NULL: none */
        bool masked;
} UnitPaths;

/* Default search path: unitbpf's three directories, then systemd's. The array belongs to the caller (g_strfreev). */
char **unit_search_path_default(void);

/* Reads fragment and drop-ins of one unit (templates, prefix drop-ins foo-.service.d, type-wide service.d, masks).
 * An alias reads the files of its unit; specifiers stand for the name that was asked for.
 * 0 also if no file exists (no wishes then). overrides: extra "KEY=VALUE" assignments of [X-BPF] as if from a last
 * drop-in called "-p" (transient units); NULL: none. Negative only for what keeps the files from being read
 * (-EPERM not trusted, -EIO ...), explained in diag with file; the caller then keeps the last good state. */
int unit_wish_read(
        const UnitContext *context,
        const char *unit,
        const char *const *overrides,
        UnitWish **ret,
        Diag *diag
);

/* Finds the files of a unit without reading them, as unit_wish_read() does. unit_paths_done() releases *ret. */
int unit_paths_find(const UnitContext *context, const char *unit, UnitPaths *ret, Diag *diag);
void unit_paths_done(UnitPaths *paths);

/* Reads a unit from files that somebody else found (the service manager knows its own best). A fragment that is
 * not there is an error, as is a drop-in. The search path is not looked at; context->trust is. */
int unit_wish_read_paths(
        const UnitContext *context,
        const char *unit,
        const UnitPaths *paths,
        UnitWish **ret,
        Diag *diag
);

/* Reads one file alone, as verify does, without asking who owns it. unit NULL: the name of the file is that of the
 * unit; for drop-ins give it. */
int unit_wish_read_file(const char *path, const char *unit, UnitWish **ret, Diag *diag);

/* Names of all units that have a file or drop-in directory of their own on the search path (instances and plain
 * ones, not templates; aliases go under the name of their unit), sorted. The array belongs to the caller (g_strfreev). */
int unit_list(const UnitContext *context, char ***ret, Diag *diag);

/* A unit that wishes nothing yet. */
UnitWish *unit_wish_new(const char *unit);
UnitWish *unit_wish_free(UnitWish *wish);
DEFINE_CLEANUP(UnitWish, unit_wish_free);

/* Names of all directives, NULL at the end, for "did you mean" and the tests of the manual. Static. */
const char *const *directive_names(void);
/* Names of all options of BPFProgram=. Static. */
const char *const *directive_option_names(void);
