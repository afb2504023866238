/*
 * cases.cc - see cases.h.
 */
#include "cases.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <regex>

namespace
{

const char *const kind_names[] = {"throughput", "call", "c_loop", "many", "tried", "subnormal", "team", "neighbour"};

/* Lists that every form steps with AdamW and coupled Adam, and sizes that it steps with AdamW alone, for the curve.
 */
const std::vector<std::string> models = {"gpt2", "rul", "1000x1000"};
const std::vector<std::string> short_sizes = {"64K", "1M", "64M"};
const std::vector<std::string> short_curve = {"1K", "4K", "16K", "256K", "4M", "16M"};
/* The public grids: PyTorch's operator benchmark, and DeepSpeed's. */
const std::vector<std::string> grids = {"1x100000",    "10x100000",  "100x100000",  "1x1000000",    "10x1000000",
                                        "100x1000000", "1x10000000", "10x10000000", "100x10000000", "deepspeed"};
const std::vector<std::string> full_sizes = {"1K", "4K", "16K", "64K", "256K", "1M", "4M", "16M", "64M", "256M"};

/* From here on a list is in DRAM on every machine, and a step takes long. */
const size_t large = size_t(16) << 20;

std::vector<adamw_isa> isas()
{
    adamw_isa found[ADAMW_ISA_COUNT];
    return {found, found + bench_isas(found)};
}

std::string size_name(size_t n)
{
    const char *suffix = "";
    for (const char *each : {"K", "M", "G"})
        if (n % 1024 == 0 && n > 0) {
            n /= 1024;
            suffix = each;
        } else
            break;
    return std::to_string(n) + suffix;
}

/*
 * Sizes that follow this machine's caches: the largest power of two whose four streams fill no more than half of
 * each, so that its limit is that cache's alone, and one that is four times as large as the last. A size that just
 * fills a cache has a limit that wanders by 1.4 from run to run.
 */
std::vector<std::string> cache_sizes()
{
    adamw_info info;
    adamw_info_get(&info);
    const size_t bytes = 16;
    std::vector<std::string> found;
    size_t last = 0;
    for (size_t cache : {info.l1d, info.l2, info.l3}) {
        size_t n = 1;
        while (2 * n * bytes <= cache / 2)
            n *= 2;
        if (n >= 256)
            found.push_back(size_name(n));
        last = std::max(last, cache);
    }
    size_t beyond = large;
    while (beyond * bytes < 4 * last && beyond < size_t(256) << 20)
        beyond *= 2;
    found.push_back(size_name(beyond));
    return found;
}

/* 1 and all; in the full form also the powers of two between. */
std::vector<int> thread_counts(bool full)
{
    const int most = bench_max_threads();
    std::vector<int> counts = {1};
    for (int count = 2; full && count < most; count *= 2)
        counts.push_back(count);
    if (most > 1)
        counts.push_back(most);
    return counts;
}

const bench_variant *variant(const char *name)
{
    char message[BENCH_MESSAGE];
    return bench_parse_variant(name, message);
}

class chooser
{
  public:
    chooser(case_set &into, const request &request) : set(into), wanted(request)
    {
        threads = wanted.threads.empty() ? thread_counts(wanted.form == "full") : wanted.threads;
    }

    void own_lists(const std::vector<const bench_list *> &lists)
    {
        for (const bench_list *list : lists)
            for (const char *name : {"adamw", "adam_l2"})
                throughput(list, name, isas());
    }

    void short_form()
    {
        const std::vector<adamw_isa> best = {adamw_isa_active()};
        for (const auto &names : {models, short_sizes, cache_sizes()})
            for (const std::string &name : names)
                own_lists({list(name)});
        for (const std::string &name : short_curve)
            throughput(list(name), "adamw", best);
        for (const char *name : {"1M", "gpt2"})
            for (const char *v : {"torch_adamw", "adamw_amsgrad"})
                throughput(list(name), v, best);
    }

    void full_form()
    {
        for (const auto &names : {models, full_sizes, cache_sizes()})
            for (const std::string &name : names)
                for (size_t v = 0; v < bench_variant_count; v++)
                    throughput(list(name), bench_variants[v].name, isas());
        for (const char *name : {"gpt2", "rul", "1M", "64M"})
            throughput(list(name), "adamw", {adamw_isa_active()}, BENCH_PAGES_SMALL);
        for (const char *name : {"64K", "1M", "64M"})
            for (adamw_isa isa : isas())
                for (int count : threads)
                    if (isa != ADAMW_ISA_SCALAR) /* memory is far from its limit */
                        add({kind::tried, list(name), variant("adamw"), isa, count, BENCH_PAGES_HUGE, 0, 0});
        for (const std::string &name : grids)
            throughput(list(name), "adamw", {adamw_isa_active()});
        goals_form();
    }

    /* What the project promises about speed and throughput cases do not show. */
    void goals_form()
    {
        for (adamw_isa isa : isas()) {
            if (isa == ADAMW_ISA_SCALAR)
                continue;
            add({kind::call, list("4K"), variant("adamw"), isa, 1, BENCH_PAGES_HUGE, 0, 0});
            for (const char *name : {"64K", "1M"})
                add({kind::c_loop, list(name), variant("adamw"), isa, 1, BENCH_PAGES_HUGE, 0, 0});
            add({kind::many, list("1000x1000"), variant("adamw"), isa, 1, BENCH_PAGES_HUGE, 0, 0});
            for (float gradient : {1e-25f, 1e-21f})
                add({kind::subnormal, list("64K"), variant("adamw"), isa, 1, BENCH_PAGES_HUGE, gradient, 0});
        }
        if (bench_max_threads() > 1) {
            for (const char *name : {"4K", "16K", "32K", "64K", "256K", "1M"})
                add({kind::team, list(name), variant("adamw"), adamw_isa_active(), bench_max_threads(),
                     BENCH_PAGES_HUGE, 0, 0});
            add({kind::neighbour, list("rul"), variant("adamw"), adamw_isa_active(), bench_max_threads(),
                 BENCH_PAGES_HUGE, 0, 0});
        }
        for (const char *name : {"64K", "1M", "64M", "gpt2"})
            for (adamw_isa isa : isas())
                if (isa != ADAMW_ISA_SCALAR && wanted.form == "goals")
                    throughput(list(name), "adamw", {isa});
    }

    /* The list of that name or size, made once. */
    const bench_list *list(const std::string &name)
    {
        char message[BENCH_MESSAGE];
        for (const bench_list &known : set.lists)
            if (name == known.name)
                return &known;
        set.lists.emplace_back();
        bench_list_named(&set.lists.back(), name.c_str(), message);
        return &set.lists.back();
    }

  private:
    void throughput(const bench_list *list, const char *name, const std::vector<adamw_isa> &with,
                    bench_pages pages = BENCH_PAGES_HUGE)
    {
        for (adamw_isa isa : with)
            for (int count : threads)
                add({kind::throughput, list, variant(name), isa, count, pages, 0, 0});
    }

    void add(bench_case added)
    {
        const bool slow = added.list->total >= (added.isa == ADAMW_ISA_SCALAR ? large : size_t(256) << 20);
        added.repetitions = wanted.repetitions != 0         ? wanted.repetitions
                            : added.what == kind::neighbour ? 1 /* has its 1,000 calls */
                            : wanted.form == "goals"        ? 5
                            : wanted.form == "full"         ? (slow ? 3 : 11)
                            : slow                          ? 3
                                                            : 7;
        const std::string name = added.name();
        const bool known = std::any_of(set.cases.begin(), set.cases.end(),
                                       [&](const bench_case &other) { return other.name() == name; });
        if (!known)
            set.cases.push_back(added);
    }

    case_set &set;
    const request &wanted;
    std::vector<int> threads;
};

/* Why a filter matched nothing: what a name consists of. */
void explain_names(char *message, const request &wanted)
{
    std::string variants, sets;
    for (size_t i = 0; i < bench_variant_count; i++)
        variants += std::string(i == 0 ? "" : ", ") + bench_variants[i].name;
    for (adamw_isa isa : isas())
        sets += std::string(sets.empty() ? "" : ", ") + adamw_isa_name(isa);
    std::snprintf(message, BENCH_MESSAGE,
                  "'%.40s' matches no case of the %s form, such as throughput/gpt2/adamw/avx2/1/huge: lists "
                  "are " BENCH_LIST_NAMES
                  " and sizes; variants %s; instruction sets %s; pages huge, small; --print-cases prints all",
                  wanted.filter.c_str(), wanted.form.c_str(), variants.c_str(), sets.c_str());
}

void keep_matching(case_set &set, const std::regex &filter)
{
    set.cases.erase(std::remove_if(set.cases.begin(), set.cases.end(),
                                   [&](const bench_case &each) { return !std::regex_search(each.name(), filter); }),
                    set.cases.end());
}

/* The form's own lists that memory cannot hold are left out, and named. False: none is left. */
bool keep_fitting(case_set &set, char *message)
{
    std::string told;
    const auto too_large = [&](const bench_case &each) {
        /* A fifth stream counts too: one arena serves all variants. */
        if (bench_arena_fits(each.list, true, 0, message))
            return false;
        if (told != each.list->name)
            std::fprintf(stderr, "adamw-throughput: left out: %s\n", message);
        told = each.list->name;
        return true;
    };
    set.cases.erase(std::remove_if(set.cases.begin(), set.cases.end(), too_large), set.cases.end());
    return !set.cases.empty();
}

} // namespace

std::string bench_case::name() const
{
    char text[BENCH_MESSAGE], exponent[16] = "";
    if (what == kind::subnormal)
        std::snprintf(exponent, sizeof exponent, "%.0e/", double(gradient));
    std::snprintf(text, sizeof text, "%s/%s%s/%s/%s/%d/%s", kind_names[int(what)], exponent, list->name,
                  variant->name, adamw_isa_name(isa), threads, pages == BENCH_PAGES_HUGE ? "huge" : "small");
    return text;
}

case_set::~case_set()
{
    for (bench_list &each : lists)
        bench_list_free(&each);
}

bool choose_cases(case_set &set, const request &wanted, const char **argument, char *message)
{
    chooser choice(set, wanted);
    std::vector<const bench_list *> own;
    const auto make_own = [&](const std::vector<std::string> &texts, auto make) {
        for (const std::string &text : texts) {
            set.lists.emplace_back();
            if (!make(&set.lists.back(), text.c_str(), message))
                return false;
            own.push_back(&set.lists.back());
        }
        return true;
    };
    *argument = "--sizes";
    if (!make_own(wanted.sizes, bench_list_of_size))
        return false;
    *argument = "--shapes";
    if (!make_own(wanted.shapes, bench_list_read))
        return false;
    *argument = "--filter";
    if (!own.empty())
        choice.own_lists(own);
    else if (wanted.form == "full")
        choice.full_form();
    else if (wanted.form == "goals")
        choice.goals_form();
    else
        choice.short_form();

    if (!wanted.filter.empty()) {
        try {
            keep_matching(set, std::regex(wanted.filter));
        } catch (const std::regex_error &error) {
            std::snprintf(message, BENCH_MESSAGE, "'%.80s' is no regular expression: %.160s", wanted.filter.c_str(),
                          error.what());
            return false;
        }
        if (set.cases.empty()) {
            explain_names(message, wanted);
            return false;
        }
    }
    *argument = "--form";
    return !own.empty() || keep_fitting(set, message);
}
