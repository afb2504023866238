/*
 * file.h - what the parts of adamw-file share.
 */
#ifndef ADAMW_TOOLS_FILE_H
#define ADAMW_TOOLS_FILE_H

#include "../../include/adamw.h"

/* Exit statuses: as cmp and diff have them. */
enum { FILE_RIGHT = 0, FILE_DIFFERENT = 1, FILE_WRONG = 2 };

/* Opens a file, or prints the sentence and ends the program with FILE_WRONG. */
adamw_file *file_open(const char *path);

/* Names, dtypes, shapes, checksums, metadata; `head`: that many values of each tensor. */
int file_list(const char *path, size_t head);
/* Reads all data and compares it with the checksums. */
int file_check(const char *path);
/* Tensors, metadata, and how many values differ and by how much. */
int file_compare(const char *first, const char *second);

/* Value i of a tensor as a double, and as text. */
double file_value(const adamw_file_tensor *tensor, size_t i);
void file_print_value(const adamw_file_tensor *tensor, size_t i);
/* The name, control characters as \x0a, filled up to `width` columns. */
void file_print_name(const char *name, int width);
/* "[50257,768]" */
void file_print_shape(const adamw_file_tensor *tensor);

#endif
