/*
 * activation.c - see activation.h. Four floats at a time, the width that SLEEF has on every x86-64 and AArch64
 * without a compiler flag; its dispatcher takes the CPU's best code. The rest of a row is padded, so that the bits of
 * a value do not depend on its place.
 */
#include "activation.h"

#include <math.h>
#include <sleef.h>
#include <string.h>

#if defined(__aarch64__)
typedef float32x4_t four;
#else
typedef __m128 four;
#endif

/* y = exp(sign * (x - shift)) */
static void exponential(size_t n, const float *x, float sign, float shift, float *y)
{
    for (size_t i = 0; i < n; i += 4) {
        const size_t got = n - i < 4 ? n - i : 4;
        float part[4] = {0};
        four v;
        for (size_t k = 0; k < got; k++)
            part[k] = sign * (x[i + k] - shift);
        memcpy(&v, part, sizeof v);
        v = Sleef_expf4_u10(v);
        memcpy(part, &v, sizeof v);
        memcpy(y + i, part, got * sizeof *y);
    }
}

enum { CHUNK = 1024 };

void silu(size_t n, const float *x, float *y)
{
    float e[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        const size_t got = n - i < CHUNK ? n - i : CHUNK;
        exponential(got, x + i, -1, 0, e);
        for (size_t k = 0; k < got; k++)
            y[i + k] = x[i + k] / (1 + e[k]);
    }
}

void silu_back(size_t n, const float *x, float *back)
{
    float e[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        const size_t got = n - i < CHUNK ? n - i : CHUNK;
        exponential(got, x + i, -1, 0, e);
        for (size_t k = 0; k < got; k++) {
            const float sigmoid = 1 / (1 + e[k]);
            back[i + k] *= sigmoid * (1 + x[i + k] * (1 - sigmoid));
        }
    }
}

double softmax(size_t rows, size_t n, const float *x, const float *target, float *y)
{
    double loss = 0;
    for (size_t row = 0; row < rows; row++, x += n, y += n) {
        float largest = x[0], sum = 0;
        for (size_t i = 1; i < n; i++)
            largest = fmaxf(largest, x[i]);
        exponential(n, x, 1, largest, y);
        for (size_t i = 0; i < n; i++)
            sum += y[i];
        for (size_t i = 0; i < n; i++)
            y[i] /= sum;
        loss += (double)(Sleef_logf_u10(sum) + largest - x[(size_t)target[row]]);
    }
    return loss;
}
