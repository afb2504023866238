/*
 * adamw_bench.c - build/adamw-bench: steps one parameter list and tells the time, as a whole process that hyperfine
 * can compare. The benchmark proper, with its limit beside each figure, is in throughput/.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/arena.h"
#include "core/choices.h"
#include "core/lists.h"

static const char usage[] =
    "usage: adamw-bench [options]\n"
    "  --params SIZE      one tensor of this many parameters: 1000, 64K, 124M (powers of 1024); default 16M\n"
    "  --list NAME        a list instead: " BENCH_LIST_NAMES "\n"
    "  --shapes FILE      a list of your own: `name 768x2304` a line (bench/shapes.py prints that of a model file)\n"
    "  --steps N          how many steps, 0 for the start-up alone; default 20\n"
    "  --isa NAME         auto, or one that --print-isas prints; default auto\n"
    "  --threads N        default: all CPUs\n"
    "  --variant NAME     adamw, adam_l2, torch_adamw, torch_adam_l2, each also with _amsgrad; default adamw\n"
    "  --pages NAME       huge or small; default huge\n"
    "  --print-shapes     prints the list, in the format of --shapes, and steps nothing\n"
    "  --print-isas       prints the instruction sets that run here, and steps nothing\n";

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct request {
    bench_list list;
    const bench_variant *variant;
    adamw_isa isa;
    bench_pages pages;
    int threads, steps;
    bool print_shapes;
} request;

/* Times the steps: `tensors` has room for the list's tensors, `seconds` for the time of each step. */
static int measure(const request *r, adamw_tensor *tensors, double *seconds)
{
    char message[BENCH_MESSAGE];
    bench_arena arena;
    if (!bench_arena_new(&arena, &r->list, bench_has_amsgrad(r->variant), r->pages, message)) {
        fprintf(stderr, "adamw-bench: %s\n", message);
        return 1;
    }
    bench_arena_place(&arena, &r->list, bench_has_amsgrad(r->variant), tensors);

    const adamw_config config = bench_config(r->variant);
    const double begin = now();
    for (int i = 0; i < r->steps; i++) {
        const double before = now();
        const adamw_status status = adamw_step(&config, (uint64_t)i + 1, tensors, r->list.count, r->threads);
        seconds[i] = now() - before;
        if (status != ADAMW_OK) {
            fprintf(stderr, "adamw-bench: step %d: %s\n", i + 1, adamw_status_string(status));
            bench_arena_free(&arena);
            return 1;
        }
    }
    const double total = now() - begin;
    if (r->steps == 0) {
        printf("%s (%zu parameters): no steps, the start-up alone\n", r->list.name, r->list.total);
        bench_arena_free(&arena);
        return 0;
    }
    qsort(seconds, (size_t)r->steps, sizeof *seconds, compare_doubles);
    const double median = (seconds[(r->steps - 1) / 2] + seconds[r->steps / 2]) / 2;
    const double rate = (double)r->list.total / median;

    printf("%s, %s, %d thread%s, %s (%zu parameters, %zu tensor%s): %d steps in %.3f s, median %.3g ms a step, "
           "%.3g billion parameters/s, %.3g GB/s\n",
           r->variant->name, adamw_isa_name(adamw_isa_active()), r->threads, r->threads == 1 ? "" : "s", r->list.name,
           r->list.total, r->list.count, r->list.count == 1 ? "" : "s", r->steps, total, 1e3 * median, rate / 1e9,
           rate * (double)bench_bytes_per_parameter(r->variant) / 1e9);
    bench_arena_free(&arena);
    return 0;
}

static int run(const request *r)
{
    adamw_tensor *tensors = malloc(r->list.count * sizeof *tensors);
    double *seconds = malloc((size_t)(r->steps + 1) * sizeof *seconds);
    int status = 1;
    if (tensors != NULL && seconds != NULL)
        status = measure(r, tensors, seconds);
    else
        fprintf(stderr, "adamw-bench: out of memory\n");
    free(seconds);
    free(tensors);
    return status;
}

/* Says it in one line and returns the exit status of a wrong argument. */
static int wrong(const char *argument, const char *message)
{
    fprintf(stderr, "adamw-bench: %s %s\n", argument, message);
    return 2;
}

static void print_isas(void)
{
    adamw_isa known[ADAMW_ISA_COUNT];
    const size_t count = bench_isas(known);
    for (size_t i = 0; i < count; i++)
        puts(adamw_isa_name(known[i]));
}

int main(int argc, char **argv)
{
    enum { PARAMS = 1, LIST, SHAPES, STEPS, ISA, THREADS, VARIANT, PAGES, PRINT_SHAPES, PRINT_ISAS, HELP };
    static const struct option options[] = {
        {"params", required_argument, NULL, PARAMS},
        {"list", required_argument, NULL, LIST},
        {"shapes", required_argument, NULL, SHAPES},
        {"steps", required_argument, NULL, STEPS},
        {"isa", required_argument, NULL, ISA},
        {"threads", required_argument, NULL, THREADS},
        {"variant", required_argument, NULL, VARIANT},
        {"pages", required_argument, NULL, PAGES},
        {"print-shapes", no_argument, NULL, PRINT_SHAPES},
        {"print-isas", no_argument, NULL, PRINT_ISAS},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    char message[BENCH_MESSAGE];
    request r = {.variant = &bench_variants[0], .threads = bench_max_threads(), .steps = 20};
    bool right = bench_list_of_size(&r.list, "16M", message);

    opterr = 0;
    for (int option; right && (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        const char *name = argv[optind - 1]; /* of what getopt_long() refuses */
        switch (option) {
        case PARAMS:
        case LIST:
        case SHAPES:
            bench_list_free(&r.list);
            name = option == PARAMS ? "--params" : option == LIST ? "--list" : "--shapes";
            right = option == PARAMS ? bench_list_of_size(&r.list, optarg, message)
                    : option == LIST ? bench_list_named(&r.list, optarg, message)
                                     : bench_list_read(&r.list, optarg, message);
            break;
        case STEPS:
            name = "--steps";
            right = bench_parse_count(optarg, 0, 1000000, &r.steps, message);
            break;
        case ISA:
            name = "--isa";
            right = bench_parse_isa(optarg, &r.isa, message);
            break;
        case THREADS:
            name = "--threads";
            right = bench_parse_threads(optarg, &r.threads, message);
            break;
        case VARIANT:
            name = "--variant";
            right = (r.variant = bench_parse_variant(optarg, message)) != NULL;
            break;
        case PAGES:
            r.pages = strcmp(optarg, "small") == 0 ? BENCH_PAGES_SMALL : BENCH_PAGES_HUGE;
            if (strcmp(optarg, "small") != 0 && strcmp(optarg, "huge") != 0)
                return wrong("--pages", "must be huge or small");
            break;
        case PRINT_SHAPES:
            r.print_shapes = true;
            break;
        case PRINT_ISAS:
            print_isas();
            return 0;
        case HELP:
            fputs(usage, stdout);
            return 0;
        default:
            return wrong(name, "is unknown or lacks its value: adamw-bench --help lists the options");
        }
        if (!right)
            return wrong(name, message);
    }
    if (optind < argc)
        return wrong(argv[optind], "is no option: adamw-bench --help lists them");

    if (r.print_shapes) {
        bench_list_print(&r.list, stdout);
        return 0;
    }
    if (!bench_arena_fits(&r.list, bench_has_amsgrad(r.variant), 0, message))
        return wrong("the list", message);
    /* AUTO leaves the choice to ADAMW_ISA in the environment, as any program does. */
    if (r.isa != ADAMW_ISA_AUTO)
        adamw_isa_select(r.isa);
    else if (!bench_environment_isa(message))
        return wrong("ADAMW_ISA", message);
    return run(&r);
}
