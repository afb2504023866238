/*
 * shortest.h - a number as the shortest text that reads back as the same one: 0.9 and not 0.90000000000000002, and
 * never 0.0015 for what is not that. In the C locale, which the tools never leave.
 */
#ifndef ADAMW_TOOLS_COMMON_SHORTEST_H
#define ADAMW_TOOLS_COMMON_SHORTEST_H

#include <stdio.h>
#include <stdlib.h>

typedef struct shortest {
    char text[32];
} shortest;

static inline shortest shortest_of(double x)
{
    shortest s;
    int digits = 1;
    do
        snprintf(s.text, sizeof s.text, "%.*g", digits, x);
    while (strtod(s.text, NULL) != x && ++digits <= 17);
    return s;
}

#endif
