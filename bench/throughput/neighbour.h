/*
 * neighbour.h - measures contestants beside one other process that keeps a CPU busy, as a data loader or a second
 * job does.
 */
#ifndef BENCH_THROUGHPUT_NEIGHBOUR_H
#define BENCH_THROUGHPUT_NEIGHBOUR_H

#include "measure.h"

/* `calls` calls of each contestant, in turns of 50. By label: the median of a call, and "LABEL_p99". The neighbour
 * is an arithmetic loop in an unpinned process; it ends with this call, or with this process if that dies. */
std::vector<std::pair<std::string, double>> beside_neighbour(const std::vector<contestant> &all, int calls);

#endif
