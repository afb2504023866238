"""The figures as text: tables for the terminal and Markdown, CSV, and the summary in words."""
import csv
import io

from .results import TITLES, WIDE, median

OTHERS_HEAD = ["list", "variant", "ISA", "threads", "pages", "G/s", "GB/s", "limit", "fastest", "limit"]
PAIRS_HEAD = ["list", "ISA", "threads", "AdamW G/s", "GB/s", "limit", "fastest", "limit", "Adam G/s", "limit",
              "fastest", "limit"]
PAIR = ("adamw", "adam_l2")


def title(name):
    return TITLES.get(name, name)


def three(value):
    """Three significant digits, never with an exponent."""
    return f"{value:.3g}" if 0.0001 <= value < 1000 else f"{value:.0f}" if value >= 1000 else f"{value:.1e}"


def share(case):
    return f"{case.share:.2f}{'~' if case.wide else ''}"


def figures(case, with_bandwidth=True):
    """The medians, and the fastest tenth beside them."""
    found = [""] * 4
    if case:
        found = [three(case.rate / 1e9), share(case), three(case.fastest_rate / 1e9), f"{case.fastest_share:.2f}"]
    bandwidth = [three(case.bandwidth / 1e9) if case else ""] if with_bandwidth else []
    return found[:1] + bandwidth + found[1:]


def throughput(cases):
    return [case for case in cases if case.kind == "throughput"]


def pair_rows(cases):
    """AdamW and coupled Adam side by side, on the pages that every form has."""
    rows = {}
    for case in sorted(throughput(cases), key=lambda c: (c.tensors > 1, c.parameters, c.list, c.isa, c.threads)):
        if case.variant in PAIR and case.pages == "huge":
            rows.setdefault((case.list, case.isa, case.threads), {})[case.variant] = case
    return [[title(key[0]), key[1], str(key[2]), *figures(pair.get("adamw")), *figures(pair.get("adam_l2"), False)]
            for key, pair in rows.items()]


def other_rows(cases):
    return [[title(c.list), c.variant, c.isa, str(c.threads), c.pages, *figures(c)]
            for c in throughput(cases) if c.variant not in PAIR or c.pages != "huge"]


def aligned(head, rows):
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(row):
        return "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w)
                         for i, (cell, w) in enumerate(zip(row, widths))).rstrip()

    return "\n".join([line(head), "-" * len(line(["-" * w for w in widths])), *map(line, rows)]) + "\n"


def markdown(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


LEGEND = f"""G/s: billions of parameters a second. GB/s: at the variant's own traffic, 28 bytes a parameter, amsgrad 36.
limit: the share of a loop that moves the same bytes and computes nothing, measured in alternation, with the same
instruction set and threads. ~: the quartiles of that share lie more than {100 * WIDE:.0f} % apart, or too few to tell.
fastest: the fastest tenth of the step, and its limit that of the loop: what other work disturbs least.
"""


def text(cases, form=aligned):
    parts = [form(PAIRS_HEAD, pair_rows(cases))] if pair_rows(cases) else []
    if other_rows(cases):
        parts.append(form(OTHERS_HEAD, other_rows(cases)))
    special = special_rows(cases)
    if special:
        parts.append(form(["case", "ISA", "what", "ratio"], special))
    return "\n".join(parts + [LEGEND])


# What the special cases compare their step with.
SPECIAL = {
    "call": ("kernel", "a call, in times of the kernel's loop called directly"),
    "many": ("one", "the list, in times of one tensor of as many parameters"),
    "subnormal": ("normal", "a step of vanished gradients, in times of a normal one"),
    "team": ("one", "all threads, in times of one thread"),
    "neighbour": ("one", "all threads beside a busy process, in times of one thread there"),
}


def special_rows(cases):
    rows = []
    for case in cases:
        if case.kind == "tried":
            rows += [[f"{case.list}, {case.threads} thread{'s' * (case.threads != 1)}", case.isa,
                      f"{way}: the step's rate in times of the library's", three(median(case.ratios("step", way)))]
                     for way in sorted(case.samples) if way != "step"]
        if case.kind == "c_loop":
            rows.append([case.list, case.isa, "the step's rate in times of a plain C loop's",
                         three(median(case.ratios("loop")))])
        if case.kind in SPECIAL:
            base, what = SPECIAL[case.kind]
            rows.append([case.name.rsplit("/", 4)[0], case.isa, what, three(median(case.ratios("step", base)))])
    return rows


def as_csv(cases):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["list", "variant", "isa", "threads", "pages", "parameters", "tensors", "seconds_per_step",
                     "parameters_per_second", "bytes_per_second", "limit_loop", "limit_parameters_per_second",
                     "share_of_limit", "spread", "repetitions", "fastest_parameters_per_second", "fastest_share_of_limit"])
    for c in throughput(cases):
        writer.writerow([c.list, c.variant, c.isa, c.threads, c.pages, c.parameters, c.tensors, f"{c.seconds:.6g}",
                         f"{c.rate:.6g}", f"{c.bandwidth:.6g}", c.limit, f"{c.limit_rate:.6g}", f"{c.share:.4f}",
                         f"{c.spread:.4f}", len(c.samples["step"]), f"{c.fastest_rate:.6g}", f"{c.fastest_share:.4f}"])
    return out.getvalue()


def duration(seconds):
    for unit, size in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            break
    return f"{seconds / size:.3g} {unit}"


def words(cases, isa):
    """A sentence for each list with AdamW on the active instruction set: at its fastest thread count."""
    lines = []
    best = {}
    for case in throughput(cases):
        if case.variant == "adamw" and case.isa == isa and case.pages == "huge" and (
                case.tensors > 1 or case.parameters >= 1 << 20):
            if case.list not in best or case.seconds < best[case.list].seconds:
                best[case.list] = case
    for case in best.values():
        threads = f"{case.threads} thread{'s' * (case.threads != 1)}"
        lines.append(f"{title(case.list)}: {duration(case.seconds)} a step on {threads}, {share(case)} of this "
                     "machine's limit")
    return lines


def warning(cases):
    """A line where the machine was too busy to trust some figures; empty otherwise."""
    all_cases = throughput(cases)
    wide = sum(case.wide for case in all_cases)
    if wide == 0:
        return ""
    return (f"warning: {wide} of {len(all_cases)} shares vary by more than {100 * WIDE:.0f} % between repetitions, or had fewer than three (marked ~): "
            "the machine is busy; the fastest tenths are what holds of them until a quiet run")


def slower_threads(cases, isa):
    """A line where more threads take longer than one, with what to set; empty where none do."""
    by_list = {}
    for case in throughput(cases):
        if (case.variant, case.isa, case.pages) == ("adamw", isa, "huge"):
            by_list.setdefault(case.list, {})[case.threads] = case
    slower = []
    for name, counts in by_list.items():
        one, most = counts.get(1), counts[max(counts)]
        if one and most.seconds > 1.05 * one.seconds:
            slower.append((title(name), most.threads, most.seconds / one.seconds))
    if not slower:
        return ""
    what = ", ".join(f"{name} {times:.1f} times" for name, _, times in slower)
    return (f"{slower[0][1]} threads took longer than one ({what}): other work holds a CPU that the team waits for. Set "
            "threads to 1 (here THREADS=1), or OMP_NUM_THREADS below the CPUs that are free, or "
            "OMP_WAIT_POLICY=passive in the environment")
