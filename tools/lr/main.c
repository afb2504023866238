/*
 * main.c - adamw-lr prints and draws a learning-rate schedule without training: the library's own scheduler over a
 * made-up or a given metric.
 */
#include "lr.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
    lr_options o = lr_parse(argc, argv);
    if (o.speed) {
        lr_print_speed();
        lr_flush_stdout();
        return 0;
    }
    double *metric = o.metric != NULL ? lr_read_metric(o.metric, o.column, &o.epochs, &o.blank) : NULL;
    if (o.epochs == 0)
        o.epochs = 200;
    if (metric == NULL)
        metric = lr_metric(o.epochs, o.plateaus);
    o.recipe.total = o.recipe.unit == ADAMW_UNIT_STEP ? o.epochs * o.steps_per_epoch : o.epochs;
    if (!o.own_warmup && o.recipe.warmup_unit == o.recipe.unit && o.recipe.warmup > o.recipe.total)
        lr_fail(
            "the warmup of '%s' has %lld %s, more than the whole run, which has %lld: --epochs, --steps-per-epoch or "
            "--warmup can change that",
            o.name, (long long)o.recipe.warmup, o.recipe.unit == ADAMW_UNIT_STEP ? "steps" : "epochs",
            (long long)o.recipe.total);

    lr_trace right = lr_run(&o.recipe, o.epochs, o.steps_per_epoch, metric), wrong = {.lr = NULL};
    if (o.feed_warmup)
        wrong = lr_run_feeding_warmup(&o.recipe, o.epochs, o.steps_per_epoch, metric);
    const lr_trace *beside = o.feed_warmup ? &wrong : NULL;
    lr_print_table(stdout, &o, &right, beside);
    if (o.chart)
        lr_print_chart(stdout, &o, &right, beside);
    lr_flush_stdout(); /* before a file is opened: it could get the number of a closed standard output */
    if (o.csv != NULL)
        lr_write_csv(&o, &right, beside);
    if (o.picture != NULL)
        lr_draw(&o, &right, beside);
    if (o.html != NULL)
        lr_write_page(&o);
    lr_free(&right);
    lr_free(&wrong);
    free(metric);
    return 0;
}
