/*
 * cases.h - what the benchmark measures: which lists, variants, instruction sets, thread counts and pages the short
 * and the full form combine, and the name of each combination. Nothing is measured or allocated here.
 */
#ifndef BENCH_THROUGHPUT_CASES_H
#define BENCH_THROUGHPUT_CASES_H

#include <list>
#include <string>
#include <vector>

#include "../core/arena.h"
#include "../core/choices.h"
#include "../core/lists.h"

/* What a case compares in alternation; measure.cc has the contestants of each. */
enum class kind {
    throughput, /* a step with the two traffic loops */
    call,       /* a small step with the kernel's own loop, called directly */
    c_loop,     /* a step with a plain C loop (peers/loop.c), without Python between */
    many,       /* a list with one tensor of as many parameters */
    tried,      /* a step with what was tried and is not in the library */
    subnormal,  /* a step after 10,000 steps of vanishing gradients with one amid training */
    team,       /* all threads with one, at sizes where a thread may not pay */
    neighbour   /* all threads with one, beside a process that keeps a CPU busy */
};

struct bench_case {
    kind what;
    const bench_list *list;
    const bench_variant *variant;
    adamw_isa isa;
    int threads;
    bench_pages pages;
    float gradient; /* of subnormal cases */
    int repetitions;

    std::string name() const; /* throughput/gpt2/adamw/avx2/2/huge */
};

/* What the command line asked for; empty vectors stand for the form's own choice. */
struct request {
    std::string form = "short"; /* short, full, goals */
    std::string filter;         /* regular expression over the names */
    std::vector<std::string> sizes, shapes;
    std::vector<int> threads;
    int repetitions = 0; /* 0: the form's */
};

/* Lists stay where they are for as long as the cases live. */
struct case_set {
    std::list<bench_list> lists;
    std::vector<bench_case> cases;

    case_set() = default;
    case_set(const case_set &) = delete;
    ~case_set();
};

/* Fills the set. False: `message` (BENCH_MESSAGE bytes) says what is wrong with `*argument`, and what would be right.
 */
bool choose_cases(case_set &set, const request &wanted, const char **argument, char *message);

#endif
