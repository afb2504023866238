/*
 * files.h - the trainer's result files: the folder that takes them, and tools/common/output.h with its errors turned
 * into the end of the program. What is in a file is its writer's.
 */
#ifndef TRAIN_FILES_H
#define TRAIN_FILES_H

#include "../common/output.h"

typedef struct result {
    char path[1100];
    output output;
} result;

/* Like mkdir -p; ends the program where that fails. */
void make_directory(const char *path);

/* Both end the program on errors, with the name. The path is a format and its values, as for printf. */
result result_open(const char *path, ...) __attribute__((format(printf, 1, 2)));
void result_commit(result *x);

#endif
