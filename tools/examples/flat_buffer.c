/*
 * flat_buffer.c - a miniature of trainers whose parameters, gradients and moments are one flat buffer each, as llm.c
 * has them: a character model of one hidden layer, which prints its loss at each step. flat_buffer.patch replaces the
 * loop of model_update() by the library's call.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const char text[] = "the step reads the parameter, the gradient and the two moments, and writes three of them "
                           "back. the rate falls, the loss falls, and the weights decay a little at every step.";

enum { CONTEXT = 6, SYMBOLS = 32, CHANNELS = 8, INPUTS = CONTEXT * CHANNELS, HIDDEN = 64, BATCH = 32, STEPS = 40 };

/* The tensors of the model are places in its flat buffers. */
enum {
    EMBEDDING = 0,
    WEIGHT1 = EMBEDDING + SYMBOLS * CHANNELS,
    BIAS1 = WEIGHT1 + HIDDEN * INPUTS,
    WEIGHT2 = BIAS1 + HIDDEN,
    BIAS2 = WEIGHT2 + SYMBOLS * HIDDEN,
    NUM_PARAMETERS = BIAS2 + SYMBOLS
};

typedef struct Model {
    size_t num_parameters;
    float *params_memory, *grads_memory;
    float *m_memory, *v_memory; /* the optimizer's; made at its first step */
    float input[INPUTS], hidden[HIDDEN], probability[SYMBOLS];
} Model;

static uint32_t random_state = 1337;
static float uniform(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (float)(random_state >> 8) / 8388608.0f - 1.0f;
}

static float *zeros(size_t n)
{
    float *memory = calloc(n, sizeof(float));
    if (memory == NULL) {
        fprintf(stderr, "flat_buffer: no memory for %zu values\n", n);
        exit(1);
    }
    return memory;
}

static int symbol_of(char c) { return c >= 'a' && c <= 'z' ? c - 'a' : c == ' ' ? 26 : c == ',' ? 27 : 28; }

static void model_build(Model *model)
{
    *model = (Model){.num_parameters = NUM_PARAMETERS};
    model->params_memory = zeros(NUM_PARAMETERS);
    model->grads_memory = zeros(NUM_PARAMETERS);
    for (size_t i = 0; i < NUM_PARAMETERS; i++)
        model->params_memory[i] = 0.1f * uniform();
}

/* The loss of the symbol that follows the CONTEXT ones at `at`. */
static double model_forward(Model *model, const char *at)
{
    const float *params = model->params_memory;
    for (int i = 0; i < INPUTS; i++)
        model->input[i] = params[EMBEDDING + symbol_of(at[i / CHANNELS]) * CHANNELS + i % CHANNELS];
    for (int h = 0; h < HIDDEN; h++) {
        float sum = params[BIAS1 + h];
        for (int i = 0; i < INPUTS; i++)
            sum += params[WEIGHT1 + h * INPUTS + i] * model->input[i];
        model->hidden[h] = tanhf(sum);
    }
    float total = 0;
    for (int s = 0; s < SYMBOLS; s++) {
        float logit = params[BIAS2 + s];
        for (int h = 0; h < HIDDEN; h++)
            logit += params[WEIGHT2 + s * HIDDEN + h] * model->hidden[h];
        total += model->probability[s] = expf(logit);
    }
    for (int s = 0; s < SYMBOLS; s++)
        model->probability[s] /= total;
    return -log((double)model->probability[symbol_of(at[CONTEXT])]);
}

/* Adds the gradient of that loss, divided by the batch. */
static void model_backward(Model *model, const char *at)
{
    const float *params = model->params_memory;
    float *grads = model->grads_memory;
    float d_hidden[HIDDEN] = {0}, d_input[INPUTS] = {0};
    for (int s = 0; s < SYMBOLS; s++) {
        const float d = (model->probability[s] - (s == symbol_of(at[CONTEXT]) ? 1.0f : 0.0f)) / BATCH;
        grads[BIAS2 + s] += d;
        for (int h = 0; h < HIDDEN; h++) {
            grads[WEIGHT2 + s * HIDDEN + h] += d * model->hidden[h];
            d_hidden[h] += d * params[WEIGHT2 + s * HIDDEN + h];
        }
    }
    for (int h = 0; h < HIDDEN; h++) {
        const float d = d_hidden[h] * (1 - model->hidden[h] * model->hidden[h]);
        grads[BIAS1 + h] += d;
        for (int i = 0; i < INPUTS; i++) {
            grads[WEIGHT1 + h * INPUTS + i] += d * model->input[i];
            d_input[i] += d * params[WEIGHT1 + h * INPUTS + i];
        }
    }
    for (int i = 0; i < INPUTS; i++)
        grads[EMBEDDING + symbol_of(at[i / CHANNELS]) * CHANNELS + i % CHANNELS] += d_input[i];
}

static void model_zero_grad(Model *model)
{
    for (size_t i = 0; i < model->num_parameters; i++)
        model->grads_memory[i] = 0;
}

static void model_update(Model *model, float learning_rate, float beta1, float beta2, float eps, float weight_decay,
                         int t)
{
    if (model->m_memory == NULL) {
        model->m_memory = zeros(model->num_parameters);
        model->v_memory = zeros(model->num_parameters);
    }
    const float correction1 = 1 - powf(beta1, (float)t), correction2 = 1 - powf(beta2, (float)t);
    for (size_t i = 0; i < model->num_parameters; i++) {
        const float grad = model->grads_memory[i], param = model->params_memory[i];
        /* the moments, corrected for their start at zero */
        const float m = beta1 * model->m_memory[i] + (1 - beta1) * grad;
        const float v = beta2 * model->v_memory[i] + (1 - beta2) * grad * grad;
        model->m_memory[i] = m;
        model->v_memory[i] = v;
        const float direction = (m / correction1) / (sqrtf(v / correction2) + eps);
        /* the decay is decoupled from the gradient */
        model->params_memory[i] = param - learning_rate * (direction + weight_decay * param);
    }
}

int main(void)
{
    Model model;
    model_build(&model);
    for (int step = 0; step < STEPS; step++) {
        double mean_loss = 0;
        model_zero_grad(&model);
        for (int b = 0; b < BATCH; b++) {
            const size_t places = sizeof text - 1 - CONTEXT;
            const char *at = text + (size_t)(step * BATCH + b) * 7 % places;
            mean_loss += model_forward(&model, at) / BATCH;
            model_backward(&model, at);
        }
        model_update(&model, 1e-2f, 0.9f, 0.999f, 1e-8f, 0.01f, step + 1);
        printf("step %d: train loss %f\n", step, mean_loss);
    }
    free(model.params_memory);
    free(model.grads_memory);
    free(model.m_memory);
    free(model.v_memory);
    return 0;
}
