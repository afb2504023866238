/*
 * check.h - the kernels' checks: plain functions, so that Criterion (tests/test_kernels.c) and a plain main
 * (tests/plain.c, for qemu, sanitizers and valgrind, where Criterion cannot run) drive the same list.
 */
#ifndef ADAMW_TESTS_CHECK_H
#define ADAMW_TESTS_CHECK_H

#include "../../kernels/plan/plan.h"
#include "../../kernels/plan/streams.h"
#include "../../kernels/dispatch/isa.h"
#include "../../kernels/vec/fused.h" /* what the checks take for fmaf */

/* X(name, what it checks): the one list. Each is `bool check_<name>(const check_options *)` in a file beside this. */
#define CHECKS_ANYWHERE(X)                                                                                           \
    X(isa_equals_scalar, "every ISA and variant against the scalar kernel, nasty inputs, sizes 0 to 130 and larger") \
    X(conformance, "the bits of millions of random values, on every ISA, are those of tests/data/conformance.txt")   \
    X(narrow_conformance, "the bits of every form of narrow streams are those of tests/data/conformance_narrow.txt") \
    X(vocabulary, "every operation of every ISA's vocabulary against plain C, nasty operands")                       \
    X(fused, "fmaf made of double's operations is one rounding, nasty operands, in every rounding mode")             \
    X(all_floats, "roots and conversions of every ISA are correctly rounded (all 2^32 floats with --full)")          \
    X(bundles, "roots and quotients without the divider are correctly rounded, from every estimate of a CPU's")      \
    X(known_answer, "the test of a build at its first step knows each ISA's kernels, and finds any that is wrong")   \
    X(resume, "a step's bits do not depend on the calls before it")                                                  \
    X(coefficients, "the scalars of a step are within 0.500001 ulp of the exact ones, for steps to 2^63")            \
    X(ema_weights, "the weight of each kind of average is within 0.500001 ulp of the exact one, for steps to 2^40")  \
    X(accuracy_bar, "the scalar kernel against long double, within the bar of kernels/ARITHMETIC.md")                \
    X(decay_is_realised, "ACCURATE decays by 100 +- 1 % wherever gradients flow")                                    \
    X(small_betas, "betas of 0 keep the newest gradient alone")                                                      \
    X(torch_golden, "TORCH has the bits of torch's own steps, tests/data/torch.txt")                                 \
    X(golden_damaged, "a golden file that is cut, or changed in any byte, or of another title, is refused")          \
    X(bias_correction, "bias_correction false has the closed form's bits, and a host may fold corrections into lr")  \
    X(no_exp_avg, "a missing exp_avg with beta1 0 has the bits of one that holds zeros, in every kind of call")      \
    X(isa_names, "each ISA's name is found again, and nothing else is a name")                                       \
    X(isa_choice, "a chosen ISA is active; one that cannot run is an error")                                         \
    X(schedule_published, "the true traces of the two published listings of warmup and plateau")                     \
    X(schedule_warmup_feeds_nothing, "the plateau rule sees no metric of the warmup, in epochs and in steps")        \
    X(schedule_events, "each metric's events: better, NaN, cooldown, cut, blocked")                                  \
    X(schedule_units, "a warmup in epochs before a main phase in steps, and the rate past the end of the run")       \
    X(schedule_ends_in_warmup, "a warmup that outlasts the run in the other unit: the rate is held from the end on") \
    X(schedule_any, "random recipes, any calls: finite rates between 0 and base_lr, held past the end")              \
    X(schedule_weight_decay, "each kind of weight decay over a run")                                                 \
    X(schedule_groups, "a group under a schedule has the rates of a schedule of its own")                            \
    X(update_parts, "adamw_update equals its parts done one after another, on every ISA and thread count")           \
    X(update_norms, "norms are exact in double, and the same on every ISA, thread count and half-width dtype")       \
    X(update_skip, "a gradient that is not finite: nothing is written, and the report has its place")                \
    X(update_streams, "averages, copies and the ratio of an update, each against its definition")                    \
    X(update_report, "norms, coefficients, ratios and places that adamw_update tells, each by its definition")       \
    X(norm_order, "a norm has the bits of its 16 lanes and their fold")                                              \
    X(exact_sum, "sums without rounding: known ones, any order, any split")                                          \
    X(overlaps, "every pair of buffers: one byte in common is refused, none is right, an unused one is free")        \
    X(team_size, "a team has no more threads than pay, and none below the threshold")                                \
    X(narrow_is_rounded_once, "narrow streams equal the float32 update between exact reads and one rounding")        \
    X(random_words, "the words of stochastic rounding: unbiased for each fraction, uncorrelated, one for each key")  \
    X(conversions,                                                                                                   \
      "adamw_split, adamw_join, adamw_encode, adamw_decode: every kind of float, thread counts, wrong calls")        \
    X(split_is_float32, "a run of split parameters has the bits of the float32 run (1e8 element-steps with --full)") \
    X(compensated, "a parameter with a compensation has the bits of its formula, and a dead unit decays in full")    \
    X(accumulate, "gradients of every dtype add up with one rounding, on every ISA and thread count")                \
    X(loss_scale, "growth and backoff by GradScaler's rule")                                                         \
    X(bad_options, "each wrong option of adamw_update has its status and sentence, and nothing is written")          \
    X(schedule_resume, "saved and loaded at every epoch of 200, each kind goes on with the same bits")               \
    X(schedule_extend, "a run made longer has the rates of one that was so long from the start, or is refused")      \
    X(schedule_damaged, "a saved schedule cut or changed at any byte, or of another recipe, is refused")             \
    X(schedule_edited, "random edits under a right checksum: only what a save writes is loaded")                     \
    X(schedule_numbers, "every kind of double comes back from a saved schedule")                                     \
    X(schedule_changed, "settings changed by hand in mid-run: the rate obeys, and the text that is saved loads")     \
    X(schedule_presets, "the published recipes by name")                                                             \
    X(schedule_preset_names, "a table of presets of any length refuses a name within 256 bytes")                     \
    X(schedule_bad_fields, "each wrong field of a recipe or group has its sentence, and nothing is changed")         \
    X(schedule_bad_extensions, "a run that cannot be made longer says why, and nothing is changed")                  \
    X(schedule_golden, "our rates are those of torch's and Hugging Face's schedulers, tests/data/schedules.txt")     \
    X(schedule_negative_metric, "a negative metric that stands still is cut in the sign-safe mode alone")            \
    X(schedule_functions, "cosine and power are correctly rounded, and the same everywhere")                         \
    X(numbers_in_sentences, "a refused number is told by its shortest text, in every rounding mode and locale")      \
    X(bad_arguments, "each invalid argument has its status and sentence, and nothing is written")

/* Those that need POSIX: files, forks, mapped memory, threads. */
#define CHECKS_OF_POSIX(X)                                                                                           \
    X(memory, "buffers at every byte offset, between canaries and pages that may not be touched")                    \
    X(split_is_whole, "a tensor in two calls, a list in many calls and any parts equal one call")                    \
    X(threads_are_one, "threads 1, 2, 3 and 7 give the same bits, in every rounding and subnormal mode")             \
    X(long_list, "a list of hundreds of tensors, some empty, on 1, 2, 3 and 7 threads")                              \
    X(groups_and_steps, "each tensor takes its own config and step")                                                 \
    X(team_parts, "each part of a call is done once and joined in order, for every number of threads")               \
    X(team_environment, "the team's threads work in the caller's rounding mode")                                     \
    X(team_callers, "many callers at once, one team")                                                                \
    X(team_nested, "a call inside a part of another call")                                                           \
    X(team_host, "a parallel-for that the host lends: in order, reversed, on threads, and a careless one")           \
    X(process_fork, "a forked child steps with threads of its own, also when another thread was in a step")          \
    X(process_limits, "where the system gives no thread, or no CPU for one, the caller works alone")                 \
    X(cpu_quota, "the CPUs of a control group's quota, versions 1 and 2")                                            \
    X(process_threads, "the team's threads have their name, their signals blocked, and stacks that suffice")         \
    X(process_small_stack, "a caller with a stack of 64 KiB gets its whole update from several threads")             \
    X(process_exit, "a process ends while its team sleeps, and while another thread is in a step")                   \
    X(float_env_kept, "the control register is as before, on the caller and on the workers")                         \
    X(float_env_everywhere, "every public function keeps mode and flags, and has the caller's mode on every thread") \
    X(unmasked_exceptions,                                                                                           \
      "a clean run raises no exception where the caller has unmasked them, idle lanes included")                     \
    X(beyond_32_bits, "a tensor of more than 2^32 values is updated in its right places")                            \
    X(no_allocation, "a step allocates nothing")                                                                     \
    X(small_stack, "a step runs on a stack of 16 KiB, everything else on one of 64 KiB")                             \
    X(memory_given, "adamw_alloc: zeroed, aligned, and NULL where it cannot be")                                     \
    X(introspection, "adamw_info_get tells what is so, and which CPUs get AVX2 in spite of AVX-512")                 \
    X(files_round_trip, "tensors of every dtype and any name come back, aligned, the same under every locale")       \
    X(files_damaged, "a file with any bit changed or cut at any byte is refused by a byte or tensor")                \
    X(files_headers, "headers that other programs could write: right ones open, wrong ones have their sentence")     \
    X(files_bad_arguments, "each wrong tensor or metadata has its sentence, and no file is left")                    \
    X(files_replaced, "links are followed, what is no file is refused, two writers do not disturb each other")       \
    X(files_state, "the state of a run comes back to the bit")                                                       \
    X(files_other_state, "a file that does not fit the optimizer at hand is refused by name, and nothing is loaded") \
    X(files_extra, "a caller's own tensors and text beside a state, which loads as without them")                    \
    X(files_bad_state, "each wrong field of a state has its sentence, and no file is left")                          \
    X(files_shards, "shards of 1 to 8 ranks are read by 1 to 8 ranks to the bit")                                    \
    X(files_bad_shards, "shards of two saves, with holes or missing are refused by name")

#if defined(ADAMW_POSIX) && !defined(CHECKS_WITHOUT_POSIX)
#define CHECKS(X)                                                                                                    \
    CHECKS_ANYWHERE(X)                                                                                               \
    CHECKS_OF_POSIX(X)
#else
#define CHECKS(X) CHECKS_ANYWHERE(X)
#endif

typedef struct check_options {
    uint64_t seed;
    adamw_isa isa; /* AUTO: every ISA that runs here; otherwise this one alone, besides the scalar */
    bool quick;    /* smaller sizes, for slow emulators */
    bool full;     /* minutes instead of seconds: what make test-full runs */
    bool unmasked; /* the machine is an emulator whose masked loads touch what they leave out (memory.c) */
} check_options;

#define CHECK_DECLARE(name, text) bool check_##name(const check_options *options);
CHECKS(CHECK_DECLARE)
#undef CHECK_DECLARE

/* What a check that cannot run here prints before it returns true. */
void check_skip(const char *format, ...) ADAMW_FORMAT(1, 2);

/* Prints where a check failed and returns false, to be returned. */
bool check_fail(const char *format, ...) ADAMW_FORMAT(1, 2);

/* A line that is written over and over on a terminal; nothing elsewhere. An empty text ends it. */
void check_progress(const char *format, ...) ADAMW_FORMAT(1, 2);

/* A seed from the command line or the environment; false if the text is no number. */
bool parse_seed(const char *text, uint64_t *seed);

/* Whether the options ask for the ISA and it runs here. */
bool check_wants(const check_options *options, adamw_isa isa);

/* What adamw_float_env_set() flushes subnormals by. */
#if defined(__x86_64__)
#define FLUSH_SUBNORMALS UINT64_C(0x8040) /* FTZ and DAZ */
#elif defined(__aarch64__)
#define FLUSH_SUBNORMALS (UINT64_C(1) << 24) /* FZ */
#else
#define FLUSH_SUBNORMALS UINT64_C(0)
#endif

/* The rounding modes of <fenv.h>: wasm has one. */
#if defined(__wasm__)
#define ROUNDINGS                                                                                                    \
    {                                                                                                                \
        FE_TONEAREST                                                                                                 \
    }
#else
#define ROUNDINGS                                                                                                    \
    {                                                                                                                \
        FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO                                                          \
    }
#endif

#define FOR_EACH_ISA(options, isa)                                                                                   \
    for (adamw_isa isa = ADAMW_ISA_SCALAR; isa < ADAMW_ISA_COUNT; isa = (adamw_isa)(isa + 1))                        \
        if (check_wants(options, isa))

/* ---- inputs and buffers (buffers.c) ---- */

/* The float32 streams of the update, in one block of memory that begins with `param`. */
typedef struct buffers {
    size_t n;
#define BUFFERS_MEMBER(name, when) float *name;
    ADAMW_UPDATE_STREAMS(BUFFERS_MEMBER)
#undef BUFFERS_MEMBER
} buffers;

/* Their number, and each one's place in the list. */
enum {
#define BUFFERS_NUMBER(name, when) BUFFERS_##name,
    ADAMW_UPDATE_STREAMS(BUFFERS_NUMBER)
#undef BUFFERS_NUMBER
        BUFFERS
};

typedef enum input_kind {
    INPUT_TRAINING, /* as in a real training run */
    INPUT_NASTY     /* any bit pattern: subnormals, infinities, NaN, zeros, huge and tiny */
} input_kind;

buffers buffers_new(size_t n);
void buffers_free(buffers *x);
/* The streams as an array, to walk them. */
void buffers_all(const buffers *x, float *all[BUFFERS]);
void buffers_fill(buffers *x, input_kind kind, uint64_t seed);
void buffers_copy(buffers *to, const buffers *from);
adamw_tensor buffers_tensor(const buffers *x, const adamw_config *config);
/* The index of the first value that differs in any buffer, NaN equal to NaN; n if none. */
size_t buffers_difference(const buffers *a, const buffers *b);

/* splitmix64's output function of a counter: the same numbers as tools/torch/inputs.py. */
static inline uint64_t mix64(uint64_t x)
{
    x *= UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static inline float float_of_bits(uint32_t bits)
{
    union {
        uint32_t bits;
        float value;
    } x = {bits};
    return x.value;
}

static inline uint32_t bits_of_float(float value)
{
    union {
        float value;
        uint32_t bits;
    } x = {value};
    return x.bits;
}

/* The bits that are compared: every NaN is one. In integers, which an emulator is quick at. */
static inline uint32_t canonical_bits(float x)
{
    const uint32_t bits = bits_of_float(x);
    return (bits & 0x7FFFFFFF) > 0x7F800000 ? 0x7FC00000u : bits;
}

/* The index of the first value that differs, NaN equal to NaN; n if none. */
size_t floats_difference(const float *a, const float *b, size_t n);

/* The special values of float32: zeros, infinities, NaN, the ends of the normal and subnormal ranges, v of 2^-67. */
enum { SPECIALS = 16 };
extern const uint32_t special_bits[SPECIALS];

/* One number for the bits of an array and their places. */
uint64_t digest_of(const float *x, size_t n);

double uniform(uint64_t *state);
double normal(uint64_t *state);
double normal_like(uint64_t *state); /* the sum of four uniforms: near enough for millions of values, and quick */

/* A word of stochastic rounding, as kernels/ARITHMETIC.md has it, in plain C (random.c). */
uint32_t random_word(uint64_t seed, uint64_t step, uint64_t random_stream, uint64_t index, unsigned word);

/* ---- golden files (golden.c) ---- */

/*
 * The lines of a file of tests/data as one zero-terminated text for free(), its first line skipped. NULL, and told
 * by name, if the file is missing, does not begin with `title`, or does not end in "end " and its own checksum.
 * `maker` says what writes it.
 */
char *golden_read(const char *path, const char *title, const char *maker);
uint64_t golden_checksum(const char *text, size_t size);
/* Prints a file of tests/data: the text, which begins with its title, and the line with its checksum. */
void golden_print(const char *text);

/* Prints what tests/data/conformance.txt has to hold (conformance.c). */
void conformance_print(void);
/* The same of tests/data/conformance_narrow.txt (narrow_conformance.c). */
void narrow_conformance_print(void);

/* ---- configs ---- */

/* Calls `visit` for a spread of hyperparameters of every variant; stops and returns false when it does. */
typedef bool config_visitor(const adamw_config *config, uint64_t step, void *context);
bool for_each_config(config_visitor *visit, void *context);
/* One config for each variant. */
adamw_config config_of_variant(adamw_variant variant);
const char *name_of_variant(adamw_variant variant);

/* One step of the kernels of `isa` on the calling thread, with the active tuning or a family's. */
void step_with(adamw_isa isa, const adamw_config *config, uint64_t step, const adamw_tensor *tensor);
void step_tuned(adamw_isa isa, const adamw_tuning *tuning, const adamw_config *config, uint64_t step,
                const adamw_tensor *tensor);

#endif
