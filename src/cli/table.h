/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Aligned tables and trees on stdout, by libsmartcols. */

#include <stdbool.h>
#include <stddef.h>

#include "src/base/cleanup.h"
#include "src/cli/invocation.h"
#include "src/cli/screen.h"

typedef struct Table Table;
typedef struct libscols_line TableLine;

typedef enum TableColumnFlags {
        TABLE_RIGHT = 1 << 0, /* numbers */
        TABLE_CUT = 1 << 1, /* shortened first on a narrow terminal */
        TABLE_TREE = 1 << 2, /* lines hang below their parents here */
} TableColumnFlags;

typedef struct TableColumn {
        const char *header;
        unsigned flags;
} TableColumn;

/* Heeds --no-legend and --full. The columns must outlive the table. */
Table *table_new(const Invocation *invocation, const TableColumn *columns, size_t n);
Table *table_free(Table *table);
DEFINE_CLEANUP(Table, table_free);

/* Adds a line below parent (NULL: at the top). Cells are made safe and copied; NULL cells show "-". The line
 * belongs to the table. */
TableLine *table_add(Table *table, TableLine *parent, const char *const *cells);
void table_colour(TableLine *line, size_t column, Colour colour);

/* Prints it; with headers alone if there are no lines. */
void table_print(Table *table);
