/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A search path of three directories, etc, run and lib, in one directory of the test's own. */

#include "units/wish.h"

/* Reads from the search path; tests may set trust, and have to clear it. */
extern UnitContext unit_tree_context;

/* Makes the directories in an empty directory, whose name it takes over (g_free), or in a temporary one. */
void unit_tree_setup_in(char *directory);
void unit_tree_setup(void);
/* Removes all of it. */
void unit_tree_teardown(void);

/* Full path of one in the directory; the caller's (g_free). */
char *unit_tree_path(const char *path);
/* Makes a file or link with the directories above it. */
void unit_tree_file(const char *path, const char *text);
void unit_tree_link(const char *path, const char *target);

/* Reads a unit, which must succeed. */
UnitWish *unit_tree_read(const char *unit, const char *const *overrides);
/* All wishes in one line: HOOK:PATH of programs, NAME=VALUE, !KEY:LINE of failures; the caller's (g_free). */
char *unit_tree_summary(const UnitWish *unit);
/* Reads a unit and compares its summary. */
void unit_tree_expect(const char *unit, const char *wanted);
/* Reads a unit, which must fail with this error and an explanation that has these words in it. */
void unit_tree_expect_failure(const char *unit, int error, const char *why);
