/*
 * flaws.c - one deliberate mistake for each sanitizer, so that tools/check.sh can see that the tool it relies on is
 * awake: flaws overflow|leak|undefined|race|uninitialised. Nothing of the library belongs here.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int shared, sink;

static void *count(void *nothing)
{
    for (int i = 0; i < 100000; i++)
        shared++;
    return nothing;
}

int main(int argc, char **argv)
{
    const char *flaw = argc > 1 ? argv[1] : "";
    if (strcmp(flaw, "overflow") == 0) {
        volatile char *block = malloc(8);
        sink = block[8 + argc - 2];
        free((void *)block);
    } else if (strcmp(flaw, "leak") == 0) {
        void *volatile block = malloc(1234);
        block = NULL;
        sink = block != NULL;
    } else if (strcmp(flaw, "undefined") == 0) {
        volatile int big = 0x7FFFFFFF;
        sink = big + argc;
    } else if (strcmp(flaw, "uninitialised") == 0) {
        int *block = malloc(sizeof *block);
        if (*(volatile int *)block == 1)
            puts("one");
        free(block);
    } else if (strcmp(flaw, "race") == 0) {
        pthread_t other;
        if (pthread_create(&other, NULL, count, NULL) != 0)
            return 2;
        count(NULL);
        pthread_join(other, NULL);
    } else {
        fprintf(stderr, "flaws: unknown flaw '%s'\n", flaw);
        return 2;
    }
    return 0;
}
