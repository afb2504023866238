"""The table of the last `make bench` as Markdown, and its place between two markers of a page.

README.md's table (readme.py) and the blocks of RESULTS.md (results_page.py) are the same text; the same results always
give the same. Figures of torch come from peers.json where it is of the same commit; without it its columns are left out.
"""
import os
import re

from . import isas, peer_tables, reading, tables
from .front import UserError
from .results import write
from .tables import markdown, three, title

LISTS = ("gpt2", "rul", "1000x1000", "64M", "1M", "64K")


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

    def table(self):
        isa = self.machine["isa"]
        found = {(c.list, c.variant, c.threads): c for c in tables.throughput(self.cases)
                 if c.isa == isa and c.pages == "huge"}
        rows = []
        for name in LISTS:
            for threads in sorted({key[2] for key in found}):
                adamw, adam = (found.get((name, variant, threads)) for variant in tables.PAIR)
                if adamw is None:
                    continue
                row = [title(name), str(threads), tables.duration(adamw.seconds), three(adamw.limit_rate / 1e9),
                       three(adamw.rate / 1e9), tables.share(adamw), f"{adamw.fastest_share:.2f}",
                       three(adam.rate / 1e9) if adam else ""]
                if self.peers:
                    case = self.peers.get((name, threads))
                    row += [peer_tables.ratio_text(case, label, "adamw " + isa) if case else ""
                            for label in ("torch fused", "torch foreach")]
                rows.append(row)
        head = ["parameters", "threads", "a step", "limit, G/s", "AdamW, G/s", "share of the limit",
                "of fastest tenths", "coupled Adam, G/s"]
        return markdown(head + (["times torch fused", "times torch foreach"] if self.peers else []), rows)

    def text(self):
        """What the figures belong to, the table, and what its columns mean."""
        about = self.machine
        notes = ["G/s: billions of float32 parameters a second. Limit: a loop that moves the same 28 bytes a parameter "
                 "and computes nothing, in alternation with the step. Of fastest tenths: the same share of the fastest "
                 "tenth of each, which other work disturbs least."]
        if self.peers:
            notes.append("Torch: the optimizer's step, in alternation in one process on the same memory.")
        if any(case.wide for case in tables.throughput(self.cases)):
            notes.append("~: varied by more than 10 % between repetitions.")
        where = ", ".join([self.name(), about.get("caches", ""), about["compiler"], f"commit {about['commit']}",
                           about["date"], f"`{about['command']}`"] + ([about["busy"]] if about.get("busy") else []))
        return f"{where}:\n\n{self.table()}\n{' '.join(notes)}\n"


def between(path, begin, end, text, whole):
    """Puts the text between the two markers of the page, each once in `whole`, and writes it whole or not at all."""
    if whole.count(begin) != 1 or whole.count(end) != 1 or whole.index(begin) > whole.index(end):
        raise UserError(f"{path}: must have {begin} and then {end}, each once")
    write(path, f"{whole[:whole.index(begin)]}{begin}\n{text}{whole[whole.index(end):]}")
