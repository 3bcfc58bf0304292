/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/cli/program-tree.h"

#include <string.h>

#include "src/base/text.h"
#include "src/cli/answer.h"
#include "src/cli/table.h"

static const TableColumn tree_columns[] = {
        { "CGROUP", TABLE_TREE }, /* and below it the names of its programs */
        { "HOOK" },
        { "PROG", TABLE_RIGHT },
        { "OWNER" },
        { "ID", TABLE_RIGHT },
        { "LINK", TABLE_RIGHT },
        { "FLAGS" },
        { "HELD BY", TABLE_CUT },
};

static const TableColumn list_columns[] = {
        { "CGROUP", TABLE_CUT },
        { "HOOK" },
        { "PROG", TABLE_RIGHT },
        { "OWNER" },
        { "ID", TABLE_RIGHT },
        { "LINK", TABLE_RIGHT },
        { "FLAGS" },
        { "HELD BY", TABLE_CUT },
        { "PROGRAM" },
};

#define COLUMN_OWNER 3U

/* Pin and processes that keep a program attached. The text belongs to the caller. */
static char *held_by(GVariant *row) {
        const char *pin = answer_text(row, "Pin");
        g_autofree char *holders = answer_words(row, "Holders");

        if (pin && *pin && holders && *holders)
                return g_strdup_printf("%s %s", pin, holders);
        if (pin && *pin)
                return g_strdup(pin);
        return holders && *holders ? g_steal_pointer(&holders) : NULL;
}

/* A line of either table: the tree has the name of the program in the first column, the list in the last. */
static void add_program(Table *table, TableLine *parent, GVariant *row, const char *cgroup) {
        g_autofree char *prog = answer_words(row, "ProgId"), *link = answer_words(row, "LinkId");
        g_autofree char *id = answer_words(row, "Id"), *flags = answer_words(row, "Flags");
        g_autofree char *held = held_by(row);
        const char *program = answer_text(row, "Program"), *owner = answer_text(row, "Owner");
        const char *name = program && *program ? program : NULL;
        const char *cells[ELEMENTS(list_columns)] = {
                parent ? name : cgroup,
                answer_text(row, "Hook"),
                prog,
                owner,
                id,
                link,
                flags && *flags ? flags : NULL,
                held,
                name,
        };
        TableLine *line = table_add(table, parent, cells);

        if (text_equal(owner, "unitbpf"))
                table_colour(line, COLUMN_OWNER, COLOUR_GOOD);
}

/* Length of the path of the nearest cgroup above that has a line already; 0: there is none. */
static size_t parent_length(GHashTable *lines, const char *path) {
        g_autofree char *above = g_strdup(path);
        char *slash;

        while ((slash = strrchr(above, '/')) && slash > above) {
                *slash = 0;
                if (g_hash_table_contains(lines, above))
                        return strlen(above);
        }
        return 0;
}

/* The line of a cgroup, made below that of the nearest one above it. */
static TableLine *cgroup_line(Table *table, GHashTable *lines, const char *path) {
        TableLine *line = g_hash_table_lookup(lines, path), *parent = NULL;
        const char *cells[ELEMENTS(tree_columns)];
        size_t above;

        if (line)
                return line;
        for (size_t i = 0; i < ELEMENTS(cells); i++)
                cells[i] = "";
        above = parent_length(lines, path);
        if (above > 0) {
                g_autofree char *name = g_strndup(path, above);

                parent = g_hash_table_lookup(lines, name);
                above++; /* the slash */
        }
        cells[0] = path + above;
        line = table_add(table, parent, cells);
        table_colour(line, 0, COLOUR_STRONG);
        (void)g_hash_table_insert(lines, g_strdup(path), line);
        return line;
}

void program_tree_print(const Invocation *invocation, GVariant *programs) {
        _cleanup_(table_free_ptr)
                Table *table = table_new(invocation, tree_columns, ELEMENTS(tree_columns));
        g_autoptr(GHashTable) lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (size_t i = 0; i < answer_n(programs); i++) {
                g_autoptr(GVariant) row = answer_row(programs, i);
                const char *cgroup = answer_text(row, "Cgroup");
                TableLine *parent = cgroup_line(table, lines, cgroup ? cgroup : "?");

                add_program(table, parent, row, NULL);
        }
        table_print(table);
}

void program_tree_print_list(const Invocation *invocation, GVariant *programs) {
        _cleanup_(table_free_ptr)
                Table *table = table_new(invocation, list_columns, ELEMENTS(list_columns));

        for (size_t i = 0; i < answer_n(programs); i++) {
                g_autoptr(GVariant) row = answer_row(programs, i);

                add_program(table, NULL, row, answer_text(row, "Cgroup"));
        }
        table_print(table);
}
