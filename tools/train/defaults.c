/*
 * defaults.c - what the command line leaves open: the values of the preset or the data set, and the checks of options
 * against each other. Single options are read in options.c.
 */
#include <stddef.h>

#include "fail.h"
#include "../common/shortest.h"
#include "options.h"

/* What the preset takes where nothing is said, else the data set. */
static void set_defaults(options *x)
{
    const bool fashion = x->subset == NULL;
    adamw_config config;
    adamw_schedule schedule = {.config.kind = x->schedule};
    adamw_config_init(&config);
    if (x->preset != NULL)
        adamw_preset(x->preset, INT64_C(1) << 40, &config, &schedule); /* rate and decay depend on no length */
    x->schedule = schedule.config.kind;
    if ((x->patience != UNSET || x->min_lr != UNSET) && x->schedule != ADAMW_SCHEDULE_PLATEAU)
        fail("%s is for the plateau schedule: this one is %s", x->patience != UNSET ? "--patience" : "--min-lr",
             adamw_schedule_name(x->schedule));
    if (x->epochs == UNSET)
        x->epochs = fashion ? 16 : 40;
    if (x->batch == UNSET)
        x->batch = fashion ? 256 : 128;
    if (x->lr == UNSET)
        x->lr = fashion && x->preset == NULL ? 2e-3 : config.lr;
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
        fail("--warmup is %d: it must be below --epochs, which is %d", x->warmup, x->epochs);
    if (x->min_lr > x->lr)
        fail("--min-lr is %s: it must be at most the rate, %s", shortest_of(x->min_lr).text, shortest_of(x->lr).text);
    if (x->stop > x->epochs)
        fail("--stop is %d: it must be at most --epochs, which is %d", x->stop, x->epochs);
    if (x->stop < x->epochs && x->checkpoint == NULL)
        fail("--stop needs --checkpoint FILE: without it nothing is left to resume");
    if (x->extend && !x->resume)
        fail("--extend needs --checkpoint FILE --resume: it makes a run longer that was saved");
    if (x->resume && x->checkpoint == NULL)
        fail("--resume needs --checkpoint FILE: the file to go on from");
    if (x->checkpoint != NULL && (x->seeds > 1 || x->weight_decays > 1 || (x->optimizers & (x->optimizers - 1)) != 0))
        fail("--checkpoint holds a single run: it needs --optimizer adamw or adam-l2, one seed and one weight decay");
    if (x->near_failure && x->subset == NULL)
        fail("--near-failure weighs remaining lives: it needs --data cmapss:DIR");
}

void complete_options(options *x)
{
    set_defaults(x);
    check_together(x);
}
