/*
 * forge.c - for the trainer's tests: shows the float32 values of a checkpoint, or writes one with a single thing
 * changed and all checksums right, so that what is behind them is looked at.
 *
 *     forge values FILE                   a line "NAME VALUE" for each
 *     forge text FROM TO KEY [VALUE]      another text; without VALUE none
 *     forge whole FROM TO NAME VALUE      another int64
 *     forge shorter FROM TO NAME          a tensor with one value less
 *     forge drop FROM TO NAME             without a tensor
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../include/adamw.h"

static char said[ADAMW_FILE_SENTENCE_SIZE];

static void expect(bool right, const char *what)
{
    if (right)
        return;
    fprintf(stderr, "forge: %s\n", what);
    exit(2);
}

static void show(const adamw_file *file)
{
    for (size_t i = 0; i < adamw_file_count(file); i++) {
        const adamw_file_tensor *t = adamw_file_at(file, i);
        for (size_t k = 0; t->dtype == ADAMW_FILE_F32 && k < t->bytes / sizeof(float); k++)
            printf("%s %.9g\n", t->name, (double)((const float *)t->data)[k]);
    }
}

int main(int argc, char **argv)
{
    adamw_file *file;
    expect(argc > 2, "values FILE, or text, whole, shorter or drop FROM TO NAME [VALUE]");
    expect(adamw_open(&file, argv[2], said, sizeof said) == ADAMW_OK, said);
    const char *const what = argv[1], *const name = argc > 4 ? argv[4] : "", *const value = argc > 5 ? argv[5] : NULL;
    if (strcmp(what, "values") == 0) {
        show(file);
        return 0;
    }
    adamw_file_tensor *tensors = calloc(adamw_file_count(file) + 1, sizeof *tensors);
    adamw_file_entry *texts = calloc(adamw_file_metadata_count(file) + 1, sizeof *texts);
    expect(tensors != NULL && texts != NULL, "no memory");
    size_t count = 0, text_count = 0, changed = 0;
    uint64_t shorter = 0;
    int64_t whole = value != NULL ? strtoll(value, NULL, 10) : 0;
    for (size_t i = 0; i < adamw_file_count(file); i++) {
        adamw_file_tensor t = *adamw_file_at(file, i);
        const bool here = strcmp(t.name, name) == 0 && strcmp(what, "text") != 0;
        changed += here;
        if (here && strcmp(what, "whole") == 0)
            t.data = &whole;
        if (here && strcmp(what, "shorter") == 0) {
            shorter = t.shape[0] - 1;
            t.shape = &shorter;
            t.bytes = 0;
        }
        if (!here || strcmp(what, "drop") != 0)
            tensors[count++] = t;
    }
    for (size_t i = 0; i < adamw_file_metadata_count(file); i++) {
        adamw_file_entry e = *adamw_file_metadata_at(file, i);
        const bool here = strcmp(e.key, name) == 0 && strcmp(what, "text") == 0;
        changed += here;
        if (here)
            e.value = value;
        if (e.value != NULL && strncmp(e.key, "adamw.checksum", 14) != 0 && strcmp(e.key, "adamw.file") != 0)
            texts[text_count++] = e;
    }
    expect(changed == 1, "nothing has that name");
    expect(adamw_save(argv[3], tensors, count, texts, text_count, said, sizeof said) == ADAMW_OK, said);
    return 0;
}
