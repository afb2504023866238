/*
 * fleet.c - see fleet.h. A value is a decimal number of moderate size and nothing else: strtod() alone would take
 * hexadecimal and "inf" too. The program never sets a locale, so the decimal point is a point everywhere.
 */
#include "fleet.h"
#include "../common/shortest.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "input.h"

/* FD004, the largest subset, has 10 MB, 61,249 rows and 249 units. An engine becomes at least one window of 30 rows,
 * so the number of units bounds memory as the size of the text does. */
enum { MAX_TEXT = 1 << 26, MAX_UNITS = 10000, MAX_DIGITS = 40 };
static const double largest = 1e9;

typedef struct cursor {
    const file *file;
    size_t at, line; /* line: of the row last read, from 1 */
} cursor;

static double read_value(const cursor *x, size_t length, int column)
{
    char text[MAX_DIGITS + 1], *end;
    const char *begin = x->file->bytes + x->at;
    const size_t kept = length < MAX_DIGITS ? length : MAX_DIGITS;
    memcpy(text, begin, kept);
    text[kept] = 0;
    const double value = strtod(text, &end);
    if (length > MAX_DIGITS || strspn(text, "0123456789.+-eE") != length || *end != 0)
        fail("%s: line %zu, column %d: '%s' is not a decimal number", x->file->name, x->line, column, text);
    if (!(fabs(value) <= largest))
        fail("%s: line %zu, column %d: %s is not between %g and %g", x->file->name, x->line, column, text, -largest,
             largest);
    return value;
}

/* Reads a line of numbers; false at the end of the file. */
static bool next_row(cursor *x, int columns, double *row)
{
    const file *f = x->file;
    if (x->at == f->size)
        return false;
    x->line++;
    int found = 0;
    for (;;) {
        x->at += strspn(f->bytes + x->at, " \t\r");
        if (x->at == f->size)
            fail("%s: line %zu: truncated: the last line does not end", f->name, x->line);
        if (f->bytes[x->at] == '\n')
            break;
        const size_t length = strcspn(f->bytes + x->at, " \t\r\n");
        if (x->at + length == f->size)
            fail("%s: line %zu: truncated: the last line does not end", f->name, x->line);
        if (length == 0)
            fail("%s: line %zu, column %d: a zero byte in a text file", f->name, x->line, found + 1);
        if (found == columns)
            fail("%s: line %zu: more than %d columns", f->name, x->line, columns);
        row[found] = read_value(x, length, found + 1);
        x->at += length;
        found++;
    }
    if (found != columns)
        fail("%s: line %zu: %d columns, it must be %d", f->name, x->line, found, columns);
    x->at++;
    return true;
}

static void add_row(fleet *x, const double *row)
{
    engine *last = x->engines != 0 ? &x->engine[x->engines - 1] : NULL;
    if (row[0] == (double)x->engines + 1 && row[1] == 1) {
        if (x->engines == MAX_UNITS)
            fail("%s: line %zu, column 1: more than %d units", x->name, x->rows + 1, MAX_UNITS);
        x->engine[x->engines++] = (engine){.first = x->rows, .cycles = 1};
    } else if (last != NULL && row[0] == (double)x->engines && row[1] == (double)last->cycles + 1) {
        last->cycles++;
    } else {
        fail("%s: line %zu, columns 1 and 2: unit %s cycle %s does not follow unit %zu cycle %zu", x->name,
             x->rows + 1, shortest_of(row[0]).text, shortest_of(row[1]).text, x->engines,
             last != NULL ? last->cycles : 0);
    }
    x->rows++;
}

fleet read_fleet(const char *directory, const char *kind, const char *subset)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s.txt", kind, subset);
    file text = read_file(directory, name, MAX_TEXT);
    /* A row takes at least a digit and a space for each value, whatever the text holds. */
    const size_t most = text.size / ((size_t)2 * COLUMNS) + 1;
    fleet x = {.row = allocate((most + 1) * COLUMNS, sizeof(double)), .engine = allocate(MAX_UNITS, sizeof(engine))};
    memcpy(x.name, text.name, sizeof x.name);
    for (cursor at = {.file = &text}; next_row(&at, COLUMNS, x.row + x.rows * COLUMNS);)
        add_row(&x, x.row + x.rows * COLUMNS);
    if (x.rows == 0)
        fail("%s: line 1: the file is empty, it must have a row for each cycle of each unit", text.name);
    free_file(&text);
    return x;
}

void read_lives(const char *directory, const char *subset, fleet *test)
{
    char name[64];
    snprintf(name, sizeof name, "RUL_%s.txt", subset);
    file text = read_file(directory, name, MAX_TEXT);
    size_t count = 0;
    double left;
    for (cursor at = {.file = &text}; next_row(&at, 1, &left);) {
        if (left < 0)
            fail("%s: line %zu: a remaining life of %s is negative", text.name, at.line, shortest_of(left).text);
        if (count == test->engines)
            fail("%s: line %zu: more lines than the %zu units of %s", text.name, at.line, test->engines, test->name);
        test->engine[count++].left = left;
    }
    if (count != test->engines)
        fail("%s: line %zu: truncated: %zu lines for the %zu units of %s", text.name, count + 1, count, test->engines,
             test->name);
    free_file(&text);
}

void free_fleet(fleet *x)
{
    free(x->row);
    free(x->engine);
}
