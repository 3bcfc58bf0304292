/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The grammar of the values that name a program: HOOK[,OPTION...]:PATH[#PROGRAM] and its relatives. */

#include "units/wish.h"

/* Each fills hook, options, path and program of the wish as far as they are understood, also on failure.
 * -EINVAL: not the grammar; -EOPNOTSUPP: the grammar, but not in this build; both explained in diag. unit is what
 * specifiers stand for. */
int program_line_parse(Wish *wish, const char *value, const char *unit, Diag *diag);
int program_line_parse_path(Wish *wish, const char *value, const char *unit, Diag *diag);
int program_line_parse_tc(Wish *wish, const char *value, const char *unit, Diag *diag);
int program_line_parse_xdp(Wish *wish, const char *value, const char *unit, Diag *diag);

/* First occurrence of a separator that has no backslash in front of it; NULL if there is none. */
const char *program_line_find(const char *text, char separator);

/* 0 if path is absolute, has no empty, "." or ".." component, no control byte, no slash at its end, and fits
 * into PATH_MAX; -EINVAL else. */
int program_line_check_path(const char *path, Diag *diag);

/* Is it an identifier of C, as names of programs, maps and variables are? */
bool program_line_is_identifier(const char *text);
