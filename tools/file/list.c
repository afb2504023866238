/*
 * list.c - adamw-file list and check: what a file has, and whether it is whole.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

/* Of the small tensors of a state, one line for all parameters that have the same value: "lr 0.001 (148 times)". */
static void print_common(const adamw_file *file, const char *before, const char *behind, const char *name)
{
    const adamw_file_tensor *last = NULL;
    size_t same = 0, others = 0;
    for (size_t i = 0; i < adamw_file_count(file); i++) {
        const adamw_file_tensor *const t = adamw_file_at(file, i);
        const size_t length = strlen(t->name), tail = strlen(behind);
        if (!begins(t->name, before) || length < tail || strcmp(t->name + length - tail, behind) != 0)
            continue;
        if (last == NULL)
            last = t;
        if (t->bytes == last->bytes && memcmp(t->data, last->data, t->bytes) == 0)
            same++;
        else
            others++;
    }
    if (last == NULL)
        return;
    printf("%-24s", name);
    for (size_t i = 0; i < last->bytes / adamw_file_dtype_size(last->dtype) && i < 2; i++) {
        printf(" ");
        file_print_value(last, i);
    }
    if (others > 0)
        printf("   in %zu of %zu parameters; others differ", same, same + others);
    printf("\n");
}

static void print_state(const adamw_file *file)
{
    static const char *const keys[] = {
        "lr", "betas", "eps", "weight_decay", "amsgrad", "maximize", "decoupled_weight_decay", "arithmetic"};
    print_common(file, "state.", ".step", "step");
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        char behind[32];
        snprintf(behind, sizeof behind, ".%s", keys[k]);
        print_common(file, "param_groups.", behind, keys[k]);
    }
}

/* Text of several lines, each behind its key. */
static void print_metadata(const adamw_file *file)
{
    for (size_t i = 0; i < adamw_file_metadata_count(file); i++) {
        const adamw_file_entry *const x = adamw_file_metadata_at(file, i);
        for (const char *at = x->value, *end;; at = end + 1) {
            end = at + strcspn(at, "\n");
            file_print_name(at == x->value ? x->key : "", 24);
            printf(" %.*s\n", (int)(end - at), at);
            if (*end == '\0' || end[1] == '\0')
                break;
        }
    }
}

int file_list(const char *path, size_t head)
{
    adamw_file *const file = file_open(path);
    uint64_t bytes = 0;
    for (size_t i = 0; i < adamw_file_count(file); i++) {
        const adamw_file_tensor *const t = adamw_file_at(file, i);
        const char *const sum = adamw_file_checksum(file, i);
        const size_t values = (size_t)(t->bytes / adamw_file_dtype_size(t->dtype));
        bytes += t->bytes;
        file_print_name(t->name, 48);
        printf(" %-8s ", adamw_file_dtype_name(t->dtype));
        file_print_shape(t);
        printf("  %.16s", sum != NULL ? sum : "no checksum");
        for (size_t k = 0; k < head && k < values; k++) {
            printf(k == 0 ? "  " : " ");
            file_print_value(t, k);
        }
        printf("%s\n", head > 0 && values > head ? " ..." : "");
    }
    printf("\n%zu tensors, %" PRIu64 " bytes of data\n", adamw_file_count(file), bytes);
    print_state(file);
    print_metadata(file);
    adamw_file_close(file);
    return FILE_RIGHT;
}

int file_check(const char *path)
{
    char sentence[ADAMW_FILE_SENTENCE_SIZE];
    adamw_file *file; /* not by file_open(): the next file is looked at too */
    size_t with = 0;
    if (adamw_open(&file, path, sentence, sizeof sentence) != ADAMW_OK) {
        fprintf(stderr, "adamw-file: %s\n", sentence);
        return FILE_WRONG;
    }
    for (size_t i = 0; i < adamw_file_count(file); i++)
        with += adamw_file_checksum(file, i) != NULL;
    const adamw_status status = adamw_file_check(file, NULL, sentence, sizeof sentence);
    if (status != ADAMW_OK)
        fprintf(stderr, "adamw-file: %s\n", sentence);
    else if (with == adamw_file_count(file))
        printf("%s: right: %zu tensors have the data of their checksums\n", path, with);
    else
        printf("%s: its header is right; %zu of %zu tensors have no checksum\n", path, adamw_file_count(file) - with,
               adamw_file_count(file));
    adamw_file_close(file);
    return status == ADAMW_OK ? FILE_RIGHT : FILE_WRONG;
}
