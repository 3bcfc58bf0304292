/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libsmartcols.h>

struct Table {
        struct libscols_table *table;
        const TableColumn *columns;
        size_t n;
        bool headings, full;
};

/* libsmartcols fails for want of memory only; like GLib, we do not go on without. */
static void *need(void *pointer) {
        if (!pointer)
                abort();
        return pointer;
}

static int column_flags(unsigned flags, bool full) {
        int result = 0;

        if (flags & TABLE_RIGHT)
                result |= SCOLS_FL_RIGHT;
        if ((flags & TABLE_CUT) && !full)
                result |= SCOLS_FL_TRUNC;
        if (flags & TABLE_TREE)
                result |= SCOLS_FL_TREE;
        return result;
}

Table *table_new(const Invocation *invocation, const TableColumn *columns, size_t n) {
        Table *table = need(calloc(1, sizeof *table));

        table->table = need(scols_new_table());
        table->columns = columns;
        table->n = n;
        table->headings = !invocation->no_legend;
        table->full = invocation->full;
        (void)scols_table_enable_noheadings(table->table, invocation->no_legend);
        (void)scols_table_enable_colors(table->table, screen_has_colours());
        for (size_t i = 0; i < n; i++)
                need(scols_table_new_column(
                        table->table, columns[i].header, 0.1,
                        column_flags(columns[i].flags, invocation->full)
                ));
        return table;
}

Table *table_free(Table *table) {
        if (!table)
                return NULL;
        scols_unref_table(table->table);
        free(table);
        return NULL;
}

TableLine *table_add(Table *table, TableLine *parent, const char *const *cells) {
        TableLine *line = need(scols_table_new_line(table->table, parent));

        for (size_t i = 0; i < table->n; i++) {
                g_autofree char *safe = screen_safe(cells[i] ? cells[i] : "-");

                if (scols_line_set_data(line, i, safe) < 0)
                        abort();
        }
        return line;
}

void table_colour(TableLine *line, size_t column, Colour colour) {
        struct libscols_cell *cell = scols_line_get_cell(line, column);

        if (cell && colour != COLOUR_PLAIN && screen_has_colours())
                (void)scols_cell_set_color(cell, screen_colour(colour));
}

static void print_headings(const Table *table) {
        for (size_t i = 0; i < table->n; i++)
                (void)printf("%s%s", i ? " " : "", table->columns[i].header);
        (void)printf("\n");
}

/* What is no terminal has no width: nothing is cut or wrapped then, as through a pager. */
static char *table_text(Table *table, bool full) {
        char *text = NULL;

        (void)scols_table_set_termforce(
                table->table, full ? SCOLS_TERMFORCE_NEVER : SCOLS_TERMFORCE_AUTO
        );
        if (scols_print_table_to_string(table->table, &text) < 0)
                abort();
        return need(text);
}

static size_t count_lines(const char *text) {
        size_t n = 0;

        while ((text = strchr(text, '\n'))) {
                text++;
                n++;
        }
        return n;
}

void table_print(Table *table) {
        _cleanup_free_ char *whole = NULL, *cut = NULL;

        if (scols_table_is_empty(table->table)) {
                if (table->headings)
                        print_headings(table);
                return;
        }
        whole = table_text(table, true);
        /* Where cutting is not enough, libsmartcols breaks each line cell by cell, which nobody can read. The
         * terminal breaks it once. */
        if (!table->full)
                cut = table_text(table, false);
        (void)puts(cut && count_lines(cut) == count_lines(whole) ? cut : whole);
}
