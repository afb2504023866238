/*
 * files.c - see files.h.
 */
#include "files.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"

void make_directory(const char *path)
{
    char part[1024];
    if (strlen(path) >= sizeof part)
        fail("--out is longer than %zu bytes", sizeof part - 1);
    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            fail("--out is '%s': cannot make the directory %s: %s", path, part, strerror(errno));
    }
    if (access(path, W_OK | X_OK) != 0)
        fail("--out is '%s': it must be a directory to write into: %s", path, strerror(errno));
}

output output_open(const char *path, ...)
{
    output x;
    va_list values;
    va_start(values, path);
    const int length = vsnprintf(x.path, sizeof x.path, path, values);
    va_end(values);
    if (length < 0 || (size_t)length >= sizeof x.path)
        fail("cannot write %s: its path is longer than %zu bytes", x.path, sizeof x.path - 1);
    snprintf(x.temporary, sizeof x.temporary, "%s.tmp", x.path);
    x.stream = fopen(x.temporary, "w");
    if (x.stream == NULL)
        fail("cannot write %s: %s", x.temporary, strerror(errno));
    return x;
}

void output_commit(output *x)
{
    const int wrong = ferror(x->stream) || fflush(x->stream) != 0 || fsync(fileno(x->stream)) != 0;
    if (fclose(x->stream) != 0 || wrong || rename(x->temporary, x->path) != 0) {
        const int reason = errno;
        remove(x->temporary);
        fail("cannot write %s: %s", x->path, strerror(reason));
    }
}
