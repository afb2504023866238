/*
 * csv.c - the runs as tables: one line for each epoch, and one for each run. Seconds stand last, so that what is left
 * of them is the same in every repetition.
 */
#include <stdio.h>

#include "files.h"
#include "results.h"

static void write_epochs(FILE *to, const run *runs, size_t count)
{
    fputs("optimizer,weight_decay,seed,epoch,lr,train_loss,validation_loss,validation,cut,seconds\n", to);
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < runs[i].epochs; k++) {
            const epoch *e = &runs[i].epoch[k];
            fprintf(to, "%s,%g,%llu,%d,%.9g,%.9g,%.9g,%.9g,%d,%.3f\n", optimizer_name(runs[i].decay),
                    runs[i].weight_decay, (unsigned long long)runs[i].seed, k + 1, e->lr, e->train_loss,
                    e->validation_loss, e->validation, e->cut, e->seconds);
        }
}

static void write_runs(FILE *to, const run *runs, size_t count)
{
    fputs("optimizer,weight_decay,seed,best_epoch,validation,test", to);
    for (size_t k = 0; k < runs[0].layers; k++)
        fprintf(to, ",weight_norm_%zu", k + 1);
    fputs(",weights_crc32\n", to);
    for (size_t i = 0; i < count; i++) {
        const run *x = &runs[i];
        fprintf(to, "%s,%g,%llu,%d,%.9g,%.9g", optimizer_name(x->decay), x->weight_decay, (unsigned long long)x->seed,
                x->best + 1, x->validation, x->test);
        for (size_t k = 0; k < x->layers; k++)
            fprintf(to, ",%.9g", x->norm[k]);
        fprintf(to, ",%08x\n", (unsigned)x->crc);
    }
}

void write_csv(const options *o, const task *t, const run *runs, size_t count)
{
    result epochs = result_open("%s/%s-epochs.csv", o->out, t->file);
    write_epochs(epochs.output.stream, runs, count);
    result_commit(&epochs);
    result table = result_open("%s/%s-runs.csv", o->out, t->file);
    write_runs(table.output.stream, runs, count);
    result_commit(&table);
    printf("wrote %s\nwrote %s\n", epochs.path, table.path);
}
