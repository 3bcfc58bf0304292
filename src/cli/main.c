/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* unitbpfctl: reads the command line, runs one verb, ends with its status. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/text.h"
#include "src/cli/screen.h"
#include "src/cli/verb.h"

/* Own failures of run have a status of their own, so that others are the command's. */
static int usage_status(const Invocation *invocation) {
        const Verb *verb = invocation->verb;

        return verb && verb->run == verb_run ? EXIT_RUN_OWN_FAILURE : EXIT_USAGE;
}

static int run_verb(Invocation *invocation) {
        if (!invocation->verb)
                invocation->verb = verb_find("list");
        if (invocation->verb->pager && !invocation->no_pager && !invocation->quiet)
                screen_pager();
        return invocation->verb->run(invocation);
}

static int run_help(const Invocation *invocation) {
        g_autofree char *text = invocation->verb ? verb_help_text_of(invocation->verb)
                                                 : verb_help_text();

        if (!invocation->no_pager)
                screen_pager();
        (void)printf("%s", text);
        return EXIT_DONE;
}

int main(int argc, char **argv) {
        Invocation invocation;
        Diag diag = {};
        int result, r;

        screen_init();
        r = invocation_parse(argc, argv, &invocation, &diag);
        if (r < 0) {
                screen_error("unitbpfctl: %s", diag_text(&diag, r));
                result = usage_status(&invocation);
        } else if (invocation.help) {
                result = run_help(&invocation);
        } else if (invocation.version) {
                result = verb_version(&invocation);
        } else {
                result = run_verb(&invocation);
        }
        r = screen_end();
        if (r < 0) {
                screen_error("Failed to write the output.");
                result = result == EXIT_DONE ? EXIT_FAILED : result;
        }
        invocation_done(&invocation);
        diag_done(&diag);
        return result;
}
