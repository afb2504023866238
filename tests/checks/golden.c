/*
 * golden.c - reads the golden files of tests/data. One that is missing, cut, edited or of another version fails the
 * check that asks for it, by name.
 */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_FILE = 1 << 20 };

uint64_t golden_checksum(const char *text, size_t size) /* FNV-1a */
{
    uint64_t sum = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ (unsigned char)text[i]) * UINT64_C(0x100000001B3);
    return sum;
}

char *golden_read(const char *path, const char *title, const char *maker)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        check_fail("%s cannot be opened: it comes with the sources; run from their top folder", path);
        return NULL;
    }
    char *text = calloc(1, LARGEST_FILE);
    const size_t size = text != NULL ? fread(text, 1, LARGEST_FILE - 1, file) : 0;
    fclose(file);
    if (text == NULL) {
        check_fail("%s: no memory to read it", path);
        return NULL;
    }
    const char *problem = NULL;
    char *end = strstr(text, "\nend ");
    if (strncmp(text, title, strlen(title)) != 0)
        problem = "is of another version than this test";
    else if (end == NULL)
        problem = "is cut off: its last line, with the checksum, is missing";
    else if (strtoull(end + 5, NULL, 16) != golden_checksum(text, (size_t)(end + 1 - text)))
        problem = "was edited: its checksum is wrong";
    if (problem != NULL) {
        check_fail("%s (%zu bytes) %s; %s writes it, titled '%s'", path, size, problem, maker, title);
        free(text);
        return NULL;
    }
    end[1] = '\0';
    const char *second_line = strchr(text, '\n') + 1;
    memmove(text, second_line, strlen(second_line) + 1);
    return text;
}
