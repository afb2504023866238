/*
 * random_words.c - writes the random words of stochastic rounding to standard output, for a published battery of tests:
 * `random_words WALK | dieharder -g 200 -d 0`. tests/random.sh runs it. Nothing is judged here.
 */
#include "checks/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 4096 };

/* Word `i` of a walk: over the values of a tensor, over the steps of one value, or over both in turn. */
static uint32_t word_at(char walk, uint64_t i)
{
    switch (walk) {
    case 'i':
        return random_word(1, 1, 0, i, 0);
    case 's':
        return random_word(1, 1 + i, 0, 12345, 0);
    default: /* short tensors, both words of each value, step by step */
        return random_word(1, 1 + i / 2048, i / 256 % 8, i / 2 % 128, i % 2);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2 ||
        (strcmp(argv[1], "index") != 0 && strcmp(argv[1], "step") != 0 && strcmp(argv[1], "list") != 0)) {
        fprintf(stderr, "random_words: usage: random_words index|step|list | dieharder -g 200 -d 0\n");
        return 2;
    }
    for (uint64_t i = 0;; i += BATCH) {
        uint32_t words[BATCH];
        for (uint64_t k = 0; k < BATCH; k++)
            words[k] = word_at(argv[1][0], i + k);
        if (fwrite(words, sizeof words, 1, stdout) != 1)
            return 0; /* the battery has enough */
    }
}
