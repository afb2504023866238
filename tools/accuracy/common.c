/*
 * common.c - memory, text for the page, progress and data files of the measurements.
 */
#include "accuracy.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "adamw-accuracy: out of memory for %zu values of %zu bytes\n", count, size);
        exit(1);
    }
    return memory;
}

void paragraph(const char *format, ...)
{
    enum { WIDTH = 118 };
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t column = 0;
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        const size_t length = strlen(word);
        const bool fits = column + 1 + length <= WIDTH;
        printf("%s%s", column == 0 ? "" : fits ? " " : "\n", word);
        column = column != 0 && fits ? column + 1 + length : length;
    }
    printf("\n\n");
}

const char *number(double x, int digits, char text[NUMBER_SIZE])
{
    /* Rounded first, so that 0.9996 gets the decimals of 1. */
    char plain[NUMBER_SIZE];
    snprintf(plain, sizeof plain, "%.*e", digits - 1, x);
    const int exponent = atoi(strchr(plain, 'e') + 1);
    const int decimals = exponent < digits - 1 ? digits - 1 - exponent : 0;
    const int length = snprintf(plain, sizeof plain, "%.*f", decimals, x);
    const char *point = strchr(plain, '.');
    const long whole = point != NULL ? point - plain : length;
    char *to = text;
    for (long i = 0; i < length && to < text + NUMBER_SIZE - 2; i++) {
        if (i > 0 && i < whole && plain[i - 1] != '-' && (whole - i) % 3 == 0)
            *to++ = ',';
        *to++ = plain[i];
    }
    *to = '\0';
    return text;
}

static struct {
    const char *what;
    double work, done;
    int shown;
} progress;

void progress_begin(const char *what, double work)
{
    progress.what = what;
    progress.work = work;
    progress.done = 0;
    progress.shown = -1;
}

void progress_add(double work)
{
#pragma omp critical(progress)
    {
        progress.done += work;
        const int percent = (int)(100 * progress.done / progress.work);
        if (percent != progress.shown && isatty(STDERR_FILENO)) {
            fprintf(stderr, "\r%s: %d %%  ", progress.what, percent);
            progress.shown = percent;
        }
    }
}

void progress_end(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

bool open_data(const accuracy_options *options, const char *name, output *file)
{
    if (options->data == NULL) {
        *file = (output){.stream = tmpfile()}; /* written all the same, so that there is one way through the code */
        if (file->stream == NULL)
            fprintf(stderr, "adamw-accuracy: a temporary file cannot be made: %s\n", strerror(errno));
        return file->stream != NULL;
    }
    const size_t size = strlen(options->data) + strlen(name) + 2;
    char *path = allocate(size, 1);
    snprintf(path, size, "%s/%s", options->data, name);
    const bool opened = output_open(file, path);
    if (!opened)
        fprintf(stderr, "adamw-accuracy: %s\n", file->said);
    free(path);
    return opened;
}

bool close_data(output *file)
{
    if (file->target == NULL) {
        output_discard(file);
        return true;
    }
    if (output_commit(file))
        return true;
    fprintf(stderr, "adamw-accuracy: %s\n", file->said);
    return false;
}
