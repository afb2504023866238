"""Figures of a run: what build/adamw-throughput wrote, as cases with medians, limits and spreads, and the result file.

The one place that knows how a share of the limit and a spread are computed, and how a file is written so that none
is ever left half written. No tables and no pictures here.
"""
import json
import os
import statistics
import tempfile
from dataclasses import dataclass

from . import isas

# The traffic loops of the limit, by their labels among the samples.
LOOPS = ("plain", "unrolled")

# A share or ratio whose quartiles over the repetitions lie further apart than this is marked: do not trust it.
WIDE = 0.10

TITLES = {"gpt2": "GPT-2 124M", "rul": "RUL network 3.4M", "1000x1000": "1,000 tensors of 1,000",
          "deepspeed": "1G + 274,432"}
# PyTorch's operator benchmark steps 1, 10 and 100 parameters of 100K, 1M and 10M values.
TITLES |= {f"{count}x{values}": f"{count} tensor{'s' * (count != 1)} of {values:,}"
           for count in (1, 10, 100) for values in (100000, 1000000, 10000000)}


def median(values):
    return statistics.median(values)


def spread(values):
    """The distance of the quartiles as a share of the median; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / statistics.median(values)


def fastest_tenth(values):
    """The value that a tenth of them lie below; the least one of fewer than ten."""
    return sorted(values)[len(values) // 10] if len(values) >= 10 else min(values)


@dataclass
class Case:
    """One case; `samples` has seconds a call for each contestant, one value a repetition, in the same order."""

    name: str
    parameters: int
    tensors: int
    bytes: int
    samples: dict

    def __post_init__(self):
        fields = self.name.split("/")
        self.kind, self.list, self.variant, self.isa = fields[0], *fields[-5:-2]
        self.threads, self.pages = int(fields[-2]), fields[-1]

    def order(self):
        """Single tensors by size, then the lists; an instruction set's thread counts follow each other."""
        return (self.kind, self.tensors > 1, self.parameters, self.list, self.variant, self.pages,
                isas.order(self.isa), self.threads, self.name)

    @property
    def seconds(self):
        return median(self.samples["step"])

    @property
    def rate(self):
        """Parameters a second."""
        return self.parameters / self.seconds

    @property
    def bandwidth(self):
        return self.rate * self.bytes

    @property
    def limit(self):
        """The faster one of the two traffic loops, so that a slow loop cannot flatter."""
        return min(LOOPS, key=lambda loop: median(self.samples[loop]))

    @property
    def limit_rate(self):
        return self.parameters / median(self.samples[self.limit])

    def ratios(self, above, below="step"):
        """How many times longer `above` took than `below`, in each repetition."""
        return [a / b for a, b in zip(self.samples[above], self.samples[below])]

    @property
    def share(self):
        return median(self.ratios(self.limit))

    def fastest(self, label="step"):
        """Seconds of the fastest tenth: what other work on the machine disturbs least."""
        return fastest_tenth(self.samples.get(label + "_fast", self.samples[label]))

    @property
    def fastest_rate(self):
        return self.parameters / self.fastest()

    @property
    def fastest_share(self):
        """The limit's fastest tenth over the step's: not of the same moments, so it may exceed 1 a little."""
        return min(map(self.fastest, LOOPS)) / self.fastest()

    @property
    def spread(self):
        return spread(self.ratios(self.limit))

    @property
    def wide(self):
        """Not to be trusted: far apart, or too few to see how far."""
        return self.spread > WIDE or len(self.samples["step"]) < 3

    def summary(self):
        """What the result file has of a case."""
        found = {
            "name": self.name, "kind": self.kind, "list": self.list, "variant": self.variant, "isa": self.isa,
            "threads": self.threads, "pages": self.pages, "parameters": self.parameters, "tensors": self.tensors,
            "bytes_per_parameter": self.bytes, "seconds": self.seconds, "parameters_per_second": self.rate,
            "bytes_per_second": self.bandwidth, "samples": self.samples,
        }
        if self.kind == "throughput":
            found |= {"limit_loop": self.limit, "limit_parameters_per_second": self.limit_rate,
                      "share_of_limit": self.share, "spread": self.spread, "trusted": not self.wide,
                      "fastest_tenth_parameters_per_second": self.fastest_rate,
                      "fastest_tenth_share_of_limit": self.fastest_share}
        return found


def from_google_benchmark(raw):
    """The cases of a Google Benchmark file: one entry a repetition, its figures as counters."""
    known = {"parameters", "tensors", "bytes"}
    standard = {"name", "family_index", "per_family_instance_index", "run_name", "run_type", "repetitions",
                "repetition_index", "threads", "iterations", "real_time", "cpu_time", "time_unit", "label"}
    cases = {}
    for entry in raw["benchmarks"]:
        # Aggregates are Google Benchmark's own; an entry without a figure is a repetition that had no time left.
        if entry["run_type"] != "iteration" or "step" not in entry:
            continue
        case = cases.setdefault(entry["label"], Case(entry["label"], int(entry["parameters"]), int(entry["tensors"]),
                                                     int(entry["bytes"]), {}))
        for key in entry.keys() - standard - known:
            case.samples.setdefault(key, []).append(entry[key])
    return sorted(cases.values(), key=Case.order)  # the file has them as they ended, which is at random


def write(path, text):
    """Writes the file whole or not at all."""
    handle, partial = tempfile.mkstemp(dir=os.path.dirname(path), prefix=os.path.basename(path), suffix=".partial")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


def write_results(path, machine, cases):
    write(path, json.dumps({"machine": machine, "cases": [case.summary() for case in cases]}, indent=1) + "\n")
