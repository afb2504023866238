/*
 * functions.c - cosine and power in 128-bit fixed point, because every C library has other last bits. Integers know
 * no rounding mode and no contraction, and 2^-90 of error leaves the nearest double in all but about one case of
 * 2^36: the results are correctly rounded in practice. frexp and ldexp of the C library are exact.
 */
#include "functions.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;

/* Two formats: "fraction" is 128 bits behind the point, for [0, 1); "fixed" is 126 behind it, for [0, 4). */
#define Q(high, low) ((u128)(high) << 64 | (low))
#define PI Q(0xC90FDAA22168C234, 0xC4C6628B80DC1CD1)   /* fixed */
#define LN_2 Q(0xB17217F7D1CF79AB, 0xC9E3B39803F2F6AF) /* fraction */

/* 1/n!, fixed. */
enum { TERMS = 34 };
static const u128 inverse_factorial[TERMS] = {
    Q(0x4000000000000000, 0x0000000000000000), Q(0x4000000000000000, 0x0000000000000000),
    Q(0x2000000000000000, 0x0000000000000000), Q(0x0AAAAAAAAAAAAAAA, 0xAAAAAAAAAAAAAAAB),
    Q(0x02AAAAAAAAAAAAAA, 0xAAAAAAAAAAAAAAAB), Q(0x0088888888888888, 0x8888888888888889),
    Q(0x0016C16C16C16C16, 0xC16C16C16C16C16C), Q(0x0003403403403403, 0x4034034034034034),
    Q(0x0000680680680680, 0x6806806806806807), Q(0x00000B8EF1D2AB63, 0x99C7D560E4472801),
    Q(0x00000127E4FB7789, 0xF5C72EF016D3EA66), Q(0x0000001AE64567F5, 0x44E38FE747E4B838),
    Q(0x000000023DDB1DFF, 0x1B12F6A89B530F5A), Q(0x000000002C248C27, 0x50DA12F9470663A4),
    Q(0x0000000003272E95, 0x180F93A4175BE28C), Q(0x000000000035CFE7, 0xCE67703E23B0CAD6),
    Q(0x0000000000035CFE, 0x7CE67703E23B0CAD), Q(0x00000000000032A5, 0x8EE0615A94D64C0A),
    Q(0x00000000000002D0, 0x4F0C772FB2EF7601), Q(0x0000000000000025, 0xE9368D0282AE4994),
    Q(0x0000000000000001, 0xE542BA402022507B), Q(0x0000000000000000, 0x171B8EF6DCF5718C),
    Q(0x0000000000000000, 0x010CE396DB7F8529), Q(0x0000000000000000, 0x000BB0DA098B1C0D),
    Q(0x0000000000000000, 0x00007CB3C065CBD6), Q(0x0000000000000000, 0x000004FCF3374598),
    Q(0x0000000000000000, 0x000000311D0BF8D5), Q(0x0000000000000000, 0x00000001D1AB1C2E),
    Q(0x0000000000000000, 0x0000000010A18A26), Q(0x0000000000000000, 0x000000000092CFCC),
    Q(0x0000000000000000, 0x000000000004E4CB), Q(0x0000000000000000, 0x000000000000286A),
    Q(0x0000000000000000, 0x0000000000000143), Q(0x0000000000000000, 0x000000000000000A),
};

/* 2^(-j/16), fixed. */
static const u128 sixteenths[16] = {
    Q(0x4000000000000000, 0x0000000000000000), Q(0x3D495F454921B30B, 0x1EE7431EBB6603F1),
    Q(0x3AB031B9F7490E4B, 0xB40B5D6CDC1B953F), Q(0x383337BB0AA53844, 0x419625412374CCF3),
    Q(0x35D13F32B5A75ABD, 0x0E69A2EE640B4FF8), Q(0x3389230547E12038, 0xF88D60E3E57CB1BB),
    Q(0x3159CA845541B6B7, 0x4F8AB432593767CE), Q(0x2F4228E7D6030DAF, 0xAA2047ED9B43EBDF),
    Q(0x2D413CCCFE779921, 0x165F626CDD52AFA8), Q(0x2B560FBA90A852B1, 0x92602A323D668BB1),
    Q(0x297FB5AA6C544E3A, 0x872F5FD885C41C07), Q(0x27BD4C982468446B, 0x682447C27AEE7F74),
    Q(0x260DFC14636E2A5B, 0xD1AB48C60B90BDBE), Q(0x2470F4DCEAC470CD, 0x83F5B6382B96B276),
    Q(0x22E57078FAA2F5B9, 0xBEF918A1D6294F24), Q(0x216AB0D9F3121EC5, 0x317256E30855306D),
};

/* a * b / 2^128, rounded down: a fraction times either format is in that format. */
static u128 multiply(u128 a, u128 b)
{
    const uint64_t a1 = (uint64_t)(a >> 64), a0 = (uint64_t)a, b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b;
    const u128 cross = (u128)a1 * b0, other = (u128)a0 * b1;
    const u128 middle = ((u128)a0 * b0 >> 64) + (uint64_t)cross + (uint64_t)other;
    return (u128)a1 * b1 + (cross >> 64) + (other >> 64) + (middle >> 64);
}

/* x * 2^bits, rounded down, for a positive normal x; a subnormal one is below every format's last bit. */
static u128 from_double(double x, int bits)
{
    uint64_t word;
    memcpy(&word, &x, sizeof word);
    const int exponent = (int)(word >> 52), shift = exponent - 1075 + bits;
    const uint64_t mantissa = (word & (UINT64_MAX >> 12)) | UINT64_C(1) << 52;
    if (exponent == 0 || shift <= -53)
        return 0;
    return shift >= 0 ? (u128)mantissa << shift : mantissa >> -shift;
}

/* x * 2^exponent, rounded to the nearest double, ties to even. */
static double to_double(u128 x, int exponent)
{
    const uint64_t high = (uint64_t)(x >> 64), low = (uint64_t)x;
    const int bits = high != 0 ? 128 - __builtin_clzll(high) : low != 0 ? 64 - __builtin_clzll(low) : 0;
    const int drop = bits - 53;
    if (drop > 0) {
        const u128 half = (u128)1 << (drop - 1), rest = x & ((half << 1) - 1);
        x >>= drop;
        x += rest > half || (rest == half && (x & 1));
        exponent += drop;
    }
    return ldexp((double)(uint64_t)x, exponent);
}

/* The alternating series of w^i / n!, n from `first` to `last` in steps of `stride`; w is a fraction, the sum fixed.
 */
static u128 series(u128 w, int first, int last, int stride)
{
    u128 sum = inverse_factorial[last];
    for (int n = last - stride; n >= first; n -= stride)
        sum = inverse_factorial[n] - multiply(w, sum);
    return sum;
}

/* 2^-x, fixed, of a fraction x: a sixteenth from the table, and exp(-r) of the rest, r < 0.0434. */
static u128 exp2_minus(u128 x)
{
    const u128 rest = multiply(x & (((u128)1 << 124) - 1), LN_2);
    return multiply(series(rest, 0, 16, 1), sixteenths[(int)(x >> 124)]) << 2;
}

double adamw_cos(double x)
{
    u128 angle = from_double(x, 126);
    const bool negative = angle > PI / 2;
    if (negative)
        angle = angle < PI ? PI - angle : angle - PI;
    const bool as_sine = angle > PI / 4;
    if (as_sine)
        angle = PI / 2 - angle;
    const u128 z = angle << 2, square = multiply(z, z);
    const u128 size = as_sine ? multiply(z, series(square, 1, 33, 2)) : series(square, 0, 32, 2);
    return negative ? -to_double(size, -126) : to_double(size, -126);
}

/* -log2(m), fixed, for m from 1/2 to below 1: a double's worth of it, then what is left of m after its power of 2. */
static u128 minus_log2(double m)
{
    static const double log2_e = 0x1.71547652b82fep+0;
    const double s = (1 - m) / (1 + m), z = s * s;
    double sum = 0;
    for (int i = 27; i >= 1; i -= 2) /* the artanh series */
        sum = sum * z + 1.0 / i;
    const double guess = 2 * s * sum * log2_e, near = guess < 1 ? guess : 0x1.fffffffffffffp-1;
    const u128 start = from_double(near, 126), power = exp2_minus(start << 2), exact = from_double(m, 126);
    const bool above = exact > power;
    const double q = to_double(above ? exact - power : power - exact, -126) / to_double(power, -126);
    return above ? start - from_double((q - q * q / 2) * log2_e, 126)
                 : start + from_double((q + q * q / 2) * log2_e, 126);
}

double adamw_pow(double x, double y)
{
    if (y == 0 || x == 1)
        return 1;
    if (x == 0)
        return 0;
    int x_exponent, y_exponent;
    const double m = frexp(x, &x_exponent), n = frexp(y, &y_exponent);
    /* -log2(x) and, below, -log2(x^y), with 117 bits behind the point: 2^11 is beyond every exponent of a double. */
    const u128 log2_x = ((u128)(unsigned)-x_exponent << 117) + (minus_log2(m) >> 9);
    u128 log2_power = multiply(log2_x, from_double(n, 128));
    if (y_exponent > 0) {
        if (y_exponent >= 128 || log2_power >> (128 - y_exponent) != 0)
            return 0;
        log2_power <<= y_exponent;
    } else {
        log2_power = y_exponent > -128 ? log2_power >> -y_exponent : 0;
    }
    const u128 power = exp2_minus(log2_power << 11);
    /* On a grid of 2^-90, a power that lies exactly between two doubles (0.75^34) is seen to. */
    const u128 grid = (u128)1 << 36, snapped = (power + grid / 2) & ~(grid - 1);
    return to_double(snapped, -126 - (int)(log2_power >> 117));
}
