/*
 * message.c - see message.h. Nothing here knows what is checked.
 */
#include "message.h"

#include <fenv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

adamw_number adamw_number_of(double x)
{
    adamw_number number = {"nan"};
    char *const text = number.text;
    /* By the bits: clang moves a comparison, which raises a flag for a subnormal, in front of feholdexcept(). */
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t size = bits & ~(UINT64_C(1) << 63), infinity = UINT64_C(0x7FF) << 52;
    const bool is_number = size <= infinity, finite = size < infinity;
    fenv_t env;
    feholdexcept(&env);
    fesetround(FE_TONEAREST);
    for (int digits = 1; is_number && digits <= 17; digits++) {
        snprintf(text, sizeof number.text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    fesetenv(&env);
    char *const point = text + strspn(text, "-0123456789");
    const size_t length = strcspn(point, "0123456789e");
    if (finite && length != 0) {
        memmove(point + 1, point + length, strlen(point + length) + 1);
        *point = '.';
    }
    return number;
}

adamw_status adamw_told(adamw_status status, adamw_sentence to)
{
    if (status == ADAMW_OK)
        adamw_say(&to, "ok");
    return status;
}
