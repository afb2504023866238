/*
 * checkpoint.c - see checkpoint.h. Text first: which run this is, how far it came, the schedule's own text, a line
 * for each epoch; then the weights and moments as they lie in memory (little-endian float32); a CRC-32 over it all
 * last.
 */
#include "checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "blas.h"
#include "fail.h"
#include "files.h"
#include "input.h"

enum { IDENTITY_SIZE = 2048, EPOCH_SIZE = 256, CRC_LINE = sizeof "crc32 01234567\n" - 1 };

#define VERSION_LINE "adamw-train checkpoint 2"

/* What must be the same when the run goes on. The rate's recipe is not here: the schedule's text holds it. */
static void write_identity(char *to, const run *x)
{
    const options *o = x->options;
    int length = snprintf(to, IDENTITY_SIZE,
                          VERSION_LINE "\ndata %s\ntraining_samples %zu\ntraining_data crc32 %08x\n"
                                       "validation_data crc32 %08x\ntest_data crc32 %08x\nhidden",
                          x->task->file, x->task->train.count, (unsigned)x->task->digest[0],
                          (unsigned)x->task->digest[1], (unsigned)x->task->digest[2]);
    for (int i = 0; i < o->hidden_layers; i++)
        length += snprintf(to + length, IDENTITY_SIZE - (size_t)length, "%c%d", i == 0 ? ' ' : ',', o->hidden[i]);
    snprintf(to + length, IDENTITY_SIZE - (size_t)length,
             "\noptimizer %s\nweight_decay %a\nseed %" PRIu64 "\nbatch %d\naccumulate %d\nclip %a\nema %a\n"
             "near_failure %d\nopenblas %s\n",
             optimizer_name(x->decay), x->weight_decay, x->seed, o->batch, o->accumulate, o->clip, o->ema,
             o->near_failure, blas_core());
}

/* The arrays of a run, in the file's order; returns how many. */
static size_t arrays(const run_state *s, float *list[5])
{
    size_t n = 0;
    list[n++] = s->net.param;
    list[n++] = s->optimizer->exp_avg;
    list[n++] = s->optimizer->exp_avg_sq;
    list[n++] = s->best;
    if (s->optimizer->ema != NULL)
        list[n++] = s->optimizer->ema;
    return n;
}

/* ---- saving ---- */

void checkpoint_save(const char *path, const run *x, const run_state *s)
{
    char *bytes, text[IDENTITY_SIZE], schedule[ADAMW_SCHEDULE_TEXT_SIZE];
    size_t size;
    FILE *to = open_memstream(&bytes, &size);
    if (to == NULL)
        fail("cannot write %s: %s", path, strerror(errno));
    write_identity(text, x);
    const size_t length = adamw_schedule_save(&s->optimizer->schedule, schedule, sizeof schedule);
    fprintf(to, "%sepochs %d\nbest %d\nstep %" PRIu64 "\nschedule_bytes %zu\n%s", text, x->epochs, x->best,
            s->optimizer->step, length, schedule);
    for (int i = 0; i < x->epochs; i++) {
        const epoch *e = &x->epoch[i];
        fprintf(to, "epoch %a %a %a %a %d %a\n", e->lr, e->train_loss, e->validation_loss, e->validation, e->cut,
                e->seconds);
    }
    float *list[5];
    const size_t count = arrays(s, list);
    fprintf(to, "float32 %zu x %zu\n", count, s->net.count);
    for (size_t i = 0; i < count; i++)
        fwrite(list[i], sizeof(float), s->net.count, to);
    if (fflush(to) != 0)
        fail("cannot write %s: no memory", path);
    fprintf(to, "crc32 %08lx\n", crc32(0, (const unsigned char *)bytes, (unsigned)size));
    if (fclose(to) != 0)
        fail("cannot write %s: no memory", path);
    output whole;
    if (!output_open(&whole, path))
        fail("%s", whole.said);
    fwrite(bytes, 1, size, whole.stream);
    if (!output_commit(&whole))
        fail("%s", whole.said);
    free(bytes);
}

/* ---- loading ---- */

/* A place in the file. What follows the last line of text is never read as text. */
typedef struct cursor {
    const file *file;
    size_t at, end; /* end: where the line with the CRC begins */
} cursor;

static cursor start(const file *x)
{
    char right[CRC_LINE + 1];
    if (x->size > CRC_LINE) {
        const size_t rest = x->size - CRC_LINE;
        snprintf(right, sizeof right, "crc32 %08lx\n", crc32(0, (const unsigned char *)x->bytes, (unsigned)rest));
        if (memcmp(x->bytes + rest, right, CRC_LINE) == 0)
            return (cursor){x, 0, rest};
    }
    fail("%s: byte %zu: truncated or damaged: the file must end with the CRC-32 of what comes before", x->name,
         x->size);
}

static void __attribute__((noreturn)) fail_at(const cursor *x, size_t at)
{
    fail("%s: byte %zu: not what adamw-train writes", x->file->name, at);
}

/* The next line, without its end. */
static void read_line(cursor *x, char line[EPOCH_SIZE])
{
    const char *from = x->file->bytes + x->at;
    const size_t left = x->end - x->at, most = left < EPOCH_SIZE ? left : EPOCH_SIZE;
    const char *end = memchr(from, '\n', most);
    if (end == NULL)
        fail_at(x, x->at);
    const size_t length = (size_t)(end - from);
    memcpy(line, from, length);
    line[length] = 0;
    x->at += length + 1;
}

static bool begins(const char *line, const char *with) { return strncmp(line, with, strlen(with)) == 0; }

/* One line of the identity against this run's own, from `here`. */
static void compare_line(const file *x, const char *there, const char *here)
{
    if (begins(here, "adamw-train checkpoint"))
        fail("%s: it must begin with the line '%s': not a checkpoint of this program's version", x->name, here);
    if (begins(here, "training_data") || begins(here, "validation_data") || begins(here, "test_data"))
        fail("%s: '%s' there, '%s' here: --resume needs the same data files as the first part", x->name, there, here);
    if (!begins(here, "openblas "))
        fail("%s: '%s' there, '%s' here: --resume needs the options of the first part", x->name, there, here);
    fprintf(stderr, "%s: '%s' there, '%s' here: the bits will not be those of an unbroken run\n", x->name, there,
            here);
}

static void check_identity(cursor *x, const run *r)
{
    char own[IDENTITY_SIZE], there[EPOCH_SIZE], *rest = own;
    write_identity(own, r);
    while (*rest != 0) {
        const char *here = strsep(&rest, "\n");
        read_line(x, there);
        if (strcmp(there, here) != 0)
            compare_line(x->file, there, here);
    }
}

static void load_schedule(cursor *x, adamw_schedule *schedule, size_t length)
{
    char sentence[256];
    const char *text = x->file->bytes + x->at;
    if (length > x->end - x->at)
        fail_at(x, x->at);
    if (adamw_schedule_load(schedule, text, length) != ADAMW_OK) {
        adamw_schedule_load_explain(schedule, text, length, sentence, sizeof sentence);
        fail("%s: another schedule is there (%s): --resume needs the --preset, --schedule, --epochs, --lr, --min-lr, "
             "--warmup and --patience of the first part",
             x->file->name, sentence);
    }
    x->at += length;
}

static void load_epoch(cursor *x, epoch *e)
{
    char line[EPOCH_SIZE];
    int cut;
    const size_t at = x->at;
    read_line(x, line);
    if (sscanf(line, "epoch %la %la %la %la %d %la", &e->lr, &e->train_loss, &e->validation_loss, &e->validation,
               &cut, &e->seconds) != 6)
        fail_at(x, at);
    e->cut = cut != 0;
}

static void load_progress(cursor *x, run *r, run_state *s)
{
    char line[4][EPOCH_SIZE];
    const size_t at = x->at;
    size_t length;
    for (int i = 0; i < 4; i++)
        read_line(x, line[i]);
    if (sscanf(line[0], "epochs %d", &r->epochs) != 1 || sscanf(line[1], "best %d", &r->best) != 1 ||
        sscanf(line[2], "step %" SCNu64, &s->optimizer->step) != 1 ||
        sscanf(line[3], "schedule_bytes %zu", &length) != 1 || r->epochs < 1 || r->best < 0 || r->best >= r->epochs)
        fail_at(x, at);
    if (r->epochs > r->options->epochs)
        fail("%s: %d epochs are done there: --epochs must be at least that", x->file->name, r->epochs);
    load_schedule(x, &s->optimizer->schedule, length);
    for (int i = 0; i < r->epochs; i++)
        load_epoch(x, &r->epoch[i]);
}

static void load_arrays(cursor *x, const run_state *s)
{
    char line[EPOCH_SIZE];
    float *list[5];
    const size_t count = arrays(s, list), bytes = s->net.count * sizeof(float), at = x->at;
    size_t arrays_there, values_there;
    read_line(x, line);
    if (sscanf(line, "float32 %zu x %zu", &arrays_there, &values_there) != 2 || arrays_there != count ||
        values_there != s->net.count || x->end - x->at != count * bytes)
        fail_at(x, at);
    for (size_t i = 0; i < count; i++)
        memcpy(list[i], x->file->bytes + x->at + i * bytes, bytes);
}

void checkpoint_load(const char *path, run *r, run_state *s)
{
    const size_t text = IDENTITY_SIZE + ADAMW_SCHEDULE_TEXT_SIZE + EPOCH_SIZE * ((size_t)r->options->epochs + 8);
    file x = read_file_at(path, text + 5 * s->net.count * sizeof(float));
    cursor at = start(&x);
    check_identity(&at, r);
    load_progress(&at, r, s);
    load_arrays(&at, s);
    free_file(&x);
    printf("%s: goes on after epoch %d\n", path, r->epochs);
}
