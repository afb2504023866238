"""The figures of bench/peers.py as text and pictures: the throughput of each, and ours in times of theirs."""
import os

from . import isas, machine, pictures
from .results import LOOPS, WIDE, median, spread
from .tables import aligned, duration, markdown, three, title

PEERS = ["C loop", "torch fused kernel", "torch fused", "torch foreach", "torch loop"]
COUPLED_PEER = "torch Adam fused"


def ratios(case, theirs, ours):
    """How many times faster `ours` is, in each round."""
    return [t / o for t, o in zip(case["samples"][theirs], case["samples"][ours])]


def limit(case):
    return min(LOOPS, key=lambda loop: median(case["samples"][loop]))


def _rate(case, label):
    return case["parameters"] / median(case["samples"][label]) / 1e9


def ratio_text(case, theirs, ours):
    if theirs not in case["samples"]:
        return ""
    values = ratios(case, theirs, ours)
    return f"{median(values):.2f}{'~' if spread(values) > WIDE else ''}"


def text(cases, isa, form=aligned):
    ours = f"adamw {isa}"
    present = [peer for peer in [*PEERS, COUPLED_PEER] if peer in cases[0]["samples"]]
    everyone = [*(f"adamw {isa}" for isa in reversed(isas.NAMES)), "coupled Adam", *present]
    everyone = [label for label in everyone if label in cases[0]["samples"]]
    rates = [[title(c["list"]), str(c["threads"]), three(_rate(c, limit(c))), *[three(_rate(c, e)) for e in everyone]]
             for c in cases]
    times = [[title(c["list"]), str(c["threads"]), ratio_text(c, limit(c), ours),
              *[ratio_text(c, p, ours if p != COUPLED_PEER else "coupled Adam") for p in present]] for c in cases]
    return ("Billions of parameters a second:\n\n" + form(["list", "threads", "limit", *everyone], rates)
            + f"\nHow many times faster {ours} is (coupled Adam beside torch's Adam; limit: its share of the traffic "
            "limit):\n\n" + form(["list", "threads", "limit", *present], times))


def words(cases, isa):
    """A sentence for each list, at our fastest thread count."""
    ours, best = f"adamw {isa}", {}
    for case in cases:
        known = best.get(case["list"])
        if known is None or median(case["samples"][ours]) < median(known["samples"][ours]):
            best[case["list"]] = case
    lines = []
    for case in best.values():
        line = (f"{title(case['list'])}: {duration(median(case['samples'][ours]))} a step on {case['threads']} "
                f"thread{'s' * (case['threads'] != 1)}, {ratio_text(case, limit(case), ours)} of this machine's limit, "
                f"{ratio_text(case, 'C loop', ours)} times a plain C loop")
        if "torch foreach" in case["samples"]:
            line += (f", {ratio_text(case, 'torch foreach', ours)} times torch foreach and "
                     f"{ratio_text(case, 'torch fused', ours)} times torch fused")
        lines.append(line)
    return lines


def draw(folder, cases, about):
    drawn, isa = [], about["isa"]
    series = [s for s in [f"adamw {isa}", *PEERS] if s in cases[0]["samples"]]
    for threads in sorted({case["threads"] for case in cases}):
        groups = {pictures.short(c["list"]): {"limit": _rate(c, limit(c)), **{s: _rate(c, s) for s in series}}
                  for c in cases if c["threads"] == threads}
        drawn.append(pictures.bars(os.path.join(folder, f"peers-{threads}.svg"),
                                   f"AdamW beside its peers, {threads} thread{'s' * (threads != 1)}", groups,
                                   ["limit", *series], {}, "billion parameters a second", machine.briefly(about)))
    return drawn


def warning(cases, isa):
    ours = f"adamw {isa}"
    all_spreads = [spread(ratios(case, label, ours)) for case in cases for label in case["samples"] if label != ours]
    wide = sum(value > WIDE for value in all_spreads)
    return (f"warning: {wide} of {len(all_spreads)} ratios vary by more than {WIDE:.0%} between rounds (marked ~): the "
            "machine is busy, repeat the run when it is quiet") if wide else ""
