/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* show: properties for programs and scripts. cat: the files a unit is made of. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/file.h"
#include "src/base/limits.h"
#include "src/base/text.h"
#include "src/cli/answer-json.h"
#include "src/cli/answer.h"
#include "src/cli/client.h"
#include "src/cli/output.h"
#include "src/cli/screen.h"
#include "src/cli/verb.h"
#include "units/wish.h"

/* Is the property asked for? All are, without -p. */
static bool is_wanted(const Invocation *invocation, const char *key) {
        for (size_t i = 0; i + 1 < invocation->properties->len; i++) {
                g_auto(GStrv) names = g_strsplit(invocation->properties->pdata[i], ",", -1);

                if (g_strv_contains((const char *const *)names, key))
                        return true;
        }
        return invocation->properties->len == 1;
}

static void print_property(const Invocation *invocation, GVariant *dict, const char *key) {
        g_autofree char *words = NULL, *safe = NULL, *line = NULL;
        g_auto(GStrv) lines = NULL;
        bool asked = invocation->properties->len > 1;

        if (!is_wanted(invocation, key))
                return;
        words = answer_words(dict, key);
        if ((!words || !*words) && !invocation->all && !asked)
                return;
        safe = screen_safe(words ? words : "");
        lines = g_strsplit(safe, "\n", -1);
        line = g_strjoinv("\\n", lines); /* one line for each property */
        if (invocation->value)
                (void)printf("%s\n", line);
        else
                (void)printf("%s=%s\n", key, line);
}

static void print_block(const Invocation *invocation, GVariant *dict, const Schema *schema) {
        for (size_t i = 0; i < schema->n; i++)
                print_property(invocation, dict, schema->fields[i].key);
}

static int find_attachment(Client *client, const char *word, GVariant **ret) {
        g_autoptr(GVariant) rows = NULL;
        uint64_t wanted = 0, id;

        if (text_to_u64(word, &wanted) < 0) {
                screen_error("'%s' is not the id of an attachment.", word);
                return -EINVAL;
        }
        if (client_value(client, "list attachments", "ListAttachments", NULL, &rows) < 0)
                return -EIO;
        for (size_t i = 0; i < answer_n(rows); i++) {
                g_autoptr(GVariant) row = answer_row(rows, i);

                if (answer_number(row, "Id", &id) && id == wanted) {
                        *ret = g_variant_ref(row);
                        return 0;
                }
        }
        screen_error("There is no attachment %s.", word);
        screen_hint("'unitbpfctl list' lists them.");
        return -ENOENT;
}

static int find_unit(Client *client, const char *word, GVariant **ret) {
        _cleanup_free_ char *name = client_unit_name(word);
        int r;

        if (!name)
                return -EINVAL;
        r = client_unit(client, name, ret);
        if (r == CLIENT_NO_SUCH_UNIT) {
                client_report_no_unit(client, name);
                return -ENOENT;
        }
        return r;
}

static bool is_id(const char *word) {
        return *word && word[strspn(word, "0123456789")] == 0;
}

/* The dictionary an argument stands for, and its kind. */
static int find(Client *client, const char *word, GVariant **ret, const Schema **ret_schema) {
        int r = is_id(word) ? find_attachment(client, word, ret) : find_unit(client, word, ret);

        if (r < 0)
                return r;
        *ret_schema = is_id(word) ? &schema_attachment : &schema_unit;
        return 0;
}

static int show_manager(Client *client) {
        const Invocation *invocation = client->invocation;
        g_autoptr(GVariant) dict = NULL;
        g_autofree char *json = NULL;

        if (client_properties(client, &dict) < 0)
                return EXIT_FAILED;
        if (invocation->json != JSON_FORMAT_OFF) {
                bool pretty = invocation->json == JSON_FORMAT_PRETTY;

                json = answer_json_object(dict, &schema_manager, pretty);
                (void)printf("[%s]\n", json);
                return EXIT_DONE;
        }
        print_block(invocation, dict, &schema_manager);
        return EXIT_DONE;
}

int verb_show(const Invocation *invocation) {
        _cleanup_client_ Client client = {};
        bool as_json = invocation->json != JSON_FORMAT_OFF;
        int result = EXIT_DONE;
        size_t shown = 0;

        if (client_open(invocation, &client) < 0)
                return EXIT_FAILED;
        if (invocation_n(invocation) == 0)
                return show_manager(&client);
        for (size_t i = 0; i < invocation_n(invocation); i++) {
                g_autoptr(GVariant) dict = NULL;
                g_autofree char *json = NULL;
                const Schema *schema;

                if (find(&client, invocation_argument(invocation, i), &dict, &schema) < 0) {
                        result = EXIT_FAILED;
                        continue;
                }
                if (as_json) {
                        json = answer_json_object(
                                dict, schema, invocation->json == JSON_FORMAT_PRETTY
                        );
                        (void)printf("%s%s", shown ? "," : "[", json);
                } else {
                        (void)printf("%s", shown ? "\n" : "");
                        print_block(invocation, dict, schema);
                }
                shown++;
        }
        if (as_json)
                (void)printf("%s]\n", shown ? "" : "[");
        return result;
}

static int cat_file(const char *path, bool first) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = file_read(path, LIMIT_UNIT_FILE_BYTES, &text, &size);

        if (r < 0) {
                screen_error("Failed to read %s: %s.", path, strerror(-r));
                return r;
        }
        (void
        )printf("%s%s# %s%s\n", first ? "" : "\n", screen_colour(COLOUR_DIM), path, screen_plain());
        (void)fwrite(text, 1, size, stdout); /* screen_end() sees errors of the stream */
        if (size > 0 && text[size - 1] != '\n')
                (void)printf("\n");
        return 0;
}

/* The daemon knows which files are in force; without it, the search path says what it would find. */
static int cat_paths(const Invocation *invocation, const char *unit, GStrvBuilder *paths) {
        _cleanup_client_ Client client = {};
        g_autoptr(GVariant) dict = NULL;
        g_autofree const char **dropins = NULL;
        const char *fragment;
        int r;

        if (client_try(invocation, &client) < 0) {
                _cleanup_(unit_wish_free_ptr) UnitWish *wish = NULL;
                _cleanup_diag_ Diag diag = {};
                g_auto(GStrv) search = unit_search_path_default();
                UnitContext context = { .search_path = search };

                r = unit_wish_read(&context, unit, NULL, &wish, &diag);
                if (r < 0) {
                        screen_error(
                                "Failed to read the files of '%s': %s.", unit, diag_text(&diag, r)
                        );
                        return r;
                }
                screen_error("unitbpfd does not answer: these are the files it would read.");
                if (wish->fragment)
                        g_strv_builder_add(paths, wish->fragment);
                if (wish->dropins)
                        g_strv_builder_addv(paths, (const char **)wish->dropins);
                return 0;
        }
        r = client_unit(&client, unit, &dict);
        if (r == CLIENT_NO_SUCH_UNIT)
                client_report_no_unit(&client, unit);
        if (r != 0)
                return -ENOENT;
        fragment = answer_text(dict, "Fragment");
        dropins = answer_list(dict, "Dropins");
        if (fragment && *fragment)
                g_strv_builder_add(paths, fragment);
        if (dropins)
                g_strv_builder_addv(paths, dropins);
        return 0;
}

static int cat_unit(const Invocation *invocation, const char *word, bool first) {
        _cleanup_free_ char *unit = client_unit_name(word);
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_auto(GStrv) paths = NULL;
        int r;

        if (!unit)
                return -EINVAL;
        r = cat_paths(invocation, unit, builder);
        if (r < 0)
                return r;
        paths = g_strv_builder_end(builder);
        if (!paths || !*paths) {
                screen_error("There are no files for '%s'.", unit);
                return -ENOENT;
        }
        for (char **path = paths; *path; path++) {
                int one = cat_file(*path, first && path == paths);

                r = one < 0 ? one : r;
        }
        return r;
}

int verb_cat(const Invocation *invocation) {
        int result = EXIT_DONE;

        for (size_t i = 0; i < invocation_n(invocation); i++)
                if (cat_unit(invocation, invocation_argument(invocation, i), i == 0) < 0)
                        result = EXIT_FAILED;
        return result;
}
