/*
 * json.c - reads JSON from front to back, strictly as RFC 8259 has it: the headers of safetensors files and their
 * indices. Strings are decoded in their own place and terminated where their closing quote stood, so nothing is
 * allocated, and every access lies between begin and end, whatever the bytes are. tests/fuzz/fuzz_file.c feeds it.
 */
#include "files.h"

#if defined(ADAMW_POSIX)

#include <string.h>

enum { DEEPEST = 32 };

static bool wrong(adamw_json *json, const char *what)
{
    if (json->wrong == NULL)
        json->wrong = what;
    return false;
}

static void skip_space(adamw_json *json)
{
    while (json->at < json->end && (*json->at == ' ' || *json->at == '\n' || *json->at == '\t' || *json->at == '\r'))
        json->at++;
}

bool adamw_json_is_next(adamw_json *json, char sign)
{
    skip_space(json);
    return json->wrong == NULL && json->at < json->end && *json->at == sign;
}

bool adamw_json_expect(adamw_json *json, char sign, const char *what)
{
    if (!adamw_json_is_next(json, sign))
        return wrong(json, what);
    json->at++;
    return true;
}

bool adamw_json_goes_on(adamw_json *json, char closing)
{
    if (adamw_json_is_next(json, ',')) {
        json->at++;
        return true;
    }
    adamw_json_expect(json, closing,
                      closing == '}' ? "there must be ',' or '}' here" : "there must be ',' or ']' here");
    return false;
}

/* Four hexadecimal digits. */
static bool read_hex(adamw_json *json, unsigned *code)
{
    *code = 0;
    if (json->end - json->at < 4)
        return wrong(json, "\\u needs four hexadecimal digits");
    for (int i = 0; i < 4; i++, json->at++) {
        const char c = *json->at;
        const unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                               : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                               : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                      : 16;
        if (digit == 16)
            return wrong(json, "\\u needs four hexadecimal digits");
        *code = *code << 4 | digit;
    }
    return true;
}

/* What follows a backslash, decoded to *to, which moves on: at most as many bytes as it took to write. */
static bool read_escape(adamw_json *json, char **to)
{
    static const char signs[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (json->at == json->end)
        return wrong(json, "the string goes on past the end");
    const char sign = *json->at++;
    const char *const found = sign != '\0' ? strchr(signs, sign) : NULL;
    if (found != NULL) {
        *(*to)++ = meant[found - signs];
        return true;
    }
    unsigned code, low;
    if (sign != 'u')
        return wrong(json, "JSON has no such escape");
    if (!read_hex(json, &code))
        return false;
    if (code >= 0xD800 && code < 0xDC00) {
        if (json->end - json->at < 2 || json->at[0] != '\\' || json->at[1] != 'u')
            return wrong(json, "half of a surrogate pair");
        json->at += 2;
        if (!read_hex(json, &low))
            return false;
        if (low < 0xDC00 || low > 0xDFFF)
            return wrong(json, "half of a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
        return wrong(json, "half of a surrogate pair");
    }
    if (code == 0)
        return wrong(json, "a zero byte in a string");
    if (code < 0x80) {
        *(*to)++ = (char)code;
    } else if (code < 0x800) {
        *(*to)++ = (char)(0xC0 | code >> 6);
        *(*to)++ = (char)(0x80 | (code & 63));
    } else {
        if (code < 0x10000) {
            *(*to)++ = (char)(0xE0 | code >> 12);
        } else {
            *(*to)++ = (char)(0xF0 | code >> 18);
            *(*to)++ = (char)(0x80 | (code >> 12 & 63));
        }
        *(*to)++ = (char)(0x80 | (code >> 6 & 63));
        *(*to)++ = (char)(0x80 | (code & 63));
    }
    return true;
}

static bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

/* How many of eight bytes come before the first that is '"', '\\', a control character or not ASCII; 8 where none is.
 * A header is mostly names: eight bytes at once save a third of the instructions of an opening. A borrow of the
 * subtractions goes to higher bytes only, so the lowest sign is right; the targets are little-endian. */
static unsigned plain_of_eight(const char *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    uint64_t x, quote, slash;
    memcpy(&x, at, sizeof x);
    quote = x ^ ones * '"';
    slash = x ^ ones * '\\';
    const uint64_t signs = (x | (x - ones * 0x20) | (quote - ones) | (slash - ones)) & highs;
    return signs != 0 ? (unsigned)__builtin_ctzll(signs) / 8 : 8;
}

bool adamw_json_string(adamw_json *json, char **string, const char *what)
{
    if (!adamw_json_expect(json, '"', what))
        return false;
    char *const begin = json->at, *to = begin;
    bool ascii = true;
    unsigned plain = 8;
    while (plain == 8 && json->end - json->at >= 8) {
        plain = plain_of_eight(json->at);
        json->at += plain;
    }
    while (json->at < json->end && is_plain((unsigned char)*json->at))
        json->at++;
    for (to = json->at; json->at < json->end && *json->at != '"';) {
        const unsigned char c = (unsigned char)*json->at;
        if (c < 0x20)
            return wrong(json, "a control character in a string");
        json->at++;
        ascii &= c < 0x80 && c != '\\';
        if (c != '\\')
            *to++ = (char)c;
        else if (!read_escape(json, &to))
            return false;
    }
    if (json->at == json->end)
        return wrong(json, "the string goes on past the end");
    if (!ascii && !adamw_files_is_utf8(begin, (size_t)(to - begin))) {
        json->at = begin;
        return wrong(json, "the string is not UTF-8");
    }
    json->at++;
    *to = '\0';
    *string = begin;
    return true;
}

bool adamw_json_unsigned(adamw_json *json, uint64_t *number, const char *what)
{
    skip_space(json);
    const char *const begin = json->at;
    const char *at = begin;
    while (at < json->end && *at >= '0' && *at <= '9')
        at++;
    if (!adamw_files_read_number(begin, at, number))
        return wrong(json, what);
    json->at += at - begin;
    return true;
}

static bool skip_digits(adamw_json *json)
{
    const char *const begin = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
        json->at++;
    return json->at > begin || wrong(json, "a digit is missing");
}

static bool skip_number(adamw_json *json)
{
    json->at += *json->at == '-';
    if (json->at < json->end && *json->at == '0')
        json->at++;
    else if (!skip_digits(json))
        return false;
    if (json->at < json->end && *json->at == '.') {
        json->at++;
        if (!skip_digits(json))
            return false;
    }
    if (json->at < json->end && (*json->at == 'e' || *json->at == 'E')) {
        json->at++;
        if (json->at < json->end && (*json->at == '+' || *json->at == '-'))
            json->at++;
        return skip_digits(json);
    }
    return true;
}

static bool skip_word(adamw_json *json)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const size_t length = strlen(words[i]);
        if ((size_t)(json->end - json->at) >= length && memcmp(json->at, words[i], length) == 0) {
            json->at += length;
            return true;
        }
    }
    return wrong(json, "there must be a value here");
}

bool adamw_json_skip(adamw_json *json)
{
    char closing[DEEPEST] = "", *string;
    int depth = 0;
    do {
        const bool object = adamw_json_is_next(json, '{');
        if (object || adamw_json_is_next(json, '[')) {
            if (depth == DEEPEST)
                return wrong(json, "nested more than 32 deep");
            json->at++;
            closing[depth] = object ? '}' : ']';
            if (!adamw_json_is_next(json, closing[depth])) {
                depth++;
                if (object && !(adamw_json_string(json, &string, "there must be a name here") &&
                                adamw_json_expect(json, ':', "there must be ':' here")))
                    return false;
                continue;
            }
            json->at++;
        } else if (adamw_json_is_next(json, '"')) {
            if (!adamw_json_string(json, &string, ""))
                return false;
        } else if (json->at < json->end && (*json->at == '-' || (*json->at >= '0' && *json->at <= '9'))) {
            if (!skip_number(json))
                return false;
        } else if (!skip_word(json)) {
            return false;
        }
        while (depth > 0 && !adamw_json_goes_on(json, closing[depth - 1])) {
            if (json->wrong != NULL)
                return false;
            depth--;
        }
        if (depth > 0 && closing[depth - 1] == '}' &&
            !(adamw_json_string(json, &string, "there must be a name here") &&
              adamw_json_expect(json, ':', "there must be ':' here")))
            return false;
    } while (depth > 0);
    return json->wrong == NULL;
}

bool adamw_json_end(adamw_json *json)
{
    skip_space(json);
    return json->wrong == NULL && (json->at == json->end || wrong(json, "there is more text behind the last '}'"));
}

#endif
