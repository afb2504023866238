/*
 * measure.cc - see measure.h.
 */
#include "measure.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <numeric>
#include <random>
#include <unistd.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

extern "C" {
#include "../../kernels/plan/coefficients.h"
#include "../../kernels/dispatch/isa.h"
}
#include "../peers/peers.h"
#include "../traffic/traffic.h"
#include "../tried/tried.h"
#include "neighbour.h"

namespace
{

/* Mid-training: the bias corrections are neither 1 nor tiny. */
const uint64_t step_number = 1000;

/* A timed sample has enough calls that the clock's own 25 ns are below 0.1 % of it. */
const double shortest_sample = 50e-6;

/* A longer call is not in any cache of one core. */
const double longest_warmed = 5e-3;

double median(std::vector<double> &values)
{
    const size_t middle = values.size() / 2;
    std::nth_element(values.begin(), values.begin() + long(middle), values.end());
    return values[middle];
}

double fastest_tenth(std::vector<double> &values)
{
    const size_t tenth = values.size() / 10;
    std::nth_element(values.begin(), values.begin() + long(tenth), values.end());
    return values[tenth];
}

double seconds_of(const contestant &each, long calls)
{
    const double begin = now();
    for (long i = 0; i < calls; i++)
        each.call();
    return (now() - begin) / double(calls);
}

/*
 * Rounds, each in an order of its own: with a fixed one a contestant would always find the caches as the same other
 * left them. A short call is made once more before it is timed, for the same reason. Where one call takes long, the
 * first has warmed nothing that lasts: it counts like any later one.
 */
void alternate(std::vector<contestant> &all, double budget)
{
    static std::mt19937 random(1); /* the same orders in each run */
    const double begin = now();
    std::vector<size_t> order(all.size());
    std::vector<double> once(all.size());
    std::vector<std::vector<double>> samples(all.size());
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    for (size_t which : order) {
        once[which] = seconds_of(all[which], 1);
        samples[which].push_back(once[which]);
    }
    if (now() - begin < budget)
        for (std::vector<double> &each : samples)
            each.clear();
    while (samples.front().empty() || now() - begin < budget) {
        std::shuffle(order.begin(), order.end(), random);
        for (size_t which : order) {
            if (once[which] < longest_warmed)
                all[which].call();
            const double calls = std::ceil(shortest_sample / std::max(once[which], 20e-9));
            samples[which].push_back(seconds_of(all[which], long(calls)));
        }
    }
    for (size_t i = 0; i < all.size(); i++) {
        all[i].seconds = median(samples[i]);
        all[i].fastest = fastest_tenth(samples[i]);
    }
}

void must(adamw_status status)
{
    if (status != ADAMW_OK) {
        std::fprintf(stderr, "adamw-throughput: a step failed: %s\n", adamw_status_string(status));
        std::exit(1);
    }
}

using descriptors = std::shared_ptr<const std::vector<adamw_tensor>>;

contestant step(const char *label, const adamw_config &config, descriptors tensors, int threads)
{
    return {label, [=] { must(adamw_step(&config, step_number, tensors->data(), tensors->size(), threads)); }};
}

contestant traffic(const char *label, bench_loop loop, const bench_case &which, const adamw_config &config,
                   descriptors tensors)
{
    const adamw_isa isa = which.isa;
    const int threads = which.threads;
    const size_t total = which.list->total;
    return {label, [=] { bench_traffic(isa, loop, &config, tensors->data(), tensors->size(), total, threads); }};
}

/* The loop of the instruction set, without the call around it; as in the call, a list as short as these is not
 * prefetched. */
contestant kernel(const bench_case &which, const adamw_config &config, descriptors tensors)
{
    adamw_coefficients k;
    adamw_coefficients_of(&k, &config, step_number);
    adamw_update_kernel *update = adamw_kernels_of(which.isa)->update[which.variant - bench_variants];
    return {"kernel", [=] {
                for (const adamw_tensor &each : *tensors) {
                    const adamw_update_streams s = {
                        static_cast<char *>(each.param), static_cast<const char *>(each.grad),
                        static_cast<char *>(each.exp_avg), static_cast<char *>(each.exp_avg_sq),
                        static_cast<char *>(each.max_exp_avg_sq)};
                    update(&k, &s, each.n);
                }
            }};
}

descriptors one_tensor(const std::vector<adamw_tensor> &list, size_t total)
{
    adamw_tensor whole = list.front();
    whole.n = total;
    return std::make_shared<const std::vector<adamw_tensor>>(1, whole);
}

/* A tensor in memory of its own whose states are what 10,000 steps of that gradient leave. */
descriptors vanished(const bench_case &which, const adamw_config &config)
{
    static std::map<float, std::pair<bench_arena, descriptors>> made; /* lives as long as the program */
    auto &entry = made[which.gradient];
    if (entry.second != nullptr)
        return entry.second;
    char message[BENCH_MESSAGE];
    std::vector<adamw_tensor> tensors(which.list->count);
    if (!bench_arena_new(&entry.first, which.list, false, which.pages, message)) {
        std::fprintf(stderr, "adamw-throughput: %s\n", message);
        std::exit(1);
    }
    bench_arena_place(&entry.first, which.list, false, tensors.data());
    for (const adamw_tensor &each : tensors) {
        std::fill_n(static_cast<float *>(const_cast<void *>(each.grad)), each.n, which.gradient);
        std::fill_n(static_cast<float *>(each.exp_avg), each.n, 0.0f);
        std::fill_n(static_cast<float *>(each.exp_avg_sq), each.n, 0.0f);
    }
    for (uint64_t i = 1; i <= 10000; i++)
        must(adamw_step(&config, i, tensors.data(), tensors.size(), which.threads));
    entry.second = std::make_shared<const std::vector<adamw_tensor>>(tensors);
    return entry.second;
}

/* The same call by a caller that flushes subnormals, as a program built with -Ofast does. */
contestant flushed(contestant plain)
{
#if defined(__x86_64__)
    return {plain.label, [call = plain.call] {
                const unsigned before = _mm_getcsr();
                _mm_setcsr(before | 0x8040); /* FTZ, DAZ */
                call();
                _mm_setcsr(before);
            }};
#else
    return plain;
#endif
}

std::vector<contestant> with_tried(const bench_case &which, const adamw_config &config, descriptors tensors)
{
    const size_t total = which.list->total;
    const int threads = which.threads;
    std::vector<contestant> all = {step("step", config, tensors, which.threads),
                                   traffic("plain", BENCH_LOOP_PLAIN, which, config, tensors),
                                   traffic("unrolled", BENCH_LOOP_UNROLLED, which, config, tensors)};
    for (const bench_tried *way = bench_tried_with(which.isa); way->name != nullptr; way++) {
        /* Non-temporal stores empty the caches, for all others as well. */
        if (total < (size_t(16) << 20) && std::string(way->name) == "stream")
            continue;
        all.push_back(
            {way->name,
             [=] { must(bench_tried_step(way, &config, step_number, tensors->data(), tensors->size(), threads)); }});
    }
    return all;
}

std::vector<contestant> contestants(const bench_case &which, const memory &buffers)
{
    const adamw_config config = bench_config(which.variant);
    const int threads = which.threads;
    const auto tensors = std::make_shared<const std::vector<adamw_tensor>>(buffers.place(which));
    switch (which.what) {
    case kind::call:
        return {step("step", config, tensors, which.threads), kernel(which, config, tensors)};
    case kind::c_loop:
        return {step("step", config, tensors, which.threads),
                {"loop", [=] { bench_c_loop(&config, step_number, tensors->data(), tensors->size(), threads); }}};
    case kind::many:
        return {step("step", config, tensors, which.threads),
                step("one", config, one_tensor(*tensors, which.list->total), which.threads)};
    case kind::tried:
        return with_tried(which, config, tensors);
    case kind::subnormal:
        return {step("step", config, vanished(which, config), which.threads),
                step("normal", config, tensors, which.threads),
                flushed(step("flushed", config, vanished(which, config), which.threads))};
    case kind::team:
    case kind::neighbour:
        return {step("step", config, tensors, which.threads), step("one", config, tensors, 1)};
    default:
        return {step("step", config, tensors, which.threads),
                traffic("plain", BENCH_LOOP_PLAIN, which, config, tensors),
                traffic("unrolled", BENCH_LOOP_UNROLLED, which, config, tensors)};
    }
}

} // namespace

double now()
{
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

memory::~memory()
{
    for (auto &each : arenas)
        bench_arena_free(&each.second);
}

bool memory::allocate(const std::vector<bench_case> &cases, char *message)
{
    struct need {
        const bench_list *list = nullptr;
        bool amsgrad = false;
    };
    std::map<bench_pages, need> needs;
    for (const bench_case &each : cases) {
        need &pages = needs[each.pages];
        pages.amsgrad = pages.amsgrad || bench_has_amsgrad(each.variant);
        if (pages.list == nullptr || bench_arena_bytes(each.list, false) > bench_arena_bytes(pages.list, false))
            pages.list = each.list;
    }
    size_t held = 0;
    for (const auto &each : needs) {
        if (!bench_arena_fits(each.second.list, each.second.amsgrad, held, message))
            return false;
        held += bench_arena_bytes(each.second.list, each.second.amsgrad);
    }
    /* Filling it takes seconds, on a busy machine many; progress overwrites the line. */
    std::fprintf(stderr, "bench: filling %.0f MiB ...%s", double(held) / (1 << 20),
                 isatty(STDERR_FILENO) ? "" : "\n");
    for (const auto &each : needs)
        if (!bench_arena_new(&arenas[each.first], each.second.list, each.second.amsgrad, each.first, message)) {
            arenas.erase(each.first);
            return false;
        }
    return true;
}

std::vector<adamw_tensor> memory::place(const bench_case &which) const
{
    std::vector<adamw_tensor> tensors(which.list->count);
    bench_arena_place(&arenas.at(which.pages), which.list, bench_has_amsgrad(which.variant), tensors.data());
    return tensors;
}

std::vector<std::pair<std::string, double>> measure(const bench_case &which, const memory &buffers, double budget)
{
    std::vector<std::pair<std::string, double>> figures;
    must(adamw_isa_select(which.isa)); /* outside the timed part: its CPUID costs 15 us in a virtual machine */
    std::vector<contestant> all = contestants(which, buffers);
    if (which.what == kind::neighbour)
        return beside_neighbour(all, 1000);
    alternate(all, budget);
    for (const contestant &each : all) {
        figures.emplace_back(each.label, each.seconds);
        if (which.what == kind::throughput)
            figures.emplace_back(each.label + "_fast", each.fastest);
    }
    return figures;
}
