"""Figures of a run: what build/adamw-throughput wrote, as cases with medians, limits and spreads, and the result file.

The one place that knows how a share of the limit and a spread are computed, and how a file is written so that none
is ever left half written. No tables and no pictures here.
"""
import json
import os
import statistics
import tempfile
from dataclasses import dataclass

# A share or ratio whose quartiles over the repetitions lie further apart than this is marked: do not trust it.
WIDE = 0.10

TITLES = {"gpt2": "GPT-2 124M", "rul": "RUL network 3.4M", "1000x1000": "1,000 tensors of 1,000"}


def median(values):
    return statistics.median(values)


def spread(values):
    """The distance of the quartiles as a share of the median; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / statistics.median(values)


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
        isas = ("scalar", "neon", "avx2", "avx512")
        return (self.kind, self.tensors > 1, self.parameters, self.list, self.variant, self.pages,
                isas.index(self.isa), self.threads, self.name)

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
        return min(("plain", "unrolled"), key=lambda loop: median(self.samples[loop]))

    @property
    def limit_rate(self):
        return self.parameters / median(self.samples[self.limit])

    def ratios(self, above, below="step"):
        """How many times longer `above` took than `below`, in each repetition."""
        return [a / b for a, b in zip(self.samples[above], self.samples[below])]

    @property
    def share(self):
        return median(self.ratios(self.limit))

    @property
    def spread(self):
        return spread(self.ratios(self.limit))

    @property
    def wide(self):
        return self.spread > WIDE

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
                      "share_of_limit": self.share, "spread": self.spread, "trusted": not self.wide}
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


class ResultError(Exception):
    """One line for the user: which file, what is wrong with it, what would be right."""


def read_results(path):
    """The machine and the cases of a file that write_results() made."""
    try:
        with open(path, encoding="utf-8") as file:
            stored = json.load(file)
        cases = [Case(c["name"], c["parameters"], c["tensors"], c["bytes_per_parameter"], c["samples"])
                 for c in stored["cases"]]
        return stored["machine"], cases
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ResultError(f"{path}: is no result file of this benchmark, such as build/bench/throughput.json") from error
