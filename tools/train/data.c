/*
 * data.c - see data.h: what is done to a task whatever it was read from. Readers have their own files.
 */
#include "data.h"

#include <stdlib.h>
#include <zlib.h>

void free_task(task *x)
{
    samples *sets[] = {&x->train, &x->validation, &x->test};
    for (size_t i = 0; i < 3; i++) {
        free(sets[i]->values);
        free(sets[i]->start);
        free(sets[i]->target);
        *sets[i] = (samples){.count = 0};
    }
}

void task_digest(task *x)
{
    const samples *sets[] = {&x->train, &x->validation, &x->test};
    for (size_t s = 0; s < 3; s++) {
        uLong crc = crc32(0, (const Bytef *)sets[s]->target, (uInt)(sets[s]->count * sizeof(float)));
        for (size_t i = 0; i < sets[s]->count; i++)
            crc = crc32(crc, (const Bytef *)(sets[s]->values + sets[s]->start[i]), (uInt)(x->inputs * sizeof(float)));
        x->digest[s] = (uint32_t)crc;
    }
}
