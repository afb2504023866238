/*
 * measure.h - measures a case: its contestants in alternation, on memory that all cases share.
 */
#ifndef BENCH_THROUGHPUT_MEASURE_H
#define BENCH_THROUGHPUT_MEASURE_H

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cases.h"

/* The buffers of every list in turn: one arena for each kind of pages that the cases need. */
class memory
{
  public:
    memory() = default;
    memory(const memory &) = delete;
    ~memory();

    /* Allocates for the largest list among the cases; false before anything is allocated where it does not fit. */
    bool allocate(const std::vector<bench_case> &cases, char *message);
    std::vector<adamw_tensor> place(const bench_case &which) const;

  private:
    std::map<bench_pages, bench_arena> arenas;
};

/* One side of a comparison. `seconds` of it is the median over the rounds of one repetition, `fastest` the time that
 * a tenth of the rounds stayed below. */
struct contestant {
    std::string label;
    std::function<void()> call;
    double seconds = 0, fastest = 0;
};

/* One repetition: rounds of all contestants in turn, for at least `budget` seconds. The figures by label: seconds a
 * call; for throughput cases also those of the fastest tenth (LABEL_fast), for neighbour cases the 99th percentiles.
 */
std::vector<std::pair<std::string, double>> measure(const bench_case &which, const memory &buffers, double budget);

double now();

#endif
