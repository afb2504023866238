/*
 * fail.c - see fail.h.
 */
#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void (*cleaner)(void);

void at_failure(void (*clean)(void)) { cleaner = clean; }

void fail(const char *format, ...)
{
    static atomic_flag ending = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&ending)) /* another run was first: its sentence is the one */
        pause();
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fputs("adamw-train: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    fflush(stderr);
    if (cleaner != NULL)
        cleaner();
    _exit(2); /* not exit(): other runs still work in OpenBLAS, which cleans up after itself there */
}

void finish_output(void)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout))
        fail("standard output could not be written to its end%s%s", errno != 0 ? ": " : "",
             errno != 0 ? strerror(errno) : "");
}

void *allocate(size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX - 128) / size)
        fail("%zu values of %zu bytes do not fit into memory", count, size);
    const size_t bytes = (count * size / 64 + 1) * 64;
    void *memory = aligned_alloc(64, bytes);
    if (memory == NULL)
        fail("no memory for %zu bytes", bytes);
    return memset(memory, 0, bytes);
}
