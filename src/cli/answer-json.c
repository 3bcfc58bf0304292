/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/cli/answer-json.h"

#include <json-glib/json-glib.h>

#include "src/base/cleanup.h"
#include "src/cli/answer.h"

static JsonNode *make_array(GVariant *rows, const Schema *schema);

static JsonNode *make_text(const char *text) {
        return json_node_init_string(json_node_alloc(), text);
}

/* Numbers beyond what json-glib can hold become texts: nothing is cut. */
static JsonNode *make_number(uint64_t number) {
        g_autofree char *text = NULL;

        if (number <= INT64_MAX)
                return json_node_init_int(json_node_alloc(), (int64_t)number);
        text = g_strdup_printf("%" G_GUINT64_FORMAT, number);
        return make_text(text);
}

static JsonNode *make_value(GVariant *value) {
        g_autofree char *words = NULL;
        uint64_t number;

        if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN))
                return json_node_init_boolean(json_node_alloc(), g_variant_get_boolean(value));
        if (answer_value_number(value, &number))
                return make_number(number);
        words = answer_value_words(value);
        return make_text(words);
}

static JsonNode *make_list(GVariant *value) {
        JsonNode *node = json_node_alloc();
        JsonArray *array = json_array_new();

        if (value && g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY)) {
                g_autofree const char **list = g_variant_get_strv(value, NULL);

                for (const char **word = list; *word; word++)
                        json_array_add_string_element(array, *word);
        }
        (void)json_node_init_array(node, array);
        json_array_unref(array);
        return node;
}

static JsonNode *make_pairs(GVariant *value) {
        JsonNode *node = json_node_alloc();
        JsonArray *array = json_array_new();
        const char *first, *second;
        GVariantIter iter;

        if (value && g_variant_is_of_type(value, G_VARIANT_TYPE("a(ss)"))) {
                g_variant_iter_init(&iter, value);
                while (g_variant_iter_next(&iter, "(&s&s)", &first, &second)) {
                        JsonObject *object = json_object_new();

                        json_object_set_string_member(object, "key", first);
                        json_object_set_string_member(object, "value", second);
                        json_array_add_object_element(array, object);
                }
        }
        (void)json_node_init_array(node, array);
        json_array_unref(array);
        return node;
}

static JsonNode *make_field(const SchemaField *field, GVariant *value) {
        switch (field->type) {
        case SCHEMA_VALUE:
                return value ? make_value(value) : json_node_init_null(json_node_alloc());
        case SCHEMA_LIST:
                return make_list(value);
        case SCHEMA_PAIRS:
                return make_pairs(value);
        case SCHEMA_OBJECTS:
                return make_array(value, field->objects);
        }
        return json_node_init_null(json_node_alloc());
}

static JsonNode *make_object(const char *event, GVariant *dict, const Schema *schema) {
        JsonNode *node = json_node_alloc();
        JsonObject *object = json_object_new();

        if (event)
                json_object_set_string_member(object, "event", event);
        for (size_t i = 0; i < schema->n; i++) {
                const SchemaField *field = &schema->fields[i];
                g_autoptr(GVariant) value = NULL;
                g_autofree char *name = NULL;

                if (field->show_only)
                        continue;
                value = g_variant_lookup_value(dict, field->key, NULL);
                name = schema_json_name(field->key);
                json_object_set_member(object, name, make_field(field, value));
        }
        (void)json_node_init_object(node, object);
        json_object_unref(object);
        return node;
}

static JsonNode *make_array(GVariant *rows, const Schema *schema) {
        JsonNode *node = json_node_alloc();
        JsonArray *array = json_array_new();

        for (size_t i = 0; rows && i < answer_n(rows); i++) {
                g_autoptr(GVariant) row = answer_row(rows, i);

                json_array_add_element(array, make_object(NULL, row, schema));
        }
        (void)json_node_init_array(node, array);
        json_array_unref(array);
        return node;
}

static char *print(JsonNode *node, bool pretty) {
        g_autoptr(JsonGenerator) generator = json_generator_new();
        char *text;

        json_generator_set_pretty(generator, pretty);
        json_generator_set_indent_char(generator, '\t');
        json_generator_set_indent(generator, 1);
        json_generator_set_root(generator, node);
        text = json_generator_to_data(generator, NULL);
        json_node_unref(node);
        return text;
}

char *answer_json_array(GVariant *rows, const Schema *schema, bool pretty) {
        return print(make_array(rows, schema), pretty);
}

char *answer_json_object(GVariant *dict, const Schema *schema, bool pretty) {
        return print(make_object(NULL, dict, schema), pretty);
}

char *answer_json_event(const char *event, GVariant *dict, const Schema *schema) {
        return print(make_object(event, dict, schema), false);
}
