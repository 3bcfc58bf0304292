/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/cli/answer.h"

#include "src/base/text.h"

static GVariant *lookup(GVariant *dict, const char *key) {
        return g_variant_lookup_value(dict, key, NULL);
}

const char *answer_text(GVariant *dict, const char *key) {
        const char *text = NULL;

        /* "&s" points into the dictionary, which must be in its serialised form to stay put; that of a
         * message or a builder is made once, here at the latest. */
        (void)g_variant_get_data(dict);
        (void)g_variant_lookup(dict, key, "&s", &text);
        return text;
}

bool answer_value_number(GVariant *value, uint64_t *ret) {
        switch (g_variant_classify(value)) {
        case G_VARIANT_CLASS_UINT64:
                *ret = g_variant_get_uint64(value);
                return true;
        case G_VARIANT_CLASS_UINT32:
                *ret = g_variant_get_uint32(value);
                return true;
        case G_VARIANT_CLASS_UINT16:
                *ret = g_variant_get_uint16(value);
                return true;
        case G_VARIANT_CLASS_BYTE:
                *ret = g_variant_get_byte(value);
                return true;
        case G_VARIANT_CLASS_INT64:
                if (g_variant_get_int64(value) < 0)
                        return false;
                *ret = (uint64_t)g_variant_get_int64(value);
                return true;
        case G_VARIANT_CLASS_INT32:
                if (g_variant_get_int32(value) < 0)
                        return false;
                *ret = (uint64_t)g_variant_get_int32(value);
                return true;
        default:
                return false;
        }
}

bool answer_number(GVariant *dict, const char *key, uint64_t *ret) {
        g_autoptr(GVariant) value = lookup(dict, key);

        return value && answer_value_number(value, ret);
}

bool answer_flag(GVariant *dict, const char *key) {
        gboolean flag = FALSE;

        (void)g_variant_lookup(dict, key, "b", &flag);
        return flag;
}

const char **answer_list(GVariant *dict, const char *key) {
        const char **list = NULL;

        (void)g_variant_get_data(dict);
        (void)g_variant_lookup(dict, key, "^a&s", &list);
        return list;
}

char *answer_value_words(GVariant *value) {
        uint64_t number;

        if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
                return g_variant_dup_string(value, NULL);
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN))
                return g_strdup(g_variant_get_boolean(value) ? "yes" : "no");
        if (answer_value_number(value, &number))
                return g_strdup_printf("%" G_GUINT64_FORMAT, number);
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY)) {
                g_autofree const char **list = g_variant_get_strv(value, NULL);

                return g_strjoinv(" ", (char **)list);
        }
        return g_variant_print(value, FALSE);
}

char *answer_words(GVariant *dict, const char *key) {
        g_autoptr(GVariant) value = lookup(dict, key);

        return value ? answer_value_words(value) : NULL;
}

size_t answer_n(GVariant *rows) {
        return g_variant_n_children(rows);
}

GVariant *answer_row(GVariant *rows, size_t index) {
        return g_variant_get_child_value(rows, index);
}

GVariant *answer_filter(GVariant *rows, const char *key, const char *value) {
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; i < answer_n(rows); i++) {
                g_autoptr(GVariant) row = answer_row(rows, i);

                if (text_equal(answer_text(row, key), value))
                        g_variant_builder_add_value(&builder, row);
        }
        return g_variant_ref_sink(g_variant_builder_end(&builder));
}
