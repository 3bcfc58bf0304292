/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Kinds of objects the tool shows, and their keys in order. JSON is made from this alone: the key of the bus in
 * lower case with underscores, null where a value is not known, an empty list where there is none. */

#include <stdbool.h>
#include <stddef.h>

typedef enum SchemaType {
        SCHEMA_VALUE, /* text, number or truth value, as it comes; null if unset */
        SCHEMA_LIST, /* list of texts; empty if unset */
        SCHEMA_PAIRS, /* list of (key, value); objects in JSON */
        SCHEMA_OBJECTS, /* list of dictionaries */
} SchemaType;

typedef struct Schema Schema;

typedef struct SchemaField {
        const char *key; /* CamelCase, as on the bus */
        SchemaType type;
        bool show_only; /* part of show, not of JSON */
        const Schema *objects; /* of SCHEMA_OBJECTS */
} SchemaField;

struct Schema {
        const SchemaField *fields;
        size_t n;
};

extern const Schema schema_attachment;
extern const Schema schema_unit;
extern const Schema schema_program; /* of the tree */
extern const Schema schema_step; /* of a plan */
extern const Schema schema_map;
extern const Schema schema_hook;
extern const Schema schema_check; /* of the doctor */
extern const Schema schema_manager;
extern const Schema schema_problem; /* of verify */
extern const Schema schema_object; /* of inspect */

/* CgroupId -> cgroup_id. The text belongs to the caller. */
char *schema_json_name(const char *key);
