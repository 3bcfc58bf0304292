/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Physical lines end in LF, CR LF or CR. Comment lines vanish first, also between continued lines. What remains is
 * joined into logical lines: a line whose last byte is a backslash that is not itself escaped goes on in the next
 * one, with a blank for the backslash. A logical line is a section header or an assignment. A byte order mark at
 * the very beginning is skipped, as the service manager does. */

#include "units/ini.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <glib.h>

#include "src/base/limits.h"

#define BLANKS " \t\n\r"

typedef struct IniReader {
        const char *at, *end;
        unsigned line; /* number of the physical line last taken */
        unsigned first_line; /* of the logical line in hand */
        GString *logical;
        bool continued; /* logical is not complete yet */
        bool too_long;
        char *section;
        IniHandler handler;
        void *userdata;
} IniReader;

/* Takes the next physical line; false at the end of the text. */
static bool take_line(IniReader *reader, const char **ret, size_t *ret_size) {
        const char *start = reader->at, *p = start;

        if (p >= reader->end)
                return false;
        while (p < reader->end && *p != '\n' && *p != '\r')
                p++;
        *ret = start;
        *ret_size = (size_t)(p - start);
        if (p < reader->end)
                p += p[0] == '\r' && p + 1 < reader->end && p[1] == '\n' ? 2 : 1;
        reader->at = p;
        reader->line++;
        return true;
}

/* Does this physical line go on in the next one? Escapes never reach over the joint: it became a blank. */
static bool ends_in_backslash(const char *line, size_t size) {
        bool escaped = false;

        for (size_t i = 0; i < size; i++)
                escaped = !escaped && line[i] == '\\';
        return escaped;
}

static void append(IniReader *reader, const char *line, size_t size) {
        if (!reader->continued) {
                g_string_truncate(reader->logical, 0);
                reader->first_line = reader->line;
                reader->too_long = false;
        }
        reader->continued = ends_in_backslash(line, size);
        if (reader->logical->len + size > LIMIT_UNIT_LINE_BYTES)
                reader->too_long = true;
        else
                g_string_append_len(reader->logical, line, (gssize)size);
        if (reader->continued && !reader->too_long)
                reader->logical->str[reader->logical->len - 1] = ' ';
}

static int emit(IniReader *reader, const char *key, const char *value, const char *error) {
        IniEntry entry = {
                .section = reader->section,
                .key = key,
                .value = value,
                .error = error,
                .line = reader->first_line,
        };

        return reader->handler(&entry, reader->userdata);
}

static int take_header(IniReader *reader, char *line, size_t size) {
        bool good = size >= 2 && line[size - 1] == ']';
        int r = good ? 0 : emit(reader, NULL, line, "section header without ']' at its end");

        line[size - 1] = 0;
        g_free(reader->section);
        reader->section = g_strdup(good ? line + 1 : "");
        return r;
}

static int take_logical(IniReader *reader) {
        char *line = g_strstrip(reader->logical->str), *equals;
        size_t size = strlen(line);

        if (reader->too_long)
                return emit(reader, NULL, line, "line is too long");
        if (size == 0)
                return 0;
        if (!g_utf8_validate(line, (gssize)size, NULL))
                return emit(reader, NULL, line, "line is not valid UTF-8");
        if (line[0] == '[')
                return take_header(reader, line, size);
        equals = strchr(line, '=');
        if (!equals)
                return emit(reader, NULL, line, "line has no '='");
        if (equals == line)
                return emit(reader, NULL, line, "line has no name before its '='");
        *equals = 0;
        return emit(reader, g_strchomp(line), g_strchug(equals + 1), NULL);
}

static int take_all(IniReader *reader) {
        const char *line;
        size_t size;
        int r;

        while (take_line(reader, &line, &size)) {
                while (size > 0 && strchr(BLANKS, *line)) {
                        line++;
                        size--;
                }
                if (size > 0 && (*line == '#' || *line == ';'))
                        continue;
                append(reader, line, size);
                if (reader->continued)
                        continue;
                r = take_logical(reader);
                if (r != 0)
                        return r;
        }
        return reader->continued ? take_logical(reader) : 0;
}

static int refuse_nul(const char *text, size_t size, Diag *diag) {
        const char *nul = size > 0 ? memchr(text, 0, size) : NULL;
        unsigned line = 1;

        if (!nul)
                return 0;
        for (const char *p = text; p < nul; p++)
                line += *p == '\n' || (*p == '\r' && p[1] != '\n');
        return diag_fail(diag, -EBADMSG, "line %u has a NUL byte, this is no text file", line);
}

int ini_read(const char *text, size_t size, IniHandler handler, void *userdata, Diag *diag) {
        static const char mark[] = "\xef\xbb\xbf";
        IniReader reader = {
                .at = text,
                .end = text + size,
                .handler = handler,
                .userdata = userdata,
        };
        int r;

        r = refuse_nul(text, size, diag);
        if (r < 0)
                return r;
        if (size >= 3 && memcmp(text, mark, 3) == 0)
                reader.at += 3;
        reader.logical = g_string_new(NULL);
        r = take_all(&reader);
        (void)g_string_free(reader.logical, TRUE);
        g_free(reader.section);
        return r;
}
