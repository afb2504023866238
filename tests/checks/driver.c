/*
 * driver.c - how the work is cut changes no bit: calls, parts, lists, threads, floating-point modes, huge tensors.
 */
#define _GNU_SOURCE /* memfd_create, mallinfo2 */
#include "check.h"

#include <fenv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "../../kernels/dispatch/float_env.h"

/* Some tensors of many sizes that lie one after another in one set of buffers. */
enum { PIECES = 12 };
static const size_t piece_sizes[PIECES] = {0, 1, 5000, 4096, 1, 270000, 17, 8192, 0, 12289, 333, 4095};

static size_t all_pieces(void)
{
    size_t sum = 0;
    for (int i = 0; i < PIECES; i++)
        sum += piece_sizes[i];
    return sum;
}

static void make_pieces(adamw_tensor *pieces, const buffers *x, const adamw_config *config)
{
    size_t at = 0;
    for (int i = 0; i < PIECES; i++) {
        const buffers piece = {piece_sizes[i],  x->param + at,      x->grad + at,
                               x->exp_avg + at, x->exp_avg_sq + at, x->max_exp_avg_sq + at};
        pieces[i] = buffers_tensor(&piece, config);
        at += piece_sizes[i];
    }
}

typedef struct trial {
    buffers input, expected, actual;
} trial;

static trial trial_new(size_t n, uint64_t seed)
{
    trial t = {buffers_new(n), buffers_new(n), buffers_new(n)};
    buffers_fill(&t.input, INPUT_NASTY, seed);
    return t;
}

static void trial_free(trial *t)
{
    buffers_free(&t->input);
    buffers_free(&t->expected);
    buffers_free(&t->actual);
}

static bool trial_same(const trial *t, const char *what)
{
    const size_t at = buffers_difference(&t->expected, &t->actual);
    return at == t->input.n || check_fail("%s: value %zu differs", what, at);
}

bool check_split_is_whole(const check_options *options)
{
    static const size_t parts[] = {1, 2, 3, 7, 64};
    trial t = trial_new(all_pieces(), options->seed);
    bool right = true;
    for (int variant = 0; right && variant < ADAMW_VARIANT_COUNT; variant++) {
        const adamw_config config = config_of_variant((adamw_variant)variant);
        adamw_tensor whole = buffers_tensor(&t.expected, &config), pieces[PIECES];
        buffers_copy(&t.expected, &t.input);
        right = adamw_step(&config, 3, &whole, 1, 0) == ADAMW_OK;

        make_pieces(pieces, &t.actual, &config);
        buffers_copy(&t.actual, &t.input);
        right =
            right && adamw_step(&config, 3, pieces, PIECES, 0) == ADAMW_OK && trial_same(&t, "one call over a list");

        buffers_copy(&t.actual, &t.input);
        for (int i = 0; i < PIECES; i++)
            right = right && adamw_step(&config, 3, &pieces[i], 1, 0) == ADAMW_OK;
        right = right && trial_same(&t, "one call a tensor");

        for (size_t p = 0; right && p < sizeof parts / sizeof parts[0]; p++) {
            buffers_copy(&t.actual, &t.input);
            for (size_t part = parts[p]; right && part-- > 0;) /* backwards: the order must not matter */
                right = adamw_step_part(&config, 3, pieces, PIECES, part, parts[p]) == ADAMW_OK;
            right = right && trial_same(&t, "parts");
        }
    }
    trial_free(&t);
    return right;
}

bool check_threads_are_one(const check_options *options)
{
    static const int threads[] = {2, 3, 7, 0};
    static const int roundings[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    trial t = trial_new(all_pieces(), options->seed + 1);
    for (size_t i = 0; i < t.input.n; i++) {
        const size_t kind = i / 1000 % 3; /* in stretches: a bundle with one operand out of range is the divider's */
        if (kind == 0)
            continue;
        if (kind == 1) { /* exact roots: where a directed mode is easily one unit off */
            const float root = (float)(1 + mix64(i) % 4095);
            t.input.max_exp_avg_sq[i] = root * root;
        } else { /* tiny ones, whose residuals are subnormal */
            t.input.max_exp_avg_sq[i] = ldexpf(1 + (float)(mix64(i) >> 41) * 0x1p-23f, (int)(mix64(i) % 24) - 90);
        }
        /* So that they are what divides, and each bit of the quotient shows. */
        t.input.param[i] = t.input.grad[i] = t.input.exp_avg_sq[i] = 0;
        t.input.exp_avg[i] = (float)(1 + i % 1000);
    }
    const adamw_config base = config_of_variant(ADAMW_VARIANT_adamw_amsgrad);
    const uint64_t env = adamw_float_env_get();
    bool right = true;
    for (int mode = 0; right && mode < 8; mode++) {
        adamw_config config = base;
        adamw_tensor whole = buffers_tensor(&t.expected, &config), pieces[PIECES];
        buffers_copy(&t.expected, &t.input);
        fesetround(roundings[mode % 4]);
        adamw_float_env_set(adamw_float_env_get() | (mode >= 4 ? FLUSH_SUBNORMALS : 0));
        right = adamw_step(&config, 9, &whole, 1, 1) == ADAMW_OK;
        make_pieces(pieces, &t.actual, &config);
        for (size_t k = 0; right && k < sizeof threads / sizeof threads[0]; k++) {
            buffers_copy(&t.actual, &t.input);
            right = adamw_step(&config, 9, pieces, PIECES, threads[k]) == ADAMW_OK && trial_same(&t, "threads");
        }
        fesetround(FE_TONEAREST);
        adamw_float_env_set(env);
    }
    trial_free(&t);
    return right;
}

/* A list so long that its parts find their tensors by marks, empty tensors among them. */
bool check_long_list(const check_options *options)
{
    enum { COUNT = 401, LARGEST = 2500 };
    static const int threads[] = {1, 2, 3, 7, 0};
    adamw_tensor list[COUNT];
    size_t sizes[COUNT], total = 0;
    for (size_t i = 0; i < COUNT; i++)
        total += sizes[i] = i % 7 == 3 ? 0 : (size_t)(mix64(options->seed + i) % LARGEST);
    trial t = trial_new(total, options->seed + 7);
    adamw_config config;
    adamw_config_init(&config);
    const adamw_tensor whole = buffers_tensor(&t.expected, &config);
    buffers_copy(&t.expected, &t.input);
    bool right = adamw_step(&config, 3, &whole, 1, 1) == ADAMW_OK;
    double norm = 0, first_norm = 0;
    for (size_t k = 0; right && k < sizeof threads / sizeof threads[0]; k++) {
        buffers_copy(&t.actual, &t.input);
        size_t at = 0;
        for (size_t i = 0; i < COUNT; at += sizes[i++]) {
            const buffers piece = {sizes[i],
                                   t.actual.param + at,
                                   t.actual.grad + at,
                                   t.actual.exp_avg + at,
                                   t.actual.exp_avg_sq + at,
                                   t.actual.max_exp_avg_sq + at};
            list[i] = buffers_tensor(&piece, &config);
        }
        right = adamw_step(&config, 3, list, COUNT, threads[k]) == ADAMW_OK && trial_same(&t, "a long list");
        for (size_t i = 0; i < total; i++)
            t.actual.grad[i] = (float)i; /* finite ones, so that the norm says something */
        right = right && adamw_grad_norm(list, COUNT, ADAMW_NORM_L2, threads[k], &norm) == ADAMW_OK;
        if (k == 0)
            first_norm = norm;
        if (right && norm != first_norm)
            right = check_fail("a long list on %d threads: norm %a, before %a", threads[k], norm, first_norm);
    }
    trial_free(&t);
    return right;
}

bool check_groups_and_steps(const check_options *options)
{
    trial t = trial_new(all_pieces(), options->seed + 2);
    adamw_config call, group;
    adamw_config_init(&call);
    adamw_config_init(&group);
    group.lr = 0.02;
    group.weight_decay = 0;
    group.decay = ADAMW_DECAY_L2;
    adamw_tensor list[PIECES], one[PIECES];
    buffers_copy(&t.expected, &t.input);
    buffers_copy(&t.actual, &t.input);
    make_pieces(list, &t.actual, &call);
    make_pieces(one, &t.expected, &call);
    bool right = true;
    for (int i = 0; right && i < PIECES; i++) {
        list[i].config = i % 3 == 1 ? &group : NULL;
        list[i].step = i % 4 == 2 ? 17 : 0;
        right = adamw_step(i % 3 == 1 ? &group : &call, i % 4 == 2 ? 17 : 5, &one[i], 1, 0) == ADAMW_OK;
    }
    right = right && adamw_step(&call, 5, list, PIECES, 0) == ADAMW_OK && trial_same(&t, "groups and steps");
    trial_free(&t);
    return right;
}

bool check_float_env_kept(const check_options *options)
{
    trial t = trial_new(300000, options->seed + 3);
    adamw_config config;
    adamw_config_init(&config);
    bool right = true;
    uint64_t workers[8] = {0};
    feclearexcept(FE_ALL_EXCEPT); /* so that the flags that a step raises would show */
    for (int round = 0; right && round < 2; round++) {
        const adamw_tensor tensor = buffers_tensor(&t.input, &config);
#if defined(_OPENMP)
#pragma omp parallel for num_threads(3) schedule(static, 1)
        for (int i = 0; i < 3; i++) {
            const uint64_t now = adamw_float_env_get();
            if (round && now != workers[i])
                workers[7] = 1;
            workers[i] = now;
        }
#endif
        fesetround(FE_UPWARD);
        const uint64_t before = adamw_float_env_get();
        right = adamw_step(&config, 1, &tensor, 1, round == 0 ? 3 : 1) == ADAMW_OK; /* with a region, and without */
        if (adamw_float_env_get() != before)
            right = check_fail("the caller's control register was %llx and is %llx", (unsigned long long)before,
                               (unsigned long long)adamw_float_env_get());
        fesetround(FE_TONEAREST);
    }
    if (workers[7])
        right = check_fail("a worker's control register changed");
    trial_free(&t);
    return right;
}

enum {
    UNIT = 1 << 22,      /* values in a mapping */
    ALIASES = 1025,      /* mappings of one file, 2^32 values and UNIT more, */
    UNITS = ALIASES + 1, /* and behind them one of another file */
    HUGE_BUFFERS = 5
};

/* A buffer of UNITS * UNIT values in the memory of two units: one file mapped again and again, then another one. */
static float *map_huge(void)
{
    const size_t bytes = (size_t)UNIT * sizeof(float);
    const int file[2] = {memfd_create("adamw", 0), memfd_create("adamw", 0)};
    char *base = mmap(NULL, bytes * UNITS, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bool right = base != MAP_FAILED && file[0] >= 0 && file[1] >= 0 && ftruncate(file[0], (off_t)bytes) == 0 &&
                 ftruncate(file[1], (off_t)bytes) == 0;
    for (size_t i = 0; right && i < UNITS; i++)
        right = mmap(base + i * bytes, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file[i == ALIASES],
                     0) != MAP_FAILED;
    for (int i = 0; i < 2; i++)
        if (file[i] >= 0)
            close(file[i]);
    if (!right && base != MAP_FAILED)
        munmap(base, bytes * UNITS);
    return right ? (float *)(void *)base : NULL;
}

/* One unit of the huge tensor as buffers of its own. */
static buffers huge_unit(float *const *map, size_t unit)
{
    const size_t at = unit * UNIT;
    return (buffers){UNIT, map[0] + at, map[1] + at, map[2] + at, map[3] + at, map[4] + at};
}

/*
 * The last unit, beyond 2^32, has memory of its own: an index cut to 32 bits would write to the others. It is stepped
 * alone, or with --full all of the tensor: the first file's values are then stepped once for each of its mappings.
 */
static bool huge_is_right(const check_options *options, float *const *map)
{
    adamw_config config = config_of_variant(ADAMW_VARIANT_adamw_amsgrad);
    trial below = {huge_unit(map, 0), buffers_new(UNIT), huge_unit(map, 0)};
    trial beyond = {huge_unit(map, ALIASES), buffers_new(UNIT), huge_unit(map, ALIASES)};
    buffers_fill(&below.input, INPUT_TRAINING, options->seed + 5);
    buffers_fill(&beyond.input, INPUT_TRAINING, options->seed + 6);
    buffers_copy(&below.expected, &below.input);
    buffers_copy(&beyond.expected, &beyond.input);
    const adamw_tensor once = buffers_tensor(&beyond.expected, &config);
    const adamw_tensor often = buffers_tensor(&below.expected, &config);
    bool right = adamw_step(&config, 2, &once, 1, 1) == ADAMW_OK;
    for (int i = 0; right && options->full && i < ALIASES; i++)
        right = adamw_step(&config, 2, &often, 1, 1) == ADAMW_OK;

    buffers whole = huge_unit(map, 0);
    whole.n = (size_t)UNITS * UNIT;
    const adamw_tensor huge = buffers_tensor(&whole, &config);
    right = right && (options->full ? adamw_step(&config, 2, &huge, 1, 1)
                                    : adamw_step_part(&config, 2, &huge, 1, ALIASES, UNITS)) == ADAMW_OK;
    right = right && trial_same(&below, "below 2^32") && trial_same(&beyond, "beyond 2^32");
    buffers_free(&below.expected);
    buffers_free(&beyond.expected);
    return right;
}

bool check_beyond_32_bits(const check_options *options)
{
    if (options->quick) {
        check_skip("beyond 2^32 values: not in the quick form");
        return true;
    }
    float *map[HUGE_BUFFERS] = {NULL};
    bool mapped = true;
    for (int b = 0; mapped && b < HUGE_BUFFERS; b++)
        mapped = (map[b] = map_huge()) != NULL;
    if (!mapped)
        check_skip("beyond 2^32 values: this system does not map 86 GB of addresses");
    const bool right = !mapped || huge_is_right(options, map);
    for (int b = 0; b < HUGE_BUFFERS; b++)
        if (map[b] != NULL)
            munmap(map[b], (size_t)UNITS * UNIT * sizeof(float));
    return right;
}

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
static size_t bytes_allocated(void) { return mallinfo2().uordblks; }
#else
static size_t bytes_allocated(void)
{
    check_skip("allocations are counted by glibc 2.33's mallinfo2");
    return 0;
}
#endif

bool check_no_allocation(const check_options *options)
{
    trial t = trial_new(all_pieces(), options->seed + 4);
    adamw_config config;
    adamw_config_init(&config);
    adamw_tensor pieces[PIECES];
    make_pieces(pieces, &t.input, &config);
    adamw_step(&config, 1, pieces, PIECES, 0); /* OpenMP makes its team at the first call */
    const size_t before = bytes_allocated();
    bool right = true;
    const uint64_t last = options->quick ? 9 : 49;
    for (uint64_t step = 2; step <= last; step++)
        right = right && adamw_step(&config, step, pieces, PIECES, 0) == ADAMW_OK;
    const size_t after = bytes_allocated();
    if (after != before)
        right = check_fail("%d steps allocated %td bytes", (int)last - 1, (ptrdiff_t)(after - before));
    trial_free(&t);
    return right;
}
