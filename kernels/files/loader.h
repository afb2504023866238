/*
 * loader.h - what load_state.c and load_config.c share: an open file that values are taken from.
 */
#ifndef ADAMW_FILES_LOADER_H
#define ADAMW_FILES_LOADER_H

#include "state.h"

#if defined(ADAMW_POSIX)

/* The sentence of a file that does not fit; `l` is the loader. */
#define OTHER(...) adamw_files_fail(l->to, ADAMW_ERROR_STATE, __VA_ARGS__)

typedef struct adamw_files_loader {
    const adamw_file *file;
    adamw_state *state;
    const adamw_files_sentence *to;
    unsigned char *used; /* of each record: 0, 1 its tensor is in the list, 2 values of it are read */
    uint64_t *steps;     /* of each tensor */
    adamw_files_text name;
} adamw_files_loader;

/* "BEFORE NAME BEHIND" without the spaces, until the next call; NULL without memory. */
ADAMW_INTERNAL const char *adamw_files_name_of(adamw_files_loader *l, const char *before, const char *name,
                                               const char *behind);
/* The values of a small tensor, which must have that many and no more. */
ADAMW_INTERNAL adamw_status adamw_files_read_values(adamw_files_loader *l, const char *name, adamw_file_dtype dtype,
                                                    uint64_t values, void *memory);

#endif

#endif
