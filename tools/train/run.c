/*
 * run.c - the training loop: shuffled batches, forward, backward, one adamw_step over all tensors; after each epoch
 * the validation set, which alone decides about the rate and about which weights are kept. The test set is looked at
 * once, with the weights that the validation set chose.
 */
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "fail.h"
#include "loss.h"
#include "random.h"

enum { SHUFFLE = 1000 /* the random streams below it are the layers' */ };

typedef struct optimizer {
    adamw_config weights, biases; /* two groups: biases do not decay */
    adamw_tensor tensor[2 * MAX_LAYERS];
    size_t tensors;
    float *exp_avg, *exp_avg_sq;
    uint64_t step;
} optimizer;

static optimizer *optimizer_new(const run *x, const network *net)
{
    optimizer *o = allocate(1, sizeof *o);
    o->exp_avg = allocate(net->count, sizeof(float));
    o->exp_avg_sq = allocate(net->count, sizeof(float));
    adamw_config_init(&o->weights);
    o->weights.decay = x->decay;
    o->weights.threads = x->options->threads;
    o->biases = o->weights;
    o->biases.threads = 0;
    o->weights.weight_decay = x->weight_decay;
    o->biases.weight_decay = 0;
    for (size_t i = 0; i < net->layers; i++) {
        const layer *l = &net->layer[i];
        const size_t at[] = {l->weight, l->bias}, n[] = {l->in * l->out, l->out};
        for (size_t k = 0; k < 2; k++)
            o->tensor[o->tensors++] = (adamw_tensor){.n = n[k],
                                                     .param = net->param + at[k],
                                                     .grad = net->grad + at[k],
                                                     .exp_avg = o->exp_avg + at[k],
                                                     .exp_avg_sq = o->exp_avg_sq + at[k],
                                                     .config = k == 1 ? &o->biases : NULL};
    }
    return o;
}

static void optimizer_free(optimizer *o)
{
    free(o->exp_avg);
    free(o->exp_avg_sq);
    free(o);
}

static void optimizer_step(optimizer *o)
{
    const adamw_status status = adamw_step(&o->weights, ++o->step, o->tensor, o->tensors);
    if (status != ADAMW_OK) {
        char sentence[256];
        adamw_explain(&o->weights, o->step, o->tensor, o->tensors, sentence, sizeof sentence);
        fail("%s", sentence);
    }
}

/* ---- the data of a batch ---- */

typedef struct loader {
    size_t *order;
    float *input, *target;
} loader;

static void shuffle(size_t *order, size_t n, uint64_t seed, int epoch_number)
{
    random_state state = random_of(seed, SHUFFLE + (uint64_t)epoch_number);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        const size_t k = random_below(&state, i), kept = order[k];
        order[k] = order[i - 1];
        order[i - 1] = kept;
    }
}

/* order NULL: as they stand. */
static void load(loader *to, const samples *from, const size_t *order, size_t first, size_t batch, size_t inputs)
{
    for (size_t i = 0; i < batch; i++) {
        const size_t k = order != NULL ? order[first + i] : first + i;
        memcpy(to->input + i * inputs, from->values + from->start[k], inputs * sizeof(float));
        to->target[i] = from->target[k];
    }
}

static size_t batch_at(size_t first, size_t count, size_t batch)
{
    return count - first < batch ? count - first : batch;
}

static score evaluate(const task *t, network *net, loader *to, const samples *set, size_t batch)
{
    score sum = {.count = 0};
    for (size_t first = 0; first < set->count; first += batch) {
        const size_t got = batch_at(first, set->count, batch);
        load(to, set, NULL, first, got, t->inputs);
        score_batch(t, network_forward(net, to->input, got), to->target, got, network_output_back(net), &sum);
    }
    return sum;
}

/* ---- the run ---- */

/* The recipe `rul`: linear warmup from a tenth, then half the rate at each plateau of the validation loss, down to a
 * two-hundredth. */
static adamw_schedule schedule_of(const options *o)
{
    adamw_schedule_config recipe;
    adamw_schedule schedule;
    adamw_schedule_config_init(&recipe);
    recipe.kind = ADAMW_SCHEDULE_PLATEAU;
    recipe.base_lr = o->lr;
    recipe.min_lr = o->lr / 200;
    recipe.warmup = o->warmup;
    recipe.factor = 0.5;
    recipe.patience = o->patience;
    if (adamw_schedule_init(&schedule, &recipe) != ADAMW_OK) {
        char sentence[256];
        adamw_schedule_explain(&recipe, sentence, sizeof sentence);
        fail("%s", sentence);
    }
    return schedule;
}

const char *optimizer_name(adamw_decay decay) { return decay == ADAMW_DECAY_L2 ? "adam-l2" : "adamw"; }

size_t run_steps(const run *x)
{
    const size_t batch = (size_t)x->options->batch;
    return (size_t)x->options->epochs * ((x->task->train.count + batch - 1) / batch);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static network network_of(const run *x, size_t batch)
{
    size_t widths[MAX_LAYERS + 1], layers = 0;
    widths[0] = x->task->inputs;
    for (int i = 0; i < x->options->hidden_layers; i++)
        widths[++layers] = (size_t)x->options->hidden[i];
    widths[++layers] = x->task->outputs;
    return network_new(widths, layers, batch);
}

static double train_epoch(run *x, network *net, optimizer *o, loader *in, const observer *watch)
{
    const task *t = x->task;
    const size_t batch = (size_t)x->options->batch;
    score sum = {.count = 0};
    shuffle(in->order, t->train.count, x->seed, x->epochs);
    for (size_t first = 0; first < t->train.count; first += batch) {
        const size_t got = batch_at(first, t->train.count, batch);
        load(in, &t->train, in->order, first, got, t->inputs);
        score_batch(t, network_forward(net, in->input, got), in->target, got, network_output_back(net), &sum);
        network_backward(net, got);
        optimizer_step(o);
        watch->step(watch->context);
    }
    const double loss = score_loss(&sum);
    if (!isfinite(loss))
        fail("%s, seed %llu: the training loss is not finite in epoch %d: a lower --lr or a longer --warmup would "
             "help",
             optimizer_name(x->decay), (unsigned long long)x->seed, x->epochs + 1);
    return loss;
}

static void finish(run *x, network *net, loader *in, const float *best)
{
    memcpy(net->param, best, net->count * sizeof(float));
    const score test = evaluate(x->task, net, in, &x->task->test, (size_t)x->options->batch);
    x->test = score_metric(x->task, &test);
    x->crc = (uint32_t)crc32(0, (const unsigned char *)net->param, (unsigned)(net->count * sizeof(float)));
    for (size_t i = 0; i < net->layers; i++)
        x->norm[i] = network_weight_norm(net, i);
}

void run_train(run *x, const observer *watch)
{
    const task *t = x->task;
    const size_t batch = (size_t)x->options->batch;
    network net = network_of(x, batch);
    loader in = {.order = allocate(t->train.count, sizeof(size_t)),
                 .input = allocate(batch * t->inputs, sizeof(float)),
                 .target = allocate(batch, sizeof(float))};
    float *best = allocate(net.count, sizeof(float));
    optimizer *o = optimizer_new(x, &net);
    x->layers = net.layers;
    x->params = net.count;
    x->epoch = allocate((size_t)x->options->epochs, sizeof(epoch));
    network_init(&net, x->seed);
    adamw_schedule schedule = schedule_of(x->options);

    for (x->epochs = 0; x->epochs < x->options->epochs;) {
        epoch *e = &x->epoch[x->epochs];
        const double start = now();
        e->lr = o->weights.lr = o->biases.lr = adamw_schedule_lr(&schedule);
        e->train_loss = train_epoch(x, &net, o, &in, watch);
        const score s = evaluate(t, &net, &in, &t->validation, batch);
        e->validation_loss = score_loss(&s);
        e->validation = score_metric(t, &s);
        e->cut = (adamw_schedule_epoch(&schedule, e->validation_loss) & ADAMW_EVENT_CUT) != 0;
        const double was = x->epoch[x->best].validation;
        if (x->epochs == 0 || (t->classify ? e->validation > was : e->validation < was)) {
            x->best = x->epochs;
            memcpy(best, net.param, net.count * sizeof(float));
        }
        e->seconds = now() - start;
        x->epochs++;
        watch->epoch(watch->context, x);
    }
    x->validation = x->epoch[x->best].validation;
    finish(x, &net, &in, best);
    optimizer_free(o);
    network_free(&net);
    free(best);
    free(in.order);
    free(in.input);
    free(in.target);
}
