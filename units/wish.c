/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the files of a unit one after the other into one list of wishes. Of all sections only [X-BPF] counts; what
 * looks like it but is not, or stands before the first section, is not passed over in silence: a program that is
 * not attached because of a misspelt header would be missed by nobody. */

#include "units/wish.h"

#include <errno.h>
#include <string.h>

#include "src/base/limits.h"
#include "src/base/text.h"
#include "units/directive.h"
#include "units/ini.h"
#include "units/unit-file.h"
#include "units/unit-name.h"

#define SECTION "X-BPF"

typedef struct WishReader {
        UnitWish *wish;
        const char *file;
        unsigned n_lines; /* of all files of the unit */
} WishReader;

static void wish_free(void *p) {
        Wish *wish = p;

        g_free(wish->key);
        g_free(wish->file);
        g_free(wish->error);
        g_free(wish->hook);
        g_strfreev(wish->options);
        g_free(wish->path);
        g_free(wish->program);
        g_free(wish->object_stem);
        g_free(wish->name);
        g_free(wish->value);
        g_free(wish);
}

UnitWish *unit_wish_new(const char *unit) {
        UnitWish *wish = g_new0(UnitWish, 1);

        wish->unit = g_strdup(unit);
        wish->dropins = g_new0(char *, 1);
        wish->wishes = g_ptr_array_new_with_free_func(wish_free);
        wish->repair = true;
        return wish;
}

UnitWish *unit_wish_free(UnitWish *wish) {
        if (!wish)
                return NULL;
        g_free(wish->unit);
        g_free(wish->fragment);
        g_strfreev(wish->dropins);
        if (wish->wishes)
                g_ptr_array_unref(wish->wishes);
        g_free(wish->policy);
        g_free(wish->on_loss);
        g_free(wish);
        return NULL;
}

/* Other spellings of the section: "x-bpf", "X_BPF ", "XBPF". */
static bool is_nearly_ours(const char *section) {
        static const char letters[] = "xbpf";
        size_t n = 0;

        for (const char *p = section; *p && *p != ']'; p++) {
                if (!g_ascii_isalnum(*p))
                        continue;
                if (n >= 4 || g_ascii_tolower(*p) != letters[n])
                        return false;
                n++;
        }
        return n == 4;
}

/* One letter off; other programs have sections of three letters behind "X-", too, but not with our directives. */
static bool is_a_slip(const char *section) {
        static const char *const sections[] = { SECTION, NULL };

        return text_nearest(section, sections) != NULL;
}

static void fail_section(WishReader *reader, const DirectiveLine *line, const char *section) {
        g_autofree char *error = g_strdup_printf(
                "section [%s] is not ours, did you mean [" SECTION "]?", section
        );

        directive_fail(reader->wish, line, error);
}

/* What to do with a line outside of our section: mostly nothing. */
static void take_foreign(WishReader *reader, const IniEntry *entry, const DirectiveLine *line) {
        bool ours = entry->key && g_strv_contains(directive_names(), entry->key);

        if (!entry->key && entry->value[0] == '[' && is_nearly_ours(entry->value))
                directive_fail(reader->wish, line, entry->error);
        else if (entry->section && (is_nearly_ours(entry->section) || (ours && is_a_slip(entry->section))))
                fail_section(reader, line, entry->section);
        else if (!entry->section && ours)
                directive_fail(
                        reader->wish, line,
                        "directive before the first section, [" SECTION "] is missing"
                );
}

static int take_entry(const IniEntry *entry, void *userdata) {
        WishReader *reader = userdata;
        DirectiveLine line = {
                .key = entry->key ? entry->key : "",
                .value = entry->value,
                .file = reader->file,
                .line = entry->line,
        };

        if (g_strcmp0(entry->section, SECTION) != 0) {
                take_foreign(reader, entry, &line);
                return 0;
        }
        if (reader->n_lines == LIMIT_UNIT_DIRECTIVES)
                directive_fail(
                        reader->wish, &line,
                        "the unit has too many lines in [" SECTION "], all from here on are ignored"
                );
        if (reader->n_lines++ >= LIMIT_UNIT_DIRECTIVES)
                return 0;
        if (entry->error)
                directive_fail(reader->wish, &line, entry->error);
        else
                directive_apply(reader->wish, &line);
        return 0;
}

/* 1 if the file was read, 0 if it is empty or a link to a device. */
static int read_file(WishReader *reader, const UnitContext *context, const char *path, Diag *diag) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = unit_file_read(context, path, &text, &size, diag);
        if (r <= 0)
                return r;
        reader->file = path;
        r = ini_read(text, size, take_entry, reader, diag);
        if (r < 0) {
                diag_prefix(diag, "%s", path);
                return r;
        }
        return 1;
}

static void take_overrides(WishReader *reader, const char *const *overrides) {
        for (unsigned i = 0; overrides && overrides[i]; i++) {
                const char *equals = strchr(overrides[i], '=');
                g_autofree char *key = equals ? g_strndup(
                                                        overrides[i], (gsize)(equals - overrides[i])
                                                )
                                              : g_strdup(overrides[i]);
                g_autofree char *value = g_strdup(equals ? equals + 1 : overrides[i]);
                IniEntry entry = {
                        .section = SECTION,
                        .key = g_strstrip(key),
                        .value = g_strstrip(value),
                        .error = equals ? NULL : "there is no '=' in it",
                        .line = i + 1,
                };

                reader->file = "-p";
                (void)take_entry(&entry, reader); /* never fails */
        }
}

static int read_paths(
        WishReader *reader,
        const UnitContext *context,
        const UnitPaths *paths,
        Diag *diag
) {
        UnitWish *wish = reader->wish;
        int r;

        wish->fragment = g_strdup(paths->fragment);
        wish->masked = paths->masked;
        if (paths->dropins) {
                g_strfreev(wish->dropins);
                wish->dropins = g_strdupv(paths->dropins);
        }
        if (paths->fragment) {
                r = read_file(reader, context, paths->fragment, diag);
                if (r < 0)
                        return r;
                wish->masked = r == 0;
        }
        for (char **p = paths->dropins; !wish->masked && p && *p; p++) {
                r = read_file(reader, context, *p, diag);
                if (r < 0)
                        return r;
        }
        return 0;
}

int unit_wish_read_paths(
        const UnitContext *context,
        const char *unit,
        const UnitPaths *paths,
        UnitWish **ret,
        Diag *diag
) {
        _cleanup_(unit_wish_free_ptr) UnitWish *wish = unit_wish_new(unit);
        WishReader reader = { .wish = wish };
        int r;

        r = read_paths(&reader, context, paths, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(wish);
        return 0;
}

int unit_wish_read(
        const UnitContext *context,
        const char *unit,
        const char *const *overrides,
        UnitWish **ret,
        Diag *diag
) {
        _cleanup_(unit_wish_free_ptr) UnitWish *wish = unit_wish_new(unit);
        _cleanup_(unit_paths_done) UnitPaths paths = {};
        WishReader reader = { .wish = wish };
        int r;

        r = unit_paths_find(context, unit, &paths, diag);
        if (r < 0)
                return r;
        r = read_paths(&reader, context, &paths, diag);
        if (r < 0)
                return r;
        if (!wish->masked)
                take_overrides(&reader, overrides);
        *ret = TAKE_PTR(wish);
        return 0;
}

int unit_wish_read_file(const char *path, const char *unit, UnitWish **ret, Diag *diag) {
        g_autofree char *name = unit ? g_strdup(unit) : g_path_get_basename(path);
        UnitContext context = {};
        UnitPaths paths = { .fragment = (char *)path };

        if ((int)unit_name_kind(name) < 0)
                return diag_fail(diag, -EINVAL, "'%s' is not the name of a unit", name);
        return unit_wish_read_paths(&context, name, &paths, ret, diag);
}
