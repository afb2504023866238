/*
 * values.c - see values.h.
 */
#include "values.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

int read_whole(const char *name, const char *text, int low, int high)
{
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (end == text || *end != 0 || errno != 0 || value < low || value > high)
        fail("%s is '%s': it must be a whole number from %d to %d", name, text, low, high);
    return (int)value;
}

uint64_t read_seed(const char *name, const char *text)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != 0 || errno != 0)
        fail("%s is '%s': it must be a whole number from 0 to 2^64 - 1", name, text);
    return value;
}

double read_number(const char *name, const char *text, double low, double high)
{
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end != 0 || !(value >= low && value <= high))
        fail("%s is '%s': it must be a number from %g to %g", name, text, low, high);
    return value;
}

/* Cuts the next part off; false behind the last one. */
static bool next_part(const char *name, const char **rest, char part[64])
{
    if (*rest == NULL)
        return false;
    const size_t length = strcspn(*rest, ",");
    if (length > 63)
        fail("%s has a number of %zu characters: it must have at most 63", name, length);
    memcpy(part, *rest, length);
    part[length] = 0;
    *rest = (*rest)[length] == ',' ? *rest + length + 1 : NULL;
    return true;
}

static void check_count(const char *name, const char *text, int count, int most)
{
    if (count == most)
        fail("%s is '%s': it must be 1 to %d numbers with commas between them", name, text, most);
}

int read_wholes(const char *name, const char *text, int low, int high, int most, int *to)
{
    int count = 0;
    char part[64];
    for (const char *rest = text; next_part(name, &rest, part); count++) {
        check_count(name, text, count, most);
        to[count] = read_whole(name, part, low, high);
    }
    return count;
}

int read_numbers(const char *name, const char *text, double low, double high, int most, double *to)
{
    int count = 0;
    char part[64];
    for (const char *rest = text; next_part(name, &rest, part); count++) {
        check_count(name, text, count, most);
        to[count] = read_number(name, part, low, high);
    }
    return count;
}
