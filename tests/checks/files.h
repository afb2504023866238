/*
 * files.h - what the checks of files share: folders of their own, whole files as bytes, and a small state of a run.
 */
#ifndef ADAMW_TESTS_FILES_H
#define ADAMW_TESTS_FILES_H

#include "check.h"

/* A new folder below $TMPDIR, /dev/shm or /tmp, and its end with all files in it. */
typedef struct folder {
    char path[128];
} folder;
bool folder_new(folder *x);
void folder_free(const folder *x);
/* "FOLDER/NAME", in one of eight texts that take turns. */
const char *in_folder(const folder *x, const char *name);
int files_in(const folder *x);

/* A whole file for free(), with a zero behind it, NULL if it cannot be read; and back. */
char *bytes_of_file(const char *path, size_t *size);
bool write_file(const char *path, const void *bytes, size_t size);

/* Three parameters with all streams, a schedule and a loss scale, filled with values of the seed. */
enum { STATE_TENSORS = 3, STATE_LARGEST = 70 };
typedef struct run_of_three {
    adamw_config config, other;
    adamw_tensor tensors[STATE_TENSORS];
    const char *names[STATE_TENSORS];
    adamw_state_place places[STATE_TENSORS];
    uint64_t shapes[STATE_TENSORS][2];
    float values[STATE_TENSORS][5][STATE_LARGEST];
    uint16_t residuals[STATE_TENSORS][STATE_LARGEST];
    adamw_schedule schedule;
    adamw_loss_scale loss_scale;
    adamw_state state;
} run_of_three;
void run_begin(run_of_three *run, uint64_t seed);
/* Whether the buffers, steps, schedule and loss scale have the same bytes. */
bool run_equals(const run_of_three *a, const run_of_three *b);

#endif
