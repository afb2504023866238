/*
 * offload.c - the optimizer's part of a run whose model is on a device: the device keeps bfloat16 parameters and sends
 * bfloat16 gradients, the host keeps float32 parameters and moments, and one call clips, steps and writes the bfloat16
 * copy that goes back. The device is memory of this process here: to_host() and to_device() are where copies to and
 * from a real one stand. main() compares the call with the passes that it takes the place of.
 */
#include <adamw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENSORS = 3, MOST = 50000, STEPS = 60 };
static const size_t sizes[TENSORS] = {MOST, 301, 20000};

/* What lies on the device, and the model there: its loss is half the squared distance to a target. */
static uint16_t device_param[TENSORS][MOST], device_grad[TENSORS][MOST];

static void fail(const char *sentence)
{
    fprintf(stderr, "offload: %s\n", sentence);
    exit(1);
}

static void checked(adamw_status status)
{
    if (status != ADAMW_OK)
        fail(adamw_status_string(status));
}

static float target(size_t tensor, size_t i) { return sinf((float)(tensor * 1000 + i)); }

static double device_backward(void)
{
    static float values[MOST];
    double loss = 0;
    for (size_t t = 0; t < TENSORS; t++) {
        checked(adamw_decode(sizes[t], device_param[t], ADAMW_DTYPE_BFLOAT16, values, 0));
        for (size_t i = 0; i < sizes[t]; i++) {
            values[i] -= target(t, i);
            loss += 0.5 * (double)values[i] * (double)values[i];
        }
        checked(adamw_encode(sizes[t], values, device_grad[t], ADAMW_DTYPE_BFLOAT16, 0));
    }
    return loss;
}

/* What lies on the host. */
typedef struct host {
    float param[TENSORS][MOST], exp_avg[TENSORS][MOST], exp_avg_sq[TENSORS][MOST];
    uint16_t grad[TENSORS][MOST], copy[TENSORS][MOST]; /* pinned memory, for a real device */
    uint64_t step;                                     /* how many were not skipped */
} host;

static void to_host(host *h) { memcpy(h->grad, device_grad, sizeof device_grad); }
static void to_device(const host *h) { memcpy(device_param, h->copy, sizeof device_param); }

/* The step: returns false where the gradients had an infinity or a NaN, and then nothing was changed. */
static bool host_step(host *h, const adamw_config *config)
{
    adamw_tensor tensors[TENSORS];
    for (size_t t = 0; t < TENSORS; t++)
        tensors[t] = (adamw_tensor){.n = sizes[t],
                                    .param = h->param[t],
                                    .grad = h->grad[t],
                                    .grad_dtype = ADAMW_DTYPE_BFLOAT16,
                                    .exp_avg = h->exp_avg[t],
                                    .exp_avg_sq = h->exp_avg_sq[t],
                                    .param_copy = h->copy[t],
                                    .copy_dtype = ADAMW_DTYPE_BFLOAT16};
    adamw_update_options options;
    adamw_update_options_init(&options);
    options.clip = ADAMW_CLIP_GLOBAL_NORM;
    options.clip_max = 1;
    options.skip_not_finite = true;
    options.copy = true;
    adamw_update_report report;
    checked(adamw_update(config, h->step + 1, tensors, TENSORS, &options, &report, 0));
    h->step += !report.skipped;
    return !report.skipped;
}

/* The same by passes: widen, norm, clip, step, narrow. */
static void host_step_by_passes(host *h, const adamw_config *config)
{
    static float grad[TENSORS][MOST];
    adamw_tensor tensors[TENSORS];
    for (size_t t = 0; t < TENSORS; t++) {
        checked(adamw_decode(sizes[t], h->grad[t], ADAMW_DTYPE_BFLOAT16, grad[t], 0));
        tensors[t] = (adamw_tensor){.n = sizes[t], .grad = grad[t]};
    }
    double norm;
    checked(adamw_grad_norm(tensors, TENSORS, ADAMW_NORM_L2, 0, &norm));
    const float coefficient = (float)fmin(1, 1 / (norm + 1e-6));
    h->step++;
    for (size_t t = 0; t < TENSORS; t++) {
        for (size_t i = 0; i < sizes[t]; i++)
            grad[t][i] *= coefficient;
        checked(adamw_step_f32(config, h->step, sizes[t], h->param[t], grad[t], h->exp_avg[t], h->exp_avg_sq[t]));
        checked(adamw_encode(sizes[t], h->param[t], h->copy[t], ADAMW_DTYPE_BFLOAT16, 0));
    }
}

int main(void)
{
    static host ours, by_passes, before;
    adamw_config config;
    adamw_config_init(&config);
    config.lr = 0.03;
    config.weight_decay = 0;
    for (size_t t = 0; t < TENSORS; t++)
        checked(adamw_decode(sizes[t], device_param[t], ADAMW_DTYPE_BFLOAT16, ours.param[t], 0));
    by_passes = ours;

    double first = 0, loss = 0;
    for (int step = 0; step < STEPS; step++) {
        loss = device_backward();
        first = step == 0 ? loss : first;
        if (step == 5) { /* a gradient overflows */
            const uint16_t kept = device_grad[1][300];
            device_grad[1][300] = 0x7F80;
            to_host(&ours);
            before = ours;
            if (host_step(&ours, &config) || memcmp(&before, &ours, sizeof ours) != 0)
                fail("a step with an infinite gradient was not skipped, or it changed something");
            device_grad[1][300] = kept;
        }
        to_host(&ours);
        to_host(&by_passes);
        host_step_by_passes(&by_passes, &config);
        if (!host_step(&ours, &config))
            fail("a step with finite gradients was skipped");
        if (memcmp(&by_passes, &ours, sizeof ours) != 0)
            fail("the call has other bits than its passes");
        to_device(&ours);
    }
    printf("loss %.1f at first, %.1f after %d steps; one infinite gradient skipped; the bits of five passes\n", first,
           loss, STEPS);
    return loss < 0.2 * first ? 0 : 1;
}
