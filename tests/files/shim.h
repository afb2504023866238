/*
 * shim.h - stands between kernels/files/replace.c and the system (the linker's --wrap): counts the calls that may
 * change a disk, makes one of them fail, or writes down all of them. What is expected of the library is crash.c's.
 */
#ifndef ADAMW_TESTS_SHIM_H
#define ADAMW_TESTS_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The calls that a save makes; SYNC_FOLDER is an fsync of a descriptor that is a folder. */
typedef enum shim_call {
    SHIM_CREATE,
    SHIM_WRITE,
    SHIM_SYNC,
    SHIM_CLOSE,
    SHIM_RENAME,
    SHIM_SYNC_FOLDER,
    SHIM_CALLS
} shim_call;
extern const char *const shim_names[SHIM_CALLS];

/* What a call does instead of its work. */
typedef enum shim_fault {
    SHIM_NONE,
    SHIM_ERROR,       /* fails with shim.error */
    SHIM_INTERRUPTED, /* EINTR three times, then works */
    SHIM_SHORT,       /* a write of half the bytes, at least one */
    SHIM_FULL         /* a write of half the bytes, and from then on every write fails with shim.error */
} shim_fault;

/* One call as it was made, in the order of time. */
typedef struct shim_record {
    shim_call call;
    char *bytes; /* of a write */
    size_t size;
    uint64_t offset;
} shim_record;

typedef struct shim_state {
    int counts[SHIM_CALLS]; /* calls so far */
    shim_call at;           /* which call, and which of them from 0, has the fault */
    int which;
    shim_fault fault;
    int error;
    bool hit;       /* the fault happened */
    bool no_syncs;  /* fsync does nothing: a broken protocol, which the recorder has to find */
    bool recording; /* into records */
    shim_record *records;
    size_t record_count, record_room;
} shim_state;
extern shim_state shim;

/* No fault, no counts, no records. */
void shim_reset(void);

#endif
