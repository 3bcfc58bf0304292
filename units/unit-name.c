/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The same rules as the service manager's, so that one name means one unit for both: PREFIX, optionally an '@'
 * and an instance, a dot, a type. The first '@' counts, the last dot counts. Escaping turns any text into the
 * alphabet of names: '/' is written '-', everything else outside the alphabet as \xNN. */

#include "units/unit-name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/limits.h"
#include "src/base/text.h"

static const char alphabet[] = "0123456789"
                               "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               ":-_.\\";

static const struct {
        const char *name;
        bool has_cgroup;
} types[] = {
        { "service", true },    { "socket", true }, { "device", false }, { "mount", true },
        { "automount", false }, { "swap", true },   { "target", false }, { "path", false },
        { "timer", false },     { "slice", true },  { "scope", true },
};

/* Row of the type behind the last dot; -1 if there is none such. */
static int type_of(const char *name) {
        const char *dot = strrchr(name, '.');

        for (size_t i = 0; dot && i < ELEMENTS(types); i++)
                if (strcmp(dot + 1, types[i].name) == 0)
                        return (int)i;
        return -1;
}

UnitNameKind unit_name_kind(const char *name) {
        const char *at, *dot;

        if (strlen(name) > LIMIT_UNIT_NAME || type_of(name) < 0)
                return _UNIT_NAME_KIND_INVALID;
        dot = strrchr(name, '.');
        if (dot == name)
                return _UNIT_NAME_KIND_INVALID;
        for (const char *p = name; p < dot; p++)
                if (*p != '@' && !strchr(alphabet, *p))
                        return _UNIT_NAME_KIND_INVALID;
        at = memchr(name, '@', (size_t)(dot - name));
        if (!at)
                return UNIT_NAME_PLAIN;
        if (at == name)
                return _UNIT_NAME_KIND_INVALID;
        return at + 1 == dot ? UNIT_NAME_TEMPLATE : UNIT_NAME_INSTANCE;
}

bool unit_name_has_cgroup(const char *name) {
        int type = type_of(name);

        return (int)unit_name_kind(name) >= 0 && type >= 0 && types[type].has_cgroup;
}

/* End of the part in front of the type, NUL if there is no dot. */
static const char *stem_end(const char *name) {
        const char *dot = strrchr(name, '.');

        return dot ? dot : name + strlen(name);
}

char *unit_name_prefix(const char *name) {
        const char *end = stem_end(name);
        const char *at = memchr(name, '@', (size_t)(end - name));

        return strndup(name, (size_t)((at ? at : end) - name));
}

char *unit_name_instance(const char *name) {
        const char *end = stem_end(name);
        const char *at = memchr(name, '@', (size_t)(end - name));

        if (unit_name_kind(name) != UNIT_NAME_INSTANCE || !at)
                return NULL;
        return strndup(at + 1, (size_t)(end - at - 1));
}

char *unit_name_type(const char *name) {
        const char *end = stem_end(name);

        return strdup(*end ? end + 1 : "");
}

char *unit_name_template(const char *name) {
        if (unit_name_kind(name) != UNIT_NAME_INSTANCE)
                return NULL;
        return text_format("%.*s%s", (int)(strchr(name, '@') + 1 - name), name, stem_end(name));
}

char *unit_name_of_instance(const char *template, const char *instance) {
        if (unit_name_kind(template) != UNIT_NAME_TEMPLATE)
                return NULL;
        return text_format(
                "%.*s%s%s", (int)(stem_end(template) - template), template, instance,
                stem_end(template)
        );
}

char *unit_name_complete(const char *name) {
        _cleanup_free_ char *result = NULL;

        result = type_of(name) >= 0 ? strdup(name) : text_format("%s.service", name);
        if (!result || (int)unit_name_kind(result) < 0)
                return NULL;
        return TAKE_PTR(result);
}

static char *escape_byte(char *out, unsigned char byte) {
        static const char digits[] = "0123456789abcdef";

        *out++ = '\\';
        *out++ = 'x';
        *out++ = digits[byte >> 4];
        *out++ = digits[byte & 15];
        return out;
}

static char *escape(const char *text, size_t size) {
        char *result = malloc(size * 4 + 1), *out = result;

        if (!result)
                return NULL;
        for (size_t i = 0; i < size; i++) {
                char c = text[i];

                if (c == '/')
                        *out++ = '-';
                else if ((c == '.' && i == 0) || c == '-' || c == '\\' || !strchr(alphabet, c))
                        out = escape_byte(out, (unsigned char)c);
                else
                        *out++ = c;
        }
        *out = 0;
        return result;
}

char *unit_name_escape(const char *text) {
        return escape(text, strlen(text));
}

/* No "." or ".." component; repeated slashes are no harm, they are taken out. */
static bool path_is_plain(const char *path) {
        for (const char *p = path; *p;) {
                size_t size = strcspn(p, "/");

                if ((size == 1 && p[0] == '.') || (size == 2 && p[0] == '.' && p[1] == '.'))
                        return false;
                p += size;
                p += strspn(p, "/");
        }
        return true;
}

char *unit_name_escape_path(const char *path) {
        _cleanup_free_ char *simple = malloc(strlen(path) + 1);
        size_t size = 0;

        if (!simple || !path_is_plain(path))
                return NULL;
        for (const char *p = path; *p; p++)
                if (*p != '/' || (size > 0 && simple[size - 1] != '/'))
                        simple[size++] = *p;
        while (size > 0 && simple[size - 1] == '/')
                size--;
        return size > 0 ? escape(simple, size) : strdup("-");
}

static int hex_value(char c) {
        static const char digits[] = "0123456789abcdef";
        const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

        return found ? (int)(found - digits) : -1;
}

char *unit_name_unescape(const char *text) {
        _cleanup_free_ char *result = malloc(strlen(text) + 1);
        char *out = result;

        if (!result)
                return NULL;
        for (const char *p = text; *p; p++) {
                int high, low;

                if (*p != '\\') {
                        *out++ = *p == '-' ? '/' : *p;
                        continue;
                }
                if (p[1] != 'x')
                        return NULL;
                high = hex_value(p[2]);
                low = high < 0 ? -1 : hex_value(p[3]);
                if (low < 0 || (high == 0 && low == 0))
                        return NULL;
                *out++ = (char)(high << 4 | low);
                p += 3;
        }
        *out = 0;
        return TAKE_PTR(result);
}

char *unit_name_unescape_path(const char *text) {
        _cleanup_free_ char *rest = NULL;
        size_t size = strlen(text);

        if (size == 0)
                return NULL;
        if (strcmp(text, "-") == 0)
                return strdup("/");
        if (text[0] == '-' || text[size - 1] == '-')
                return NULL;
        rest = unit_name_unescape(text);
        if (!rest || strstr(rest, "//") || !path_is_plain(rest))
                return NULL;
        return text_format("/%s", rest);
}
