/*
 * metric.c - the metric of a run: made up, or a column of a CSV file as trainers write it (Keras's CSVLogger,
 * Lightning's metrics.csv, pandas). A cell is read right or refused by line and column; nothing is guessed. The
 * file's numbers have a decimal point: no locale is ever set in this program.
 */
#include "lr.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_LINE = 1 << 20, MOST_CELLS = 4096, MOST_VALUES = 1000000 };

double *lr_metric(int64_t epochs, int plateaus)
{
    double *metric = lr_allocate((size_t)epochs, sizeof *metric);
    const double top = 20, bottom = 8;
    const int stretches = plateaus > 0 ? plateaus : 1;
    for (int64_t e = 0; e < epochs; e++) {
        const int64_t stretch = e * stretches / epochs, start = (stretch * epochs + stretches - 1) / stretches;
        const int64_t end = ((stretch + 1) * epochs + stretches - 1) / stretches, length = end - start;
        const int64_t most = length - (length + 9) / 10, quarter = epochs / 4;
        const int64_t flat = plateaus == 0 ? 0 : quarter < most ? quarter : most;
        const int64_t fall = length - flat > 0 ? length - flat : 1, into = e - start + 1;
        const double down = into < fall ? (double)into / (double)fall : 1;
        metric[e] = top - (top - bottom) * ((double)stretch + down) / stretches;
    }
    return metric;
}

/* A CSV file, line by line; a line's cells are pointers into it. */
typedef struct csv {
    const char *path;
    FILE *file;
    long long number; /* of the line, from 1 */
    char *line;
    char *cells[MOST_CELLS];
    int count;
} csv;

/* The next line without its end, false after the last. */
static bool read_line(csv *f)
{
    size_t length = 0;
    int c;
    while ((c = getc(f->file)) != EOF && c != '\n') {
        if (length == LONGEST_LINE)
            lr_fail("--metric: %s, line %lld is longer than %d bytes", f->path, f->number + 1, LONGEST_LINE);
        if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7F) /* a message would bring it to the terminal */
            lr_fail("--metric: %s, line %lld has the control character 0x%02x: it must be text in UTF-8 or ASCII",
                    f->path, f->number + 1, (unsigned)c);
        f->line[length++] = (char)c;
    }
    if (ferror(f->file))
        lr_fail("--metric: %s cannot be read: %s", f->path, strerror(errno));
    if (c == EOF && length == 0)
        return false;
    while (length > 0 && f->line[length - 1] == '\r')
        length--;
    f->line[length] = '\0';
    if (memchr(f->line, '\r', length) != NULL)
        lr_fail("--metric: %s, line %lld has a carriage return within it: a line must end in a line feed", f->path,
                f->number + 1);
    if (f->number++ == 0 && strncmp(f->line, "\xEF\xBB\xBF", 3) == 0) /* a byte order mark */
        memmove(f->line, f->line + 3, length - 2);
    return true;
}

static bool is_blank(const char *text) { return text[strspn(text, " \t")] == '\0'; }

/* Cuts the line into cells: blanks around them and quotes (RFC 4180, "" is one) are taken off. */
static void split(csv *f)
{
    char *at = f->line;
    f->count = 0;
    for (bool more = true; more; f->count++) {
        if (f->count == MOST_CELLS)
            lr_fail("--metric: %s, line %lld has more than %d columns", f->path, f->number, MOST_CELLS);
        at += strspn(at, " \t");
        char *to = at, *end;
        f->cells[f->count] = at;
        if (*at == '"') {
            for (at++; *at != '\0' && (*at != '"' || at[1] == '"'); at++) {
                *to++ = *at;
                at += *at == '"';
            }
            if (*at == '\0')
                lr_fail("--metric: %s, line %lld, column %d has a quote that does not end", f->path, f->number,
                        f->count + 1);
            at++;
            at += strspn(at, " \t");
            if (*at != '\0' && *at != ',')
                lr_fail("--metric: %s, line %lld, column %d goes on behind its quotes", f->path, f->number,
                        f->count + 1);
            end = to;
            more = *at++ == ',';
        } else {
            to = at + strcspn(at, ",");
            more = *to == ',';
            at = to + 1;
            for (end = to; end > f->cells[f->count] && strchr(" \t", end[-1]) != NULL;)
                end--;
        }
        *end = '\0';
    }
}

/* A number and nothing else. */
static bool read_number(const char *cell, double *value)
{
    char *end;
    errno = 0;
    *value = strtod(cell, &end);
    return end != cell && *end == '\0' && !(errno == ERANGE && isinf(*value));
}

/* Whether the first line names the columns. One that is neither all numbers nor all names would lose a value. */
static bool is_header(const csv *f, const char *column)
{
    int numbers = 0, names = 0;
    double unused;
    for (int i = 0; i < f->count; i++) {
        const bool blank = is_blank(f->cells[i]);
        numbers += !blank && read_number(f->cells[i], &unused);
        names += !blank && !read_number(f->cells[i], &unused);
        if (column != NULL && !blank && strcmp(f->cells[i], column) == 0 && names > 0)
            return true;
    }
    if (numbers > 0 && names > 0)
        lr_fail("--metric: %s, line %lld has numbers and names: it must have the one or the other", f->path,
                f->number);
    return names > 0;
}

static void append_names(char *to, size_t size, const csv *f)
{
    size_t used = 0;
    for (int i = 0; i < f->count && used < size; i++)
        used += (size_t)snprintf(to + used, size - used, "%s%s", i > 0 ? "," : "", f->cells[i]);
}

/* Which column is meant: by its name, if it has that name alone, otherwise by its number. */
static int column_of(const csv *f, const char *column, bool header)
{
    char names[200], *end;
    int found = -1;
    append_names(names, sizeof names, f);
    if (column == NULL && f->count == 1)
        return 0;
    if (column == NULL)
        lr_fail("%s has %d columns (%s): choose one with --column", f->path, f->count, names);
    for (int i = 0; header && i < f->count; i++) {
        if (strcmp(f->cells[i], column) != 0)
            continue;
        if (found >= 0)
            lr_fail("%s has two columns named '%.60s', %d and %d: choose one by its number", f->path, column,
                    found + 1, i + 1);
        found = i;
    }
    if (found >= 0)
        return found;
    const long number = strtol(column, &end, 10);
    if (end == column || *end != '\0' || number < 1 || number > f->count)
        lr_fail("%s has no column '%.60s': it has %s", f->path, column, names);
    return (int)number - 1;
}

double *lr_read_metric(const char *path, const char *column, int64_t *epochs, int64_t *blank)
{
    static csv f; /* large */
    f = (csv){.path = path, .file = fopen(path, "r"), .line = lr_allocate(LONGEST_LINE + 1, 1)};
    if (f.file == NULL)
        lr_fail("--metric: %s cannot be opened: %s", path, strerror(errno));
    bool more = read_line(&f);
    while (more && is_blank(f.line))
        more = read_line(&f);
    if (!more)
        lr_fail("--metric: %s is empty", path);
    split(&f);
    const bool header = is_header(&f, column);
    const int wanted = column_of(&f, column, header), columns = f.count;
    double *metric = NULL;
    int64_t count = 0, room = 0;
    *blank = 0;
    for (bool first = true; first || read_line(&f); first = false) {
        if (first ? header : is_blank(f.line))
            continue;
        if (!first)
            split(&f);
        if (f.count != columns)
            lr_fail(
                "--metric: %s, line %lld has %d columns instead of %d: cells are separated by commas, numbers have "
                "a decimal point",
                path, f.number, f.count, columns);
        if (is_blank(f.cells[wanted])) { /* Lightning writes a line for each of its loggers */
            ++*blank;
            continue;
        }
        if (count == room) {
            room = room > 0 ? 2 * room : 256;
            metric = realloc(metric, (size_t)room * sizeof *metric);
            if (metric == NULL)
                lr_fail("no memory for %s", path);
        }
        if (!read_number(f.cells[wanted], &metric[count]))
            lr_fail("--metric: %s, line %lld has no number in column %d: it has '%.40s'", path, f.number, wanted + 1,
                    f.cells[wanted]);
        if (++count > MOST_VALUES)
            lr_fail("--metric: %s has more than %d values", path, MOST_VALUES);
    }
    fclose(f.file);
    free(f.line);
    if (count == 0)
        lr_fail("--metric: %s has no value in column %d", path, wanted + 1);
    if (*epochs == 0)
        *epochs = count;
    if (*epochs > count)
        lr_fail("--epochs is %lld, but %s has %lld values: it must be at most that", (long long)*epochs, path,
                (long long)count);
    return metric;
}
