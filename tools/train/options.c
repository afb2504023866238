/*
 * options.c - see options.h. The table is the one list of options: their names, ranges and help. Defaults that depend
 * on other options are in defaults.c.
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
    if (adamw_isa_from_name(value, &x->isa) != ADAMW_OK)
        fail("%s is '%s': it must be auto, scalar, avx2, avx512 or neon", name, value);
    if (!adamw_isa_supported(x->isa))
        fail("%s is '%s', which this CPU or build does not have: auto takes the best that it has", name, value);
}

/* Ends the program with the list of right names; name_at gives NULL behind the last. */
static void fail_names(const char *name, const char *value, const char *(*name_at)(size_t index))
{
    char names[1024] = "";
    for (size_t i = 0, used = 0; name_at(i) != NULL && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i != 0 ? ", " : "", name_at(i));
    fail("%s is '%s': it must be one of %s", name, value, names);
}

static void read_preset(options *x, const char *name, const char *value)
{
    for (size_t i = 0; adamw_preset_name(i) != NULL; i++)
        if (strcmp(value, adamw_preset_name(i)) == 0) {
            x->preset = value;
            return;
        }
    fail_names(name, value, adamw_preset_name);
}

static const char *schedule_at(size_t index)
{
    return index <= ADAMW_SCHEDULE_ONE_CYCLE ? adamw_schedule_name((adamw_schedule_kind)index) : NULL;
}

static void read_schedule(options *x, const char *name, const char *value)
{
    for (size_t i = 0; schedule_at(i) != NULL; i++)
        if (strcmp(value, schedule_at(i)) == 0) {
            x->schedule = (adamw_schedule_kind)i;
            return;
        }
    fail_names(name, value, schedule_at);
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
    {"--epochs", "N", "passes over the training set (16; C-MAPSS: 40)", WHOLE, AT(epochs), 1, MAX_EPOCHS, NULL},
    {"--batch", "N", "samples of a batch (256; C-MAPSS: 128)", WHOLE, AT(batch), 1, 65536, NULL},
    {"--accumulate", "N", "batches of a step (1)", WHOLE, AT(accumulate), 1, 65536, NULL},
    {"--hidden", "N,N,...", "widths of the hidden layers (256,128; C-MAPSS: 128,64)", OWN, 0, 0, 0, read_hidden},
    {"--lr", "X", "base learning rate (2e-3; C-MAPSS: 1e-3)", NUMBER, AT(lr), 1e-30, 1e6, NULL},
    {"--weight-decay", "X,X,...", "a run for each (1e-4)", OWN, 0, 0, 0, read_decays},
    {"--warmup", "N", "epochs of linear warmup from a tenth of the rate (2; C-MAPSS: 10; at most half the run)",
     WHOLE, AT(warmup), 0, 100000, NULL},
    {"--patience", "N", "plateau: epochs without a better validation loss before the rate is halved (1; C-MAPSS: 5)",
     WHOLE, AT(patience), 0, 100000, NULL},
    {"--min-lr", "X", "plateau: the lowest rate (a two-hundredth of the rate)", NUMBER, AT(min_lr), 0, 1e6, NULL},
    {"--clip", "X", "largest global norm of the gradients (0: any)", NUMBER, AT(clip), 0, 1e30, NULL},
    {"--ema", "X", "validate and test an average of the weights with this decay (0: the weights)", NUMBER, AT(ema), 0,
     1, NULL},
    {"--seed", "N", "the first seed (1)", SEED, AT(seed), 0, 0, NULL},
    {"--seeds", "N", "how many seeds, counted on from the first (1)", WHOLE, AT(seeds), 1, 1000, NULL},
    {"--checkpoint", "FILE", "of a single run: written after each epoch", PATH, AT(checkpoint), 0, 0, NULL},
    {"--resume", NULL, "go on from the checkpoint", FLAG, AT(resume), 0, 0, NULL},
    {"--extend", NULL, "with --resume: train up to --epochs, more than were planned, where the schedule allows it",
     FLAG, AT(extend), 0, 0, NULL},
    {"--stop", "N", "end after N of the epochs, to be resumed", WHOLE, AT(stop), 1, MAX_EPOCHS, NULL},
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
    finish_output();
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

/* Ends the program on a word that is no option, with what would be right. */
static void fail_unknown(const char *word, const struct entry *before)
{
    const char *equals = strchr(word, '=');
    if (strncmp(word, "--", 2) != 0 && before != NULL && before->kind == FLAG)
        fail("'%s' follows %s, which has no value%s", word, before->name,
             strcmp(before->name, "--resume") == 0 ? ": --checkpoint FILE --resume goes on from FILE" : "");
    for (int k = 0; k < OPTIONS && equals != NULL; k++)
        if (strncmp(word, table[k].name, (size_t)(equals - word)) == 0 && table[k].name[equals - word] == 0)
            fail("'%s': the value is a word of its own: %s %s", word, table[k].name, equals + 1);
    fail("unknown option '%s': --help lists the known ones", word);
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
                 .min_lr = UNSET,
                 .jobs = processors > 0 ? (int)processors : 1};
    bool subset = false, cmapss = false, schedule = false;
    const struct entry *before = NULL; /* the option of the word before */
    strcpy(x.directory, FASHION_MNIST);
    for (int i = 1; i < argc; i++) {
        int k = 0;
        if (strcmp(argv[i], "--help") == 0)
            help();
        while (k < OPTIONS && strcmp(argv[i], table[k].name) != 0)
            k++;
        if (k == OPTIONS)
            fail_unknown(argv[i], before);
        const struct entry *e = before = &table[k];
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
    complete_options(&x);
    return x;
}
