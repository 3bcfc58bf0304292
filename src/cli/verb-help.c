/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "src/cli/screen.h"
#include "src/cli/verb.h"

/* All scopes: the general help has every option. */
#define ALL_SCOPES (~0U)

char *verb_help_text(void) {
        GString *text = g_string_new(
                "Usage: unitbpfctl [OPTION...] [VERB [ARGUMENT...]]\n\n"
                "BPF programs of units: what is attached, since when, and why not.\n"
                "Without a verb: list.\n\nVerbs:\n"
        );
        g_autofree char *options = invocation_help(ALL_SCOPES, true);
        size_t n;
        const Verb *verbs = verb_table(&n);

        for (size_t i = 0; i < n; i++) {
                g_autofree char *form = g_strdup_printf(
                        "%s%s%s", verbs[i].name, verbs[i].arguments ? " " : "",
                        verbs[i].arguments ? verbs[i].arguments : ""
                );

                g_string_append_printf(text, "  %-33s %s\n", form, verbs[i].summary);
        }
        g_string_append_printf(
                text, "\nOptions:\n%s\nSee unitbpfctl(1); 'unitbpfctl help VERB' for one verb.\n",
                options
        );
        return g_string_free(text, FALSE);
}

char *verb_help_text_of(const Verb *verb) {
        g_autofree char *options = invocation_help(verb->scopes, false);
        g_autofree char *general = invocation_general();

        return g_strdup_printf(
                "Usage: unitbpfctl [OPTION...] %s%s%s\n\n%s.\n%s%s%s%s\nOf all verbs: %s\n",
                verb->name, verb->arguments ? " " : "", verb->arguments ? verb->arguments : "",
                verb->summary, verb->more ? verb->more : "", verb->more ? "\n" : "",
                *options ? "\nOptions:\n" : "", options, general
        );
}

int verb_help(const Invocation *invocation) {
        const char *name = invocation_argument(invocation, 0), *near;
        g_autofree char *text = NULL;
        const Verb *verb;

        if (!name) {
                text = verb_help_text();
                (void)printf("%s", text);
                return EXIT_DONE;
        }
        verb = verb_find(name);
        if (!verb) {
                near = verb_nearest(name);
                screen_error("There is no verb '%s'.", name);
                if (near)
                        screen_hint("did you mean '%s'?", near);
                return EXIT_USAGE;
        }
        text = verb_help_text_of(verb);
        (void)printf("%s", text);
        return EXIT_DONE;
}

int verb_version(const Invocation *invocation) {
        (void)printf("unitbpfctl %s\n", UNITBPF_VERSION);
        return EXIT_DONE;
}
