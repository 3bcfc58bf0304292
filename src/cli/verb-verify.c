/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* verify: unit files and the objects they name, looked at as the daemon would, without it and without privilege. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/text.h"
#include "src/cli/answer.h"
#include "src/cli/output.h"
#include "src/cli/screen.h"
#include "src/cli/verb.h"
#include "src/resolve/resolve.h"
#include "units/unit-name.h"
#include "units/wish.h"

typedef struct Verification {
        const Invocation *invocation;
        GVariantBuilder rows;
        size_t files, programs, problems;
} Verification;

static void insert_text(GVariantDict *dict, const char *key, const char *text) {
        g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

        if (valid)
                g_variant_dict_insert(dict, key, "s", valid);
}

typedef struct Problem {
        const char *origin; /* FILE:LINE, or a file alone */
        const char *unit, *text, *detail;
        bool note; /* not as good as it may look, but no failure */
} Problem;

static void insert_origin(GVariantDict *dict, const char *origin) {
        const char *colon = strrchr(origin, ':');
        g_autofree char *file = NULL;
        uint64_t line;

        if (!colon || text_to_u64(colon + 1, &line) < 0) {
                insert_text(dict, "File", origin);
                return;
        }
        file = g_strndup(origin, (size_t)(colon - origin));
        insert_text(dict, "File", file);
        g_variant_dict_insert(dict, "Line", "t", line);
}

static void print_problem(const Problem *problem) {
        g_autofree char *text = screen_safe(problem->text), *origin = screen_safe(problem->origin);
        g_autofree char *detail = screen_safe(problem->detail);
        g_auto(GStrv) lines = NULL;

        (void
        )printf("%s%s%s: %s%s\n", screen_colour(problem->note ? COLOUR_DIM : COLOUR_BAD), origin,
                screen_plain(), problem->note ? "note: " : "", text);
        if (!detail)
                return;
        lines = g_strsplit(g_strchomp(detail), "\n", -1);
        for (char **line = lines; *line; line++)
                (void)printf("    %s\n", *line);
}

static void add_problem(Verification *verification, const Problem *problem) {
        const Invocation *invocation = verification->invocation;
        GVariantDict dict;

        verification->problems += !problem->note;
        if (invocation->json == JSON_FORMAT_OFF) {
                if (!invocation->quiet || !problem->note)
                        print_problem(problem);
                return;
        }
        g_variant_dict_init(&dict, NULL);
        insert_origin(&dict, problem->origin);
        insert_text(&dict, "Unit", problem->unit);
        insert_text(&dict, "Severity", problem->note ? "note" : "error");
        insert_text(&dict, "Problem", problem->text);
        insert_text(&dict, "Detail", problem->detail);
        g_variant_builder_add_value(&verification->rows, g_variant_dict_end(&dict));
}

static void check_targets(Verification *verification, const UnitWish *wish, const TargetSet *set) {
        for (unsigned i = 0; i < wish->wishes->len; i++) {
                const Wish *one = wish->wishes->pdata[i];

                verification->programs += one->kind == WISH_PROGRAM;
        }
        for (size_t i = 0; i < set->n_targets; i++) {
                const Target *target = &set->targets[i];

                if (!target->error)
                        continue;
                add_problem(
                        verification,
                        &(Problem){ .origin = target->origin ? target->origin : wish->unit,
                                    .unit = wish->unit,
                                    .text = target->error,
                                    .detail = target->detail,
                                    .note = target->absent && target->policy == POLICY_OPTIONAL }
                );
        }
}

/* foo.service for .../foo.service and for .../foo.service.d/50-x.conf; NULL: it can be neither. For one of
 * unitbpf's own, an instance stands for its template. The text belongs to the caller. */
static char *unit_of_file(const char *path) {
        g_autofree char *name = g_path_get_basename(path);

        if (g_str_has_suffix(name, ".conf")) {
                g_autofree char *directory = g_path_get_dirname(path);
                g_autofree char *parent = g_path_get_basename(directory);

                if (!g_str_has_suffix(parent, ".d"))
                        return NULL;
                parent[strlen(parent) - 2] = 0;
                return unit_name_kind(parent) >= 0 ? g_strdup(parent)
                                                   : g_strdup_printf("any.%s", parent);
        }
        return g_strdup(name);
}

/* A unit by name, from the search path. One that has no file is a slip of the caller, not a unit without problems. */
static int read_named(const UnitContext *context, const char *unit, UnitWish **ret, Diag *diag) {
        _cleanup_(unit_wish_free_ptr) UnitWish *wish = NULL;
        int r = unit_wish_read(context, unit, NULL, &wish, diag);

        if (r < 0)
                return r;
        if (!wish->fragment && !wish->masked && (!wish->dropins || !*wish->dropins))
                return diag_fail(diag, -ENOENT, "there is neither a file nor a unit of this name");
        *ret = TAKE_PTR(wish);
        return 0;
}

static int read_unit(Verification *verification, const char *word, UnitWish **ret, Diag *diag) {
        g_autofree char *unit = NULL, *path = NULL;
        _cleanup_free_ char *name = NULL;

        if (!strchr(word, '/') && access(word, F_OK) < 0)
                name = unit_name_complete(word);
        if (name) {
                g_auto(GStrv) search = unit_search_path_default();
                UnitContext context = { .search_path = search, .trust = geteuid() == 0 };

                return read_named(&context, name, ret, diag);
        }
        unit = unit_of_file(word);
        if (!unit || unit_name_kind(unit) < 0)
                return diag_fail(
                        diag, -EINVAL,
                        "this is neither the name of a unit nor that of a drop-in "
                        "(UNIT.d/NAME.conf)"
                );
        path = g_canonicalize_filename(word, NULL);
        return unit_wish_read_file(path, unit, ret, diag);
}

static void verify_one(Verification *verification, const char *word) {
        _cleanup_(unit_wish_free_ptr) UnitWish *wish = NULL;
        _cleanup_(target_set_free_ptr) TargetSet *targets = NULL;
        _cleanup_diag_ Diag diag = {};
        ResolveOptions options = { .trust = geteuid() == 0 };
        int r = read_unit(verification, word, &wish, &diag);

        verification->files++;
        if (r >= 0)
                r = resolve_unit(wish, &options, &targets);
        if (r < 0) {
                add_problem(
                        verification,
                        &(Problem
                        ){ .origin = word, .text = diag_text(&diag, r), .detail = diag.detail }
                );
                return;
        }
        check_targets(verification, wish, targets);
}

int verb_verify(const Invocation *invocation) {
        Verification verification = { .invocation = invocation };
        g_autoptr(GVariant) rows = NULL;
        g_autofree char *files = NULL, *programs = NULL, *problems = NULL;

        g_variant_builder_init(&verification.rows, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; i < invocation_n(invocation); i++)
                verify_one(&verification, invocation_argument(invocation, i));
        rows = g_variant_ref_sink(g_variant_builder_end(&verification.rows));
        if (!output_json(invocation, rows, &schema_problem) && !invocation->quiet &&
            !invocation->no_legend) {
                files = output_count(verification.files, "file");
                programs = output_count(verification.programs, "program");
                problems = output_count(verification.problems, "problem");
                (void)printf("%s, %s, %s.\n", files, programs, problems);
        }
        return verification.problems > 0 ? EXIT_FAILED : EXIT_DONE;
}
