/*
 * lock.c - see lock.h.
 */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/output.h"
#include "fail.h"

static char *held; /* the path of the lock file, while it is locked */
static int descriptor = -1;

/* The path of the lock file in new memory: links are followed, so that every name of a checkpoint has the same lock.
 * Opening the checkpoint for writing tells before the first epoch that it cannot be written. */
static char *lock_path(const char *path)
{
    output x;
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) /* first, as opening a pipe waits for its reader */
        fail("--checkpoint %s is no regular file: it must be one, to be resumed", path);
    if (!output_open(&x, path))
        fail("--checkpoint: %s", x.said);
    const size_t size = strlen(x.target) + sizeof ".lock";
    char *name = allocate(size, 1);
    snprintf(name, size, "%s.lock", x.target);
    output_discard(&x);
    return name;
}

/* Opens and locks; false where the file was removed between the two, by a trainer that ended just then. */
static bool try_lock(const char *path, const char *name)
{
    struct stat open_file, named;
    descriptor = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor < 0 || fstat(descriptor, &open_file) != 0 || !S_ISREG(open_file.st_mode))
        fail("--checkpoint %s: cannot make its lock %s: %s", path, name,
             descriptor < 0 ? strerror(errno) : "it is no regular file");
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0)
        fail(errno == EWOULDBLOCK ? "--checkpoint %s is in use by another adamw-train, which holds %s"
                                  : "--checkpoint %s: the file system cannot lock %s",
             path, name);
    if (stat(name, &named) == 0 && named.st_dev == open_file.st_dev && named.st_ino == open_file.st_ino)
        return true;
    close(descriptor);
    return false;
}

void lock_checkpoint(const char *path)
{
    char *name = lock_path(path);
    while (!try_lock(path, name))
        ;
    held = name;
    at_failure(unlock_checkpoint);
}

void unlock_checkpoint(void)
{
    if (held == NULL)
        return;
    unlink(held); /* while it is locked, so that no other trainer's file goes */
    free(held);
    held = NULL;
    close(descriptor);
}
