/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/cli/output.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/cli/answer-json.h"
#include "src/cli/answer.h"
#include "src/cli/human.h"
#include "units/unit-name.h"

bool output_json(const Invocation *invocation, GVariant *rows, const Schema *schema) {
        g_autofree char *text = NULL;

        if (invocation->json == JSON_FORMAT_OFF)
                return false;
        text = answer_json_array(rows, schema, invocation->json == JSON_FORMAT_PRETTY);
        (void)printf("%s\n", text);
        return true;
}

bool output_is_glob(const char *word) {
        return strpbrk(word, "*?[") != NULL;
}

static bool matches_one(const char *pattern, const char *name) {
        _cleanup_free_ char *complete = NULL;

        if (output_is_glob(pattern))
                return fnmatch(pattern, name, FNM_NOESCAPE) == 0;
        if (strcmp(pattern, name) == 0)
                return true;
        complete = unit_name_complete(pattern);
        return complete && strcmp(complete, name) == 0;
}

bool output_matches(const Invocation *invocation, const char *name) {
        size_t n = invocation_n(invocation);

        for (size_t i = 0; i < n; i++)
                if (name && matches_one(invocation_argument(invocation, i), name))
                        return true;
        return n == 0;
}

GVariant *output_select(const Invocation *invocation, GVariant *rows, const char *key) {
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; i < answer_n(rows); i++) {
                g_autoptr(GVariant) row = answer_row(rows, i);
                const char *name = answer_text(row, key);

                if (output_matches(invocation, name) && invocation_wants_type(invocation, name))
                        g_variant_builder_add_value(&builder, row);
        }
        return g_variant_ref_sink(g_variant_builder_end(&builder));
}

char *output_count(size_t n, const char *noun) {
        return g_strdup_printf("%zu %s%s", n, noun, n == 1 ? "" : "s");
}

char *output_program(GVariant *attachment) {
        const char *program = answer_text(attachment, "Program");
        const char *object = answer_text(attachment, "Object");

        if (program && *program)
                return g_strdup(program);
        return object && *object ? g_path_get_basename(object) : g_strdup("-");
}

char *output_since(GVariant *dict, const char *key) {
        uint64_t usec;

        return answer_number(dict, key, &usec) && usec > 0 ? human_ago(usec, human_now()) : NULL;
}

void output_legend(const Invocation *invocation, const char *format, ...) {
        va_list arguments;

        if (invocation->no_legend || invocation->quiet)
                return;
        (void)printf("\n");
        va_start(arguments, format);
        (void)vprintf(format, arguments);
        va_end(arguments);
        (void)printf("\n");
}
