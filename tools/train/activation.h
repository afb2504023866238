/*
 * activation.h - SiLU (x times its sigmoid) and softmax over float arrays, on SLEEF's vector exponential.
 */
#ifndef TRAIN_ACTIVATION_H
#define TRAIN_ACTIVATION_H

#include <stddef.h>

void silu(size_t n, const float *x, float *y);

/* Multiplies the derivative by y into the one by x. */
void silu_back(size_t n, const float *x, float *back);

/* Each row of n becomes its softmax; the return is the sum over rows of log(sum of exponentials) - x[target], the
 * cross-entropy. */
double softmax(size_t rows, size_t n, const float *x, const float *target, float *y);

#endif
