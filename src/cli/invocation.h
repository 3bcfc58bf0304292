/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the command line asks for: one table of options, one verb, its arguments. */

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "src/base/diag.h"

typedef enum JsonFormat {
        JSON_FORMAT_OFF,
        JSON_FORMAT_SHORT,
        JSON_FORMAT_PRETTY,
        _JSON_FORMAT_MAX,
        _JSON_FORMAT_INVALID = -22,
} JsonFormat;

/* Options that only some verbs understand; the others are for all verbs. */
typedef enum OptionScope {
        OPTION_ANYWHERE = 0,
        OPTION_TYPE = 1 << 0,
        OPTION_PROPERTY = 1 << 1,
        OPTION_VALUE = 1 << 2,
        OPTION_EFFECTIVE = 1 << 3,
        OPTION_RUN = 1 << 4,
        OPTION_JSON = 1 << 5,
        OPTION_ALL = 1 << 6,
        OPTION_BUS = 1 << 7, /* of all that ask the daemon and nothing else */
} OptionScope;

typedef struct Verb Verb;

typedef struct Invocation {
        const Verb *verb; /* NULL: none was given */
        GPtrArray *arguments; /* words behind the verb, borrowed from argv, NULL at the end */
        GPtrArray *properties; /* words of -p and -P as given, borrowed, NULL at the end */
        GStrv types; /* of -t, split at commas; NULL: all */
        const char *unit, *slice; /* of run; NULL: not given */
        char *runtime_directory; /* never NULL */
        bool own_runtime_directory; /* it was named, by option or environment */
        const char *host, *machine; /* NULL: this one */
        JsonFormat json;
        bool all, full, quiet, no_pager, no_legend, effective, value, help, version;
} Invocation;

/* Reads the command line, which must outlive the result. Behind "run" the first word that is no option ends the
 * options. -EINVAL with an explanation; *ret is filled as far as it was understood in any case and must be
 * released with invocation_done(). */
int invocation_parse(int argc, char **argv, Invocation *ret, Diag *diag);
void invocation_done(Invocation *invocation);

/* The words behind the verb. */
size_t invocation_n(const Invocation *invocation);
const char *invocation_argument(const Invocation *invocation, size_t index); /* NULL: not given */

/* Does a unit of this name pass -t? */
bool invocation_wants_type(const Invocation *invocation, const char *unit);

/* Options as the help shows them: those of a scope mask and, if general is set, those for all verbs. The text belongs
 * to the caller. */
char *invocation_help(unsigned scopes, bool general);

/* Names of the options for all verbs, on one line. The text belongs to the caller. */
char *invocation_general(void);
