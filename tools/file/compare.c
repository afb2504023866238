/*
 * compare.c - adamw-file compare: which tensors and texts of two files differ, in how many values, and by how much.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "file.h"

/* Prints a line where they differ; returns whether they do. */
static bool compare_tensors(const adamw_file_tensor *a, const adamw_file_tensor *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank ||
        (a->rank > 0 && memcmp(a->shape, b->shape, a->rank * sizeof *a->shape) != 0)) {
        file_print_name(a->name, 48);
        printf(" %s ", adamw_file_dtype_name(a->dtype));
        file_print_shape(a);
        printf(" and %s ", adamw_file_dtype_name(b->dtype));
        file_print_shape(b);
        printf("\n");
        return true;
    }
    if (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0)
        return false;
    const size_t size = adamw_file_dtype_size(a->dtype), values = (size_t)(a->bytes / size);
    size_t different = 0, first = 0;
    double largest = 0;
    for (size_t i = 0; i < values; i++) {
        if (memcmp((const char *)a->data + i * size, (const char *)b->data + i * size, size) == 0)
            continue;
        const double by = fabs(file_value(a, i) - file_value(b, i));
        if (different++ == 0)
            first = i;
        if (!(by <= largest)) /* NaN counts as the largest */
            largest = by;
    }
    printf("%-48s %zu of %zu values differ, by up to %.6g; value %zu is ", a->name, different, values, largest,
           first);
    file_print_value(a, first);
    printf(" and ");
    file_print_value(b, first);
    printf("\n");
    return true;
}

int file_compare(const char *first, const char *second)
{
    adamw_file *const a = file_open(first), *const b = file_open(second);
    size_t i = 0, k = 0, different = 0, same = 0;
    while (i < adamw_file_count(a) || k < adamw_file_count(b)) {
        const adamw_file_tensor *const x = adamw_file_at(a, i), *const y = adamw_file_at(b, k);
        const int order = x == NULL ? 1 : y == NULL ? -1 : strcmp(x->name, y->name);
        if (order != 0) {
            file_print_name(order < 0 ? x->name : y->name, 48);
            printf(" only in %s\n", order < 0 ? first : second);
            different++;
        } else if (compare_tensors(x, y)) {
            different++;
        } else {
            same++;
        }
        i += order <= 0;
        k += order >= 0;
    }
    i = k = 0;
    while (i < adamw_file_metadata_count(a) || k < adamw_file_metadata_count(b)) {
        const adamw_file_entry *const x = adamw_file_metadata_at(a, i), *const y = adamw_file_metadata_at(b, k);
        const int order = x == NULL ? 1 : y == NULL ? -1 : strcmp(x->key, y->key);
        if (order != 0)
            printf("metadata %-39s only in %s\n", order < 0 ? x->key : y->key, order < 0 ? first : second);
        else if (strcmp(x->value, y->value) != 0)
            printf("metadata %-39s differs\n", x->key);
        else
            same++;
        different += order != 0 || strcmp(x->value, y->value) != 0;
        i += order <= 0;
        k += order >= 0;
    }
    printf(different == 0 ? "the same: %zu tensors and texts\n" : "%zu tensors and texts are the same\n", same);
    adamw_file_close(a);
    adamw_file_close(b);
    return different == 0 ? FILE_RIGHT : FILE_DIFFERENT;
}
