/*
 * output.c - see output.h. POSIX alone; of Linux only /proc/self/fd, where it exists.
 */
#define _XOPEN_SOURCE 700 /* mkstemp, realpath */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_LINKS = 40 }; /* as Linux follows */

/* Ends an attempt: writes the sentence, frees what the struct owns, returns false. */
static bool fail(output *x, const char *path, const char *reason)
{
    snprintf(x->said, sizeof x->said, "%.300s cannot be written: %s", path, reason);
    free(x->target);
    free(x->temporary);
    x->target = x->temporary = NULL;
    x->stream = NULL;
    return false;
}

/* What errno means, and what would be right where strerror() does not say so. */
static const char *reason_of(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return "its folder must exist";
    case EACCES:
    case EPERM:
        return "its folder, and the file if it is there, must be writable by you";
    case EISDIR:
        return "it is a directory, and must be a file";
    case ENOSPC:
        return "No space left on device";
    case 0: /* an earlier write failed, and its reason is lost */
        return "not all of it was taken: is the disk full?";
    default:
        return strerror(number);
    }
}

/* `name` in the folder of `path`, in new memory; NULL where memory is short. */
static char *beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    const size_t folder = slash != NULL ? (size_t)(slash - path) + 1 : 0, size = strlen(name) + 1;
    char *joined = malloc(folder + size);
    if (joined != NULL) {
        memcpy(joined, path, folder);
        memcpy(joined + folder, name, size);
    }
    return joined;
}

/* The number of this process's descriptor that a link such as /proc/self/fd/1 is; -1 for any other link. Its text is
 * no path that could be followed: "pipe:[4711]", or a file that was deleted. */
static int descriptor_of(const char *path)
{
    char *folder = beside(path, "."), *end;
    char *here = folder != NULL ? realpath(folder, NULL) : NULL, *own = realpath("/proc/self/fd", NULL);
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    long number = -1;
    if (here != NULL && own != NULL && strcmp(here, own) == 0 && *name >= '0' && *name <= '9') {
        number = strtol(name, &end, 10);
        if (*end != '\0' || number > INT_MAX)
            number = -1;
    }
    free(folder);
    free(here);
    free(own);
    return (int)number;
}

/* The path with its links followed, in new memory, or NULL with errno; `descriptor` where it ends at one. */
static char *follow(const char *path, int *descriptor)
{
    char text[PATH_MAX];
    char *at = strdup(path);
    for (int links = 0; at != NULL; links++) {
        const ssize_t length = readlink(at, text, sizeof text - 1);
        if (length < 0 || (*descriptor = descriptor_of(at)) >= 0)
            return at; /* no link, or not there: opening it will tell */
        text[length] = '\0';
        char *next = links == MOST_LINKS ? NULL : text[0] == '/' ? strdup(text) : beside(at, text);
        if (links == MOST_LINKS)
            errno = ELOOP;
        const int reason = errno;
        free(at);
        errno = reason;
        at = next;
    }
    return NULL;
}

/* Opens a temporary beside x->target with the access rights of the file it will replace, `old` (NULL: there is none).
 */
static int open_temporary(output *x, const struct stat *old)
{
    if (old != NULL && access(x->target, W_OK) != 0)
        return -1;
    x->temporary = beside(x->target, ".adamw-XXXXXX");
    const int descriptor = x->temporary != NULL ? mkstemp(x->temporary) : -1;
    if (descriptor < 0)
        return -1;
    mode_t mode;
    if (old != NULL) {
        mode = old->st_mode & 0777;
        if (fchown(descriptor, old->st_uid, old->st_gid) != 0)
            errno = 0; /* only root may give files away; another's file, replaced, is then the writer's */
    } else {
        mode = umask(0);
        umask(mode);
        mode = 0666 & ~mode;
    }
    if (fchmod(descriptor, mode) == 0)
        return descriptor;
    const int reason = errno;
    close(descriptor);
    unlink(x->temporary);
    errno = reason;
    return -1;
}

bool output_open(output *x, const char *path)
{
    struct stat old;
    int descriptor = -1;
    *x = (output){.stream = NULL};
    if (path[0] == '\0')
        return fail(x, "''", "its name is empty");
    x->target = follow(path, &descriptor);
    if (x->target == NULL)
        return fail(x, path, reason_of(errno));
    const bool there = stat(x->target, &old) == 0;
    if (!there && errno != ENOENT)
        return fail(x, path, reason_of(errno));
    if (descriptor >= 0) {
        fflush(stdout); /* what went there before stands before */
        descriptor = dup(descriptor);
    } else if (there && S_ISDIR(old.st_mode)) {
        return fail(x, path, reason_of(EISDIR));
    } else if (there && (S_ISBLK(old.st_mode) || S_ISSOCK(old.st_mode))) {
        return fail(x, path, "it must be a file, a pipe or a character device, not a disk or a socket");
    } else if (there && !S_ISREG(old.st_mode)) {
        descriptor = open(x->target, O_WRONLY | O_NOCTTY);
    } else {
        descriptor = open_temporary(x, there ? &old : NULL);
    }
    if (descriptor < 0)
        return fail(x, path, reason_of(errno));
    x->stream = fdopen(descriptor, "w");
    if (x->stream != NULL)
        return true;
    const int reason = errno;
    close(descriptor);
    if (x->temporary != NULL)
        unlink(x->temporary);
    return fail(x, path, reason_of(reason));
}

/* A name is on the disk only when its folder is. Some file systems refuse to sync a folder, which is no failure. */
static void sync_folder(const char *path)
{
    char *folder = beside(path, ".");
    const int descriptor = folder != NULL ? open(folder, O_RDONLY) : -1;
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    free(folder);
}

bool output_commit(output *x)
{
    errno = 0;
    bool whole = !ferror(x->stream);
    whole = fflush(x->stream) == 0 && whole;
    whole = whole && (x->temporary == NULL || fsync(fileno(x->stream)) == 0);
    int reason = errno;
    if (fclose(x->stream) != 0 && whole) {
        whole = false;
        reason = errno;
    }
    if (whole && x->temporary != NULL && rename(x->temporary, x->target) != 0) {
        whole = false;
        reason = errno;
    }
    if (!whole) {
        if (x->temporary != NULL)
            unlink(x->temporary);
        return fail(x, x->target, reason_of(reason));
    }
    if (x->temporary != NULL)
        sync_folder(x->target);
    free(x->target);
    free(x->temporary);
    *x = (output){.stream = NULL};
    return true;
}

void output_discard(output *x)
{
    if (x->stream == NULL)
        return;
    fclose(x->stream);
    if (x->temporary != NULL)
        unlink(x->temporary);
    free(x->target);
    free(x->temporary);
    *x = (output){.stream = NULL};
}
