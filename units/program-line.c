/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The value is cut at its separators first; only then each part has its escapes undone and its specifiers
 * expanded, so neither can bring a separator in. */

#include "units/program-line.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>

#include "units/expand.h"
#include "units/option.h"

const char *program_line_find(const char *text, char separator) {
        for (const char *p = text; *p; p++) {
                if (*p == separator)
                        return p;
                if (*p == '\\' && p[1])
                        p++;
        }
        return NULL;
}

static const char *find_last(const char *text, char separator) {
        const char *found = NULL;

        for (const char *p = program_line_find(text, separator); p;
             p = program_line_find(p + 1, separator))
                found = p;
        return found;
}

int program_line_check_path(const char *path, Diag *diag) {
        if (path[0] != '/')
                return diag_fail(diag, -EINVAL, "path '%s' is not absolute", path);
        if (strlen(path) >= PATH_MAX)
                return diag_fail(diag, -EINVAL, "path '%.100s...' is too long", path);
        for (const char *p = path; *p; p++) {
                size_t size = strcspn(p + 1, "/");

                if (size == 0 || (size == 1 && p[1] == '.') ||
                    (size == 2 && p[1] == '.' && p[2] == '.'))
                        return diag_fail(
                                diag, -EINVAL,
                                "path '%s' is not normalized: it has an empty, '.' or '..' part",
                                path
                        );
                p += size;
        }
        for (const char *p = path; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        return diag_fail(diag, -EINVAL, "path has a control byte in it");
        return 0;
}

bool program_line_is_identifier(const char *text) {
        if (!g_ascii_isalpha(*text) && *text != '_')
                return false;
        for (; *text; text++)
                if (!g_ascii_isalnum(*text) && *text != '_')
                        return false;
        return true;
}

int program_line_parse_path(Wish *wish, const char *value, const char *unit, Diag *diag) {
        const char *hash = find_last(value, '#');
        g_autofree char *path = hash ? g_strndup(value, (gsize)(hash - value)) : g_strdup(value);
        g_autofree char *expanded = NULL;
        int r;

        r = expand_value(path, unit, EXPAND_ESCAPES, &expanded, diag);
        if (r < 0)
                return r;
        r = program_line_check_path(expanded, diag);
        if (r < 0)
                return r;
        wish->path = TAKE_PTR(expanded);
        if (!hash)
                return 0;
        r = expand_value(hash + 1, unit, EXPAND_ESCAPES, &wish->program, diag);
        if (r < 0)
                return r;
        if (!program_line_is_identifier(wish->program))
                return diag_fail(
                        diag, -EINVAL, "'%s' behind '#' is not the name of a program", wish->program
                );
        return 0;
}

/* Cuts text at unescaped commas and expands each word. */
static int parse_words(const char *text, const char *unit, GPtrArray *words, Diag *diag) {
        for (;;) {
                const char *comma = program_line_find(text, ',');
                g_autofree char *raw = comma ? g_strndup(text, (gsize)(comma - text))
                                             : g_strdup(text);
                char *word;
                int r;

                r = expand_value(raw, unit, EXPAND_ESCAPES, &word, diag);
                if (r < 0)
                        return r;
                g_ptr_array_add(words, word);
                if (!comma)
                        return 0;
                text = comma + 1;
        }
}

/* HOOK[,OPTION...]: the first word is the hook, where there is one. */
static int parse_head(Wish *wish, const char *head, bool has_hook, const char *unit, Diag *diag) {
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
        int r;

        r = parse_words(head, unit, words, diag);
        if (r < 0)
                return r;
        if (has_hook)
                wish->hook = g_ptr_array_steal_index(words, 0);
        g_ptr_array_add(words, NULL);
        wish->options = (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
        if (has_hook && !*wish->hook)
                return diag_fail(diag, -EINVAL, "there is no hook before the path");
        return 0;
}

int program_line_parse(Wish *wish, const char *value, const char *unit, Diag *diag) {
        const char *colon = program_line_find(value, ':');
        g_autofree char *head = NULL;
        int r;

        if (!colon)
                return diag_fail(
                        diag, -EINVAL, "'%s' is not HOOK[,OPTION...]:PATH[#PROGRAM]", value
                );
        head = g_strndup(value, (gsize)(colon - value));
        r = parse_head(wish, head, true, unit, diag);
        if (r < 0)
                return r;
        /* the path first: it pairs a line with bad options with what is attached */
        r = program_line_parse_path(wish, colon + 1, unit, diag);
        if (r < 0)
                return r;
        return option_check(wish->options, diag);
}

static int check_interface(const char *raw, const char *unit, Diag *diag) {
        g_autofree char *name = NULL;
        int r;

        r = expand_value(raw, unit, EXPAND_ESCAPES, &name, diag);
        if (r < 0)
                return r;
        if (strcmp(name, "@peers") == 0)
                return 0;
        if (!*name || strlen(name) >= IFNAMSIZ || strcmp(name, ".") == 0 ||
            strcmp(name, "..") == 0 || strpbrk(name, "/: \t\n"))
                return diag_fail(diag, -EINVAL, "'%s' is not the name of an interface", name);
        return 0;
}

/* INTERFACE:PATH[#PROGRAM] */
static int parse_interface_and_path(Wish *wish, const char *text, const char *unit, Diag *diag) {
        const char *colon = program_line_find(text, ':');
        g_autofree char *name = NULL;
        int r;

        if (!colon)
                return diag_fail(diag, -EINVAL, "there is no INTERFACE:PATH in '%s'", text);
        name = g_strndup(text, (gsize)(colon - text));
        r = check_interface(name, unit, diag);
        if (r < 0)
                return r;
        return program_line_parse_path(wish, colon + 1, unit, diag);
}

static int check_options_only(Wish *wish, Diag *diag) {
        int r = option_check(wish->options, diag);

        return r == -EOPNOTSUPP ? 0 : r; /* the whole directive is refused right after */
}

int program_line_parse_tc(Wish *wish, const char *value, const char *unit, Diag *diag) {
        const char *colon = program_line_find(value, ':');
        g_autofree char *head = NULL;
        bool egress;
        int r;

        if (!colon)
                return diag_fail(
                        diag, -EINVAL,
                        "'%s' is not ingress|egress[,OPTION...]:INTERFACE:PATH[#PROGRAM]", value
                );
        head = g_strndup(value, (gsize)(colon - value));
        r = parse_head(wish, head, true, unit, diag);
        if (r < 0)
                return r;
        egress = strcmp(wish->hook, "egress") == 0;
        if (!egress && strcmp(wish->hook, "ingress") != 0)
                return diag_fail(diag, -EINVAL, "'%s' is neither ingress nor egress", wish->hook);
        g_free(wish->hook);
        wish->hook = g_strdup(egress ? "tc_egress" : "tc_ingress");
        r = check_options_only(wish, diag);
        if (r < 0)
                return r;
        return parse_interface_and_path(wish, colon + 1, unit, diag);
}

int program_line_parse_xdp(Wish *wish, const char *value, const char *unit, Diag *diag) {
        const char *first = program_line_find(value, ':');
        const char *second = first ? program_line_find(first + 1, ':') : NULL;
        g_autofree char *head = NULL;
        int r;

        wish->hook = g_strdup("xdp");
        if (!first)
                return diag_fail(
                        diag, -EINVAL, "'%s' is not [OPTION...:]INTERFACE:PATH[#PROGRAM]", value
                );
        /* without options the first colon stands before the path */
        if (!second || first[1] == '/')
                return parse_interface_and_path(wish, value, unit, diag);
        head = g_strndup(value, (gsize)(first - value));
        r = parse_head(wish, head, false, unit, diag);
        if (r < 0)
                return r;
        r = check_options_only(wish, diag);
        if (r < 0)
                return r;
        return parse_interface_and_path(wish, first + 1, unit, diag);
}
