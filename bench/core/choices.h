/*
 * choices.h - what the command lines of the benchmarks choose from: variants, instruction sets, threads. Names and
 * the sentences for wrong ones.
 */
#ifndef BENCH_CORE_CHOICES_H
#define BENCH_CORE_CHOICES_H

#include "../../include/adamw.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One of the library's list (ADAMW_VARIANTS), with its name and at its place there. */
typedef struct bench_variant {
    const char *name;
} bench_variant;

extern const bench_variant bench_variants[];
extern const size_t bench_variant_count;

bool bench_has_amsgrad(const bench_variant *variant);

/* What a step moves for each parameter: reads p, g, m, v and writes p, m, v; amsgrad also reads and writes its own.
 */
size_t bench_bytes_per_parameter(const bench_variant *variant);

/* Defaults, and what the variant says. */
adamw_config bench_config(const bench_variant *variant);

/* The instruction sets that run here, from the slowest to the fastest; `found` has room for ADAMW_ISA_COUNT. */
size_t bench_isas(adamw_isa *found);

/* CPUs that this process may use; 1 in a build without OpenMP. */
int bench_max_threads(void);

/* Each finds what `text` names; if nothing, `message` (BENCH_MESSAGE bytes) says what is wrong and would be right. */
const bench_variant *bench_parse_variant(const char *text, char *message);
bool bench_parse_isa(const char *text, adamw_isa *isa, char *message);
bool bench_environment_isa(char *message); /* whether ADAMW_ISA names one */
bool bench_parse_threads(const char *text, int *threads, char *message);
bool bench_parse_count(const char *text, int least, int most, int *count, char *message);

#ifdef __cplusplus
}
#endif

#endif
