/*
 * files.h - what the files of this folder share: sentences, growing text, the checksum, the JSON reader, an open
 * file's inside, and the way a file is replaced. It includes strict.h and the public header alone: files share no
 * line with the kernels. What has a name in adamw_file.h does not belong here.
 */
#ifndef ADAMW_FILES_FILES_H
#define ADAMW_FILES_FILES_H

#include "../strict.h"

#include "../../include/adamw.h"

#if defined(ADAMW_POSIX) /* Windows and WASI have no files yet */

/* The limit of the format's own library: a longer header is refused before anything of it is read. */
#define ADAMW_FILES_LONGEST_HEADER UINT64_C(100000000)
#define ADAMW_FILES_LONGEST_RANK 64

/* ---- sentences (sentence.c) ---- */

typedef struct adamw_files_sentence {
    char *buffer;
    size_t size;
} adamw_files_sentence;

/* Writes the sentence and returns the status. */
ADAMW_INTERNAL adamw_status adamw_files_fail(const adamw_files_sentence *to, adamw_status status, const char *format,
                                             ...) ADAMW_FORMAT(3, 4);
/* "ok", and ADAMW_OK. */
ADAMW_INTERNAL adamw_status adamw_files_right(const adamw_files_sentence *to);
static inline adamw_status adamw_files_no_memory(const adamw_files_sentence *to)
{
    adamw_files_fail(to, ADAMW_ERROR_SYSTEM, "there is no memory for the names and shapes of the tensors");
    return ADAMW_ERROR_SYSTEM; /* which an analyser sees here */
}

/* A name or path of a sentence: shortened, without control characters. */
typedef struct adamw_files_shown {
    char text[104];
} adamw_files_shown;
ADAMW_INTERNAL adamw_files_shown adamw_files_show(const char *name);
#define SHOWN(name) adamw_files_show(name).text

/* An errno in English words; strerror() follows the locale. */
ADAMW_INTERNAL const char *adamw_files_reason(int error);

/* ---- growing text (text.c) ---- */

typedef struct adamw_files_text {
    char *bytes; /* for free(); always zero-terminated once something was added */
    size_t length, room;
    bool failed; /* no memory: everything added since is missing */
} adamw_files_text;

ADAMW_INTERNAL void adamw_files_add(adamw_files_text *text, const char *bytes, size_t count);
ADAMW_INTERNAL void adamw_files_add_string(adamw_files_text *text, const char *string);
ADAMW_INTERNAL void adamw_files_add_json(adamw_files_text *text, const char *string); /* in quotes, escaped */
ADAMW_INTERNAL void adamw_files_add_number(adamw_files_text *text, uint64_t number);
/* Whether the bytes are UTF-8 as RFC 3629 has it: shortest forms, no surrogates, up to U+10FFFF. */
ADAMW_INTERNAL bool adamw_files_is_utf8(const char *bytes, size_t count);
/* Sixteen lower-case digits, not terminated. */
ADAMW_INTERNAL void adamw_files_write_hex(char *to, uint64_t number);
/* Decimal digits without leading zeros, the whole of [from, end); false for anything else and beyond 2^64 - 1. */
ADAMW_INTERNAL bool adamw_files_read_number(const char *from, const char *end, uint64_t *number);
/* What a tensor of this dtype and shape holds; false where 2^64 bytes do not suffice or the dtype is none. */
ADAMW_INTERNAL bool adamw_files_size_of(adamw_file_dtype dtype, const uint64_t *shape, size_t rank, uint64_t *values,
                                        uint64_t *bytes);

/* ---- XXH64 with seed 0 (xxh64.c) ---- */

typedef struct adamw_xxh64 {
    uint64_t lanes[4], length;
    unsigned char rest[32];
} adamw_xxh64;

ADAMW_INTERNAL void adamw_xxh64_begin(adamw_xxh64 *x);
ADAMW_INTERNAL void adamw_xxh64_add(adamw_xxh64 *x, const void *bytes, size_t count);
ADAMW_INTERNAL uint64_t adamw_xxh64_end(const adamw_xxh64 *x);

/* ---- JSON (json.c) ---- */

/* A text that is read from front to back and written over: strings are decoded in their place. */
typedef struct adamw_json {
    char *begin, *at, *end;
    const char *wrong; /* NULL, or what should stand at `at` */
} adamw_json;

/* Whether this sign comes next, white space left out; json_expect() makes it an error otherwise. */
ADAMW_INTERNAL bool adamw_json_is_next(adamw_json *json, char sign);
ADAMW_INTERNAL bool adamw_json_expect(adamw_json *json, char sign, const char *wrong);
ADAMW_INTERNAL bool adamw_json_string(adamw_json *json, char **string, const char *wrong);
ADAMW_INTERNAL bool adamw_json_unsigned(adamw_json *json, uint64_t *number, const char *wrong);
/* After a member or element: true if another one follows the comma, false at the closing sign or an error. */
ADAMW_INTERNAL bool adamw_json_goes_on(adamw_json *json, char closing);
/* Any value, left out; at most 32 deep. */
ADAMW_INTERNAL bool adamw_json_skip(adamw_json *json);
ADAMW_INTERNAL bool adamw_json_end(adamw_json *json);

/* ---- an open file (open.c, header.c, ranges.c) ---- */

/* One safetensors file of an open file. */
typedef struct adamw_files_source {
    char *path;
    char *header; /* the file's first bytes up to the data: names and texts point into it */
    size_t header_size, size;
    unsigned char *map; /* of the whole file; NULL for an empty one */
    uint64_t *shapes;   /* of all its tensors, one behind the other */
    size_t shape_count, shape_room;
    char *sum;        /* of the header: where its 16 digits stand; NULL without */
    const char *sums; /* of the tensors, in the order of their names; NULL without */
    const char *version;
    char sum_digits[17];
} adamw_files_source;

typedef struct adamw_files_record {
    adamw_file_tensor tensor;
    uint64_t begin, end; /* in the data */
    size_t source, first_size /* in its source's shapes */;
    const char *sum;
    size_t base_length; /* of a piece "base[first:last]": that of its base; 0: no piece */
    uint64_t first, last;
} adamw_files_record;

typedef struct adamw_files_entry {
    adamw_file_entry entry; /* the first member: a pointer to it is given out */
    size_t source;
} adamw_files_entry;

struct adamw_file {
    char *path;
    adamw_files_source *sources;
    size_t source_count;
    adamw_files_record *records; /* in the order of names */
    size_t count, room;
    adamw_files_entry *entries; /* in the order of keys */
    size_t entry_count, entry_room;
};

/* The list with room for one more element of `size` bytes, moved perhaps; NULL without memory, and `list` still is.
 */
ADAMW_INTERNAL void *adamw_files_grow(void *list, size_t count, size_t *room, size_t size);

/* Reads and checks the header of file->sources[source] and adds its records and entries. */
ADAMW_INTERNAL adamw_status adamw_files_read_header(adamw_file *file, size_t source, const adamw_files_sentence *to);
/* The XXH64 of a header, with the 16 bytes at `sum` (NULL: none) taken as '0'. */
ADAMW_INTERNAL uint64_t adamw_files_header_sum(const char *header, size_t size, const char *sum);
/* Sorts the entries, joins those of several sources and refuses the ones that differ. */
ADAMW_INTERNAL adamw_status adamw_files_join_entries(adamw_file *file, const adamw_files_sentence *to);

/* Opens files without an index: what adamw_save_index() checks. */
ADAMW_INTERNAL adamw_status adamw_files_open_all(adamw_file **file, const char *path, char *const *paths,
                                                 size_t count, const adamw_files_sentence *to);
ADAMW_INTERNAL adamw_status adamw_files_check_record(const adamw_file *file, size_t record,
                                                     const adamw_files_sentence *to);

/* Finds the pieces among the records and refuses those that overlap. `whole`: also those that leave a hole. */
ADAMW_INTERNAL adamw_status adamw_files_find_pieces(adamw_file *file, bool whole, const adamw_files_sentence *to);
/* Metadata of a tensor that is in pieces: its shape, as "50257,768". */
#define ADAMW_FILES_SHAPE_KEY "adamw.shape."
/* Reads such a shape; the rank, or SIZE_MAX for any other text. */
ADAMW_INTERNAL size_t adamw_files_read_shape(const char *text, uint64_t shape[ADAMW_FILES_LONGEST_RANK]);
/* Copies values of a whole or cut tensor to `to_memory` (NULL: only looks whether they are all there) and sets
 * used[record] (NULL: does not) to 1 for every record of the tensor, to 2 for those that hold some of the values. */
ADAMW_INTERNAL adamw_status adamw_files_range(const adamw_file *file, const char *name, adamw_file_dtype dtype,
                                              uint64_t first, uint64_t n, void *to_memory, unsigned char *used,
                                              const adamw_files_sentence *to);
/* The index of the tensor of this name, or where it would stand, with *found false. */
ADAMW_INTERNAL size_t adamw_files_place_of(const adamw_file *file, const char *name, size_t length, bool *found);

/* An index (index.c). Names point into its text, which is written over. */
typedef struct adamw_files_index {
    struct adamw_files_pair {
        const char *name, *file; /* of a tensor; of a file and its header's checksum */
    } * tensors, *sums;
    size_t tensor_count, tensor_room, sum_count, sum_room;
    const char **files; /* each once, sorted */
    char **paths;
    size_t file_count;
} adamw_files_index;
ADAMW_INTERNAL adamw_status adamw_files_read_index(adamw_files_index *index, char *text, size_t size,
                                                   const char *path, const adamw_files_sentence *to);
/* Whether the open files are those that the index was written for. */
ADAMW_INTERNAL adamw_status adamw_files_compare_index(const adamw_files_index *index, const adamw_file *file,
                                                      const adamw_files_sentence *to);
ADAMW_INTERNAL void adamw_files_free_index(adamw_files_index *index);
/* The path's part up to its last '/', which is in it; 0 for a bare name. */
ADAMW_INTERNAL size_t adamw_files_folder_length(const char *path);
/* A whole small file, zero-terminated, for free(). */
ADAMW_INTERNAL adamw_status adamw_files_read_text(const char *path, char **text, size_t *size,
                                                  const adamw_files_sentence *to);

/* ---- replacing a file (replace.c) ---- */

typedef struct adamw_files_output {
    const char *path;
    const adamw_files_sentence *to;
    int fd, folder;
    char name[256], temporary[256]; /* both in `folder` */
    char *buffer;
    size_t buffered;
    uint64_t offset; /* of the next byte */
    adamw_status status;
} adamw_files_output;

/* Creates the temporary file. On an error, then and later, everything is cleaned up and the status stays in
 * output->status; the functions below then do nothing. */
ADAMW_INTERNAL adamw_status adamw_files_begin(adamw_files_output *output, const char *path,
                                              const adamw_files_sentence *to);
/* Adds bytes, and to the checksum where that is not NULL. */
ADAMW_INTERNAL void adamw_files_put(adamw_files_output *output, const void *bytes, uint64_t count, adamw_xxh64 *sum);
/* Writes over the file's first bytes. */
ADAMW_INTERNAL void adamw_files_put_first(adamw_files_output *output, const void *bytes, size_t count);
/* fsync, rename, fsync of the folder. */
ADAMW_INTERNAL adamw_status adamw_files_commit(adamw_files_output *output);
/* Gives up: the temporary file goes. */
ADAMW_INTERNAL adamw_status adamw_files_abandon(adamw_files_output *output, adamw_status status);

#endif

#endif
