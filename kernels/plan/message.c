/*
 * message.c - see message.h. Nothing here knows what is checked.
 */
#include "message.h"

#include <stdio.h>

adamw_sentence adamw_sentence_in(char *buffer, size_t size)
{
    return (adamw_sentence){buffer, buffer != NULL ? size : 0};
}

void adamw_say_list(adamw_sentence *to, const char *format, va_list arguments)
{
    if (to->size == 0)
        return;
    const int wanted = vsnprintf(to->buffer, to->size, format, arguments);
    const size_t room = to->size - 1, used = wanted < 0 ? 0 : (size_t)wanted < room ? (size_t)wanted : room;
    to->buffer += used;
    to->size -= used;
}

void adamw_say(adamw_sentence *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    adamw_say_list(to, format, arguments);
    va_end(arguments);
}

adamw_status adamw_refuse(adamw_sentence to, adamw_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    adamw_say_list(&to, format, arguments);
    va_end(arguments);
    return status;
}

adamw_status adamw_told(adamw_status status, adamw_sentence to)
{
    if (status == ADAMW_OK)
        adamw_say(&to, "ok");
    return status;
}
