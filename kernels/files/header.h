/*
 * header.h - what the two halves of reading a header share: header.c reads its JSON, layout.c looks at what it says.
 */
#ifndef ADAMW_FILES_HEADER_H
#define ADAMW_FILES_HEADER_H

#include "files.h"

#if defined(ADAMW_POSIX)

typedef struct adamw_files_reader {
    adamw_file *file;
    adamw_files_source *source;
    size_t number; /* of the source */
    size_t first_record, first_entry;
    adamw_json json;
    const adamw_files_sentence *to;
    adamw_status status;
} adamw_files_reader;

/* A damaged file's sentence; false, to be returned. */
ADAMW_INTERNAL bool adamw_files_damaged(adamw_files_reader *r, const char *format, ...) ADAMW_FORMAT(2, 3);
ADAMW_INTERNAL bool adamw_files_without_memory(adamw_files_reader *r);

/* Sorts the names, then checks ranges and checksums. `raw` is the header as it lies in the file. */
ADAMW_INTERNAL bool adamw_files_check_layout(adamw_files_reader *r, const char *raw);

#endif

#endif
