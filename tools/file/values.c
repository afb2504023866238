/*
 * values.c - the values of a tensor as numbers and text, whatever its dtype.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "../common/shortest.h"

/* A binary floating-point number of `exponent` and `fraction` bits, its bits in `bits`; no infinities without
 * `ieee`. */
static double small_float(unsigned bits, int exponent, int fraction, bool ieee)
{
    const unsigned mask = (1u << fraction) - 1, low = bits & mask;
    const int e = (int)(bits >> fraction & ((1u << exponent) - 1)), bias = (1 << (exponent - 1)) - 1;
    const double sign = bits >> (exponent + fraction) & 1 ? -1 : 1;
    if (ieee && e == (1 << exponent) - 1)
        return low != 0 ? NAN : sign * INFINITY;
    if (!ieee && e == (1 << exponent) - 1 && low == mask)
        return NAN;
    return sign * (e == 0 ? ldexp(low, 1 - bias - fraction) : ldexp(low + mask + 1, e - bias - fraction));
}

/* An unsigned or signed integer of the tensor. */
static uint64_t whole(const adamw_file_tensor *t, size_t i)
{
    uint64_t x = 0;
    const size_t size = adamw_file_dtype_size(t->dtype);
    memcpy(&x, (const char *)t->data + i * size, size);
    const bool is_signed = t->dtype == ADAMW_FILE_I8 || t->dtype == ADAMW_FILE_I16 || t->dtype == ADAMW_FILE_I32;
    if (is_signed && x >> (8 * size - 1))
        x |= UINT64_MAX << (8 * size - 1);
    return x;
}

double file_value(const adamw_file_tensor *t, size_t i)
{
    const char *const at = (const char *)t->data + i * adamw_file_dtype_size(t->dtype);
    float single;
    double real;
    const unsigned bits = (unsigned)whole(t, i);
    switch (t->dtype) {
    case ADAMW_FILE_F32:
    case ADAMW_FILE_C64: /* its real part */
        memcpy(&single, at, sizeof single);
        return single;
    case ADAMW_FILE_F64:
        memcpy(&real, at, sizeof real);
        return real;
    case ADAMW_FILE_BF16:
        return small_float(bits & 0xFFFF, 8, 7, true);
    case ADAMW_FILE_F16:
        return small_float(bits & 0xFFFF, 5, 10, true);
    case ADAMW_FILE_F8_E4M3:
        return small_float(bits & 0xFF, 4, 3, false);
    case ADAMW_FILE_F8_E5M2:
        return small_float(bits & 0xFF, 5, 2, true);
    case ADAMW_FILE_F8_E8M0:
        return (bits & 0xFF) == 0xFF ? NAN : ldexp(1, (int)(bits & 0xFF) - 127);
    case ADAMW_FILE_I8:
    case ADAMW_FILE_I16:
    case ADAMW_FILE_I32:
    case ADAMW_FILE_I64:
        return (double)(int64_t)whole(t, i);
    default:
        return (double)whole(t, i);
    }
}

void file_print_value(const adamw_file_tensor *t, size_t i)
{
    switch (t->dtype) {
    case ADAMW_FILE_I32:
    case ADAMW_FILE_I64:
        printf("%" PRId64, (int64_t)whole(t, i));
        break;
    case ADAMW_FILE_U32:
    case ADAMW_FILE_U64:
        printf("%" PRIu64, whole(t, i));
        break;
    case ADAMW_FILE_F64:
        printf("%s", shortest_of(file_value(t, i)).text);
        break;
    case ADAMW_FILE_C64: {
        float parts[2];
        memcpy(parts, (const char *)t->data + i * sizeof parts, sizeof parts);
        printf("%.9g%+.9gi", (double)parts[0], (double)parts[1]);
        break;
    }
    default:
        printf("%.9g", file_value(t, i));
    }
}

void file_print_shape(const adamw_file_tensor *t)
{
    printf("[");
    for (size_t k = 0; k < t->rank; k++)
        printf("%s%" PRIu64, k > 0 ? "," : "", t->shape[k]);
    printf("]");
}

void file_print_name(const char *name, int width)
{
    int printed = 0;
    for (const char *at = name; *at != '\0'; at++) {
        const unsigned char c = (unsigned char)*at;
        if (c < 0x20 || c == 0x7F)
            printed += printf("\\x%02x", c);
        else {
            putchar(c);
            printed += (c & 0xC0) != 0x80; /* UTF-8's following bytes take no column */
        }
    }
    printf("%*s", printed < width ? width - printed : 0, "");
}
