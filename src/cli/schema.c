/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/cli/schema.h"

#include <glib.h>

#include "src/base/cleanup.h"

#define DEFINE_SCHEMA(name, table) const Schema name = { table, ELEMENTS(table) }

static const SchemaField attachment_fields[] = {
        { "Id" },
        { "Unit" },
        { "InvocationId" },
        { "Hook" },
        { "Via" },
        { "Flags", SCHEMA_LIST },
        { "Target" },
        { "CgroupId" },
        { "Program" },
        { "Object" },
        { "ProgId" },
        { "ProgTag" },
        { "LinkId" },
        { "Policy" },
        { "Order" },
        { "State" },
        { "CoveredFromStart" },
        { "Origin" },
        { "SinceUsec" },
        { "RunCount" },
        { "RunTimeNs" },
        { "Error" },
        { "Users", SCHEMA_LIST },
        { "Detail", .show_only = true },
        { "Pin", .show_only = true },
};
DEFINE_SCHEMA(schema_attachment, attachment_fields);

static const SchemaField unit_fields[] = {
        { "Unit" },
        { "State" },
        { "InvocationId" },
        { "Cgroup" },
        { "CgroupId" },
        { "CoveredFromStart" },
        { "HeldOff" },
        { "Attachments" },
        { "Fragment" },
        { "Dropins", SCHEMA_LIST },
        { "Errors", SCHEMA_LIST },
        { "SinceUsec" },
        { "StateSinceUsec", .show_only = true },
        { "LastRefusal", .show_only = true },
        { "LastRefusalUsec", .show_only = true },
};
DEFINE_SCHEMA(schema_unit, unit_fields);

static const SchemaField program_fields[] = {
        { "Cgroup" }, { "CgroupId" }, { "Depth" },   { "Hook" },  { "Flags", SCHEMA_LIST },
        { "ProgId" }, { "Program" },  { "ProgTag" }, { "Owner" }, { "Unit" },
        { "Id" },     { "LinkId" },   { "Via" },     { "Pin" },   { "Holders", SCHEMA_LIST },
};
DEFINE_SCHEMA(schema_program, program_fields);

static const SchemaField step_fields[] = {
        { "Operation" }, { "Hook" }, { "Call" }, { "Object" },
        { "Origin" },    { "Cost" }, { "Id" },   { "Conflict" },
};
DEFINE_SCHEMA(schema_step, step_fields);

static const SchemaField map_fields[] = {
        { "Name" },      { "MapId" },
        { "Type" },      { "KeySize" },
        { "ValueSize" }, { "MaxEntries" },
        { "Truncated" }, { "Programs", SCHEMA_LIST },
        { "Pin" },       { "Entries", SCHEMA_PAIRS },
};
DEFINE_SCHEMA(schema_map, map_fields);

static const SchemaField hook_fields[] = {
        { "Hook" },   { "AttachType" }, { "ProgType" },  { "Section" },
        { "Target" }, { "Since" },      { "Supported" }, { "What" },
};
DEFINE_SCHEMA(schema_hook, hook_fields);

static const SchemaField check_fields[] = {
        { "Check" },
        { "Result" },
        { "Detail" },
        { "Advice" },
};
DEFINE_SCHEMA(schema_check, check_fields);

static const SchemaField manager_fields[] = {
        { "Version" },      { "Instance" },  { "Generation" },       { "Source" },
        { "CgroupRoot" },   { "BpffsRoot" }, { "RuntimeDirectory" }, { "NUnits" },
        { "NAttachments" }, { "NDegraded" }, { "LogLevel" },         { "ReadOnly" },
        { "StartedUsec" },
};
DEFINE_SCHEMA(schema_manager, manager_fields);

static const SchemaField problem_fields[] = {
        { "File" }, { "Line" }, { "Unit" }, { "Severity" }, { "Problem" }, { "Detail" },
};
DEFINE_SCHEMA(schema_problem, problem_fields);

static const SchemaField inspect_program_fields[] = {
        { "Name" },
        { "Section" },
        { "Hook" },
        { "Instructions" },
};
static DEFINE_SCHEMA(inspect_program, inspect_program_fields);

static const SchemaField inspect_map_fields[] = {
        { "Name" },       { "Type" },  { "KeySize" },      { "ValueSize" },
        { "MaxEntries" }, { "Flags" }, { "PinnedByName" },
};
static DEFINE_SCHEMA(inspect_map, inspect_map_fields);

static const SchemaField inspect_variable_fields[] = {
        { "Name" }, { "Section" }, { "Type" }, { "Size" }, { "Constant" },
};
static DEFINE_SCHEMA(inspect_variable, inspect_variable_fields);

static const SchemaField object_fields[] = {
        { "Object" },
        { "License" },
        { "HasBtf" },
        { "HasState" },
        { "Programs", SCHEMA_OBJECTS, .objects = &inspect_program },
        { "Maps", SCHEMA_OBJECTS, .objects = &inspect_map },
        { "Variables", SCHEMA_OBJECTS, .objects = &inspect_variable },
};
DEFINE_SCHEMA(schema_object, object_fields);

char *schema_json_name(const char *key) {
        GString *name = g_string_new(NULL);

        for (const char *p = key; *p; p++) {
                if (g_ascii_isupper(*p) && p > key)
                        g_string_append_c(name, '_');
                g_string_append_c(name, g_ascii_tolower(*p));
        }
        return g_string_free(name, FALSE);
}
