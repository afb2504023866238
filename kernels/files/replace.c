/*
 * replace.c - how a file is replaced so that no error, crash or second writer leaves anything but the old file or the
 * new one: a temporary file beside the target, write, fsync, rename, fsync of the folder. The one place of this
 * folder that writes to a disk; tests/files/crash.c makes each of its calls fail, and cuts it off behind each.
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* openat and the rest; getentropy */
#endif
#include "files.h"

#if defined(ADAMW_POSIX)

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of one write: they are still in the second-level cache after the checksum has read them. */
enum { BUFFER = 1 << 18, PATH = 4096, LINKS = 40, TRIES = 100 };

adamw_status adamw_files_abandon(adamw_files_output *o, adamw_status status)
{
    if (o->fd >= 0)
        close(o->fd);
    if (o->temporary[0] != '\0')
        unlinkat(o->folder, o->temporary, 0);
    if (o->folder >= 0)
        close(o->folder);
    free(o->buffer);
    o->buffer = NULL;
    o->fd = o->folder = -1;
    o->temporary[0] = '\0';
    return o->status = status;
}

static adamw_status refuse(adamw_files_output *o, int error)
{
    adamw_files_fail(o->to, ADAMW_ERROR_SYSTEM, "%s cannot be written: %s; it is as it was", SHOWN(o->path),
                     adamw_files_reason(error));
    return adamw_files_abandon(o, ADAMW_ERROR_SYSTEM);
}

/* Follows symbolic links, dangling ones too, to the file that is meant; false with errno. */
static bool follow(char target[PATH])
{
    char link[PATH], next[PATH];
    struct stat about;
    for (int i = 0; i < LINKS; i++) {
        if (lstat(target, &about) != 0)
            return errno == ENOENT;
        if (!S_ISLNK(about.st_mode))
            return true;
        const ssize_t length = readlink(target, link, sizeof link - 1);
        if (length < 0)
            return false;
        link[length] = '\0';
        const char *const slash = strrchr(target, '/');
        const int folder = link[0] == '/' || slash == NULL ? 0 : (int)(slash - target) + 1;
        if (snprintf(next, sizeof next, "%.*s%s", folder, target, link) >= (int)sizeof next) {
            errno = ENAMETOOLONG;
            return false;
        }
        memcpy(target, next, sizeof next);
    }
    errno = ELOOP;
    return false;
}

/* The folder's descriptor and the name in it; what is there must be a regular file that may be written. */
static adamw_status look_at_target(adamw_files_output *o, struct stat *old, bool *exists)
{
    char target[PATH];
    const size_t length = strlen(o->path);
    if (length >= sizeof target)
        return refuse(o, ENAMETOOLONG);
    memcpy(target, o->path, length + 1);
    if (!follow(target))
        return refuse(o, errno);
    char *const slash = strrchr(target, '/');
    const char *const name = slash != NULL ? slash + 1 : target;
    if (strlen(name) >= sizeof o->name)
        return refuse(o, ENAMETOOLONG);
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        adamw_files_fail(o->to, ADAMW_ERROR_INVALID_ARGUMENT, "path is '%s': it must name a file", SHOWN(o->path));
        return adamw_files_abandon(o, ADAMW_ERROR_INVALID_ARGUMENT);
    }
    memcpy(o->name, name, strlen(name) + 1);
    if (slash != NULL)
        slash[slash == target] = '\0'; /* the folder of "/name" is "/" */
    o->folder = open(slash != NULL ? target : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (o->folder < 0)
        return refuse(o, errno);
    *exists = fstatat(o->folder, o->name, old, AT_SYMLINK_NOFOLLOW) == 0;
    if (!*exists)
        return errno == ENOENT ? ADAMW_OK : refuse(o, errno);
    if (!S_ISREG(old->st_mode)) {
        adamw_files_fail(o->to, ADAMW_ERROR_INVALID_ARGUMENT,
                         "%s is no regular file: it must not be a folder, pipe, socket or device", SHOWN(o->path));
        return adamw_files_abandon(o, ADAMW_ERROR_INVALID_ARGUMENT);
    }
    return faccessat(o->folder, o->name, W_OK, AT_EACCESS) == 0 ? ADAMW_OK : refuse(o, errno);
}

static adamw_status create(adamw_files_output *o, mode_t mode)
{
    for (int i = 0; i < TRIES; i++) {
        uint64_t random;
        char digits[17] = "";
        if (getentropy(&random, sizeof random) != 0)
            return refuse(o, errno);
        adamw_files_write_hex(digits, random);
        /* The longest name of most file systems is 255 bytes. */
        snprintf(o->temporary, sizeof o->temporary, ".%.230s.%s.tmp", o->name, digits);
        do
            o->fd = openat(o->folder, o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        while (o->fd < 0 && errno == EINTR);
        if (o->fd >= 0)
            return ADAMW_OK;
        const int error = errno;
        o->temporary[0] = '\0'; /* not ours to delete */
        if (error != EEXIST)
            return refuse(o, error);
    }
    return refuse(o, EEXIST);
}

adamw_status adamw_files_begin(adamw_files_output *o, const char *path, const adamw_files_sentence *to)
{
    struct stat old;
    bool exists = false;
    *o = (adamw_files_output){.path = path, .to = to, .fd = -1, .folder = -1};
    if (look_at_target(o, &old, &exists) != ADAMW_OK)
        return o->status;
    o->buffer = malloc(BUFFER);
    if (o->buffer == NULL)
        return refuse(o, ENOMEM);
    if (create(o, exists ? old.st_mode & 0777 : 0666) != ADAMW_OK)
        return o->status;
    if (exists) {
        /* Both as far as the system lets us: a file system without owners or modes is no reason not to save. */
        if (old.st_uid != geteuid() || old.st_gid != getegid())
            (void)!fchown(o->fd, old.st_uid, old.st_gid);
        (void)!fchmod(o->fd, old.st_mode & 0777);
    }
    return ADAMW_OK;
}

static void write_at(adamw_files_output *o, const void *bytes, size_t count, uint64_t offset)
{
    const char *at = bytes;
    while (count > 0 && o->status == ADAMW_OK) {
        const ssize_t wrote = pwrite(o->fd, at, count, (off_t)offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) { /* 0 is no success either: the next try would be the same */
            refuse(o, wrote < 0 ? errno : ENOSPC);
            return;
        }
        at += wrote;
        offset += (uint64_t)wrote;
        count -= (size_t)wrote;
    }
}

static void flush(adamw_files_output *o)
{
    if (o->status == ADAMW_OK && o->buffered > 0)
        write_at(o, o->buffer, o->buffered, o->offset - o->buffered);
    o->buffered = 0;
}

void adamw_files_put(adamw_files_output *o, const void *bytes, uint64_t count, adamw_xxh64 *sum)
{
    const char *at = bytes;
    while (count > 0 && o->status == ADAMW_OK) {
        /* Up to the next multiple of BUFFER in the file, so that every page is written once. */
        const uint64_t room = BUFFER - o->offset % BUFFER;
        const size_t part = (size_t)(count < room ? count : room);
        if (sum != NULL)
            adamw_xxh64_add(sum, at, part);
        if (part == BUFFER) {
            write_at(o, at, part, o->offset);
            o->offset += part;
        } else {
            memcpy(o->buffer + o->buffered, at, part);
            o->buffered += part;
            o->offset += part;
            if (part == room)
                flush(o);
        }
        at += part;
        count -= part;
    }
}

void adamw_files_put_first(adamw_files_output *o, const void *bytes, size_t count)
{
    flush(o);
    write_at(o, bytes, count, 0);
}

static int sync_of(int fd)
{
    int result;
    do
        result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result;
}

adamw_status adamw_files_commit(adamw_files_output *o)
{
    int result;
    flush(o);
    if (o->status != ADAMW_OK)
        return o->status;
    if (sync_of(o->fd) != 0)
        return refuse(o, errno);
    result = close(o->fd);
    o->fd = -1;
    /* The descriptor is gone after EINTR too, and the data were synced before. */
    if (result != 0 && errno != EINTR)
        return refuse(o, errno);
    do
        result = renameat(o->folder, o->temporary, o->folder, o->name);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        return refuse(o, errno);
    o->temporary[0] = '\0';
    /* Some file systems cannot sync a folder, and say EINVAL. */
    if (sync_of(o->folder) != 0 && errno != EINVAL) {
        adamw_files_fail(
            o->to, ADAMW_ERROR_SYSTEM,
            "%s is the new file, but its folder could not be synced: %s; after a power cut it may be the "
            "old one",
            SHOWN(o->path), adamw_files_reason(errno));
        return adamw_files_abandon(o, ADAMW_ERROR_SYSTEM);
    }
    return adamw_files_abandon(o, ADAMW_OK); /* nothing is left but the folder's descriptor and the buffer */
}

#endif
