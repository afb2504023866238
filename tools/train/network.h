/*
 * network.h - a multilayer perceptron with SiLU between its layers: forward, backward, and its parameters as tensors.
 * Matrix products are OpenBLAS's on the calling thread alone; the optimizer does not come in here.
 */
#ifndef TRAIN_NETWORK_H
#define TRAIN_NETWORK_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_LAYERS = 8 };

typedef struct layer {
    size_t in, out;
    size_t weight, bias; /* where they begin in param and grad; weight is out rows of in values, as torch has it */
    float *sum, *value, *back; /* batch * out: before and after SiLU, and the loss's derivative by the sum */
} layer;

typedef struct network {
    size_t layers, count; /* count: of all parameters */
    layer layer[MAX_LAYERS];
    float *param, *grad;
    const float *input; /* of the last forward call */
} network;

/* widths: inputs, hidden layers, outputs, so layers + 1 of them. */
network network_new(const size_t *widths, size_t layers, size_t max_batch);
void network_free(network *x);

/* Weights uniform in +-1 / sqrt(in), torch.nn.Linear's own start, and zero biases. He's sqrt(6 / in) is too wild for
 * inputs as alike as a window's rows: the network first has to unlearn it (FD001: 19.4 instead of 14.0 cycles). */
void network_init(network *x, uint64_t seed);

/* Returns the outputs, batch rows; for classes these are logits. */
const float *network_forward(network *x, const float *input, size_t batch);

/* Where the loss writes its derivative by the outputs, before network_backward() fills grad. */
float *network_output_back(network *x);
void network_backward(network *x, size_t batch);

/* The Euclidean norm of a layer's weights among `param`, layers counted from 0. */
double network_weight_norm(const network *x, const float *param, size_t index);

#endif
