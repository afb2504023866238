/*
 * fuzz_schedule.c - any bytes become a recipe and a life of its schedule, and tests/checks/schedule_any.c says what
 * must hold for it. For libFuzzer (tools/check.sh fuzz); `make test` gives the same code random bytes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../checks/schedule_any.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    schedule_any_counts counts = {0};
    const char *found = schedule_any_run(data, size, &counts);
    if (found != NULL) {
        fprintf(stderr, "fuzz_schedule: %s\n", found);
        abort();
    }
    return 0;
}
