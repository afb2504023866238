"""bench.py - a step of libadamw.torch beside torch's own, alternating in one process on one memory.

`make bench-python` runs it; results go to build/bench/python.md, .json and .svg. The lists, the traffic limit and
the report come from bench/.
"""
import argparse
import contextlib
import json
import os
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT / "bench")  # in place of this folder, which would hide an installed package

import torch  # noqa: E402  before any other library, whose OpenMP runtime is then torch's: one team
from peers import native  # noqa: E402
from report import machine, pictures, results, tables  # noqa: E402

import libadamw.torch  # noqa: E402

LISTS = ("gpt2", "rul", "1000x1000")
CONFIG = {"lr": 1e-3, "weight_decay": 1e-4}
CLIP, EMA = 1.0, 0.999
SHORTEST_SAMPLE = 2e-3
LONGEST_CASE = 20.0  # seconds, after three rounds at least
OURS = "libadamw"


class Whole:
    """What trainers do around torch's step, as four passes: clip_grad_norm_, the step, the average."""

    def __init__(self, params, optimizer):
        self.params, self.optimizer = params, optimizer
        self.averages = [param.detach().clone() for param in params]
        self.blend = torch.optim.swa_utils.get_ema_multi_avg_fn(EMA)

    def __call__(self):
        torch.nn.utils.clip_grad_norm_(self.params, CLIP)
        self.optimizer.step()
        self.blend(self.averages, [param.detach() for param in self.params], None)


def contestants(library, placed, threads):
    """{label: call}; every optimizer has the list's own memory."""
    isa = native.isas(library)[0]
    calls = {}
    for loop in ("plain", "unrolled"):
        calls[loop] = placed.peer(loop, threads, isa=isa)[1]
    streams = [[torch.frombuffer(buffer, dtype=torch.float32) for buffer in tensor] for tensor in placed.buffers()]
    params = [param for param, *_ in streams]
    for param, grad, *_ in streams:
        param.grad = grad

    def optimizer(kind, **options):
        made = kind(params, **CONFIG, **options)
        for param, _, average, square in streams:
            made.state[param] = {"step": torch.tensor(1000.0), "exp_avg": average, "exp_avg_sq": square}
        return made

    calls[OURS] = optimizer(libadamw.torch.AdamW).step
    calls[f"{OURS} accurate"] = optimizer(libadamw.torch.AdamW, arithmetic="accurate").step
    calls["torch fused"] = optimizer(torch.optim.AdamW, fused=True).step
    calls["torch foreach"] = optimizer(torch.optim.AdamW, foreach=True).step
    calls["torch default (loop)"] = optimizer(torch.optim.AdamW).step
    calls[f"{OURS} clip+EMA"] = optimizer(libadamw.torch.AdamW, clip_grad_norm=CLIP, ema_decay=EMA).step
    calls["torch fused clip+EMA"] = Whole(params, optimizer(torch.optim.AdamW, fused=True))
    return calls


def seconds_of(call, calls):
    begin = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - begin) / calls


def alternate(calls, rounds):
    """Seconds a call by label, one value a round; every round has an order of its own."""
    once = {label: seconds_of(call, 1) for label, call in calls.items()}
    samples, order, dice = {label: [] for label in calls}, list(calls), random.Random(1)
    begin = time.perf_counter()
    for done in range(rounds):
        if done >= 3 and time.perf_counter() - begin > LONGEST_CASE:
            break
        dice.shuffle(order)
        for label in order:
            if once[label] < SHORTEST_SAMPLE:  # a longer call is in no cache
                calls[label]()
            samples[label].append(seconds_of(calls[label], max(1, round(SHORTEST_SAMPLE / once[label]))))
    return samples


def overhead(count=150, rounds=40):
    """Microseconds of a step over `count` tensors of one element: the library's part, and all of ours and torch's."""
    params = [torch.nn.Parameter(torch.zeros(1)) for _ in range(count)]
    for param in params:
        param.grad = torch.ones(1)
    ours, fused = libadamw.torch.AdamW(params), torch.optim.AdamW(params, fused=True)
    ours.step(), fused.step()
    tensors = [libadamw._library.Tensor(1, param.data_ptr(), param.grad.data_ptr(),
                                        ours.state[param]["exp_avg"].data_ptr(),
                                        ours.state[param]["exp_avg_sq"].data_ptr()) for param in params]
    rows, config = (libadamw._library.Tensor * count)(*tensors), libadamw._library.default_config()
    calls = {"library": lambda: libadamw._library.library.adamw_step(config, 1000, rows, count),
             "ours": ours.step, "fused": fused.step}
    return {label: min(values) * 1e6 for label, values in alternate(calls, rounds).items()}


def measure(library, names, threads, rounds):
    cases = []
    for name in names:
        placed = native.List(library, "list", name)
        for count in threads:
            torch.set_num_threads(count)
            if sys.stderr.isatty():
                print(f"\r{name}, {count} threads ...   ", end="", file=sys.stderr)
            samples = alternate(contestants(library, placed, count), rounds)
            cases.append({"list": placed.name, "threads": count, "parameters": placed.parameters, "samples": samples})
        placed.free()
    return cases


def ratio(case, theirs, ours=OURS):
    values = [a / b for a, b in zip(case["samples"][theirs], case["samples"][ours])]
    return f"{results.median(values):.2f}{'~' if results.spread(values) > results.WIDE else ''}"


def rows_of(cases):
    for case in cases:
        middle = {label: results.median(values) for label, values in case["samples"].items()}
        limit = min(("plain", "unrolled"), key=middle.get)
        yield [tables.title(case["list"]), str(case["threads"]), tables.duration(middle[OURS]), ratio(case, limit),
               ratio(case, f"{OURS} accurate"), ratio(case, "torch fused"), ratio(case, "torch foreach"),
               ratio(case, "torch default (loop)"), ratio(case, "torch fused clip+EMA", f"{OURS} clip+EMA")]


HEAD = ["list", "threads", "a step", "of the limit", "accurate", "torch fused", "torch foreach", "torch default",
        "clip+step+EMA"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--lists", default=",".join(LISTS), help="some of gpt2,rul,1000x1000")
    parser.add_argument("--threads", default=",".join(sorted({"1", str(torch.get_num_threads())})))
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    library = native.load(options.build)
    parts = overhead()
    cases = measure(library, options.lists.split(","), [int(count) for count in options.threads.split(",")],
                    options.rounds)
    about = machine.describe("make bench-python", {"isa": libadamw.isa(), "version": libadamw.version(),
                                                   "compiler": f"torch {torch.__version__}",
                                                   "load_avg": os.getloadavg()})
    sentence = (f"150 tensors of one element: a step takes {parts['ours']:.0f} microseconds, {parts['library']:.0f} "
                f"of them in the library; torch's fused step takes {parts['fused']:.0f}.")
    body = ("A step of libadamw.torch.AdamW, and how many times as long the others take (of the limit: its share of "
            f"the traffic limit; ~: varies by more than {results.WIDE:.0%} between rounds):\n\n")
    out = os.path.join(options.build, "bench", "python.")
    results.write(out + "json", json.dumps({"machine": about, "overhead": parts, "cases": cases}, indent=1) + "\n")
    rows = list(rows_of(cases))
    results.write(out + "md", f"# libadamw.torch\n\n{machine.in_words(about)}\n\n{sentence}\n\n{body}"
                  + tables.markdown(HEAD, rows))
    # The pictures' own names for colours, each with the label here.
    series = {"adamw avx2": OURS, "torch fused": "torch fused", "torch foreach": "torch foreach",
              "torch loop": "torch default (loop)"}
    groups = {f"{tables.title(case['list'])}, {case['threads']} thread{'s' * (case['threads'] != 1)}":
              {name: case["parameters"] / results.median(case["samples"][label]) / 1e9
               for name, label in series.items()} for case in cases}
    drawn = pictures.bars(out + "svg", "A step of AdamW in torch", groups, list(series), series,
                          "billion parameters a second")
    print(f"{sentence}\n\n{body}{tables.aligned(HEAD, rows)}\nwritten to {out}md, {out}json, {drawn}")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
