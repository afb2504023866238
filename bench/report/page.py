"""The tables of the last `make bench` as Markdown, and their place between two markers of a page.

The whole table stands in bench/README.md (readme.py) and as a block of RESULTS.md (results_page.py); README.md has five
rows and columns of it. The same results always give the same text. Figures of torch come from peers.json where it is
of the same commit; without it its columns are left out.
"""
import os
import re

from . import isas, peer_tables, reading, tables
from .front import UserError
from .results import write
from .tables import markdown, three, title

LISTS = ("gpt2", "rul", "1000x1000", "64M", "1M", "64K")
VARIED = "~: varied by more than 10 % between repetitions."
BRIEF = ("gpt2", "rul", "1000x1000", "1M", "64K")
TORCH = ("torch fused", "torch foreach")
# What a CPU is called in public, where its own name does not tell (a virtual machine's): by family and model.
GENERATIONS = {"family 6, model 143": "Sapphire Rapids", "family 6, model 207": "Emerald Rapids",
               "family 25, model 1": "Zen 3"}


class Last:
    """The last results of a build folder."""

    def __init__(self, build):
        folder = os.path.join(build, "bench")
        try:
            self.machine, self.cases = reading.results(os.path.join(folder, "throughput.json"))
        except UserError as error:
            raise UserError(f"{error}; make bench writes it") from error
        for name in ("cpus", "compiler", "command"):
            if name not in self.machine:
                raise UserError(f"{folder}/throughput.json: machine has no `{name}`: make bench writes it anew")
        if re.search(r"\b(FILTER|SIZES|SHAPES)=|--(filter|sizes|shapes)\b", self.machine["command"]):
            raise UserError(f"the last results are of `{self.machine['command']}`: the table needs a plain make bench")
        self.peers = self._peers(os.path.join(folder, "peers.json"))

    def _peers(self, path):
        if not os.path.exists(path):
            return {}
        about, cases = reading.peers(path)
        if about["commit"] != self.machine["commit"] or not any("torch fused" in c["samples"] for c in cases):
            return {}
        return {(case["list"], case["threads"]): case for case in cases}

    def name(self):
        count = self.machine["cpus"]
        return f"{self.machine['cpu']}, {count} CPU{'s' * (count != 1)}, {isas.title(self.machine['isa'])}"

    def _adamw(self):
        """The cases of this machine's best instruction set, by list, variant and threads."""
        return {(c.list, c.variant, c.threads): c for c in tables.throughput(self.cases)
                if c.isa == self.machine["isa"] and c.pages == "huge"}

    def _times_torch(self, name, threads):
        """A cell for each form of torch's optimizer."""
        case, ours = self.peers.get((name, threads)), "adamw " + self.machine["isa"]
        return [peer_tables.ratio_text(case, label, ours) if case else "" for label in TORCH] if self.peers else []

    def table(self):
        found, rows = self._adamw(), []
        for name in LISTS:
            for threads in sorted({key[2] for key in found}):
                adamw, adam = (found.get((name, variant, threads)) for variant in tables.PAIR)
                if adamw is None:
                    continue
                rows.append([title(name), str(threads), tables.duration(adamw.seconds), three(adamw.limit_rate / 1e9),
                             three(adamw.rate / 1e9), tables.share(adamw), f"{adamw.fastest_share:.2f}",
                             three(adam.rate / 1e9) if adam else "", *self._times_torch(name, threads)])
        head = ["parameters", "threads", "a step", "limit, G/s", "AdamW, G/s", "share of the limit",
                "of fastest tenths", "coupled Adam, G/s"]
        return markdown(head + [f"times {label}" for label in TORCH if self.peers], rows)

    def _where(self, *more):
        """What the figures belong to."""
        about = self.machine
        name = self.name()
        for family, generation in GENERATIONS.items():
            name = name.replace(f"({family})", f"({family}: {generation})")
        return ", ".join(part for part in [name, *more, about.get("caches", ""), about["compiler"],
                                           f"commit {about['commit']}", about["date"], f"`{about['command']}`",
                                           about.get("busy", "")] if part)

    def text(self):
        """What the figures belong to, the table, and what its columns mean."""
        notes = ["G/s: billions of float32 parameters a second. Limit: a loop that moves the same 28 bytes a parameter "
                 "and computes nothing, in alternation with the step. Of fastest tenths: the same share of the fastest "
                 "tenth of each, which other work disturbs least."]
        if self.peers:
            notes.append("Torch: the optimizer's step, in alternation in one process on the same memory.")
        if any(case.wide for case in tables.throughput(self.cases)):
            notes.append(VARIED)
        return f"{self._where()}:\n\n{self.table()}\n{' '.join(notes)}\n"

    def brief(self):
        """Five rows and columns of it, with as many threads as were measured."""
        found, rows = self._adamw(), []
        threads = max((key[2] for key in found), default=1)
        for name in BRIEF:
            adamw = found.get((name, tables.PAIR[0], threads))
            if adamw is not None:
                rows.append([title(name), tables.duration(adamw.seconds), tables.share(adamw),
                             *self._times_torch(name, threads)])
        head = ["parameters", "a step", "share of the limit"]
        notes = ["Limit: a loop that moves the same bytes and computes nothing."]
        if self.peers:
            head += [f"{label} / ours" for label in TORCH]
            notes.append("Last columns: the time of torch's step over that of ours, in alternation in one process.")
        if any("~" in cell for row in rows for cell in row):
            notes.append(VARIED)
        where = self._where(f"{threads} thread{'s' * (threads != 1)}")
        return f"{where}:\n\n{markdown(head, rows)}\n{' '.join(notes)}\n"


def between(path, begin, end, text, whole):
    """Puts the text between the two markers of the page, each once in `whole`, and writes it whole or not at all."""
    if whole.count(begin) != 1 or whole.count(end) != 1 or whole.index(begin) > whole.index(end):
        raise UserError(f"{path}: must have {begin} and then {end}, each once")
    write(path, f"{whole[:whole.index(begin)]}{begin}\n{text}{whole[whole.index(end):]}")
