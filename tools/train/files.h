/*
 * files.h - result files: complete or absent. Each is written beside its place and renamed when it is whole.
 */
#ifndef TRAIN_FILES_H
#define TRAIN_FILES_H

#include <stdio.h>

typedef struct output {
    char path[1100], temporary[1110];
    FILE *stream;
} output;

/* Like mkdir -p; ends the program where that fails. */
void make_directory(const char *path);

/* Both end the program on errors, with the name. The path is a format and its values, as for printf. */
output output_open(const char *path, ...) __attribute__((format(printf, 1, 2)));
void output_commit(output *x);

#endif
