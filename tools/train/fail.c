/*
 * fail.c - see fail.h.
 */
#include "fail.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    _exit(2); /* not exit(): other runs still work in OpenBLAS, which cleans up after itself there */
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
