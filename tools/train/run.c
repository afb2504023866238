/*
 * run.c - the training loop: shuffled batches, forward, backward, one adamw_update over all tensors; after each epoch
 * the validation set, which alone decides about the rate and about which weights are kept. The test set is looked at
 * once, with the weights that the validation set chose.
 */
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "checkpoint.h"
#include "fail.h"
#include "loss.h"
#include "random.h"

enum { SHUFFLE = 1000 /* the random streams below it are the layers' */ };

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

/* With other weights than the network's own, which come back afterwards. */
static score evaluate(const task *t, network *net, float *weights, loader *to, const samples *set, size_t batch)
{
    score sum = {.count = 0};
    float *own = net->param;
    net->param = weights;
    for (size_t first = 0; first < set->count; first += batch) {
        const size_t got = batch_at(first, set->count, batch);
        load(to, set, NULL, first, got, t->inputs);
        score_batch(t, network_forward(net, to->input, got), to->target, got, got, false, network_output_back(net),
                    &sum);
    }
    net->param = own;
    return sum;
}

/* ---- the run ---- */

size_t run_batches(const run *x, int epochs)
{
    const size_t batch = (size_t)x->options->batch;
    return (size_t)epochs * ((x->task->train.count + batch - 1) / batch);
}

size_t run_steps(const options *o, const task *t)
{
    const size_t step = (size_t)o->batch * (size_t)o->accumulate;
    return (t->train.count + step - 1) / step;
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
    const size_t batch = (size_t)x->options->batch, count = t->train.count;
    score sum = {.count = 0};
    shuffle(in->order, count, x->seed, x->epochs);
    for (size_t first = 0; first < count; first += batch) {
        const size_t got = batch_at(first, count, batch);
        load(in, &t->train, in->order, first, got, t->inputs);
        score_batch(t, network_forward(net, in->input, got), in->target, got, optimizer_divisor(o, got),
                    x->options->near_failure, network_output_back(net), &sum);
        network_backward(net, got);
        optimizer_batch(o, net, got, first + got == count);
        watch->batches(1);
    }
    const double loss = score_loss(&sum);
    if (!isfinite(loss))
        fail("%s, seed %llu: the training loss is not finite in epoch %d: a lower --lr or a longer --warmup would "
             "help",
             optimizer_name(x->decay), (unsigned long long)x->seed, x->epochs + 1);
    return loss;
}

/* Trains an epoch, validates, tells the schedule, and keeps the weights if they are the best so far. */
static void one_epoch(run *x, run_state *s, loader *in, const observer *watch)
{
    epoch *e = &x->epoch[x->epochs];
    const double start = now();
    e->lr = adamw_schedule_lr(&s->optimizer->schedule);
    e->train_loss = train_epoch(x, &s->net, s->optimizer, in, watch);

    float *weights = optimizer_weights(s->optimizer, &s->net);
    const score found = evaluate(x->task, &s->net, weights, in, &x->task->validation, (size_t)x->options->batch);
    e->validation_loss = score_loss(&found);
    e->validation = score_metric(x->task, &found);
    e->cut = (adamw_schedule_epoch(&s->optimizer->schedule, e->validation_loss) & ADAMW_EVENT_CUT) != 0;
    const double best = x->epoch[x->best].validation;
    if (x->epochs == 0 || (x->task->classify ? e->validation > best : e->validation < best)) {
        x->best = x->epochs;
        memcpy(s->best, weights, s->net.count * sizeof(float));
    }
    e->seconds = now() - start;
    x->epochs++;
}

static void finish(run *x, run_state *s, loader *in)
{
    const score test = evaluate(x->task, &s->net, s->best, in, &x->task->test, (size_t)x->options->batch);
    x->validation = x->epoch[x->best].validation;
    x->test = score_metric(x->task, &test);
    x->crc = (uint32_t)crc32(0, (const unsigned char *)s->best, (unsigned)(s->net.count * sizeof(float)));
    for (size_t i = 0; i < s->net.layers; i++)
        x->norm[i] = network_weight_norm(&s->net, s->best, i);
}

void run_train(run *x, const observer *watch)
{
    const task *t = x->task;
    const options *o = x->options;
    const size_t batch = (size_t)o->batch;
    loader in = {.order = allocate(t->train.count, sizeof(size_t)),
                 .input = allocate(batch * t->inputs, sizeof(float)),
                 .target = allocate(batch, sizeof(float))};
    run_state s = {.net = network_of(x, batch)};
    s.best = allocate(s.net.count, sizeof(float));
    checkpoint *const from = o->resume ? checkpoint_open(o->checkpoint, x) : NULL;
    x->recipe_epochs = from != NULL ? checkpoint_recipe_epochs(from) : o->epochs;
    s.optimizer = optimizer_new(o, x->decay, x->weight_decay, &s.net, x->recipe_epochs, run_steps(o, t));
    x->layers = s.net.layers;
    x->epoch = allocate((size_t)o->epochs, sizeof(epoch));
    network_init(&s.net, x->seed);
    if (from != NULL)
        checkpoint_load(from, x, &s);
    watch->batches(run_batches(x, x->epochs));
    while (x->epochs < o->stop) {
        one_epoch(x, &s, &in, watch);
        watch->epoch(x);
        if (o->checkpoint != NULL)
            checkpoint_save(o->checkpoint, x, &s);
    }
    if (x->epochs == o->epochs) /* not of a run that is to go on: the test set is for its end */
        finish(x, &s, &in);
    optimizer_free(s.optimizer);
    network_free(&s.net);
    free(s.best);
    free(in.order);
    free(in.input);
    free(in.target);
}
