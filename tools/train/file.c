/*
 * file.c - a whole file into memory, through zlib, which passes plain files on unchanged.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "data.h"
#include "fail.h"

static void set_name(file *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void set_name(file *x, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    const int length = vsnprintf(x->name, sizeof x->name, format, values);
    va_end(values);
    if (length < 0 || (size_t)length >= sizeof x->name)
        fail("the path %s... is longer than %zu bytes", x->name, sizeof x->name - 1);
}

static void unpack(file *x)
{
    gzFile stream = gzopen(x->name, "rb");
    if (stream == NULL)
        fail("cannot read %s: %s", x->name, strerror(errno));
    gzbuffer(stream, 1 << 18);

    size_t room = 1 << 20;
    for (;;) {
        x->bytes = realloc(x->bytes, room + 1);
        if (x->bytes == NULL)
            fail("%s: no memory for %zu bytes", x->name, room);
        const int got = gzread(stream, x->bytes + x->size, (unsigned)(room - x->size));
        if (got > 0)
            x->size += (size_t)got;
        if (x->size < room)
            break;
        room *= 2;
        if (room > (size_t)1 << 31)
            fail("%s: byte %zu: larger than any file of this kind", x->name, x->size);
    }
    int code;
    const char *text = gzerror(stream, &code);
    if (code == Z_ERRNO)
        fail("cannot read %s: %s", x->name, strerror(errno));
    const size_t packed = (size_t)gzoffset(stream);
    if (code == Z_BUF_ERROR)
        fail("%s: byte %zu: truncated: the gzip stream goes on where the file ends", x->name, packed);
    if (code != Z_OK)
        fail("%s: byte %zu: corrupt gzip stream (%s)", x->name, packed, text);
    gzclose(stream);
    x->bytes[x->size] = 0;
}

file read_file(const char *directory, const char *name)
{
    file x = {.bytes = NULL};
    set_name(&x, "%s/%s", directory, name);
    if (access(x.name, F_OK) != 0) {
        set_name(&x, "%s/%s.gz", directory, name);
        if (access(x.name, F_OK) != 0)
            fail("cannot read %s/%s, plain or .gz: %s: --data must name the directory that holds it", directory, name,
                 strerror(errno));
    }
    unpack(&x);
    return x;
}

file read_file_at(const char *path)
{
    file x = {.bytes = NULL};
    set_name(&x, "%s", path);
    unpack(&x);
    return x;
}

void free_file(file *x)
{
    free(x->bytes);
    x->bytes = NULL;
}

void free_task(task *x)
{
    samples *sets[] = {&x->train, &x->validation, &x->test};
    for (size_t i = 0; i < 3; i++) {
        free(sets[i]->values);
        free(sets[i]->start);
        free(sets[i]->target);
        *sets[i] = (samples){.count = 0};
    }
}
