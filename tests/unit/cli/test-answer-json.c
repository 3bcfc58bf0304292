/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <json-glib/json-glib.h>

#include "src/base/cleanup.h"
#include "src/cli/answer-json.h"
#include "src/cli/answer.h"
#include "tests/unit/check-main.h"

static GVariant *dicts(const char *text) {
        GError *error = NULL;
        GVariant *rows = g_variant_parse(G_VARIANT_TYPE("aa{sv}"), text, NULL, NULL, &error);

        ck_assert_msg(rows != NULL, "%s", error ? error->message : "");
        return rows;
}

START_TEST(attachment_has_exactly_the_keys_of_the_contract)
{
        g_autoptr(GVariant) rows = dicts("[{'Id': <uint64 7>, 'Pin': <'/p'>, 'Detail': <'d'>}]");
        g_autofree char *text = answer_json_array(rows, &schema_attachment, false);

        ck_assert_str_eq(
                text,
                "[{\"id\":7,\"unit\":null,\"invocation_id\":null,\"hook\":null,\"via\":null,\"flags\":[],"
                "\"target\":null,\"cgroup_id\":null,\"program\":null,\"object\":null,\"prog_id\":null,"
                "\"prog_tag\":null,\"link_id\":null,\"policy\":null,\"order\":null,\"state\":null,"
                "\"covered_from_start\":null,\"origin\":null,\"since_usec\":null,\"run_count\":null,"
                "\"run_time_ns\":null,\"error\":null,\"users\":[]}]"
        );
}
END_TEST

START_TEST(unit_has_exactly_the_keys_of_the_contract)
{
        g_autoptr(GVariant) rows = dicts("[{'Unit': <'a.service'>, 'HeldOff': <true>,"
                                         " 'Attachments': <uint64 0>, 'Errors': <['x']>}]");
        g_autofree char *text = answer_json_array(rows, &schema_unit, false);

        ck_assert_str_eq(
                text,
                "[{\"unit\":\"a.service\",\"state\":null,\"invocation_id\":null,\"cgroup\":null,"
                "\"cgroup_id\":null,\"covered_from_start\":null,\"held_off\":true,"
                "\"attachments\":0,\"fragment\":null,\"dropins\":[],\"errors\":[\"x\"],"
                "\"since_usec\":null}]"
        );
}
END_TEST

START_TEST(values_keep_their_types)
{
        g_autoptr(GVariant)
                rows = dicts("[{'Id': <uint64 9007199254740993>, 'CoveredFromStart': <false>,"
                             " 'Flags': <['multi', 'preorder']>, 'Unit': <'q\"\\\\\\n.service'>,"
                             " 'Order': <uint32 2>}]");
        g_autofree char *text = answer_json_array(rows, &schema_attachment, false);
        g_autoptr(JsonParser) parser = json_parser_new();
        JsonObject *object;

        ck_assert(json_parser_load_from_data(parser, text, -1, NULL));
        object = json_array_get_object_element(
                json_node_get_array(json_parser_get_root(parser)), 0
        );
        ck_assert_int_eq(json_object_get_int_member(object, "id"), 9007199254740993);
        ck_assert(!json_object_get_boolean_member(object, "covered_from_start"));
        ck_assert_str_eq(json_object_get_string_member(object, "unit"), "q\"\\\n.service");
        ck_assert_int_eq(json_object_get_int_member(object, "order"), 2);
        ck_assert_uint_eq(json_array_get_length(json_object_get_array_member(object, "flags")), 2);
}
END_TEST

START_TEST(numbers_too_large_for_json_become_texts)
{
        g_autoptr(GVariant) rows = dicts("[{'RunTimeNs': <uint64 18446744073709551615>}]");
        g_autofree char *text = answer_json_array(rows, &schema_attachment, false);

        ck_assert_ptr_nonnull(strstr(text, "\"run_time_ns\":\"18446744073709551615\""));
}
END_TEST

START_TEST(empty_list_is_an_empty_array)
{
        g_autoptr(GVariant) rows = dicts("@aa{sv} []");
        g_autofree char *brief = answer_json_array(rows, &schema_unit, false);
        g_autofree char *pretty = answer_json_array(rows, &schema_unit, true);

        ck_assert_str_eq(brief, "[]");
        ck_assert_str_eq(pretty, "[]");
}
END_TEST

START_TEST(map_entries_are_objects)
{
        g_autoptr(GVariant) rows = dicts("[{'Name': <'m'>, 'Entries': <[('1', '{ .n = 2 }')]>}]");
        g_autofree char *text = answer_json_array(rows, &schema_map, false);

        ck_assert_ptr_nonnull(strstr(text, "\"entries\":[{\"key\":\"1\",\"value\":\"{ .n = 2 }\"}]")
        );
}
END_TEST

START_TEST(event_is_one_line_with_the_keys_of_its_kind)
{
        g_autoptr(GVariant) rows = dicts("[{'Id': <uint64 3>, 'Unit': <'a\\nb'>}]");
        g_autoptr(GVariant) row = answer_row(rows, 0);
        g_autofree char *text = answer_json_event("attachment-new", row, &schema_attachment);

        ck_assert_ptr_eq(strstr(text, "{\"event\":\"attachment-new\",\"id\":3,"), text);
        ck_assert_ptr_null(strchr(text, '\n'));
}
END_TEST

START_TEST(names_are_made_from_the_keys_of_the_bus)
{
        static const char *const pairs[][2] = {
                { "Id", "id" },
                { "CgroupId", "cgroup_id" },
                { "RunTimeNs", "run_time_ns" },
                { "CoveredFromStart", "covered_from_start" },
        };

        for (size_t i = 0; i < ELEMENTS(pairs); i++) {
                g_autofree char *name = schema_json_name(pairs[i][0]);

                ck_assert_str_eq(name, pairs[i][1]);
        }
}
END_TEST

START_TEST(no_schema_has_a_key_twice_or_without_capital)
{
        static const Schema *const all[] = {
                &schema_attachment, &schema_unit,  &schema_program, &schema_step,    &schema_map,
                &schema_hook,       &schema_check, &schema_manager, &schema_problem, &schema_object,
        };

        for (size_t i = 0; i < ELEMENTS(all); i++)
                for (size_t k = 0; k < all[i]->n; k++) {
                        ck_assert(g_ascii_isupper(all[i]->fields[k].key[0]));
                        for (size_t m = 0; m < k; m++)
                                ck_assert_str_ne(all[i]->fields[k].key, all[i]->fields[m].key);
                }
}
END_TEST

CHECK_MAIN(
        "cli/answer-json",
        10,
        attachment_has_exactly_the_keys_of_the_contract,
        unit_has_exactly_the_keys_of_the_contract,
        values_keep_their_types,
        numbers_too_large_for_json_become_texts,
        empty_list_is_an_empty_array,
        map_entries_are_objects,
        event_is_one_line_with_the_keys_of_its_kind,
        names_are_made_from_the_keys_of_the_bus,
        no_schema_has_a_key_twice_or_without_capital
)
