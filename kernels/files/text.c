/*
 * text.c - text that grows, numbers as text and back, UTF-8, and what a tensor's dtype and shape amount to. Nothing
 * here knows of files; C's own number functions follow the locale and are not used to read.
 */
#include "files.h"

#if defined(ADAMW_POSIX)

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void adamw_files_add(adamw_files_text *text, const char *bytes, size_t count)
{
    if (text->failed)
        return;
    if (text->room - text->length <= count) {
        const size_t room = 2 * text->room + count + 64;
        char *const grown = realloc(text->bytes, room);
        if (grown == NULL) {
            text->failed = true;
            return;
        }
        text->bytes = grown;
        text->room = room;
    }
    memcpy(text->bytes + text->length, bytes, count);
    text->length += count;
    text->bytes[text->length] = '\0';
}

void adamw_files_add_string(adamw_files_text *text, const char *string)
{
    adamw_files_add(text, string, strlen(string));
}

void adamw_files_add_json(adamw_files_text *text, const char *string)
{
    const char *begin = string, *at = string;
    adamw_files_add(text, "\"", 1);
    for (; *at != '\0'; at++) {
        const unsigned char c = (unsigned char)*at;
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        char escape[8];
        if (c == '"' || c == '\\')
            snprintf(escape, sizeof escape, "\\%c", c);
        else if (c == '\n')
            snprintf(escape, sizeof escape, "\\n");
        else
            snprintf(escape, sizeof escape, "\\u%04x", c);
        adamw_files_add(text, begin, (size_t)(at - begin));
        adamw_files_add_string(text, escape);
        begin = at + 1;
    }
    adamw_files_add(text, begin, (size_t)(at - begin));
    adamw_files_add(text, "\"", 1);
}

void adamw_files_add_number(adamw_files_text *text, uint64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    adamw_files_add_string(text, digits);
}

bool adamw_files_is_utf8(const char *bytes, size_t count)
{
    const unsigned char *at = (const unsigned char *)bytes, *const end = at + count;
    while (at < end) {
        const unsigned char c = *at++;
        if (c < 0x80)
            continue;
        const int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        if (c < 0xC2 || c > 0xF4 || end - at < more)
            return false;
        const unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
        const unsigned char high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
        if (at[0] < low || at[0] > high)
            return false;
        for (int i = 1; i < more; i++)
            if ((at[i] & 0xC0) != 0x80)
                return false;
        at += more;
    }
    return true;
}

void adamw_files_write_hex(char *to, uint64_t number)
{
    for (int i = 15; i >= 0; i--, number >>= 4)
        to[i] = "0123456789abcdef"[number & 15];
}

bool adamw_files_read_number(const char *from, const char *end, uint64_t *number)
{
    uint64_t x = 0;
    if (from == end || (*from == '0' && end - from > 1))
        return false;
    for (; from < end; from++) {
        const uint64_t digit = (uint64_t)(unsigned char)*from - '0';
        if (digit > 9 || x > (UINT64_MAX - digit) / 10)
            return false;
        x = 10 * x + digit;
    }
    *number = x;
    return true;
}

void *adamw_files_grow(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    const size_t wanted = 2 * *room + 16;
    void *const grown = realloc(list, wanted * size);
    if (grown != NULL)
        *room = wanted;
    return grown;
}

/* ---- dtypes ---- */

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [ADAMW_FILE_F32] = {"F32", 4},         [ADAMW_FILE_BF16] = {"BF16", 2},
    [ADAMW_FILE_F16] = {"F16", 2},         [ADAMW_FILE_F64] = {"F64", 8},
    [ADAMW_FILE_I8] = {"I8", 1},           [ADAMW_FILE_U8] = {"U8", 1},
    [ADAMW_FILE_I16] = {"I16", 2},         [ADAMW_FILE_U16] = {"U16", 2},
    [ADAMW_FILE_I32] = {"I32", 4},         [ADAMW_FILE_U32] = {"U32", 4},
    [ADAMW_FILE_I64] = {"I64", 8},         [ADAMW_FILE_U64] = {"U64", 8},
    [ADAMW_FILE_BOOL] = {"BOOL", 1},       [ADAMW_FILE_F8_E4M3] = {"F8_E4M3", 1},
    [ADAMW_FILE_F8_E5M2] = {"F8_E5M2", 1}, [ADAMW_FILE_F8_E8M0] = {"F8_E8M0", 1},
    [ADAMW_FILE_C64] = {"C64", 8},
};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

const char *adamw_file_dtype_name(adamw_file_dtype dtype)
{
    return (unsigned)dtype < DTYPES ? dtypes[dtype].name : "unknown";
}

size_t adamw_file_dtype_size(adamw_file_dtype dtype) { return (unsigned)dtype < DTYPES ? dtypes[dtype].size : 0; }

bool adamw_files_size_of(adamw_file_dtype dtype, const uint64_t *shape, size_t rank, uint64_t *values,
                         uint64_t *bytes)
{
    const uint64_t size = adamw_file_dtype_size(dtype);
    uint64_t product = 1;
    bool none = false;
    /* A size of 0 makes the whole 0, however large the others are. */
    for (size_t i = 0; i < rank; i++)
        none |= shape[i] == 0;
    for (size_t i = 0; i < rank && !none; i++)
        if (__builtin_mul_overflow(product, shape[i], &product))
            return false;
    *values = none ? 0 : product;
    return size != 0 && !__builtin_mul_overflow(*values, size, bytes);
}

#endif
