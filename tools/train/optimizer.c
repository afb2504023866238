/*
 * optimizer.c - see optimizer.h.
 */
#include "optimizer.h"

#include <stdlib.h>

#include "fail.h"

const char *optimizer_name(adamw_decay decay) { return decay == ADAMW_DECAY_L2 ? "adam-l2" : "adamw"; }

static void add_tensors(optimizer *x, const network *net)
{
    float *grad = x->sum != NULL ? x->sum : net->grad;
    for (size_t i = 0; i < net->layers; i++) {
        const layer *l = &net->layer[i];
        const size_t at[] = {l->weight, l->bias}, n[] = {l->in * l->out, l->out};
        for (size_t k = 0; k < 2; k++)
            x->tensor[x->tensors++] = (adamw_tensor){.n = n[k],
                                                     .param = net->param + at[k],
                                                     .grad = grad + at[k],
                                                     .exp_avg = x->exp_avg + at[k],
                                                     .exp_avg_sq = x->exp_avg_sq + at[k],
                                                     .param_ema = x->ema != NULL ? x->ema + at[k] : NULL,
                                                     .config = k == 1 ? &x->biases : NULL};
    }
}

optimizer *optimizer_new(const options *o, adamw_decay decay, double weight_decay, const network *net, int epochs,
                         size_t steps)
{
    optimizer *x = allocate(1, sizeof *x);
    x->count = net->count;
    x->exp_avg = allocate(x->count, sizeof(float));
    x->exp_avg_sq = allocate(x->count, sizeof(float));
    x->ema = o->ema > 0 ? allocate(x->count, sizeof(float)) : NULL;
    x->batches = o->accumulate;
    x->batch = (size_t)o->batch;
    x->sum = x->batches > 1 ? allocate(x->count, sizeof(float)) : NULL;

    recipe(o, epochs, steps, &x->weights, &x->schedule, x->milestones);
    x->weights.decay = decay;
    x->biases = x->weights;
    x->threads = o->threads;
    const adamw_schedule_config *c = &x->schedule.config;
    x->groups[0] = (adamw_schedule_group){&x->weights, c->base_lr, c->min_lr, weight_decay};
    x->groups[1] = (adamw_schedule_group){&x->biases, c->base_lr, c->min_lr, 0};

    adamw_update_options_init(&x->update);
    x->update.clip = o->clip > 0 ? ADAMW_CLIP_GLOBAL_NORM : ADAMW_CLIP_NONE;
    x->update.clip_max = o->clip;
    x->update.ema = o->ema > 0 ? ADAMW_EMA_BIAS_CORRECTED : ADAMW_EMA_NONE;
    x->update.ema_decay = o->ema;
    x->update.zero_grad = x->sum != NULL;
    add_tensors(x, net);
    return x;
}

void optimizer_free(optimizer *x)
{
    free(x->exp_avg);
    free(x->exp_avg_sq);
    free(x->ema);
    free(x->sum);
    free(x);
}

static void make_step(optimizer *x)
{
    char sentence[256];
    if (adamw_schedule_apply(&x->schedule, x->groups, 2) != ADAMW_OK) {
        adamw_schedule_apply_explain(&x->schedule, x->groups, 2, sentence, sizeof sentence);
        fail("an optimizer step was refused: %s", sentence);
    }
    if (adamw_update(&x->weights, ++x->step, x->tensor, x->tensors, &x->update, NULL, x->threads) != ADAMW_OK) {
        adamw_update_explain(&x->weights, x->step, x->tensor, x->tensors, &x->update, NULL, x->threads, sentence,
                             sizeof sentence);
        fail("an optimizer step was refused: %s", sentence);
    }
    adamw_schedule_step(&x->schedule);
}

size_t optimizer_divisor(const optimizer *x, size_t samples) { return x->sum != NULL ? x->batch : samples; }

void optimizer_batch(optimizer *x, const network *net, size_t samples, bool last)
{
    if (x->sum == NULL) {
        make_step(x);
        return;
    }
    adamw_accumulate(x->count, x->sum, net->grad, ADAMW_DTYPE_FLOAT32, x->threads);
    x->samples += samples;
    if (++x->waiting < x->batches && !last)
        return;
    x->update.grad_scale = (double)x->batch / (double)x->samples;
    make_step(x);
    x->waiting = 0;
    x->samples = 0;
}

float *optimizer_weights(const optimizer *x, const network *net) { return x->ema != NULL ? x->ema : net->param; }
