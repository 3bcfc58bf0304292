/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A unit may be called anything the alphabet of names allows, so what comes out of a specifier is never looked
 * through again for escapes or separators: values are split first and expanded then. */

#include "units/expand.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <glib.h>

#include "src/base/text.h"

#define BLANKS " \t\n\r"

static int append_specifier(
        GString *out,
        char specifier,
        const char *unit,
        bool dots_away,
        Diag *diag
) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = specifier_resolve(specifier, unit, &text, diag);
        if (r < 0)
                return r;
        if (dots_away)
                (void)g_strdelimit(text, ".", '_');
        (void)g_string_append(out, text);
        return 0;
}

/* Appends text, its escapes undone if there may be some. */
static int append_run(GString *out, const char *text, size_t size, bool escapes, Diag *diag) {
        _cleanup_free_ char *plain = NULL;
        int r;

        if (!escapes) {
                (void)g_string_append_len(out, text, (gssize)size);
                return 0;
        }
        r = text_unescape_c(text, size, &plain);
        if (r < 0)
                return diag_fail(diag, r, "bad escape in '%.*s'", (int)MIN(size, 200), text);
        (void)g_string_append(out, plain);
        return 0;
}

static int expand_into(
        GString *out,
        const char *text,
        const char *unit,
        ExpandFlags flags,
        Diag *diag
) {
        while (*text) {
                size_t size = strcspn(text, "%");
                int r;

                r = append_run(out, text, size, flags & EXPAND_ESCAPES, diag);
                if (r < 0)
                        return r;
                text += size;
                if (!*text)
                        break;
                r = append_specifier(out, text[1], unit, flags & EXPAND_DOTS_AWAY, diag);
                if (r < 0)
                        return r;
                text += 2;
        }
        return 0;
}

int expand_value(const char *text, const char *unit, ExpandFlags flags, char **ret, Diag *diag) {
        g_autoptr(GString) out = g_string_new(NULL);
        int r;

        r = expand_into(out, text, unit, flags, diag);
        if (r < 0)
                return r;
        *ret = g_string_free(g_steal_pointer(&out), FALSE);
        return 0;
}

/* Bytes of the escape sequence at text, as far as they are there. */
static size_t escape_size(const char *text) {
        size_t wanted = text[1] == 'x' || (text[1] >= '0' && text[1] <= '7') ? 4 : 2;

        return strnlen(text, wanted);
}

/* Takes one word off text into out. *ret_any tells an empty quoted word from none. */
static int take_word(const char **text, GString *out, bool *ret_any, Diag *diag) {
        const char *p = *text + strspn(*text, BLANKS);
        bool any = *p != 0;
        char quote = 0;

        while (*p && (quote || !strchr(BLANKS, *p))) {
                if (*p == '\\') {
                        size_t size = escape_size(p);
                        int r = append_run(out, p, size, true, diag);

                        if (r < 0)
                                return r;
                        p += size;
                        continue;
                }
                if (quote ? *p == quote : *p == '"' || *p == '\'')
                        quote = quote ? 0 : *p;
                else
                        (void)g_string_append_c(out, *p);
                p++;
        }
        if (quote)
                return diag_fail(diag, -EINVAL, "a %c is not closed", quote);
        *text = p;
        *ret_any = any;
        return 0;
}

int expand_words(const char *text, char ***ret, Diag *diag) {
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GString) word = g_string_new(NULL);

        for (;;) {
                bool any = false;
                int r;

                g_string_truncate(word, 0);
                r = take_word(&text, word, &any, diag);
                if (r < 0)
                        return r;
                if (!any)
                        break;
                g_ptr_array_add(words, g_strdup(word->str));
        }
        g_ptr_array_add(words, NULL);
        *ret = (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
        return 0;
}
