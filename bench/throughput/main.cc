/*
 * main.cc - build/adamw-throughput: hands the cases to Google Benchmark, which interleaves their repetitions at
 * random and writes its JSON: one entry for each repetition, the figures as counters. bench/bench.py makes tables
 * and pictures of it; no statistics here.
 */
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>
#include <unistd.h>

#include "cases.h"
#include "measure.h"

namespace
{

const char usage[] =
    "usage: adamw-throughput [options] --out FILE.json\n"
    "  --form NAME        short (default), full, goals\n"
    "  --filter REGEX     only the cases with a matching name\n"
    "  --sizes 64K,1M     one tensor of each size instead of the form's lists (powers of 1024)\n"
    "  --shapes FILE      a list of your own instead: `name 768x2304` a line\n"
    "  --threads 1,2      thread counts; default 1 and all\n"
    "  --repetitions N    of each case; default by the form\n"
    "  --seconds N        from then on a case has three repetitions at most, from 1.5 N on one; default none\n"
    "  --print-cases      prints the names and measures nothing\n";

/* Draws nothing: the figures go to the file, the progress to the terminal. */
class silent_reporter : public benchmark::BenchmarkReporter
{
  public:
    bool ReportContext(const Context &) override { return true; }
    void ReportRuns(const std::vector<Run> &) override {}
};

const double budget = 0.04; /* seconds of a repetition, at least */

/* Seconds that a repetition is likely to take: its three contestants once, at a rate of some machine. */
double expected(const bench_case &which)
{
    const double rate = which.isa == ADAMW_ISA_SCALAR ? 0.2e9 : 1e9;
    const double calls = which.what == kind::neighbour ? 2000 : 3;
    return std::max(budget, calls * double(which.list->total) / rate);
}

struct session {
    memory buffers;
    double begin = now(), seconds = 0; /* 0: no limit */
    double done = 0, all = 0;          /* expected seconds of all repetitions, */
    double measured = 0, unseen = 0;   /* of those that were not skipped, of cases that had none yet */
    int tenth = -1;                    /* the last one that was told where no terminal is */

    /* The time that is left, at the rate of the cases done; at first that rate is mostly the expected one, because the
     * first repetition that random order draws may be the longest of all. */
    double rest() const
    {
        const double spent = now() - begin, trusted = 5;
        const double rate = (spent + trusted) / (measured + trusted), left = (all - done) * rate;
        /* Past 1.5 times the limit only first repetitions run (run() below). */
        return seconds == 0 ? left : std::min(left, std::max(1.5 * seconds - spent, 0.0) + unseen * rate);
    }

    /* A line of at most 60 columns; where stderr is no terminal, one for each tenth. */
    void progress(const bench_case &which)
    {
        const int percent = all > 0 ? int(100 * done / all + 1e-6) : 0, left = int(rest() + 0.5);
        if (isatty(STDERR_FILENO)) {
            std::fprintf(stderr, "\r%3d %%  %d:%02d left  %-38.38s", percent, left / 60, left % 60,
                         which.name().c_str());
            if (percent >= 100)
                std::fprintf(stderr, "\r%60s\r", "");
        } else if (percent / 10 > tenth) {
            tenth = percent / 10;
            std::fprintf(stderr, "bench: %d %%, %d:%02d left\n", percent, left / 60, left % 60);
        }
    }
};

void run(benchmark::State &state, session &session, const bench_case &which, int &repetition)
{
    session.progress(which);
    /* Past the time a case needs three repetitions, far past it one. */
    const double over = session.seconds != 0 ? (now() - session.begin) / session.seconds : 0;
    const bool late = (over > 1 && repetition >= 3) || (over > 1.5 && repetition >= 1);
    for (auto _ : state) {
        if (late) { /* an entry without figures */
            state.SetIterationTime(1e-9);
            continue;
        }
        const auto figures = measure(which, session.buffers, budget);
        state.SetIterationTime(figures.front().second);
        for (const auto &[label, seconds] : figures)
            state.counters[label] = seconds;
    }
    state.counters["parameters"] = double(which.list->total);
    state.counters["tensors"] = double(which.list->count);
    state.counters["bytes"] = double(bench_bytes_per_parameter(which.variant));
    state.SetLabel(which.name());
    const double took = expected(which);
    session.done += took;
    session.measured += late ? 0 : took;
    session.unseen -= repetition == 0 ? took : 0;
    repetition++;
    session.progress(which);
}

int wrong(const char *argument, const char *message)
{
    std::fprintf(stderr, "adamw-throughput: %s %s\n", argument, message);
    return 2;
}

std::vector<std::string> parts(const char *text)
{
    std::vector<std::string> found;
    for (const char *rest = text;; rest++) {
        const size_t length = std::strcspn(rest, ",");
        found.emplace_back(rest, length);
        rest += length;
        if (*rest == '\0')
            return found;
    }
}

int measure_all(const case_set &set, session &session, const std::string &out)
{
    std::vector<int> repetitions(set.cases.size(), 0);
    for (size_t i = 0; i < set.cases.size(); i++) {
        const bench_case &which = set.cases[i];
        int &repetition = repetitions[i];
        session.all += which.repetitions * expected(which);
        session.unseen += expected(which);
        benchmark::RegisterBenchmark(
            which.name().c_str(),
            [&session, &which, &repetition](benchmark::State &state) { run(state, session, which, repetition); })
            ->UseManualTime()
            ->Iterations(1)
            ->Repetitions(which.repetitions)
            ->ReportAggregatesOnly(false);
    }
    const std::string partial = out + ".partial", file = "--benchmark_out=" + partial;
    std::vector<const char *> arguments = {"adamw-throughput", "--benchmark_enable_random_interleaving=true",
                                           "--benchmark_out_format=json", file.c_str()};
    int count = int(arguments.size());
    benchmark::AddCustomContext("isa", adamw_isa_name(adamw_isa_active()));
    benchmark::AddCustomContext("compiler", BENCH_COMPILER);
    benchmark::AddCustomContext("version", adamw_version());
    benchmark::Initialize(&count, const_cast<char **>(arguments.data()));
    silent_reporter silent;
    benchmark::RunSpecifiedBenchmarks(&silent);
    benchmark::Shutdown();
    if (std::rename(partial.c_str(), out.c_str()) != 0) {
        std::perror(("adamw-throughput: " + out).c_str());
        return 1;
    }
    return 0;
}

} // namespace

int main(int argc, char **argv)
{
    enum { FORM = 1, FILTER, SIZES, SHAPES, THREADS, REPETITIONS, SECONDS, OUT, PRINT_CASES, HELP };
    static const option options[] = {{"form", required_argument, nullptr, FORM},
                                     {"filter", required_argument, nullptr, FILTER},
                                     {"sizes", required_argument, nullptr, SIZES},
                                     {"shapes", required_argument, nullptr, SHAPES},
                                     {"threads", required_argument, nullptr, THREADS},
                                     {"repetitions", required_argument, nullptr, REPETITIONS},
                                     {"seconds", required_argument, nullptr, SECONDS},
                                     {"out", required_argument, nullptr, OUT},
                                     {"print-cases", no_argument, nullptr, PRINT_CASES},
                                     {"help", no_argument, nullptr, HELP},
                                     {nullptr, 0, nullptr, 0}};
    char message[BENCH_MESSAGE];
    request wanted;
    session session;
    std::string out;
    bool print = false;
    int number;

    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
        switch (option) {
        case FORM:
            wanted.form = optarg;
            if (wanted.form != "short" && wanted.form != "full" && wanted.form != "goals")
                return wrong("--form", "must be short, full or goals");
            break;
        case FILTER:
            wanted.filter = optarg;
            break;
        case SIZES:
            wanted.sizes = parts(optarg);
            break;
        case SHAPES:
            wanted.shapes.push_back(optarg);
            break;
        case THREADS:
            for (const std::string &part : parts(optarg)) {
                if (!bench_parse_threads(part.c_str(), &number, message))
                    return wrong("--threads", message);
                wanted.threads.push_back(number);
            }
            break;
        case REPETITIONS:
            if (!bench_parse_count(optarg, 1, 1000, &wanted.repetitions, message))
                return wrong("--repetitions", message);
            break;
        case SECONDS:
            if (!bench_parse_count(optarg, 1, 1000000, &number, message))
                return wrong("--seconds", message);
            session.seconds = number;
            break;
        case OUT:
            out = optarg;
            break;
        case PRINT_CASES:
            print = true;
            break;
        case HELP:
            std::fputs(usage, stdout);
            return 0;
        default:
            return wrong(argv[optind - 1],
                         "is unknown or lacks its value: adamw-throughput --help lists the options");
        }
    }
    if (optind < argc)
        return wrong(argv[optind], "is no option: adamw-throughput --help lists them");
    if (!bench_environment_isa(message))
        return wrong("ADAMW_ISA", message);

    case_set set;
    const char *argument;
    if (!choose_cases(set, wanted, &argument, message))
        return wrong(argument, message);
    if (print) {
        for (const bench_case &each : set.cases)
            std::puts(each.name().c_str());
        return 0;
    }
    if (out.empty())
        return wrong("--out", "is needed: the file for the figures");
    if (!session.buffers.allocate(set.cases, message))
        return wrong("the benchmark:", message);
    session.begin = now();
    return measure_all(set, session, out);
}
