/*
 * main.c - adamw-lr prints and draws a learning-rate schedule without training: the library's own scheduler over a
 * made-up or a given metric.
 */
#include "lr.h"

#include <stdarg.h>
#include <stdlib.h>

void lr_fail(const char *format, ...)
{
    va_list arguments;
    fputs("adamw-lr: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

void *lr_allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        lr_fail("no memory for %zu values", count);
    return memory;
}

FILE *lr_open(const char *path, char partial[4096])
{
    if (snprintf(partial, 4096, "%s.partial", path) >= 4096)
        lr_fail("the name '%.60s...' is too long", path);
    FILE *file = fopen(partial, "w");
    if (file == NULL)
        lr_fail("%s cannot be written: its folder must exist and be writable", partial);
    return file;
}

void lr_close(FILE *file, const char *path, const char *partial)
{
    const bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed || rename(partial, path) != 0) {
        remove(partial);
        lr_fail("%s could not be written whole: is the disk full?", path);
    }
}

int main(int argc, char **argv)
{
    lr_options o = lr_parse(argc, argv);
    if (o.speed) {
        lr_print_speed();
        return 0;
    }
    double *metric = o.metric != NULL ? lr_read_metric(o.metric, o.column, &o.epochs) : NULL;
    if (o.epochs == 0)
        o.epochs = 200;
    if (metric == NULL)
        metric = lr_metric(o.epochs, o.plateaus);
    o.recipe.total = o.recipe.unit == ADAMW_UNIT_STEP ? o.epochs * o.steps_per_epoch : o.epochs;

    lr_trace right = lr_run(&o.recipe, o.epochs, o.steps_per_epoch, metric), wrong = {.lr = NULL};
    if (o.feed_warmup)
        wrong = lr_run_feeding_warmup(&o.recipe, o.epochs, o.steps_per_epoch, metric);
    const lr_trace *beside = o.feed_warmup ? &wrong : NULL;
    lr_print_table(stdout, &o, &right, beside);
    if (o.chart)
        lr_print_chart(stdout, &o, &right, beside);
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
