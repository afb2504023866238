/*
 * network.c - see network.h. The products are cut nowhere, so their bits depend on the shapes and the machine's BLAS.
 */
#include "network.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "activation.h"
#include "fail.h"
#include "random.h"

network network_new(const size_t *widths, size_t layers, size_t max_batch)
{
    network x = {.layers = layers};
    for (size_t i = 0; i < layers; i++) {
        layer *l = &x.layer[i];
        l->in = widths[i];
        l->out = widths[i + 1];
        l->weight = x.count;
        l->bias = l->weight + l->in * l->out;
        x.count = l->bias + l->out;
        l->sum = allocate(max_batch * l->out, sizeof(float));
        l->value = allocate(max_batch * l->out, sizeof(float));
        l->back = allocate(max_batch * l->out, sizeof(float));
    }
    x.param = allocate(x.count, sizeof(float));
    x.grad = allocate(x.count, sizeof(float));
    return x;
}

void network_free(network *x)
{
    for (size_t i = 0; i < x->layers; i++) {
        free(x->layer[i].sum);
        free(x->layer[i].value);
        free(x->layer[i].back);
    }
    free(x->param);
    free(x->grad);
}

void network_init(network *x, uint64_t seed)
{
    memset(x->param, 0, x->count * sizeof(float));
    for (size_t i = 0; i < x->layers; i++) {
        const layer *l = &x->layer[i];
        const float bound = (float)(1 / sqrt((double)l->in));
        random_state state = random_of(seed, i);
        for (size_t k = l->weight; k < l->bias; k++)
            x->param[k] = bound * (2 * random_unit(&state) - 1);
    }
}

const float *network_forward(network *x, const float *input, size_t batch)
{
    x->input = input;
    for (size_t i = 0; i < x->layers; i++) {
        const layer *l = &x->layer[i];
        for (size_t row = 0; row < batch; row++)
            memcpy(l->sum + row * l->out, x->param + l->bias, l->out * sizeof(float));
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)batch, (int)l->out, (int)l->in, 1, input,
                    (int)l->in, x->param + l->weight, (int)l->in, 1, l->sum, (int)l->out);
        if (i + 1 == x->layers)
            return l->sum;
        silu(batch * l->out, l->sum, l->value);
        input = l->value;
    }
    return input;
}

float *network_output_back(network *x) { return x->layer[x->layers - 1].back; }

void network_backward(network *x, size_t batch)
{
    for (size_t i = x->layers; i-- > 0;) {
        const layer *l = &x->layer[i];
        const float *input = i == 0 ? x->input : x->layer[i - 1].value;
        float *bias = x->grad + l->bias;
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)l->out, (int)l->in, (int)batch, 1, l->back,
                    (int)l->out, input, (int)l->in, 0, x->grad + l->weight, (int)l->in);
        memset(bias, 0, l->out * sizeof(float));
        for (size_t row = 0; row < batch; row++)
            for (size_t k = 0; k < l->out; k++)
                bias[k] += l->back[row * l->out + k];
        if (i == 0)
            return;
        const layer *before = &x->layer[i - 1];
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)batch, (int)l->in, (int)l->out, 1, l->back,
                    (int)l->out, x->param + l->weight, (int)l->in, 0, before->back, (int)l->in);
        silu_back(batch * l->in, before->sum, before->back);
    }
}

double network_weight_norm(const network *x, const float *param, size_t index)
{
    const layer *l = &x->layer[index];
    double squares = 0;
    for (size_t k = l->weight; k < l->bias; k++)
        squares += (double)param[k] * (double)param[k];
    return sqrt(squares);
}
