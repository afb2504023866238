"""Two result files beside each other: which cases got faster or slower by more than both spreads, and a picture.

Cases match by list, variant, pages and threads (all CPUs of one machine with all of the other), each on the fastest
instruction set of its machine; on one set where both machines have the same.
"""
import os

from . import isas, pictures, reading
from .results import median, spread
from .tables import aligned, three, throughput, title


def verdict(ratio, noise):
    """`noise`: the wider one of the two spreads."""
    if abs(ratio - 1) <= noise:
        return "same within the spread"
    return "faster" if ratio > 1 else "SLOWER"


class Side:
    """One file: its machine, and its cases by what they are matched with."""

    def __init__(self, path):
        self.path = path
        self.machine, cases = reading.results(path)
        self.cases = throughput(cases)
        present = {case.isa for case in self.cases}
        self.best = self.machine["isa"] if self.machine["isa"] in present else max(present, key=isas.order, default="")
        self.most = max((case.threads for case in self.cases), default=1)

    def keyed(self, own_isa):
        """{key: case}; `own_isa`: the best instruction set stands as "best", and the others are left out."""
        found = {}
        for case in self.cases:
            threads = "all" if case.threads == self.most > 1 else case.threads
            if not own_isa or case.isa == self.best:
                found[case.list, case.variant, case.pages, "best" if own_isa else case.isa, threads] = case
        return found


def _both(x, y):
    """One text where they are the same, both otherwise."""
    return str(x) if x == y else f"{x} / {y}"


def pairs(a, b):
    """The matching cases, the machines' best sets first; and how many cases of each have no match."""
    found, used = [], (set(), set())
    for own_isa in ([True, False] if a.best != b.best else [False]):
        ours, theirs = a.keyed(own_isa), b.keyed(own_isa)
        for key in ours:
            if key in theirs:
                found.append((ours[key], theirs[key]))
                used[0].add(ours[key].name)
                used[1].add(theirs[key].name)
    return found, [len(side.cases) - len(names) for side, names in zip((a, b), used)]


def draw(folder, a, b, matched):
    """AdamW on the best set of each, all CPUs: bars of A and B for each list."""
    groups = {}
    for x, y in matched:
        if (x.variant, x.pages, x.isa, y.isa) == ("adamw", "huge", a.best, b.best) and x.threads == a.most:
            groups[pictures.short(x.list)] = {"A": x.rate / 1e9, "B": y.rate / 1e9}
    if not groups or not folder:
        return []
    about = [f"{key}: {side.machine['cpu'][:60]}, {isas.title(side.best)}, {side.most} "
             f"thread{'s' * (side.most != 1)}, {side.machine['date']}" for key, side in (("A", a), ("B", b))]
    os.makedirs(folder, exist_ok=True)
    return [pictures.bars(os.path.join(folder, "compare.svg"), "AdamW, two results", groups, ["A", "B"], {},
                          "billion parameters a second", about)]


def compare(path_a, path_b, folder):
    """The table as text, and the paths of the pictures drawn into the folder; without a folder none is."""
    a, b = Side(path_a), Side(path_b)
    matched, only = pairs(a, b)
    rows, shares = [], []
    for x, y in matched:
        ratio = y.rate / x.rate
        noise = max(spread(x.samples["step"]), spread(y.samples["step"]))
        shares.append(y.share / x.share)
        rows.append([title(x.list), x.variant, _both(x.isa, y.isa), _both(x.threads, y.threads), x.pages,
                     three(x.rate / 1e9), three(y.rate / 1e9), f"{ratio:.3f}", f"{y.fastest_rate / x.fastest_rate:.3f}",
                     f"{noise:.3f}", f"{x.share:.2f}", f"{y.share:.2f}", verdict(ratio, noise)])
    lines = [f"{key}: {side.path}: {side.machine['cpu']}, commit {side.machine['commit']}, {side.machine['date']}"
             + (f", {side.machine['busy']}" if side.machine.get("busy") else "") for key, side in (("A", a), ("B", b))]
    lines.append("")
    drawn = []
    if rows:
        head = ["list", "variant", "ISA", "threads", "pages", "A G/s", "B G/s", "B/A", "fastest", "spread", "A limit",
                "B limit", "verdict"]
        lines += [aligned(head, rows), f"{len(rows)} pairs; the share of the limit changed by a factor of "
                  f"{median(shares):.3f} in the median (the share tells more than G/s where the machine was busy); "
                  "fastest: B/A of the fastest tenths"]
        drawn = draw(folder, a, b, matched)
    else:
        lines.append("no case of one file matches one of the other")
    if any(only):
        lines.append(f"not compared: {only[0]} cases in A alone, {only[1]} in B alone")
    return "\n".join(lines), drawn
