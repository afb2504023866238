/*
 * checkpoint.c - see checkpoint.h. The library writes and reads the file (adamw_save_state(), adamw_load_state());
 * here are the names of what the trainer adds: which run it is, how far it came, the best weights.
 */
#include "checkpoint.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blas.h"
#include "fail.h"

struct checkpoint {
    const char *path;
    adamw_file *file;
    int planned, recipe_epochs;
};

static char said[ADAMW_FILE_SENTENCE_SIZE]; /* a checkpoint has one run, and so one thread */

/* ---- which run it is: texts that must be the same when it goes on; the schedule has the recipe of the rate ---- */

#define PREFIX "train."
#define FORMAT "train.format"
enum { IDENTITY = 16, VALUE_SIZE = 64 };

typedef struct identity {
    adamw_file_entry entry[IDENTITY];
    char value[IDENTITY][VALUE_SIZE];
    size_t count;
} identity;

__attribute__((format(printf, 3, 4))) static void add(identity *to, const char *key, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(to->value[to->count], VALUE_SIZE, format, values);
    va_end(values);
    to->entry[to->count] = (adamw_file_entry){key, to->value[to->count]};
    to->count++;
}

static void identify(identity *to, const run *x)
{
    const options *o = x->options;
    const task *t = x->task;
    char hidden[VALUE_SIZE] = "";
    for (int i = 0, used = 0; i < o->hidden_layers; i++)
        used += snprintf(hidden + used, sizeof hidden - (size_t)used, "%s%d", i > 0 ? "," : "", o->hidden[i]);
    to->count = 0;
    add(to, FORMAT, "1");
    add(to, PREFIX "data", "%s", t->file);
    add(to, PREFIX "training_samples", "%zu", t->train.count);
    add(to, PREFIX "training_data", "crc32 %08" PRIx32, t->digest[0]);
    add(to, PREFIX "validation_data", "crc32 %08" PRIx32, t->digest[1]);
    add(to, PREFIX "test_data", "crc32 %08" PRIx32, t->digest[2]);
    add(to, PREFIX "hidden", "%s", hidden);
    add(to, PREFIX "optimizer", "%s", optimizer_name(x->decay));
    add(to, PREFIX "weight_decay", "%a", x->weight_decay);
    add(to, PREFIX "seed", "%" PRIu64, x->seed);
    add(to, PREFIX "batch", "%d", o->batch);
    add(to, PREFIX "accumulate", "%d", o->accumulate);
    add(to, PREFIX "clip", "%a", o->clip);
    add(to, PREFIX "ema", "%a", o->ema);
    add(to, PREFIX "near_failure", "%d", o->near_failure);
    add(to, PREFIX "openblas", "%s", blas_core());
}

static void compare(const char *path, const char *key, const char *there, const char *here)
{
    const char *name = key + strlen(PREFIX);
    if (there != NULL && strcmp(there, here) == 0)
        return;
    if (there == NULL || strcmp(key, FORMAT) == 0)
        fail("%s: its text '%s' is %s%s%s, and must be '%s': not a checkpoint of this program's version", path, key,
             there != NULL ? "'" : "", there != NULL ? there : "missing", there != NULL ? "'" : "", here);
    if (strcmp(name, "openblas") == 0)
        fprintf(stderr, "%s: '%s %s' there, '%s %s' here: the bits will not be those of an unbroken run\n", path,
                name, there, name, here);
    else
        fail("%s: '%s %s' there, '%s %s' here: --resume needs the %s of the first part", path, name, there, name,
             here, strstr(name, "_data") != NULL ? "data files" : "options");
}

/* ---- names ---- */

/* The layers' weights and biases as a run's state, a row for each output. */
typedef struct parameters {
    char name[2 * MAX_LAYERS][32], best_name[2 * MAX_LAYERS][48];
    const char *names[2 * MAX_LAYERS];
    adamw_state_place place[2 * MAX_LAYERS];
    uint64_t shape[2 * MAX_LAYERS][2];
    adamw_state state;
} parameters;

static void name_parameters(parameters *to, const run *x, const run_state *s)
{
    for (size_t i = 0; i < s->optimizer->tensors; i++) {
        const layer *l = &s->net.layer[i / 2];
        const char *kind = i % 2 == 0 ? "weight" : "bias";
        snprintf(to->name[i], sizeof to->name[i], "layers.%zu.%s", i / 2, kind);
        snprintf(to->best_name[i], sizeof to->best_name[i], PREFIX "best.%s", to->name[i]);
        to->names[i] = to->name[i];
        to->shape[i][0] = l->out;
        to->shape[i][1] = l->in;
        to->place[i] = (adamw_state_place){.rank = i % 2 == 0 ? 2 : 1, .shape = to->shape[i]};
    }
    to->state = (adamw_state){.names = to->names,
                              .tensors = s->optimizer->tensor,
                              .places = to->place,
                              .count = s->optimizer->tensors,
                              .config = &s->optimizer->weights,
                              .step = s->optimizer->step,
                              .seed = x->seed,
                              .schedule = &s->optimizer->schedule,
                              .with_params = true};
}

/* Where a tensor's best weights lie. */
static float *best_of(const run_state *s, size_t tensor)
{
    return s->best + ((float *)s->optimizer->tensor[tensor].param - s->net.param);
}

/* The figures of an epoch, each a tensor of float64 with a value for every epoch. */
#define FIGURES(X) X(lr) X(train_loss) X(validation_loss) X(validation) X(seconds)
#define FIGURE_NAME(member) PREFIX "epochs." #member
enum {
#define FIGURE(member) FIGURE_##member,
    FIGURES(FIGURE)
#undef FIGURE
        FIGURE_COUNT
};
#define CUT_NAME PREFIX "epochs.cut"
#define PLANNED_NAME PREFIX "epochs_planned"
#define RECIPE_NAME PREFIX "recipe_epochs"
#define BEST_NAME PREFIX "best_epoch"

/* ---- saving ---- */

void checkpoint_save(const char *path, const run *x, const run_state *s)
{
    const uint64_t done = (uint64_t)x->epochs;
    double *figures = allocate((size_t)x->epochs, FIGURE_COUNT * sizeof(double));
    uint8_t *cut = allocate((size_t)x->epochs, 1);
    int64_t counts[] = {x->options->epochs, x->recipe_epochs, x->best};
    adamw_file_tensor extra[2 * MAX_LAYERS + FIGURE_COUNT + 4] = {
        {PLANNED_NAME, ADAMW_FILE_I64, 0, NULL, &counts[0], 0},
        {RECIPE_NAME, ADAMW_FILE_I64, 0, NULL, &counts[1], 0},
        {BEST_NAME, ADAMW_FILE_I64, 0, NULL, &counts[2], 0},
        {CUT_NAME, ADAMW_FILE_BOOL, 1, &done, cut, 0},
#define FIGURE(member) {FIGURE_NAME(member), ADAMW_FILE_F64, 1, &done, figures + FIGURE_##member * done, 0},
        FIGURES(FIGURE)
#undef FIGURE
    };
    for (size_t i = 0; i < done; i++) {
        cut[i] = x->epoch[i].cut;
#define FIGURE(member) figures[FIGURE_##member * done + i] = x->epoch[i].member;
        FIGURES(FIGURE)
#undef FIGURE
    }
    parameters p;
    identity own;
    name_parameters(&p, x, s);
    identify(&own, x);
    p.state.extra = extra;
    p.state.extra_count = FIGURE_COUNT + 4;
    for (size_t i = 0; i < p.state.count; i++)
        extra[p.state.extra_count++] =
            (adamw_file_tensor){p.best_name[i], ADAMW_FILE_F32, p.place[i].rank, p.place[i].shape, best_of(s, i), 0};
    p.state.metadata = own.entry;
    p.state.metadata_count = own.count;
    if (adamw_save_state(path, &p.state, said, sizeof said) != ADAMW_OK)
        fail("%s", said);
    free(figures);
    free(cut);
}

/* ---- loading ---- */

/* Values of one of the trainer's own tensors, whose shape must be this. */
static void read_values(const checkpoint *from, const char *name, adamw_file_dtype dtype, size_t rank,
                        const uint64_t *shape, size_t n, void *to)
{
    const adamw_file_tensor *t = adamw_file_find(from->file, name);
    bool fits = t != NULL && t->dtype == dtype && t->rank == rank;
    for (size_t i = 0; fits && i < rank; i++)
        fits = t->shape[i] == shape[i];
    if (!fits)
        fail("%s: tensor '%s' is %s: not what adamw-train writes", from->path, name,
             t == NULL ? "missing" : "of another dtype or shape");
    if (adamw_file_read(from->file, name, dtype, 0, n, to, said, sizeof said) != ADAMW_OK)
        fail("%s", said);
}

static int read_count(const checkpoint *from, const char *name, int low, int high)
{
    int64_t value;
    read_values(from, name, ADAMW_FILE_I64, 0, NULL, 1, &value);
    if (value < low || value > high)
        fail("%s: '%s' is %" PRId64 ": it must be from %d to %d", from->path, name, value, low, high);
    return (int)value;
}

checkpoint *checkpoint_open(const char *path, const run *x)
{
    checkpoint *from = allocate(1, sizeof *from);
    from->path = path;
    if (adamw_open(&from->file, path, said, sizeof said) != ADAMW_OK ||
        adamw_file_check(from->file, NULL, said, sizeof said) != ADAMW_OK)
        fail("%s", said);
    identity own;
    identify(&own, x);
    for (size_t i = 0; i < own.count; i++)
        compare(path, own.entry[i].key, adamw_file_metadata(from->file, own.entry[i].key), own.entry[i].value);
    const options *o = x->options;
    from->planned = read_count(from, PLANNED_NAME, 1, MAX_EPOCHS);
    from->recipe_epochs = read_count(from, RECIPE_NAME, 1, from->planned);
    if (o->epochs != from->planned && !o->extend)
        fail("%s: %d epochs are planned there, and --epochs is %d here: --resume needs the same number, or --extend "
             "to train longer",
             path, from->planned, o->epochs);
    if (o->epochs < from->planned)
        fail("%s: %d epochs are planned there, and --epochs is %d here: --extend makes a run longer", path,
             from->planned, o->epochs);
    return from;
}

int checkpoint_recipe_epochs(const checkpoint *from) { return from->recipe_epochs; }

/* The schedule of a run that is that many epochs long; a recipe without an end needs nothing. */
static adamw_status extend(adamw_schedule *schedule, int from, int epochs)
{
    const int64_t total = schedule->config.total;
    if (total == 0 || epochs == from)
        return ADAMW_OK;
    adamw_schedule_extend_explain(schedule, total / from * epochs, said, sizeof said);
    return adamw_schedule_extend(schedule, total / from * epochs);
}

static void check_schedule(const checkpoint *from, const adamw_schedule *schedule)
{
    const char *text = adamw_file_metadata(from->file, "adamw.schedule");
    if (text != NULL && adamw_schedule_load_explain(schedule, text, strlen(text), said, sizeof said) != ADAMW_OK)
        fail("%s: another schedule is there (%s): --resume needs the --preset, --schedule, --lr, --min-lr, --warmup "
             "and --patience of the first part",
             from->path, said);
}

static void load_epochs(const checkpoint *from, run *x)
{
    const adamw_file_tensor *lr = adamw_file_find(from->file, FIGURE_NAME(lr));
    const uint64_t done = lr != NULL && lr->rank == 1 ? lr->shape[0] : 0;
    if (done < 1 || done > (uint64_t)from->planned)
        fail("%s: '" FIGURE_NAME(lr) "' must have a value for each epoch done, from 1 to the %d that are planned",
             from->path, from->planned);
    double *values = allocate(done, sizeof(double));
    uint8_t *cut = allocate(done, 1);
    read_values(from, CUT_NAME, ADAMW_FILE_BOOL, 1, &done, done, cut);
    for (size_t i = 0; i < done; i++)
        x->epoch[i].cut = cut[i] != 0;
#define FIGURE(member)                                                                                               \
    read_values(from, FIGURE_NAME(member), ADAMW_FILE_F64, 1, &done, done, values);                                  \
    for (size_t i = 0; i < done; i++)                                                                                \
        x->epoch[i].member = values[i];
    FIGURES(FIGURE)
#undef FIGURE
    free(values);
    free(cut);
    x->epochs = (int)done;
    x->best = read_count(from, BEST_NAME, 0, x->epochs - 1);
}

void checkpoint_load(checkpoint *from, run *x, run_state *s)
{
    adamw_schedule *schedule = &s->optimizer->schedule;
    parameters p;
    name_parameters(&p, x, s);
    extend(schedule, from->recipe_epochs, from->planned); /* never refused before the first step */
    check_schedule(from, schedule);
    load_epochs(from, x);
    if (adamw_load_state(from->file, &p.state, said, sizeof said) != ADAMW_OK)
        fail("%s", said);
    s->optimizer->step = p.state.step;
    for (size_t i = 0; i < p.state.count; i++)
        read_values(from, p.best_name[i], ADAMW_FILE_F32, p.place[i].rank, p.place[i].shape,
                    s->optimizer->tensor[i].n, best_of(s, i));
    if (extend(schedule, from->planned, x->options->epochs) != ADAMW_OK)
        fail("%s: --extend to --epochs %d: %s", from->path, x->options->epochs, said);
    printf("%s: goes on after epoch %d\n", from->path, x->epochs);
    adamw_file_close(from->file);
    free(from);
}
