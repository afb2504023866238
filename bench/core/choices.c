/*
 * choices.c - see choices.h.
 */
#define _GNU_SOURCE
#include "choices.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernels/body/kernels.h"
#include "lists.h"

const bench_variant bench_variants[] = {
#define BENCH_VARIANT(name) {#name},
    ADAMW_VARIANTS(BENCH_VARIANT)
#undef BENCH_VARIANT
};
const size_t bench_variant_count = sizeof bench_variants / sizeof bench_variants[0];

static adamw_traits traits_of(const bench_variant *variant) { return adamw_variant_traits[variant - bench_variants]; }

bool bench_has_amsgrad(const bench_variant *variant) { return traits_of(variant).amsgrad; }

size_t bench_bytes_per_parameter(const bench_variant *variant) { return traits_of(variant).amsgrad ? 36 : 28; }

adamw_config bench_config(const bench_variant *variant)
{
    const adamw_traits traits = traits_of(variant);
    adamw_config config;
    adamw_config_init(&config);
    config.arithmetic = traits.torch ? ADAMW_ARITHMETIC_TORCH : ADAMW_ARITHMETIC_ACCURATE;
    config.decay = traits.l2 ? ADAMW_DECAY_L2 : ADAMW_DECAY_DECOUPLED;
    config.amsgrad = traits.amsgrad;
    return config;
}

int bench_max_threads(void)
{
#if defined(_OPENMP)
    cpu_set_t cpus;
    /* The set is too small only beyond 1024 CPUs; one thread is right there, if slow. */
    return sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
#else
    return 1;
#endif
}

/* ", " and the name, behind what the message has so far. */
static void add_name(char *message, const char *name, bool first)
{
    const size_t used = strlen(message);
    snprintf(message + used, BENCH_MESSAGE - used, "%s%s", first ? "" : ", ", name);
}

const bench_variant *bench_parse_variant(const char *text, char *message)
{
    for (size_t i = 0; i < bench_variant_count; i++)
        if (strcmp(text, bench_variants[i].name) == 0)
            return &bench_variants[i];
    snprintf(message, BENCH_MESSAGE, "'%.60s' is no variant: it must be one of ", text);
    for (size_t i = 0; i < bench_variant_count; i++)
        add_name(message, bench_variants[i].name, i == 0);
    return NULL;
}

size_t bench_isas(adamw_isa *found)
{
    size_t count = 0;
    for (int isa = ADAMW_ISA_SCALAR; isa < ADAMW_ISA_COUNT; isa++)
        if (adamw_isa_supported((adamw_isa)isa))
            found[count++] = (adamw_isa)isa;
    return count;
}

bool bench_parse_isa(const char *text, adamw_isa *isa, char *message)
{
    if (adamw_isa_from_name(text, isa) == ADAMW_OK && adamw_isa_supported(*isa))
        return true;
    adamw_isa known[ADAMW_ISA_COUNT];
    const size_t count = bench_isas(known);
    snprintf(message, BENCH_MESSAGE, "'%.60s' is no instruction set that runs here: it must be one of auto", text);
    for (size_t i = 0; i < count; i++)
        add_name(message, adamw_isa_name(known[i]), false);
    return false;
}

bool bench_environment_isa(char *message)
{
    adamw_isa isa;
    const char *text = getenv("ADAMW_ISA");
    return adamw_isa_active() != ADAMW_ISA_AUTO || bench_parse_isa(text != NULL ? text : "", &isa, message);
}

bool bench_parse_count(const char *text, int least, int most, int *count, char *message)
{
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (end != text && *end == '\0' && errno == 0 && value >= least && value <= most) {
        *count = (int)value;
        return true;
    }
    snprintf(message, BENCH_MESSAGE, "is '%.60s': it must be a whole number from %d to %d", text, least, most);
    return false;
}

bool bench_parse_threads(const char *text, int *threads, char *message)
{
    const int most = bench_max_threads();
    if (bench_parse_count(text, 1, most, threads, message))
        return true;
    snprintf(message, BENCH_MESSAGE, "is '%.60s': it must be 1 to %d, %s", text, most,
#if defined(_OPENMP)
             "the CPUs that this process may use");
#else
             "because this is a build without OpenMP");
#endif
    return false;
}
