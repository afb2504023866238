/*
 * check.h - the kernels' checks: plain functions, so that Criterion (tests/test_kernels.c) and a plain main
 * (tests/plain.c, for qemu, sanitizers and valgrind, where Criterion cannot run) drive the same list.
 */
#ifndef ADAMW_TESTS_CHECK_H
#define ADAMW_TESTS_CHECK_H

#include "../../kernels/core/driver.h"
#include "../../kernels/dispatch/isa.h"

/* X(name, what it checks): the one list. Each is `bool check_<name>(const check_options *)` in a file of this folder.
 */
#define CHECKS(X)                                                                                                    \
    X(isa_equals_scalar, "every ISA and variant against the scalar kernel, nasty inputs, sizes 0 to 130 and larger") \
    X(isa_misaligned, "buffers at every byte offset of a vector give the same bits")                                 \
    X(nothing_outside, "canaries around every buffer stay, at every size of a vector")                               \
    X(split_is_whole, "a tensor in two calls, a list in many calls and any parts equal one call")                    \
    X(threads_are_one, "threads 1, 2, 3 and 7 give the same bits, in every rounding and subnormal mode")             \
    X(groups_and_steps, "each tensor takes its own config and step")                                                 \
    X(float_env_kept, "the control register is as before, on the caller and on the workers")                         \
    X(beyond_32_bits, "a tensor of more than 2^32 values is updated to its end")                                     \
    X(no_allocation, "a step allocates nothing")                                                                     \
    X(accuracy_bar, "the scalar kernel against long double, within the bar of kernels/README.md")                    \
    X(decay_is_realised, "ACCURATE decays by 100 +- 1 % wherever gradients flow")                                    \
    X(small_betas, "betas of 0 keep the newest gradient alone")                                                      \
    X(torch_golden, "TORCH has the bits of torch's own steps, tests/data/torch.txt")                                 \
    X(isa_choice, "a chosen ISA is active; one that cannot run is an error of the step")                             \
    X(bad_arguments, "each invalid argument has its status and sentence, and nothing is written")

typedef struct check_options {
    uint64_t seed;
    adamw_isa isa; /* AUTO: every ISA that runs here; otherwise this one alone, besides the scalar */
    bool quick;    /* smaller sizes, for slow emulators */
} check_options;

#define CHECK_DECLARE(name, text) bool check_##name(const check_options *options);
CHECKS(CHECK_DECLARE)
#undef CHECK_DECLARE

/* What a check that cannot run here prints before it returns true. */
void check_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints where a check failed and returns false, to be returned. */
bool check_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether the options ask for the ISA and it runs here. */
bool check_wants(const check_options *options, adamw_isa isa);

/* ---- inputs and buffers (buffers.c) ---- */

typedef struct buffers {
    size_t n;
    float *param, *grad, *exp_avg, *exp_avg_sq, *max_exp_avg_sq;
} buffers;

typedef enum input_kind {
    INPUT_TRAINING, /* as in a real training run */
    INPUT_NASTY     /* any bit pattern: subnormals, infinities, NaN, zeros, huge and tiny */
} input_kind;

buffers buffers_new(size_t n);
void buffers_free(buffers *x);
void buffers_fill(buffers *x, input_kind kind, uint64_t seed);
void buffers_copy(buffers *to, const buffers *from);
adamw_tensor buffers_tensor(const buffers *x, const adamw_config *config);
/* The index of the first value that differs in any buffer that a step writes, NaN equal to NaN; n if none. */
size_t buffers_difference(const buffers *a, const buffers *b);

/* splitmix64 of a counter: the same numbers as tools/torch/inputs.py. */
uint64_t mix64(uint64_t counter);
float float_of_bits(uint32_t bits);
uint32_t bits_of_float(float x);
double uniform(uint64_t *state);
double normal(uint64_t *state);

/* ---- configs ---- */

/* Calls `visit` for a spread of hyperparameters of every variant; stops and returns false when it does. */
typedef bool config_visitor(const adamw_config *config, uint64_t step, void *context);
bool for_each_config(config_visitor *visit, void *context);
/* One config for each variant. */
adamw_config config_of_variant(adamw_variant variant);
const char *name_of_variant(adamw_variant variant);

/* One step of the kernels of `isa` on the calling thread. */
void step_with(adamw_isa isa, const adamw_config *config, uint64_t step, const adamw_tensor *tensor);

#endif
