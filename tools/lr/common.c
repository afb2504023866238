/*
 * common.c - see common.h.
 */
#include "common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../common/output.h"

enum { MOST_OUTPUTS = 2 };
static output outputs[MOST_OUTPUTS];
static char *names[MOST_OUTPUTS]; /* as they were given */
static int open_outputs;

void lr_fail(const char *format, ...)
{
    va_list arguments;
    fputs("adamw-lr: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    for (int i = 0; i < MOST_OUTPUTS; i++)
        output_discard(&outputs[i]);
    exit(2);
}

void *lr_allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        lr_fail("no memory for %zu values", count);
    return memory;
}

void lr_flush_stdout(void)
{
    errno = 0;
    const int wrong = ferror(stdout);
    if (fflush(stdout) != 0 || wrong)
        lr_fail("standard output did not take everything: %s", errno != 0 ? strerror(errno) : "is the disk full?");
}

FILE *lr_open(const char *path)
{
    output *x = &outputs[open_outputs];
    if (!output_open(x, path))
        lr_fail("%s", x->said);
    const size_t size = strlen(path) + 1;
    names[open_outputs++] = memcpy(lr_allocate(size, 1), path, size);
    return x->stream;
}

void lr_commit(void)
{
    for (int i = 0; i < open_outputs; i++) {
        const bool file = outputs[i].temporary != NULL;
        if (!output_commit(&outputs[i]))
            lr_fail("%s", outputs[i].said);
        if (file)
            printf("Written: %s\n", names[i]);
        free(names[i]);
    }
    open_outputs = 0;
    lr_flush_stdout();
}
