/*
 * options.c - see options.h. The table is the one list of options: their names, ranges and help.
 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "values.h"

#define FASHION_MNIST "/usr/share/datasets/fashion-mnist"

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
    memcpy(x->directory, directory, strlen(directory) + 1);
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
        if (strcmp(value, known[i].name) == 0) {
            x->optimizers = known[i].bits;
            return;
        }
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

static void read_preset(options *x, const char *name, const char *value)
{
    char names[256] = "";
    for (size_t i = 0; adamw_preset_name(i) != NULL; i++) {
        if (strcmp(value, adamw_preset_name(i)) == 0) {
            x->preset = value;
            return;
        }
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i != 0 ? ", " : "",
                 adamw_preset_name(i));
    }
    fail("%s is '%s': it must be one of %s", name, value, names);
}

static void read_schedule(options *x, const char *name, const char *value)
{
    char names[256] = "";
    for (int kind = ADAMW_SCHEDULE_CONSTANT; kind <= ADAMW_SCHEDULE_ONE_CYCLE; kind++) {
        const char *known = adamw_schedule_name((adamw_schedule_kind)kind);
        if (strcmp(value, known) == 0) {
            x->schedule = (adamw_schedule_kind)kind;
            return;
        }
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", kind != 0 ? ", " : "", known);
    }
    fail("%s is '%s': it must be one of %s", name, value, names);
}

static void read_hidden(options *x, const char *name, const char *value)
{
    x->hidden_layers = read_wholes(name, value, 1, 4096, MAX_HIDDEN, x->hidden);
}

static void read_decays(options *x, const char *name, const char *value)
{
    x->weight_decays = read_numbers(name, value, 0, 1e6, MAX_DECAYS, x->weight_decay);
}

typedef void reader(options *x, const char *name, const char *value);

/* Where a value goes: an int or a double with its range, a path, a flag (which has no value), a seed; or its own
 * reader. */
enum kind { WHOLE, NUMBER, PATH, FLAG, SEED, OWN };

#define AT(field) offsetof(options, field)
static const struct entry {
    const char *name, *value, *help;
    enum kind kind;
    size_t at;
    double low, high;
    reader *read;
} table[] = {
    {"--data", "fashion-mnist[:DIR]|cmapss:DIR", "what to learn (fashion-mnist, in " FASHION_MNIST ")", OWN, 0, 0, 0,
     read_data},
    {"--subset", "FD001|FD002", "of C-MAPSS (FD001)", OWN, 0, 0, 0, read_subset},
    {"--near-failure", NULL, "C-MAPSS: a sample's loss weighs up to 2, the nearer to failure", FLAG, AT(near_failure),
     0, 0, NULL},
    {"--optimizer", "adamw|adam-l2|both", "decoupled decay, coupled L2, or both (both)", OWN, 0, 0, 0,
     read_optimizer},
    {"--preset", "NAME", "a published recipe: rate, decay and schedule; what is given beside it overrides it", OWN, 0,
     0, 0, read_preset},
    {"--schedule", "KIND", "what the rate does after the warmup (plateau)", OWN, 0, 0, 0, read_schedule},
    {"--epochs", "N", "passes over the training set (16; C-MAPSS: 40)", WHOLE, AT(epochs), 1, 100000, NULL},
    {"--batch", "N", "samples of a batch (256; C-MAPSS: 128)", WHOLE, AT(batch), 1, 65536, NULL},
    {"--accumulate", "N", "batches of a step (1)", WHOLE, AT(accumulate), 1, 65536, NULL},
    {"--hidden", "N,N,...", "widths of the hidden layers (256,128; C-MAPSS: 128,64)", OWN, 0, 0, 0, read_hidden},
    {"--lr", "X", "base learning rate (2e-3; C-MAPSS: 1e-3)", NUMBER, AT(lr), 1e-30, 1e6, NULL},
    {"--weight-decay", "X,X,...", "a run for each (1e-4)", OWN, 0, 0, 0, read_decays},
    {"--warmup", "N", "epochs of linear warmup from a tenth of the rate (2; C-MAPSS: 10)", WHOLE, AT(warmup), 0,
     100000, NULL},
    {"--patience", "N", "plateau: epochs without a better validation loss before the rate is halved (1; C-MAPSS: 5)",
     WHOLE, AT(patience), 0, 100000, NULL},
    {"--clip", "X", "largest global norm of the gradients (0: any)", NUMBER, AT(clip), 0, 1e30, NULL},
    {"--ema", "X", "validate and test an average of the weights with this decay (0: the weights)", NUMBER, AT(ema), 0,
     1, NULL},
    {"--seed", "N", "the first seed (1)", SEED, AT(seed), 0, 0, NULL},
    {"--seeds", "N", "how many seeds, counted on from the first (1)", WHOLE, AT(seeds), 1, 1000, NULL},
    {"--checkpoint", "FILE", "of a single run: written after each epoch", PATH, AT(checkpoint), 0, 0, NULL},
    {"--resume", NULL, "go on from the checkpoint", FLAG, AT(resume), 0, 0, NULL},
    {"--stop", "N", "end after N of the epochs, to be resumed", WHOLE, AT(stop), 1, 100000, NULL},
    {"--isa", "auto|scalar|avx2|avx512|neon", "instruction set of the optimizer (auto)", OWN, 0, 0, 0, read_isa},
    {"--threads", "N", "of the optimizer, in each run; 0 is OpenMP's default (1)", WHOLE, AT(threads), 0, 1024, NULL},
    {"--jobs", "N", "runs at once (the number of CPUs)", WHOLE, AT(jobs), 1, 1024, NULL},
    {"--out", "DIR", "for the CSV files and the pictures (build/train)", PATH, AT(out), 0, 0, NULL},
};
enum { OPTIONS = sizeof table / sizeof table[0] };

static void help(void)
{
    printf("adamw-train - trains a multilayer perceptron with AdamW and with coupled-L2 Adam\n\n");
    for (int i = 0; i < OPTIONS; i++)
        printf("  %s %s\n      %s\n", table[i].name, table[i].value != NULL ? table[i].value : "", table[i].help);
    exit(0);
}

static void read_one(options *x, const struct entry *e, const char *value)
{
    void *to = (char *)x + e->at;
    switch (e->kind) {
    case WHOLE:
        *(int *)to = read_whole(e->name, value, (int)e->low, (int)e->high);
        break;
    case NUMBER:
        *(double *)to = read_number(e->name, value, e->low, e->high);
        break;
    case PATH:
        if (*value == 0)
            fail("%s is empty: it must be a path", e->name);
        *(const char **)to = value;
        break;
    case FLAG:
        *(bool *)to = true;
        break;
    case SEED:
        *(uint64_t *)to = read_seed(e->name, value);
        break;
    case OWN:
        e->read(x, e->name, value);
    }
}

/* What the preset takes where nothing is said, else the data set. */
static void set_defaults(options *x)
{
    const bool fashion = x->subset == NULL;
    adamw_config config;
    adamw_schedule schedule = {.config.kind = x->schedule};
    adamw_config_init(&config);
    if (x->preset != NULL)
        adamw_preset(x->preset, INT64_C(1) << 40, &config, &schedule); /* rate and decay depend on no length */
    if (x->patience != UNSET && schedule.config.kind != ADAMW_SCHEDULE_PLATEAU)
        fail("--patience is for the plateau schedule: this one is %s", adamw_schedule_name(schedule.config.kind));
    if (x->epochs == UNSET)
        x->epochs = fashion ? 16 : 40;
    if (x->batch == UNSET)
        x->batch = fashion ? 256 : 128;
    if (x->lr == UNSET)
        x->lr = fashion && x->preset == NULL ? 2e-3 : config.lr;
    if (x->warmup == UNSET && x->preset == NULL)
        x->warmup = x->schedule == ADAMW_SCHEDULE_ONE_CYCLE ? 0 : fashion ? 2 : 10;
    if (x->patience == UNSET && x->preset == NULL)
        x->patience = fashion ? 1 : 5;
    if (x->weight_decays == 0)
        x->weight_decay[x->weight_decays++] = config.weight_decay;
    if (x->hidden_layers == 0) {
        x->hidden_layers = 2;
        x->hidden[0] = fashion ? 256 : 128;
        x->hidden[1] = fashion ? 128 : 64;
    }
    if (x->optimizers == 0)
        x->optimizers = 1 << ADAMW_DECAY_DECOUPLED | 1 << ADAMW_DECAY_L2;
    if (x->stop == 0)
        x->stop = x->epochs;
}

static void check_together(const options *x)
{
    if (x->warmup >= x->epochs)
        fail("--warmup is %d: it must be below the %d epochs", x->warmup, x->epochs);
    if (x->stop > x->epochs)
        fail("--stop is %d: it must be at most the %d epochs", x->stop, x->epochs);
    if (x->stop < x->epochs && x->checkpoint == NULL)
        fail("--stop needs --checkpoint FILE: without it nothing is left to resume");
    if (x->resume && x->checkpoint == NULL)
        fail("--resume needs --checkpoint FILE: the file to go on from");
    if (x->checkpoint != NULL && (x->seeds > 1 || x->weight_decays > 1 || (x->optimizers & (x->optimizers - 1)) != 0))
        fail("--checkpoint holds a single run: it needs --optimizer adamw or adam-l2, one seed and one weight decay");
    if (x->near_failure && x->subset == NULL)
        fail("--near-failure weighs remaining lives: it needs --data cmapss:DIR");
}

options read_options(int argc, char **argv)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    options x = {.out = "build/train",
                 .schedule = ADAMW_SCHEDULE_PLATEAU,
                 .epochs = UNSET,
                 .warmup = UNSET,
                 .patience = UNSET,
                 .batch = UNSET,
                 .accumulate = 1,
                 .seed = 1,
                 .seeds = 1,
                 .threads = 1,
                 .lr = UNSET,
                 .jobs = processors > 0 ? (int)processors : 1};
    bool subset = false, cmapss = false, schedule = false;
    strcpy(x.directory, FASHION_MNIST);
    for (int i = 1; i < argc; i++) {
        int k = 0;
        if (strcmp(argv[i], "--help") == 0)
            help();
        while (k < OPTIONS && strcmp(argv[i], table[k].name) != 0)
            k++;
        if (k == OPTIONS)
            fail("unknown option '%s': --help lists the known ones", argv[i]);
        const struct entry *e = &table[k];
        if (e->kind != FLAG && ++i == argc)
            fail("%s needs a value: %s", e->name, e->value);
        read_one(&x, e, argv[i]);
        subset |= e->read == read_subset;
        schedule |= e->read == read_schedule;
        cmapss |= e->read == read_data && strncmp(argv[i], "cmapss:", 7) == 0;
    }
    if (subset && !cmapss)
        fail("--subset is for C-MAPSS: it needs --data cmapss:DIR");
    if (schedule && x.preset != NULL)
        fail("--preset %s brings its own schedule: give it or --schedule", x.preset);
    set_defaults(&x);
    check_together(&x);
    return x;
}
