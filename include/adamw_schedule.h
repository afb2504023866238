/*
 * adamw_schedule.h - learning-rate schedules of libadamw: a linear warmup and one of twelve shapes, with weight decay
 * on a schedule beside it. adamw.h includes this file; include that one.
 */
#ifndef ADAMW_H
#include "adamw.h" /* which includes this file where it belongs */
#endif
#ifndef ADAMW_SCHEDULE_H
#define ADAMW_SCHEDULE_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A schedule gives the learning rate and the weight decay of the coming step. It is a plain struct of the caller's,
 * allocates nothing, and may be copied by assignment. Everything is computed in double, by additions,
 * multiplications, divisions, square roots and the library's own cosine and power: the same bits on every platform.
 * No function here is safe for two threads on one schedule at once. A training loop looks like this:
 *
 *     adamw_schedule_config recipe;
 *     adamw_schedule schedule;
 *     adamw_schedule_config_init(&recipe);
 *     recipe.kind = ADAMW_SCHEDULE_PLATEAU;
 *     recipe.warmup = 10;                                    // epochs
 *     if (adamw_schedule_init(&schedule, &recipe)) ...       // adamw_schedule_explain(&recipe, ...) says why
 *     for (int epoch = 0; epoch < epochs; epoch++) {
 *         for (each batch) {
 *             config.lr = adamw_schedule_lr(&schedule);
 *             adamw_step(&config, ++step, tensors, count, 0);
 *             adamw_schedule_step(&schedule);
 *         }
 *         if (adamw_schedule_epoch(&schedule, validation_loss) & ADAMW_EVENT_CUT) ...
 *     }
 *
 * kernels/schedule/README.md has every formula and its source.
 */

/* The main phase, after the warmup. k counts from its start, T is its length, both in `unit`; base and min are
 * base_lr and min_lr. Past the end (k > T) the rate is held at its value for T. */
typedef enum adamw_schedule_kind {
    ADAMW_SCHEDULE_CONSTANT = 0, /* base */
    ADAMW_SCHEDULE_PLATEAU = 1,  /* torch's ReduceLROnPlateau, fed by adamw_schedule_epoch(); has no end */
    ADAMW_SCHEDULE_LINEAR = 2,   /* min + (base - min) * (T - k) / T; Hugging Face's for min 0 */
    ADAMW_SCHEDULE_COSINE = 3,   /* min + (base - min) * (1 + cos(pi * k / T)) / 2; torch's CosineAnnealingLR */
    /* the same over periods; torch's CosineAnnealingWarmRestarts; total optional */
    ADAMW_SCHEDULE_COSINE_RESTARTS = 4,
    ADAMW_SCHEDULE_POLYNOMIAL = 5,   /* min + (base - min) * (1 - k / T)^power; torch's PolynomialLR for min 0 */
    ADAMW_SCHEDULE_EXPONENTIAL = 6,  /* base * gamma^k, at least min; torch's ExponentialLR */
    ADAMW_SCHEDULE_STEP = 7,         /* base * gamma^(k / step_size), at least min; torch's StepLR */
    ADAMW_SCHEDULE_MULTISTEP = 8,    /* base * gamma^(milestones reached), at least min; torch's MultiStepLR */
    ADAMW_SCHEDULE_INVERSE_SQRT = 9, /* base / sqrt((k + timescale) / timescale), at least min; Hugging Face's */
    ADAMW_SCHEDULE_WSD = 10,      /* warmup-stable-decay: base, then down to min over decay_length; Hugging Face's */
    ADAMW_SCHEDULE_ONE_CYCLE = 11 /* base / div_factor up to base and far down, at least min; torch's OneCycleLR */
} adamw_schedule_kind;

/* What a length counts: calls of adamw_schedule_epoch(), or of adamw_schedule_step(). */
typedef enum adamw_unit { ADAMW_UNIT_EPOCH = 0, ADAMW_UNIT_STEP = 1 } adamw_unit;

typedef enum adamw_mode { ADAMW_MODE_MIN = 0, ADAMW_MODE_MAX = 1 } adamw_mode;

/* When a metric is better than the best so far (mode min; max turns it around). */
typedef enum adamw_threshold_mode {
    /* metric < best * (1 - threshold), torch's rule. A negative metric that does not move counts as better each time,
     * so that it never brings a cut. */
    ADAMW_THRESHOLD_REL = 0,
    ADAMW_THRESHOLD_ABS = 1, /* metric < best - threshold */
    /* REL where best >= 0; metric < best * (1 + threshold) where best < 0: right for every sign */
    ADAMW_THRESHOLD_REL_SIGNED = 2
} adamw_threshold_mode;

/* How WSD and ONE_CYCLE go from a rate to the next; p runs from 0 to 1. */
typedef enum adamw_anneal {
    ADAMW_ANNEAL_COSINE = 0, /* (1 + cos(pi * p)) / 2 */
    ADAMW_ANNEAL_LINEAR = 1, /* 1 - p */
    ADAMW_ANNEAL_SQRT = 2    /* 1 - sqrt(p); WSD only */
} adamw_anneal;

/* What weight_decay does over the run. t counts from the run's start, N is `total`, both in `unit`. */
typedef enum adamw_weight_decay_kind {
    ADAMW_WEIGHT_DECAY_CONSTANT = 0,
    ADAMW_WEIGHT_DECAY_STEPS = 1,        /* weight_decay * weight_decay_gamma^(weight_decay_milestones reached) */
    ADAMW_WEIGHT_DECAY_LINEAR = 2,       /* end + (weight_decay - end) * (N - t) / N, end = weight_decay_end */
    ADAMW_WEIGHT_DECAY_COSINE = 3,       /* end + (weight_decay - end) * (1 + cos(pi * t / N)) / 2 */
    ADAMW_WEIGHT_DECAY_PROPORTIONAL = 4, /* weight_decay * lr / base_lr: it follows the rate */
    /* weight_decay / base_lr, so that a step, which multiplies by lr, takes weight_decay * lr / base_lr of a weight:
     * fully decoupled decay, where the size of base_lr does not matter (Loshchilov & Hutter 2019, algorithm 2). */
    ADAMW_WEIGHT_DECAY_FULLY_DECOUPLED = 5
} adamw_weight_decay_kind;

/*
 * A recipe. adamw_schedule_config_init() fills in the defaults named here, which are torch's where torch has the
 * field; only the fields that the kind uses are read. A length is a number of `unit`s from 0 to 2^53. Milestones
 * are points of the run, counted from its start; everything else in the main phase counts from the end of the warmup.
 */
typedef struct adamw_schedule_config {
    adamw_schedule_kind kind; /* default CONSTANT */
    adamw_unit unit;          /* of the main phase and of every length but the warmup's; default EPOCH */
    double base_lr;           /* the full rate, reached when the warmup ends; finite, >= 0; default 1e-3 */
    double min_lr;            /* where the main phase ends or the lowest it goes; 0 to base_lr; default 0 */
    int64_t total; /* length of the whole run, warmup included. 0: endless, which LINEAR, COSINE, POLYNOMIAL,
                    * WSD and ONE_CYCLE and a LINEAR or COSINE weight decay refuse; default 0 */

    /* Warmup: rate(t) = (rate of k = 0) * (s + (1 - s) * t / W), s = warmup_start, t from 0 to W = warmup. */
    double warmup_start;    /* 0 to 1; default 0.1; Hugging Face's warmups start from 0 */
    int64_t warmup;         /* default 0, none. At most total, where both have one unit */
    adamw_unit warmup_unit; /* its own; default EPOCH. Warmup in steps, main phase in epochs: that phase begins with
                             * the first epoch that begins after the warmup */

    /* PLATEAU: torch.optim.lr_scheduler.ReduceLROnPlateau, every option. */
    adamw_mode mode;                     /* default MIN */
    adamw_threshold_mode threshold_mode; /* default REL */
    bool fire_at_patience; /* cut at bad >= patience (then >= 1); default false: at bad > patience, as torch */
    double threshold;      /* finite; REL_SIGNED: 0 to below 1; default 1e-4 */
    double factor;         /* of a cut; above 0, below 1; default 0.1 */
    double eps;            /* a cut by no more than this does not happen; finite, >= 0; default 1e-8 */
    int64_t patience;      /* epochs without a better metric; >= 0; default 10 */
    int64_t cooldown;      /* epochs after a cut in which none is bad; >= 0; default 0 */

    double gamma;              /* EXPONENTIAL, STEP, MULTISTEP: above 0, to 1; default 0.1 */
    double power;              /* POLYNOMIAL: finite, above 0; default 1 */
    int64_t step_size;         /* STEP: at least 1; default 0, to be set */
    int64_t period;            /* COSINE_RESTARTS: length of the first period (T_0), >= 1; default 0, to be set */
    int64_t period_mult;       /* factor from one period's length to the next one's (T_mult), >= 1; default 1 */
    int64_t timescale;         /* INVERSE_SQRT: >= 0; default 0: the warmup's length, 10,000 without a warmup */
    int64_t decay_length;      /* WSD: of the decay at the end of the run; >= 1; default 0, to be set */
    const int64_t *milestones; /* MULTISTEP: the caller's, ascending (equal ones count twice), >= 0; not copied */
    size_t milestone_count;    /* at least 1 */
    adamw_anneal anneal;       /* WSD, ONE_CYCLE; default COSINE */
    bool three_phase;          /* ONE_CYCLE: go back down to base / div_factor in a phase of its own; default false */
    double pct_start;          /* ONE_CYCLE: share of the rise; 0 to 1; default 0.3 */
    double div_factor;         /* ONE_CYCLE: it starts at base / div_factor; finite, >= 1; default 25 */
    double final_div_factor;   /* ONE_CYCLE: it ends at base / div_factor / final_div_factor; >= 1; default 1e4 */

    double weight_decay;                    /* finite, >= 0; default 1e-4 */
    double weight_decay_end;                /* finite, >= 0; default 0 */
    double weight_decay_gamma;              /* above 0, to 1; default 0.1 */
    const int64_t *weight_decay_milestones; /* as milestones */
    size_t weight_decay_milestone_count;
    adamw_weight_decay_kind weight_decay_kind; /* default CONSTANT */
} adamw_schedule_config;

/* A running schedule: the recipe and its state. Read the fields as you like; adamw_schedule_step() and _epoch() write
 * them. A setting may be changed while it runs, by hand in `config`, within its range. */
typedef struct adamw_schedule {
    adamw_schedule_config config;
    int64_t step;             /* calls of adamw_schedule_step() */
    int64_t epoch;            /* calls of adamw_schedule_epoch() */
    int64_t main_start;       /* step or epoch (config.unit) at which the main phase began; -1 during the warmup */
    double lr;                /* PLATEAU: the rate after the cuts so far; base_lr before the first */
    double best;              /* PLATEAU: the best metric; an infinity before the first */
    int64_t bad;              /* PLATEAU: epochs since then, as torch's num_bad_epochs */
    int64_t cooldown_counter; /* PLATEAU: epochs of cooldown left */
    int64_t cuts;             /* PLATEAU: how often the rule fired, blocked cuts included */
} adamw_schedule;

/* adamw_schedule_config_init() fills in the defaults named above. NULL is ADAMW_ERROR_INVALID_ARGUMENT. */
ADAMW_API adamw_status adamw_schedule_config_init(adamw_schedule_config *config);

/*
 * adamw_schedule_init() checks the recipe and puts the schedule at its start. ADAMW_ERROR_INVALID_ARGUMENT, for NULL
 * or a field outside its range, and ADAMW_ERROR_ISA, for a library that was compiled with flags that change its rates,
 * leave `schedule` as it was; adamw_schedule_explain() names the field. `config` may be &schedule->config.
 * The lists of milestones are not copied: they must live as long as the schedule.
 */
ADAMW_API adamw_status adamw_schedule_init(adamw_schedule *schedule, const adamw_schedule_config *config);

/* adamw_schedule_explain() says why adamw_schedule_init() refuses a recipe, as adamw_step_explain() does for a step:
 * which field is wrong and what would be right, or "ok". 256 bytes hold every sentence of this file. */
ADAMW_API adamw_status adamw_schedule_explain(const adamw_schedule_config *config, char *buffer, size_t size);

/* adamw_schedule_lr() returns the rate of the coming step (or epoch), for adamw_config.lr. NULL gives NaN, which
 * adamw_step() refuses. */
ADAMW_API double adamw_schedule_lr(const adamw_schedule *schedule);

/* adamw_schedule_weight_decay() returns the weight decay of the coming step, for adamw_config.weight_decay. NULL
 * gives NaN. */
ADAMW_API double adamw_schedule_weight_decay(const adamw_schedule *schedule);

/* adamw_schedule_step() tells the schedule that a step was made. A loop whose recipe counts in epochs alone need not
 * call this. NULL does nothing. */
ADAMW_API void adamw_schedule_step(adamw_schedule *schedule);

/* What adamw_schedule_epoch() returns: a sum of these, 0 where there is nothing to tell. */
typedef enum adamw_event {
    ADAMW_EVENT_WARMUP = 1,   /* the epoch began in the warmup: the plateau rule did not see the metric */
    ADAMW_EVENT_BETTER = 2,   /* the metric is the new best */
    ADAMW_EVENT_NAN = 4,      /* the metric is NaN, which is never better */
    ADAMW_EVENT_COOLDOWN = 8, /* the epoch was one of a cooldown: not counted as bad */
    ADAMW_EVENT_CUT = 16,     /* the rule fired, and the rate is lower from now on */
    ADAMW_EVENT_BLOCKED = 32  /* the rule fired, but min_lr or eps kept the rate */
} adamw_event;

/*
 * adamw_schedule_epoch() tells the schedule that an epoch ended, with this value of the validation metric. Only
 * PLATEAU looks at it; the other kinds take anything, usually NaN, and return 0. Returns a sum of adamw_event: with
 * ADAMW_EVENT_CUT a trainer may log adamw_schedule_lr() or go back to its best weights, with ADAMW_EVENT_BETTER keep
 * them. NULL does nothing and returns 0.
 */
ADAMW_API unsigned adamw_schedule_epoch(adamw_schedule *schedule, double metric);

/* A parameter group under a schedule: its own rates and decay in place of the recipe's, the rest as there. */
typedef struct adamw_schedule_group {
    adamw_config *config; /* gets lr and weight_decay; nothing else of it is read or written */
    double base_lr;       /* finite, >= 0 */
    double min_lr;        /* 0 to base_lr */
    double weight_decay;  /* finite, >= 0 */
} adamw_schedule_group;

/*
 * adamw_schedule_apply() writes the rate and the weight decay of the coming step into the config of each of `count`
 * groups. The groups hold no state, so the schedule stays one struct: a group's rate after n cuts of a plateau is
 * worked out anew, with n multiplications. ADAMW_EVENT_CUT and _BLOCKED speak of the recipe's own rate; as in torch,
 * a group's eps and min_lr may hold its rate in other epochs. ADAMW_ERROR_INVALID_ARGUMENT for NULL or a value
 * outside its range: then no config was written, and adamw_schedule_apply_explain() names the group. `groups` may be
 * NULL where count is 0.
 */
ADAMW_API adamw_status adamw_schedule_apply(const adamw_schedule *schedule, const adamw_schedule_group *groups,
                                            size_t count);
ADAMW_API adamw_status adamw_schedule_apply_explain(const adamw_schedule *schedule,
                                                    const adamw_schedule_group *groups, size_t count, char *buffer,
                                                    size_t size);

/*
 * adamw_schedule_extend() makes the run longer: config.total becomes `total`, a number of config.unit from the total of
 * now to 2^53, and from then on the schedule is the one that was started with that total. Rates that were given stay
 * what they are, so it is refused where they depend on the length: LINEAR, COSINE, POLYNOMIAL and ONE_CYCLE once their
 * main phase has moved (a longer run would rescale them), WSD once its decay has begun, a LINEAR or COSINE weight
 * decay after the first step, and a run past its end. COSINE_RESTARTS, EXPONENTIAL, STEP, MULTISTEP, INVERSE_SQRT,
 * CONSTANT and PLATEAU can be extended up to their end.
 *
 * A saved state belongs to the total that it was saved with: to go on longer, start the schedule with that one, load,
 * then extend. ADAMW_ERROR_INVALID_ARGUMENT for NULL, a total below the one of now or a recipe without an end (total
 * 0), ADAMW_ERROR_STATE where given rates would change: the schedule is then as before, and
 * adamw_schedule_extend_explain() has the sentence.
 */
ADAMW_API adamw_status adamw_schedule_extend(adamw_schedule *schedule, int64_t total);
ADAMW_API adamw_status adamw_schedule_extend_explain(const adamw_schedule *schedule, int64_t total, char *buffer,
                                                     size_t size);

/* adamw_schedule_name() returns the name of a kind: "constant", "plateau", "linear", "cosine", "cosine-restarts",
 * "polynomial", "exponential", "step", "multistep", "inverse-sqrt", "wsd", "one-cycle"; "unknown" for values that are
 * no adamw_schedule_kind. */
ADAMW_API const char *adamw_schedule_name(adamw_schedule_kind kind);

/* Bytes that hold every text of adamw_schedule_save(), with its terminating zero. */
#define ADAMW_SCHEDULE_TEXT_SIZE 4096

/*
 * adamw_schedule_save() writes the recipe and the state as text to `buffer` (at most `size` bytes with the
 * terminating zero; NULL with size 0 is allowed) and returns its length without that zero, as snprintf() does. One
 * `key value` a line, floating-point numbers in hexadecimal, so that every bit and infinity survives, whatever the
 * locale; of lists of milestones, their length and a digest. The last line is a checksum. NULL as schedule gives 0
 * and the empty string.
 */
ADAMW_API size_t adamw_schedule_save(const adamw_schedule *schedule, char *buffer, size_t size);

/*
 * adamw_schedule_load() goes on from a saved state: the schedule then gives the same bits as the one that was saved.
 * `schedule` must have been started with the same recipe (adamw_schedule_init(), adamw_preset()): a text of another
 * one is refused and not silently mixed. To change a setting in mid-run, load first, then change schedule->config.
 * `length` counts the bytes of the text without a terminating zero.
 *
 * ADAMW_ERROR_STATE for a text that is cut off, edited, of another version or of another recipe,
 * ADAMW_ERROR_INVALID_ARGUMENT for NULL: the schedule is then as before, and adamw_schedule_load_explain() has the
 * sentence, with the name of the field that differs and both its values.
 */
ADAMW_API adamw_status adamw_schedule_load(adamw_schedule *schedule, const char *text, size_t length);
ADAMW_API adamw_status adamw_schedule_load_explain(const adamw_schedule *schedule, const char *text, size_t length,
                                                   char *buffer, size_t size);

/*
 * adamw_preset() looks up a published recipe by its name.
 *
 *     name                       lr    weight_decay  warmup              then
 *     rul                        1e-3  1e-4          10 epochs from 0.1  plateau: factor 0.5, patience 30, min_lr 5e-6
 *     bert-finetune              5e-5  0.01          500 steps from 0    linear to 0
 *     vit-imagenet               1e-4  0.05          5,000 steps from 0  cosine to 0
 *     stable-diffusion-finetune  1e-5  0.01          100 steps from 0    constant
 *     gan                        2e-4  0             none                constant
 *     ppo                        3e-4  0             none                constant
 *
 * Fills in the optimizer's config (lr is the base rate; the rest as adamw_config_init()) and starts the schedule.
 * `total` is the length of the run: epochs for rul, steps for the others; 0 is endless, which bert-finetune and
 * vit-imagenet refuse. To change one setting, change it in schedule->config and give that to adamw_schedule_init().
 * ADAMW_ERROR_INVALID_ARGUMENT for a name that is none, NULL, or a total that the recipe refuses: nothing was
 * written, and adamw_preset_explain() has the sentence.
 */
ADAMW_API adamw_status adamw_preset(const char *name, int64_t total, adamw_config *config, adamw_schedule *schedule);
ADAMW_API adamw_status adamw_preset_explain(const char *name, int64_t total, char *buffer, size_t size);

/* adamw_preset_name() returns the names of the presets, from index 0 on; NULL past the last. */
ADAMW_API const char *adamw_preset_name(size_t index);

#ifdef __cplusplus
}
#endif

#endif /* ADAMW_SCHEDULE_H */
