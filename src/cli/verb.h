/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A verb of unitbpfctl: one row of the table in verbs.c, one function. */

#include "src/cli/exit-code.h"
#include "src/cli/invocation.h"

struct Verb {
        const char *name;
        const char *arguments; /* as the help shows them */
        const char *summary; /* one line */
        const char *more; /* further lines of help; NULL: none */
        unsigned min, max; /* number of arguments */
        unsigned scopes; /* OptionScope bits it understands */
        bool pager; /* its output is for reading */
        int (*run)(const Invocation *invocation); /* an ExitCode; has said what went wrong */
};

#define VERB_ANY_NUMBER 4096U

/* All verbs in the order of the help; *ret_n is their number. Static. */
const Verb *verb_table(size_t *ret_n);
const Verb *verb_find(const char *name); /* NULL: no such verb */
const char *verb_nearest(const char *name); /* for "did you mean"; NULL: none is near */

int verb_list(const Invocation *invocation);
int verb_units(const Invocation *invocation);
int verb_status(const Invocation *invocation);
int verb_show(const Invocation *invocation);
int verb_cat(const Invocation *invocation);
int verb_tree(const Invocation *invocation);
int verb_maps(const Invocation *invocation);
int verb_attach(const Invocation *invocation);
int verb_detach(const Invocation *invocation);
int verb_adopt(const Invocation *invocation);
int verb_run(const Invocation *invocation);
int verb_plan(const Invocation *invocation);
int verb_verify(const Invocation *invocation);
int verb_inspect(const Invocation *invocation);
int verb_hooks(const Invocation *invocation);
int verb_monitor(const Invocation *invocation);
int verb_doctor(const Invocation *invocation);
int verb_daemon_reload(const Invocation *invocation);
int verb_daemon_reexec(const Invocation *invocation);
int verb_dump(const Invocation *invocation);
int verb_log_level(const Invocation *invocation);
int verb_help(const Invocation *invocation);
int verb_version(const Invocation *invocation);

/* The general help, and that of one verb; they belong to the caller. */
char *verb_help_text(void);
char *verb_help_text_of(const Verb *verb);
