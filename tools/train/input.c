/*
 * input.c - see input.h. Everything is read through zlib, which passes plain files on unchanged.
 */
#include "input.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

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

/* Grows with what is read, up to one byte more than the limit, which tells that there is more. */
static void unpack(file *x, size_t limit)
{
    gzFile stream = gzopen(x->name, "rb");
    if (stream == NULL)
        fail("cannot read %s: %s", x->name, strerror(errno));
    gzbuffer(stream, 1 << 18);

    size_t room = 0;
    int got = 1;
    while (got > 0 && x->size <= limit) {
        if (x->size == room) {
            room = room == 0 ? 1 << 16 : 2 * room;
            room = room < limit + 1 ? room : limit + 1;
            x->bytes = realloc(x->bytes, room + 1);
            if (x->bytes == NULL)
                fail("%s: no memory for %zu bytes", x->name, room);
        }
        const size_t part = room - x->size < 1 << 30 ? room - x->size : 1 << 30;
        got = gzread(stream, x->bytes + x->size, (unsigned)part);
        if (got > 0)
            x->size += (size_t)got;
    }
    if (x->size > limit)
        fail("%s: more than %zu bytes%s: larger than any file of this kind", x->name, limit,
             gzdirect(stream) ? "" : " when unpacked");
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

file read_file(const char *directory, const char *name, size_t limit)
{
    file x = {.bytes = NULL};
    set_name(&x, "%s/%s", directory, name);
    if (access(x.name, F_OK) != 0) {
        set_name(&x, "%s/%s.gz", directory, name);
        if (access(x.name, F_OK) != 0)
            fail("cannot read %s/%s, plain or .gz: %s: --data must name the directory that holds it", directory, name,
                 strerror(errno));
    }
    unpack(&x, limit);
    return x;
}

void free_file(file *x)
{
    free(x->bytes);
    x->bytes = NULL;
}
