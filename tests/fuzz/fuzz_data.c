/*
 * fuzz_data.c - any bytes become the data files of the trainer, C-MAPSS text or IDX: its readers must refuse them
 * with one sentence or return samples that lie inside their arrays and are finite. For libFuzzer (tools/check.sh
 * fuzz). The readers are the trainer's own files; files, memory and the way out are this file's, so that a refused
 * input goes on with the next one and every block ends where ASan sees it. Compiled with -Dfree=fuzz_free.
 */
#undef free
#include "../../tools/train/data.h"
#include "../../tools/train/fail.h"
#include "../../tools/train/input.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 64, TEXT_SIZE = 1024, MOST_MEMORY = 1 << 27 };

static jmp_buf refused;
static void *blocks[BLOCKS];
static size_t taken; /* bytes of the run */
static const uint8_t *rest;
static size_t left;

void fuzz_free(void *memory);
void fuzz_free(void *memory)
{
    for (size_t i = 0; i < BLOCKS; i++)
        if (blocks[i] == memory)
            blocks[i] = NULL;
    free(memory);
}

/* Exactly as large as asked for, unlike the trainer's own, which rounds up. */
void *allocate(size_t count, size_t size)
{
    taken += count * size;
    if (taken > MOST_MEMORY) {
        fprintf(stderr, "%zu bytes of memory\n", taken);
        abort();
    }
    for (size_t i = 0; i < BLOCKS; i++)
        if (blocks[i] == NULL)
            return blocks[i] = calloc(count + (count == 0), size);
    abort();
}

void fail(const char *format, ...)
{
    char text[4 * TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 10 || (size_t)length >= sizeof text || strchr(text, '\n') != NULL) {
        fprintf(stderr, "no sentence: %s\n", text);
        abort();
    }
    longjmp(refused, 1);
}

/* Files are cut off the input in the order in which they are read, each behind its length in two bytes. */
file read_file(const char *directory, const char *name, size_t limit)
{
    file x = {.size = 0};
    if (left >= 2) {
        const size_t wanted = rest[0] | (size_t)rest[1] << 8;
        rest += 2;
        left -= 2;
        x.size = wanted < left ? wanted : left;
    }
    if (x.size > limit)
        fail("%s: more than %zu bytes", name, limit);
    snprintf(x.name, sizeof x.name, "%s/%s", directory, name);
    x.bytes = allocate(x.size + 1, 1);
    memcpy(x.bytes, rest, x.size);
    rest += x.size;
    left -= x.size;
    return x;
}

void free_file(file *x) { fuzz_free(x->bytes); }

static void look_at(task *t)
{
    const samples *sets[] = {&t->train, &t->validation, &t->test};
    task_digest(t); /* reads every value */
    for (size_t s = 0; s < 3; s++)
        for (size_t i = 0; i < sets[s]->count; i++) {
            bool right = isfinite(sets[s]->target[i]);
            for (size_t k = 0; k < t->inputs; k++)
                right = right && isfinite(sets[s]->values[sets[s]->start[i] + k]);
            if (!right) {
                fprintf(stderr, "sample %zu of set %zu is not finite\n", i, s);
                abort();
            }
        }
    if (t->train.count == 0 || t->validation.count == 0 || t->test.count == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const int kind = data[0] % 3;
    rest = data + 1;
    left = size - 1;
    taken = 0;
    if (setjmp(refused) == 0) {
        task t = kind == 0 ? read_fashion_mnist("d") : read_cmapss("d", kind == 1 ? "FD001" : "FD002");
        look_at(&t);
        free_task(&t);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        fuzz_free(blocks[i]);
    return 0;
}
