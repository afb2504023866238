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

enum { IDENTITY_SIZE = 2048, CRC_LINE = sizeof "crc32 01234567\n" - 1 };

/* What must be the same when the run goes on. The rate's recipe is not here: the schedule's text holds it. */
static void write_identity(char *to, const run *x)
{
    const options *o = x->options;
    int length = snprintf(to, IDENTITY_SIZE, "adamw-train checkpoint 1\ndata %s\ntraining_samples %zu\nhidden",
                          x->task->file, x->task->train.count);
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
    output whole = output_open("%s", path);
    fwrite(bytes, 1, size, whole.stream);
    output_commit(&whole);
    free(bytes);
}

/* ---- loading ---- */

static void check_crc(const file *x)
{
    char right[CRC_LINE + 1];
    if (x->size > CRC_LINE) {
        const size_t rest = x->size - CRC_LINE;
        snprintf(right, sizeof right, "crc32 %08lx\n", crc32(0, (const unsigned char *)x->bytes, (unsigned)rest));
        if (memcmp(x->bytes + rest, right, CRC_LINE) == 0)
            return;
    }
    fail("%s: byte %zu: truncated or damaged: the file must end with the CRC-32 of what comes before", x->name,
         x->size);
}

/* Line by line against this run's own; returns where the text goes on. */
static const char *check_identity(const file *x, const run *r)
{
    char own[IDENTITY_SIZE];
    write_identity(own, r);
    const char *there = x->bytes;
    for (const char *here = own; *here != 0;) {
        const size_t length = strcspn(there, "\n"), wanted = strcspn(here, "\n");
        if (length != wanted || memcmp(there, here, length) != 0) {
            if (strncmp(here, "openblas ", 9) != 0)
                fail("%s: '%.*s' there, '%.*s' here: --resume needs the options of the first part", x->name,
                     (int)length, there, (int)wanted, here);
            fprintf(stderr, "%s: '%.*s' there, '%.*s' here: the bits will not be those of an unbroken run\n", x->name,
                    (int)length, there, (int)wanted, here);
        }
        here += wanted + 1;
        there += length + 1;
    }
    return there;
}

static void load_schedule(const file *x, adamw_schedule *schedule, const char *text, size_t length)
{
    char sentence[256];
    if (adamw_schedule_load(schedule, text, length) == ADAMW_OK)
        return;
    adamw_schedule_load_explain(schedule, text, length, sentence, sizeof sentence);
    fail("%s: schedule: %s", x->name, sentence);
}

void checkpoint_load(const char *path, run *r, run_state *s)
{
    file x = read_file_at(path);
    check_crc(&x);
    const char *at = check_identity(&x, r);
    int used = 0;
    size_t length;
    if (sscanf(at, "epochs %d best %d step %" SCNu64 " schedule_bytes %zu%n", &r->epochs, &r->best,
               &s->optimizer->step, &length, &used) != 4 ||
        length >= ADAMW_SCHEDULE_TEXT_SIZE || r->epochs < 1 || r->best < 0 || r->best >= r->epochs)
        fail("%s: byte %zu: not what adamw-train writes", x.name, (size_t)(at - x.bytes));
    at += used + 1;
    if (r->epochs > r->options->epochs)
        fail("%s: %d epochs are done there: --epochs must be at least that", x.name, r->epochs);
    load_schedule(&x, &s->optimizer->schedule, at, length);
    at += length;
    for (int i = 0, cut; i < r->epochs; i++, at += used + 1) {
        epoch *e = &r->epoch[i];
        if (sscanf(at, "epoch %la %la %la %la %d %la%n", &e->lr, &e->train_loss, &e->validation_loss, &e->validation,
                   &cut, &e->seconds, &used) != 6)
            fail("%s: byte %zu: not what adamw-train writes", x.name, (size_t)(at - x.bytes));
        e->cut = cut != 0;
    }
    float *list[5];
    const size_t count = arrays(s, list), bytes = s->net.count * sizeof(float);
    size_t arrays_there, values_there;
    if (sscanf(at, "float32 %zu x %zu%n", &arrays_there, &values_there, &used) != 2 || arrays_there != count ||
        values_there != s->net.count ||
        (size_t)(at - x.bytes) + (size_t)used + 1 + count * bytes + CRC_LINE != x.size)
        fail("%s: byte %zu: not what adamw-train writes", x.name, (size_t)(at - x.bytes));
    at += used + 1;
    for (size_t i = 0; i < count; i++)
        memcpy(list[i], at + i * bytes, bytes);
    free_file(&x);
    printf("%s: goes on after epoch %d\n", path, r->epochs);
}
