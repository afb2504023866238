/*
 * options.c - see options.h. The table is the one list of options: their names, ranges and help.
 */
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"

#define FASHION_MNIST "/usr/share/datasets/fashion-mnist"

enum { UNSET = -1 };

typedef void reader(options *x, const char *name, const char *value);

/* ---- kinds of values ---- */

static double number(const char *name, const char *text, double low, double high, const char *right)
{
    char *end;
    errno = 0;
    const double value = strtod(text, &end);
    if (end == text || *end != 0 || !(value >= low && value <= high))
        fail("%s is '%s': it must be %s", name, text, right);
    return value;
}

static int whole(const char *name, const char *text, int low, int high)
{
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (end == text || *end != 0 || errno != 0 || value < low || value > high)
        fail("%s is '%s': it must be a whole number from %d to %d", name, text, low, high);
    return (int)value;
}

/* ---- the options ---- */

static void read_data(options *x, const char *name, const char *value)
{
    const char *colon = strchr(value, ':');
    const size_t kind = colon != NULL ? (size_t)(colon - value) : strlen(value);
    const bool fashion = strncmp(value, "fashion-mnist", kind) == 0 && kind == strlen("fashion-mnist");
    const bool cmapss = strncmp(value, "cmapss", kind) == 0 && kind == strlen("cmapss") && colon != NULL;
    if (!fashion && !cmapss)
        fail("%s is '%s': it must be fashion-mnist, fashion-mnist:DIR or cmapss:DIR", name, value);
    const char *directory = colon != NULL ? colon + 1 : FASHION_MNIST;
    if (*directory == 0 || strlen(directory) >= sizeof x->directory)
        fail("%s is '%s': the directory behind the colon must have 1 to %zu bytes", name, value,
             sizeof x->directory - 1);
    strcpy(x->directory, directory);
    if (cmapss && x->subset == NULL)
        x->subset = "FD001";
    else if (fashion)
        x->subset = NULL;
}

static void read_subset(options *x, const char *name, const char *value)
{
    if (strcmp(value, "FD001") != 0 && strcmp(value, "FD002") != 0)
        fail("%s is '%s': it must be FD001 or FD002", name, value);
    x->subset = value;
}

static void read_optimizer(options *x, const char *name, const char *value)
{
    static const struct {
        const char *name;
        int bits;
    } known[] = {{"adamw", 1 << ADAMW_DECAY_DECOUPLED},
                 {"adam-l2", 1 << ADAMW_DECAY_L2},
                 {"both", 1 << ADAMW_DECAY_DECOUPLED | 1 << ADAMW_DECAY_L2}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(value, known[i].name) == 0)
            x->optimizers = known[i].bits;
    if (x->optimizers == 0)
        fail("%s is '%s': it must be adamw, adam-l2 or both", name, value);
}

static void read_isa(options *x, const char *name, const char *value)
{
    for (int isa = ADAMW_ISA_AUTO; isa <= ADAMW_ISA_NEON; isa++)
        if (strcmp(value, adamw_isa_name((adamw_isa)isa)) == 0) {
            if (!adamw_isa_supported((adamw_isa)isa))
                fail("%s is '%s', which this CPU or build does not have: auto takes the best that it has", name,
                     value);
            x->isa = (adamw_isa)isa;
            return;
        }
    fail("%s is '%s': it must be auto, scalar, avx2, avx512 or neon", name, value);
}

/* Comma-separated values; each goes to `each` with its number in the list. */
static int list(const char *name, const char *value, int most, void *to,
                void (*each)(const char *name, const char *text, void *to, int i))
{
    int count = 0;
    for (const char *p = value;; p++) {
        char text[64];
        const size_t length = strcspn(p, ",");
        if (count == most || length >= sizeof text)
            fail("%s is '%s': it must be 1 to %d numbers with commas between them", name, value, most);
        memcpy(text, p, length);
        text[length] = 0;
        each(name, text, to, count++);
        p += length;
        if (*p == 0)
            return count;
    }
}

static void one_width(const char *name, const char *text, void *to, int i)
{
    ((int *)to)[i] = whole(name, text, 1, 4096);
}

static void one_decay(const char *name, const char *text, void *to, int i)
{
    ((double *)to)[i] = number(name, text, 0, 1e6, "a number from 0 to 1e6");
}

static void read_hidden(options *x, const char *name, const char *value)
{
    x->hidden_layers = list(name, value, MAX_HIDDEN, x->hidden, one_width);
}

static void read_weight_decay(options *x, const char *name, const char *value)
{
    x->weight_decays = list(name, value, MAX_DECAYS, x->weight_decay, one_decay);
}

static void read_lr(options *x, const char *name, const char *value)
{
    x->lr = number(name, value, 1e-30, 1e6, "a number above 0, at most 1e6");
}

static void read_seed(options *x, const char *name, const char *value)
{
    char *end;
    errno = 0;
    x->seed = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != 0 || errno != 0)
        fail("%s is '%s': it must be a whole number from 0 to 2^64 - 1", name, value);
}

static void read_epochs(options *x, const char *n, const char *v) { x->epochs = whole(n, v, 1, 100000); }
static void read_batch(options *x, const char *n, const char *v) { x->batch = whole(n, v, 1, 65536); }
static void read_seeds(options *x, const char *n, const char *v) { x->seeds = whole(n, v, 1, 1000); }
static void read_threads(options *x, const char *n, const char *v) { x->threads = whole(n, v, 0, 1024); }
static void read_jobs(options *x, const char *n, const char *v) { x->jobs = whole(n, v, 1, 1024); }
static void read_warmup(options *x, const char *n, const char *v) { x->warmup = whole(n, v, 0, 100000); }
static void read_patience(options *x, const char *n, const char *v) { x->patience = whole(n, v, 0, 100000); }

static void read_out(options *x, const char *name, const char *value)
{
    if (*value == 0)
        fail("%s is empty: it must be a directory", name);
    x->out = value;
}

static const struct {
    const char *name, *value, *help;
    reader *read;
} table[] = {
    {"--data", "fashion-mnist[:DIR]|cmapss:DIR", "what to learn (fashion-mnist, in " FASHION_MNIST ")", read_data},
    {"--subset", "FD001|FD002", "of C-MAPSS (FD001)", read_subset},
    {"--optimizer", "adamw|adam-l2|both", "decoupled decay, coupled L2, or one after the other (both)",
     read_optimizer},
    {"--epochs", "N", "passes over the training set (by data set)", read_epochs},
    {"--batch", "N", "samples of a step (by data set)", read_batch},
    {"--hidden", "N,N,...", "widths of the hidden layers (by data set)", read_hidden},
    {"--lr", "X", "base learning rate (by data set)", read_lr},
    {"--weight-decay", "X,X,...", "a run for each (1e-4)", read_weight_decay},
    {"--warmup", "N", "epochs of linear warmup from a tenth of the rate (by data set)", read_warmup},
    {"--patience", "N", "epochs without a better validation loss before the rate is halved (by data set)",
     read_patience},
    {"--seed", "N", "the first seed (1)", read_seed},
    {"--seeds", "N", "how many seeds, counted on from the first (1)", read_seeds},
    {"--isa", "auto|scalar|avx2|avx512|neon", "instruction set of the optimizer (auto)", read_isa},
    {"--threads", "N", "of the optimizer, in each run; 0 is OpenMP's default (1)", read_threads},
    {"--jobs", "N", "runs at once (the number of CPUs)", read_jobs},
    {"--out", "DIR", "for the CSV files and the picture (build/train)", read_out},
};
enum { OPTIONS = sizeof table / sizeof table[0] };

static void help(void)
{
    printf("adamw-train - trains a multilayer perceptron with AdamW and with coupled-L2 Adam\n\n");
    for (int i = 0; i < OPTIONS; i++)
        printf("  %s %s\n      %s\n", table[i].name, table[i].value, table[i].help);
    exit(0);
}

/* What each data set takes where nothing is said. */
static void set_defaults(options *x)
{
    const bool fashion = x->subset == NULL;
    if (x->epochs == UNSET)
        x->epochs = fashion ? 16 : 40;
    if (x->batch == UNSET)
        x->batch = fashion ? 256 : 128;
    if (x->lr == UNSET)
        x->lr = fashion ? 2e-3 : 1e-3;
    if (x->warmup == UNSET)
        x->warmup = fashion ? 2 : 10;
    if (x->patience == UNSET)
        x->patience = fashion ? 1 : 5;
    if (x->weight_decays == 0)
        x->weight_decay[x->weight_decays++] = 1e-4;
    if (x->hidden_layers == 0) {
        x->hidden_layers = 2;
        x->hidden[0] = fashion ? 256 : 128;
        x->hidden[1] = fashion ? 128 : 64;
    }
    if (x->optimizers == 0)
        x->optimizers = 1 << ADAMW_DECAY_DECOUPLED | 1 << ADAMW_DECAY_L2;
}

options read_options(int argc, char **argv)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    options x = {.out = "build/train",
                 .epochs = UNSET,
                 .warmup = UNSET,
                 .patience = UNSET,
                 .batch = UNSET,
                 .seed = 1,
                 .seeds = 1,
                 .threads = 1,
                 .lr = UNSET,
                 .jobs = processors > 0 ? (int)processors : 1};
    bool subset = false, cmapss = false;
    strcpy(x.directory, FASHION_MNIST);
    for (int i = 1; i < argc; i++) {
        int k = 0;
        if (strcmp(argv[i], "--help") == 0)
            help();
        while (k < OPTIONS && strcmp(argv[i], table[k].name) != 0)
            k++;
        if (k == OPTIONS)
            fail("unknown option '%s': --help lists the known ones", argv[i]);
        if (i + 1 == argc)
            fail("%s needs a value: %s", argv[i], table[k].value);
        table[k].read(&x, table[k].name, argv[i + 1]);
        subset |= table[k].read == read_subset;
        cmapss |= table[k].read == read_data && strncmp(argv[i + 1], "cmapss:", 7) == 0;
        i++;
    }
    if (subset && !cmapss)
        fail("--subset is for C-MAPSS: it needs --data cmapss:DIR");
    set_defaults(&x);
    if (x.warmup >= x.epochs)
        fail("--warmup is %d: it must be below the %d epochs", x.warmup, x.epochs);
    return x;
}
