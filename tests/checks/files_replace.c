/*
 * files_replace.c - how a file is replaced, as a caller meets it: links, permissions, targets that are no files, and
 * two writers of one target. Failing calls and crashes are tests/files/crash.c's.
 */
#define _GNU_SOURCE /* symlink, mkfifo */
#include "files.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char said[ADAMW_FILE_SENTENCE_SIZE];

static adamw_status save_one(const char *path, uint64_t value)
{
    adamw_file_tensor t = {"value", ADAMW_FILE_U64, 0, NULL, &value, 0};
    return adamw_save(path, &t, 1, NULL, 0, said, sizeof said);
}

static bool holds(const char *path, uint64_t value)
{
    adamw_file *file;
    uint64_t found = ~value;
    const bool right = adamw_open(&file, path, said, sizeof said) == ADAMW_OK &&
                       adamw_file_check(file, NULL, said, sizeof said) == ADAMW_OK &&
                       adamw_file_read(file, "value", ADAMW_FILE_U64, 0, 1, &found, said, sizeof said) == ADAMW_OK &&
                       found == value;
    adamw_file_close(file);
    return right || check_fail("%s holds %llu, not %llu: %s", path, (unsigned long long)found,
                               (unsigned long long)value, said);
}

static bool check_links(const folder *f)
{
    const char *const target = in_folder(f, "target"), *const link = in_folder(f, "link"),
                      *const second = in_folder(f, "second"), *const loop = in_folder(f, "loop");
    struct stat about;
    if (symlink("target", link) != 0 || symlink(link, second) != 0 || symlink("loop", loop) != 0)
        return check_fail("no symbolic links");
    /* Through a link to nothing, then through a link to a link. */
    bool right = save_one(link, 1) == ADAMW_OK && holds(target, 1) && save_one(second, 2) == ADAMW_OK &&
                 holds(target, 2) && lstat(link, &about) == 0 && S_ISLNK(about.st_mode) &&
                 lstat(second, &about) == 0 && S_ISLNK(about.st_mode);
    right = right && save_one(loop, 1) == ADAMW_ERROR_SYSTEM && strstr(said, "too many symbolic links") != NULL;
    return right || check_fail("links: %s", said);
}

static bool check_mode(const folder *f)
{
    const char *const path = in_folder(f, "mode");
    struct stat about;
    /* More than a umask lets a new file have. */
    bool right = save_one(path, 1) == ADAMW_OK && chmod(path, 0666) == 0 && save_one(path, 2) == ADAMW_OK &&
                 stat(path, &about) == 0 && (about.st_mode & 07777) == 0666 && holds(path, 2);
    if (right && geteuid() != 0)
        right = chmod(path, 0440) == 0 && save_one(path, 3) == ADAMW_ERROR_SYSTEM &&
                strstr(said, "permission denied") != NULL && holds(path, 2);
    else if (right)
        check_skip("a target without write permission: root may write it");
    return right || check_fail("permissions: %s", said);
}

static bool is_refused(const char *path, const char *words)
{
    const adamw_status status = save_one(path, 1);
    return (status != ADAMW_OK && strstr(said, words) != NULL) ||
           check_fail("%s: status %d, '%s' lacks '%s'", path, (int)status, said, words);
}

static bool check_targets(const folder *f)
{
    const char *const pipe = in_folder(f, "pipe"), *const slash = in_folder(f, ""),
                      *const none = in_folder(f, "none/x");
    char name[300];
    struct stat about;
    memset(name, 'n', 256);
    name[256] = '\0';
    bool right = mkfifo(pipe, 0600) == 0 && is_refused(pipe, "no regular file") && lstat(pipe, &about) == 0 &&
                 S_ISFIFO(about.st_mode) && is_refused("/dev/null", "no regular file") &&
                 is_refused(f->path, "no regular file") && is_refused(slash, "it must name a file") &&
                 is_refused(none, "no such file or folder") && is_refused(in_folder(f, name), "the path is too long");
    name[255] = '\0'; /* the longest name there is: the temporary one must not be longer */
    right = right && save_one(in_folder(f, name), 9) == ADAMW_OK && holds(in_folder(f, name), 9);
    adamw_file *file;
    right = right && adamw_open(&file, pipe, said, sizeof said) == ADAMW_ERROR_INVALID_ARGUMENT;
    return right;
}

/* ---- two writers and a reader ---- */

enum { SAVES = 150, VALUES = 20000 };

typedef struct writer {
    const char *path;
    uint64_t number;
    bool right;
} writer;

static void *write_often(void *context)
{
    writer *const w = context;
    uint64_t *const values = malloc(VALUES * sizeof *values);
    const uint64_t shape = VALUES;
    for (int i = 0; i < SAVES && w->right && values != NULL; i++) {
        for (size_t k = 0; k < VALUES; k++)
            values[k] = w->number << 32 | (uint64_t)i;
        adamw_file_tensor t = {"value", ADAMW_FILE_U64, 1, &shape, values, 0};
        w->right = adamw_save(w->path, &t, 1, NULL, 0, NULL, 0) == ADAMW_OK;
    }
    free(values);
    return NULL;
}

static bool check_writers(const folder *f)
{
    const char *const path = in_folder(f, "contended");
    writer writers[2] = {{path, 1, true}, {path, 2, true}};
    pthread_t threads[2];
    bool right = save_one(path, 0) == ADAMW_OK;
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, write_often, &writers[i]);
    for (int i = 0; i < SAVES && right; i++) {
        adamw_file *file;
        right = adamw_open(&file, path, said, sizeof said) == ADAMW_OK &&
                adamw_file_check(file, NULL, said, sizeof said) == ADAMW_OK;
        const adamw_file_tensor *const t = right ? adamw_file_find(file, "value") : NULL;
        const uint64_t *const values = t != NULL ? t->data : NULL;
        right = t != NULL;
        for (size_t k = 1; right && k < t->bytes / sizeof *values; k++)
            right = values[k] == values[0];
        adamw_file_close(file);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        right = right && writers[i].right;
    }
    return right || check_fail("two writers disturb each other: %s", said);
}

bool check_files_replaced(const check_options *options)
{
    folder f = {""};
    (void)options;
    if (!folder_new(&f))
        return false;
    bool right = check_links(&f) && check_mode(&f) && check_targets(&f);
    const int before = files_in(&f);
    right = right && check_writers(&f) &&
            (files_in(&f) == before + 1 || check_fail("a save left its temporary file behind"));
    folder_free(&f);
    return right;
}
