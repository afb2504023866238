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

result result_open(const char *path, ...)
{
    result x;
    va_list values;
    va_start(values, path);
    const int length = vsnprintf(x.path, sizeof x.path, path, values);
    va_end(values);
    if (length < 0 || (size_t)length >= sizeof x.path)
        fail("cannot write %s: its path is longer than %zu bytes", x.path, sizeof x.path - 1);
    if (!output_open(&x.output, x.path))
        fail("%s", x.output.said);
    return x;
}

void result_commit(result *x)
{
    if (!output_commit(&x->output))
        fail("%s", x->output.said);
}
