/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which program of an object a line means. A section that names the hook is the author's own word and wins over
 * one that merely could be attached there: an object with an ingress and an egress program is not ambiguous,
 * though the kernel would take either on both hooks. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bpf/look/inspect.h"
#include "src/base/text.h"

#define LISTED_MAX 8U /* names in one message */

typedef bool (*ProgramMatch)(const InspectProgram *program, Hook hook);

static bool match_any(const InspectProgram *program, Hook hook) {
        return true;
}

static bool match_exact(const InspectProgram *program, Hook hook) {
        return program->hook == hook;
}

static bool match_fit(const InspectProgram *program, Hook hook) {
        return hook_section_fits(program->section, hook);
}

/* How many match; the last of them. */
static size_t select_count(
        const Inspect *inspect,
        ProgramMatch match,
        Hook hook,
        const InspectProgram **ret
) {
        size_t n = 0;

        for (size_t i = 0; i < inspect->n_programs; i++)
                if (match(&inspect->programs[i], hook)) {
                        *ret = &inspect->programs[i];
                        n++;
                }
        return n;
}

/* "a, b, c" of those that match, with their sections if asked for; NULL without memory. */
static char *select_list(const Inspect *inspect, ProgramMatch match, Hook hook, bool sections) {
        _cleanup_free_ char *text = NULL;
        size_t size, n = 0;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return NULL;
        for (size_t i = 0; i < inspect->n_programs; i++) {
                const InspectProgram *program = &inspect->programs[i];

                if (!match(program, hook))
                        continue;
                if (n == LISTED_MAX) {
                        (void)fprintf(stream, ", ...");
                        break;
                }
                (void)fprintf(stream, "%s%s", n++ > 0 ? ", " : "", program->name);
                if (sections)
                        (void)fprintf(stream, " (section %s)", program->section);
        }
        return fclose(stream) == 0 ? TAKE_PTR(text) : NULL;
}

static int refuse_absent(const Inspect *inspect, const char *name, Diag *diag) {
        _cleanup_free_ const char **names = calloc(inspect->n_programs + 1, sizeof *names);
        _cleanup_free_ char *list = select_list(inspect, match_any, _HOOK_INVALID, false);
        const char *nearest;

        if (!names || !list)
                return -ENOMEM;
        for (size_t i = 0; i < inspect->n_programs; i++)
                names[i] = inspect->programs[i].name;
        nearest = text_nearest(name, names);
        if (nearest)
                return diag_fail(
                        diag, -ENOENT, "'%s' has no program '%s', did you mean '%s'?",
                        inspect->name, name, nearest
                );
        if (inspect->n_programs == 0)
                return diag_fail(diag, -ENOENT, "'%s' has no programs", inspect->name);
        return diag_fail(
                diag, -ENOENT, "'%s' has no program '%s'; it has: %s", inspect->name, name, list
        );
}

static int select_by_name(
        const Inspect *inspect,
        const char *name,
        Hook hook,
        const InspectProgram **ret,
        Diag *diag
) {
        for (size_t i = 0; i < inspect->n_programs; i++) {
                const InspectProgram *program = &inspect->programs[i];

                if (strcmp(program->name, name) != 0)
                        continue;
                if (!match_fit(program, hook))
                        return diag_fail(
                                diag, -EINVAL,
                                "program '%s' of '%s' is in section '%s' and does not fit %s", name,
                                inspect->name, program->section, hook_to_string(hook)
                        );
                *ret = program;
                return 0;
        }
        return refuse_absent(inspect, name, diag);
}

static int refuse_count(const Inspect *inspect, ProgramMatch match, Hook hook, size_t n, Diag *diag) {
        const char *name = hook_to_string(hook);
        _cleanup_free_ char *list = select_list(inspect, n > 0 ? match : match_any, hook, n == 0);

        if (!list)
                return -ENOMEM;
        if (n > 0)
                return diag_fail(
                        diag, -ENOTUNIQ,
                        "several programs of '%s' fit %s: %s; name one with #PROGRAM",
                        inspect->name, name, list
                );
        if (inspect->n_programs == 0)
                return diag_fail(diag, -ENOENT, "'%s' has no programs", inspect->name);
        return diag_fail(
                diag, -ENOENT, "'%s' has no program that fits %s; it has: %s", inspect->name, name,
                list
        );
}

int inspect_select(
        const Inspect *inspect,
        const char *name,
        Hook hook,
        const InspectProgram **ret,
        Diag *diag
) {
        const InspectProgram *found = NULL;
        ProgramMatch match = match_exact;
        size_t n;

        if (!hook_info(hook))
                return diag_fail(diag, -EINVAL, "no such hook");
        if (name)
                return select_by_name(inspect, name, hook, ret, diag);
        n = select_count(inspect, match, hook, &found);
        if (n == 0) {
                match = match_fit;
                n = select_count(inspect, match, hook, &found);
        }
        if (n != 1)
                return refuse_count(inspect, match, hook, n, diag);
        *ret = found;
        return 0;
}
