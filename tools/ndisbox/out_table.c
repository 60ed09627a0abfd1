// SPDX-License-Identifier: MIT
// Tables of text: every column as wide as its widest cell, two blanks between, number columns to the right, titles underlined by style.
#include "out.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16

struct out_table {
    char *titles[COLUMNS_MAX];
    bool is_number[COLUMNS_MAX];
    size_t columns, rows;
    char **cells;            // row after row
};

static char *
copy_or_die(const char *text)
{
    char *copy = strdup(text ? text : "");
    if (!copy)
        abort();
    return copy;
}

struct out_table *
out_table_create(const char *const *titles)
{
    struct out_table *table = calloc(1, sizeof *table);
    if (!table)
        abort();
    for (; titles[table->columns] && table->columns < COLUMNS_MAX; table->columns++) {
        const char *title = titles[table->columns];
        table->is_number[table->columns] = title[0] == '>';
        table->titles[table->columns] = copy_or_die(title[0] == '>' ? title + 1 : title);
    }
    return table;
}

void
out_table_add(struct out_table *table, const char *const *cells)
{
    size_t count = (table->rows + 1) * table->columns;
    char **grown = realloc(table->cells, count * sizeof *grown);
    if (!grown)
        abort();
    table->cells = grown;
    for (size_t i = 0; i < table->columns; i++)
        grown[table->rows * table->columns + i] = copy_or_die(cells[i]);
    table->rows++;
}

static void
print_cell(const struct out_table *table, size_t column, const char *text, size_t width, FILE *stream, bool is_title)
{
    bool is_last = column + 1 == table->columns;
    int left = (int)strlen(text), pad = (int)width - left;
    const char *gap = is_last ? "" : "  ";
    if (table->is_number[column])
        fprintf(stream, "%*s", pad, "");
    if (is_title)
        out_styled(stream, OUT_STYLE_BOLD, "%s", text);
    else
        fputs(text, stream);
    if (!table->is_number[column] && !is_last)
        fprintf(stream, "%*s", pad, "");
    fputs(gap, stream);
}

void
out_table_print(const struct out_table *table, FILE *stream)
{
    size_t widths[COLUMNS_MAX] = {0};
    for (size_t column = 0; column < table->columns; column++) {
        widths[column] = strlen(table->titles[column]);
        for (size_t row = 0; row < table->rows; row++) {
            size_t length = strlen(table->cells[row * table->columns + column]);
            widths[column] = length > widths[column] ? length : widths[column];
        }
    }
    for (size_t column = 0; column < table->columns; column++)
        print_cell(table, column, table->titles[column], widths[column], stream, true);
    fputc('\n', stream);
    for (size_t row = 0; row < table->rows; row++) {
        for (size_t column = 0; column < table->columns; column++)
            print_cell(table, column, table->cells[row * table->columns + column], widths[column], stream, false);
        fputc('\n', stream);
    }
}

void
out_table_destroy(struct out_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->columns; i++)
        free(table->titles[i]);
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}
