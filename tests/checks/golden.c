/*
 * golden.c - reads and writes the golden files of tests/data. One that is missing, cut, edited or of another version
 * fails the check that asks for it, by name.
 */
#include "check.h"

#include <inttypes.h>
#include <locale.h>
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

void golden_print(const char *text) { printf("%send %016" PRIx64 "\n", text, golden_checksum(text, strlen(text))); }

/* What is wrong with a golden file's text, as the end of a sentence; NULL if nothing is. */
static const char *problem_of(const char *text, size_t size, const char *title)
{
    char last[32];
    const char *const end = strstr(text, "\nend ");
    if (strncmp(text, title, strlen(title)) != 0)
        return "is of another version than this test";
    if (end == NULL)
        return "is cut off: its last line, with the checksum, is missing";
    snprintf(last, sizeof last, "\nend %016" PRIx64 "\n", golden_checksum(text, (size_t)(end + 1 - text)));
    if (size != (size_t)(end - text) + strlen(last) || strcmp(end, last) != 0)
        return "was edited or cut: its last line is not the checksum of what is before it";
    return NULL;
}

/* The whole file, zero-terminated, for free(); NULL, and told, if there is none. */
static char *file_text(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        check_fail("%s cannot be opened: it comes with the sources; run from their top folder", path);
        return NULL;
    }
    char *text = calloc(1, LARGEST_FILE);
    *size = text != NULL ? fread(text, 1, LARGEST_FILE - 1, file) : 0;
    fclose(file);
    if (text == NULL)
        check_fail("%s: no memory to read it", path);
    return text;
}

char *golden_read(const char *path, const char *title, const char *maker)
{
    size_t size;
    char *text = file_text(path, &size);
    if (text == NULL)
        return NULL;
    const char *problem = problem_of(text, size, title);
    if (problem != NULL) {
        check_fail("%s (%zu bytes) %s; %s writes it, titled '%s'", path, size, problem, maker, title);
        free(text);
        return NULL;
    }
    strstr(text, "\nend ")[1] = '\0';
    for (char *c = text;
         (c = strchr(c, '.')) != NULL;) /* C's readers, which the checks use, want the locale's point */
        *c = *localeconv()->decimal_point, c++;
    const char *second_line = strchr(text, '\n') + 1;
    memmove(text, second_line, strlen(second_line) + 1);
    return text;
}

/* Whether every cut and every changed byte of the file is seen. */
static bool damage_is_seen(const char *path, bool all_places)
{
    size_t size;
    char title[32] = "libadamw ";
    char *text = file_text(path, &size);
    if (text == NULL)
        return false;
    bool right = problem_of(text, size, title) == NULL || check_fail("%s is not right as it is", path);
    const size_t stride = all_places || size < 2000 ? 1 : size / 300;
    for (size_t at = 0; right && at < size; at += stride) {
        const char kept = text[at];
        text[at] = (char)(kept ^ 1);
        right = problem_of(text, size, title) != NULL || check_fail("%s: byte %zu may be changed", path, at);
        text[at] = '\0';
        right = right && (problem_of(text, at, title) != NULL || check_fail("%s: may be cut at %zu", path, at));
        text[at] = kept;
    }
    if (right && problem_of(text, size, "libadamw of another kind") == NULL)
        right = check_fail("%s: any title is taken", path);
    free(text);
    return right;
}

bool check_golden_damaged(const check_options *options)
{
    static const char *const paths[] = {"tests/data/conformance.txt", "tests/data/conformance_narrow.txt",
                                        "tests/data/torch.txt", "tests/data/schedules.txt"};
    bool right = true;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        right = damage_is_seen(paths[i], options->full) && right;
    return right;
}
