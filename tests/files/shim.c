/*
 * shim.c - see shim.h. The wrapped functions do their real work unless the fault is theirs; calls that do not change
 * a disk (opening a folder, closing it) pass.
 */
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

shim_state shim;
const char *const shim_names[SHIM_CALLS] = {"create", "write", "fsync", "close", "rename", "fsync of the folder"};

/* The linker's names of the real functions; C keeps such names for it. */
int __real_openat(int folder, const char *name, int flags, ...);
ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t offset);
int __real_fsync(int fd);
int __real_close(int fd);
int __real_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __wrap_openat(int folder, const char *name, int flags, ...);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset);
int __wrap_fsync(int fd);
int __wrap_close(int fd);
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to);

void shim_reset(void)
{
    for (size_t i = 0; i < shim.record_count; i++)
        free(shim.records[i].bytes);
    free(shim.records);
    memset(&shim, 0, sizeof shim);
}

static void record(shim_call call, const void *bytes, size_t size, uint64_t offset)
{
    if (!shim.recording)
        return;
    if (shim.record_count == shim.record_room) {
        shim.record_room = 2 * shim.record_room + 16;
        shim.records = realloc(shim.records, shim.record_room * sizeof *shim.records);
        if (shim.records == NULL)
            abort();
    }
    shim_record x = {call, NULL, size, offset};
    if (size > 0) {
        x.bytes = malloc(size);
        if (x.bytes == NULL)
            abort();
        memcpy(x.bytes, bytes, size);
    }
    shim.records[shim.record_count++] = x;
}

/* Counts the call; whether it fails, with errno set. */
static bool fails(shim_call call)
{
    const int number = shim.counts[call]++;
    if (shim.fault == SHIM_NONE || call != shim.at || number < shim.which)
        return false;
    if (shim.fault == SHIM_INTERRUPTED ? number < shim.which + 3 : shim.fault == SHIM_ERROR && number == shim.which) {
        shim.hit = true;
        errno = shim.fault == SHIM_INTERRUPTED ? EINTR : shim.error;
        return true;
    }
    if (shim.fault == SHIM_FULL && number > shim.which) {
        errno = shim.error;
        return true;
    }
    return false;
}

static bool is_folder(int fd)
{
    struct stat about;
    return fstat(fd, &about) == 0 && S_ISDIR(about.st_mode);
}

int __wrap_openat(int folder, const char *name, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
        if (fails(SHIM_CREATE))
            return -1;
        record(SHIM_CREATE, NULL, 0, 0);
    }
    return __real_openat(folder, name, flags, mode);
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (fails(SHIM_WRITE))
        return -1;
    const bool half = (shim.fault == SHIM_SHORT || shim.fault == SHIM_FULL) && shim.at == SHIM_WRITE &&
                      shim.counts[SHIM_WRITE] == shim.which + 1;
    shim.hit |= half;
    if (half && size > 1)
        size /= 2;
    record(SHIM_WRITE, bytes, size, (uint64_t)offset);
    return __real_pwrite(fd, bytes, size, offset);
}

int __wrap_fsync(int fd)
{
    const shim_call call = is_folder(fd) ? SHIM_SYNC_FOLDER : SHIM_SYNC;
    if (fails(call))
        return -1;
    if (shim.no_syncs)
        return 0;
    record(call, NULL, 0, 0);
    return __real_fsync(fd);
}

int __wrap_close(int fd)
{
    if (is_folder(fd))
        return __real_close(fd);
    const bool failed = fails(SHIM_CLOSE);
    const int error = errno;
    /* A close that fails closes all the same, on Linux. */
    const int result = __real_close(fd);
    if (!failed)
        return result;
    errno = error;
    return -1;
}

int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    if (fails(SHIM_RENAME))
        return -1;
    record(SHIM_RENAME, NULL, 0, 0);
    return __real_renameat(from_folder, from, to_folder, to);
}
