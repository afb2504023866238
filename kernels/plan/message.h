/*
 * message.h - the one way in which a refused argument gets its sentence, and in which steps and schedules alike show
 * the refused number. A call that needs the status alone passes an empty sentence, and nothing is formatted.
 */
#ifndef ADAMW_PLAN_MESSAGE_H
#define ADAMW_PLAN_MESSAGE_H

#include "../strict.h"

#include <stdarg.h>
#include <stddef.h>

#include "../../include/adamw.h"

/* Where a sentence goes: `size` bytes with the terminating zero; size 0 when only the status is wanted. */
typedef struct adamw_sentence {
    char *buffer;
    size_t size;
} adamw_sentence;

/* The caller's buffer as a sentence; NULL is an empty one. */
ADAMW_INTERNAL adamw_sentence adamw_sentence_in(char *buffer, size_t size);

/* Writes a part of the sentence; the next part goes behind it. */
ADAMW_FORMAT(2, 3) ADAMW_INTERNAL void adamw_say(adamw_sentence *to, const char *format, ...);
ADAMW_INTERNAL void adamw_say_list(adamw_sentence *to, const char *format, va_list arguments);

/* Writes the whole sentence and returns the status, to be returned. */
ADAMW_FORMAT(3, 4)
ADAMW_INTERNAL adamw_status adamw_refuse(adamw_sentence to, adamw_status status, const char *format, ...);

/* A number as text: the shortest one that reads back as the same double, with a point in every locale and to nearest in
 * every rounding mode. */
typedef struct adamw_number {
    char text[32];
} adamw_number;
ADAMW_INTERNAL adamw_number adamw_number_of(double x);

/* Writes "ok" where nothing was wrong, and returns the status. */
ADAMW_INTERNAL adamw_status adamw_told(adamw_status status, adamw_sentence to);

#endif
