/*
 * numbers.c - numbers to text and back, in every locale alike: C's printf and strtod follow its decimal point.
 */
#include "numbers.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void adamw_write_real(char *to, size_t size, double x)
{
    uint64_t word;
    memcpy(&word, &x, sizeof word);
    const int exponent = (int)(word >> 52 & 0x7FF);
    const uint64_t fraction = word & (UINT64_MAX >> 12);
    const char *sign = word >> 63 ? "-" : "";
    char digits[24];
    int count = 13; /* hexadecimal digits of 52 bits, without the zeros at their end */
    snprintf(digits, sizeof digits, "%013" PRIx64, fraction);
    while (count > 0 && digits[count - 1] == '0')
        count--;
    if (exponent == 0x7FF)
        snprintf(to, size, "%s%s", fraction != 0 ? "" : sign, fraction != 0 ? "nan" : "inf");
    else if (exponent == 0 && fraction == 0)
        snprintf(to, size, "%s0x0p+0", sign);
    else
        snprintf(to, size, "%s0x%d%s%.*sp%+d", sign, exponent != 0, count > 0 ? "." : "", count, digits,
                 exponent != 0 ? exponent - 1023 : -1022);
}

/* mantissa * 2^exponent, of up to 53 bits, put together by integers: where the host has subnormals flushed, ldexp()
 * makes infinity of one. */
static double real_of(uint64_t mantissa, int exponent)
{
    double x;
    if (mantissa == 0)
        return 0;
    for (; mantissa >> 53 != 0; mantissa >>= 1)
        exponent++;
    for (; mantissa >> 52 == 0 && exponent > -1074; mantissa <<= 1)
        exponent--;
    if (exponent < -1074)
        mantissa = exponent > -1138 ? mantissa >> (-1074 - exponent) : 0;
    if (exponent > 971)
        return INFINITY;
    /* The leading bit of a normal number adds 1 to the exponent's field. */
    const uint64_t field = exponent > -1074 ? (uint64_t)(exponent + 1074) : 0, word = (field << 52) + mantissa;
    memcpy(&x, &word, sizeof x);
    return x;
}

double adamw_read_real(const char *from)
{
    const bool negative = *from == '-';
    from += negative;
    if (strcmp(from, "inf") == 0)
        return negative ? -INFINITY : INFINITY;
    uint64_t mantissa = 0;
    int exponent = 0, digits = 0;
    bool point = false;
    from += strncmp(from, "0x", 2) == 0 ? 2 : 0;
    for (; *from != '\0' && *from != 'p' && digits < 15; from++) {
        if (*from == '.') {
            point = true;
            continue;
        }
        const char *hex = "0123456789abcdef", *at = strchr(hex, *from);
        mantissa = mantissa << 4 | (uint64_t)(at != NULL ? at - hex : 0);
        exponent -= 4 * point;
        digits++;
    }
    int shift = 0;
    const bool down = strncmp(from, "p-", 2) == 0;
    for (from += down || strncmp(from, "p+", 2) == 0 ? 2 : 0; *from >= '0' && *from <= '9' && shift < 100000; from++)
        shift = 10 * shift + (*from - '0');
    const double x = real_of(mantissa, exponent + (down ? -shift : shift));
    return negative ? -x : x;
}

int64_t adamw_read_integer(const char *from)
{
    const bool negative = *from == '-';
    uint64_t x = 0;
    for (from += negative; *from >= '0' && *from <= '9'; from++)
        x = 10 * x + (uint64_t)(*from - '0');
    return (int64_t)(negative ? 0 - x : x);
}
