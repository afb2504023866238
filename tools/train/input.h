/*
 * input.h - a whole input file in memory, plain or gzip, of at most a given size. Parsers have their own files.
 */
#ifndef TRAIN_INPUT_H
#define TRAIN_INPUT_H

#include <stddef.h>

/* A file in memory, unpacked, with a zero behind it. */
typedef struct file {
    char name[1024];
    char *bytes;
    size_t size;
} file;

/* Reads DIRECTORY/NAME, or else DIRECTORY/NAME.gz; either may hold plain bytes or gzip. Ends the program on errors,
 * and where the unpacked bytes are more than `limit`: a few kilobytes of gzip can unpack to gigabytes. */
file read_file(const char *directory, const char *name, size_t limit);
void free_file(file *x);

#endif
