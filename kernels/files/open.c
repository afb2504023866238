/*
 * open.c - opens a safetensors file or an index of several: reads the headers, maps the data privately, finds tensors
 * and compares checksums. What a header may say is header.c's; pieces of cut tensors are ranges.c's.
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* open's and mmap's names */
#endif
#include "files.h"

#if defined(ADAMW_POSIX)

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- one file ---- */

/* A regular file, open for reading, with its size; the descriptor, or -1 with the status in *status. */
static int open_regular(const char *path, size_t *size, adamw_status *status, const adamw_files_sentence *to)
{
    struct stat about;
    /* Without O_NONBLOCK the opening of a pipe would wait for a writer. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &about) != 0) {
        *status =
            adamw_files_fail(to, ADAMW_ERROR_SYSTEM, "%s cannot be read: %s", SHOWN(path), adamw_files_reason(errno));
    } else if (!S_ISREG(about.st_mode)) {
        *status = adamw_files_fail(to, ADAMW_ERROR_INVALID_ARGUMENT, "%s is no regular file", SHOWN(path));
    } else {
        *size = (size_t)about.st_size;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The bytes from the beginning; ADAMW_ERROR_STATE if the file has become shorter. */
static adamw_status read_bytes(int fd, char *bytes, size_t count, const char *path, const adamw_files_sentence *to)
{
    for (size_t done = 0; done < count;) {
        const ssize_t got = pread(fd, bytes + done, count - done, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return adamw_files_fail(to, ADAMW_ERROR_SYSTEM, "%s cannot be read: %s", SHOWN(path),
                                    adamw_files_reason(errno));
        if (got == 0)
            return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: truncated at byte %zu while it was read", SHOWN(path),
                                    done);
        done += (size_t)got;
    }
    return ADAMW_OK;
}

static adamw_status read_source(int fd, adamw_files_source *s, const adamw_files_sentence *to)
{
    uint64_t length;
    char first[8];
    if (s->size < sizeof first)
        return adamw_files_fail(to, ADAMW_ERROR_STATE,
                                "%s: truncated: it has %zu bytes, and a safetensors file begins with 8",
                                SHOWN(s->path), s->size);
    adamw_status status = read_bytes(fd, first, sizeof first, s->path, to);
    if (status != ADAMW_OK)
        return status;
    memcpy(&length, first, sizeof length);
    if (length > ADAMW_FILES_LONGEST_HEADER)
        return adamw_files_fail(to, ADAMW_ERROR_STATE,
                                "%s: the first 8 bytes promise a header of %" PRIu64
                                " bytes: it must not exceed %" PRIu64 ", so this is no safetensors file",
                                SHOWN(s->path), length, ADAMW_FILES_LONGEST_HEADER);
    if (length > s->size - 8)
        return adamw_files_fail(to, ADAMW_ERROR_STATE,
                                "%s: truncated: its header ends at byte %" PRIu64 ", but the file at %zu",
                                SHOWN(s->path), length + 8, s->size);
    s->header_size = (size_t)length + 8;
    s->header = malloc(s->header_size);
    if (s->header == NULL)
        return adamw_files_no_memory(to);
    status = read_bytes(fd, s->header, s->header_size, s->path, to);
    if (status != ADAMW_OK)
        return status;
    s->map = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (s->map == MAP_FAILED) {
        s->map = NULL;
        return adamw_files_fail(to, ADAMW_ERROR_SYSTEM, "%s cannot be mapped into memory: %s", SHOWN(s->path),
                                adamw_files_reason(errno));
    }
    return ADAMW_OK;
}

static adamw_status add_source(adamw_file *file, const char *path, const adamw_files_sentence *to)
{
    adamw_files_source *const s = &file->sources[file->source_count];
    adamw_status status;
    s->path = strdup(path);
    if (s->path == NULL)
        return adamw_files_no_memory(to);
    file->source_count++;
    const int fd = open_regular(path, &s->size, &status, to);
    if (fd < 0)
        return status;
    status = read_source(fd, s, to);
    close(fd);
    return status != ADAMW_OK ? status : adamw_files_read_header(file, file->source_count - 1, to);
}

adamw_status adamw_files_read_text(const char *path, char **text, size_t *size, const adamw_files_sentence *to)
{
    adamw_status status;
    *text = NULL;
    const int fd = open_regular(path, size, &status, to);
    if (fd < 0)
        return status;
    if (*size > ADAMW_FILES_LONGEST_HEADER)
        status = adamw_files_fail(to, ADAMW_ERROR_STATE, "%s has %zu bytes: an index must not exceed %" PRIu64,
                                  SHOWN(path), *size, ADAMW_FILES_LONGEST_HEADER);
    else if ((*text = malloc(*size + 1)) == NULL)
        status = adamw_files_no_memory(to);
    else
        status = read_bytes(fd, *text, *size, path, to);
    close(fd);
    if (status == ADAMW_OK && *text != NULL)
        (*text)[*size] = '\0';
    return status;
}

/* ---- all of them ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const adamw_files_record *)a)->tensor.name, ((const adamw_files_record *)b)->tensor.name);
}

/* The tensors of all sources in one order; a name that two of them have is refused. */
static adamw_status join_records(adamw_file *f, const adamw_files_sentence *to)
{
    if (f->source_count > 1 && f->count > 1)
        qsort(f->records, f->count, sizeof *f->records, by_name);
    for (size_t i = 0; i < f->count; i++) {
        adamw_files_record *const x = &f->records[i];
        const adamw_files_source *const s = &f->sources[x->source];
        if (i > 0 && f->source_count > 1 && by_name(x - 1, x) == 0)
            return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: tensor '%s' is in %s and in %s", SHOWN(f->path),
                                    SHOWN(x->tensor.name), SHOWN(f->sources[x[-1].source].path), SHOWN(s->path));
        x->tensor.data = x->tensor.bytes > 0 ? s->map + s->header_size + x->begin : NULL;
    }
    return ADAMW_OK;
}

static adamw_status add_all(adamw_file *f, char *const *paths, size_t count, const adamw_files_sentence *to)
{
    f->sources = calloc(count + 1, sizeof *f->sources);
    if (f->sources == NULL)
        return adamw_files_no_memory(to);
    adamw_status status = ADAMW_OK;
    for (size_t i = 0; i < count && status == ADAMW_OK; i++)
        status = add_source(f, paths[i], to);
    if (status == ADAMW_OK)
        status = join_records(f, to);
    if (status == ADAMW_OK)
        status = adamw_files_join_entries(f, to);
    return status == ADAMW_OK ? adamw_files_find_pieces(f, false, to) : status;
}

adamw_status adamw_files_open_all(adamw_file **file, const char *path, char *const *paths, size_t count,
                                  const adamw_files_sentence *to)
{
    *file = NULL;
    adamw_file *const f = calloc(1, sizeof *f);
    if (f == NULL)
        return adamw_files_no_memory(to);
    f->path = strdup(path);
    const adamw_status status = f->path != NULL ? add_all(f, paths, count, to) : adamw_files_no_memory(to);
    if (status != ADAMW_OK) {
        adamw_file_close(f);
        return status;
    }
    *file = f;
    return ADAMW_OK;
}

/* Whether the file is JSON text: a safetensors header of that length would be larger than any. */
static bool is_index(const char *path)
{
    unsigned char first[8];
    uint64_t length;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    const ssize_t got = pread(fd, first, sizeof first, 0);
    close(fd);
    if (got != (ssize_t)sizeof first)
        return false;
    memcpy(&length, first, sizeof length);
    return length > ADAMW_FILES_LONGEST_HEADER && (first[0] == '{' || first[0] == ' ' || first[0] == '\n');
}

static adamw_status open_index(adamw_file **file, const char *path, const adamw_files_sentence *to)
{
    char *text;
    size_t size;
    adamw_files_index index = {.files = NULL};
    adamw_status status = adamw_files_read_text(path, &text, &size, to);
    if (status == ADAMW_OK)
        status = adamw_files_read_index(&index, text, size, path, to);
    if (status == ADAMW_OK)
        status = adamw_files_open_all(file, path, index.paths, index.file_count, to);
    if (status == ADAMW_OK) {
        status = adamw_files_compare_index(&index, *file, to);
        if (status != ADAMW_OK) {
            adamw_file_close(*file);
            *file = NULL;
        }
    }
    adamw_files_free_index(&index);
    free(text);
    return status;
}

adamw_status adamw_open(adamw_file **file, const char *path, char *sentence, size_t size)
{
    const adamw_files_sentence to = {sentence, size};
    if (file == NULL)
        return adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT, "file is NULL: it must receive the handle");
    *file = NULL;
    if (path == NULL)
        return adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT, "path is NULL: it must name a file");
    char *own = strdup(path); /* the list of paths is not const */
    if (own == NULL)
        return adamw_files_no_memory(&to);
    const adamw_status status =
        is_index(path) ? open_index(file, path, &to) : adamw_files_open_all(file, path, &own, 1, &to);
    free(own);
    return status == ADAMW_OK ? adamw_files_right(&to) : status;
}

void adamw_file_close(adamw_file *file)
{
    if (file == NULL)
        return;
    for (size_t i = 0; i < file->source_count; i++) {
        adamw_files_source *const s = &file->sources[i];
        if (s->map != NULL)
            munmap(s->map, s->size);
        free(s->path);
        free(s->header);
        free(s->shapes);
    }
    free(file->sources);
    free(file->records);
    free(file->entries);
    free(file->path);
    free(file);
}

#endif
