/*
 * message.h - the one way in which a refused argument gets its sentence, for steps and schedules alike. A call that
 * needs the status alone passes an empty sentence, and nothing is formatted.
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
__attribute__((format(printf, 2, 3))) ADAMW_INTERNAL void adamw_say(adamw_sentence *to, const char *format, ...);
ADAMW_INTERNAL void adamw_say_list(adamw_sentence *to, const char *format, va_list arguments);

/* Writes the whole sentence and returns the status, to be returned. */
__attribute__((format(printf, 3, 4))) ADAMW_INTERNAL adamw_status adamw_refuse(adamw_sentence to, adamw_status status,
                                                                               const char *format, ...);

/* Writes "ok" where nothing was wrong, and returns the status. */
ADAMW_INTERNAL adamw_status adamw_told(adamw_status status, adamw_sentence to);

#endif
