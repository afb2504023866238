#!/usr/bin/env python3
"""update.py - the whole update (clip, step, average, clear) beside its traffic limit, its parts and torch's recipes.

`make bench-update` runs it. All alternate in one process on one memory; results go to build/bench/update.*.
"""
import json
import os
import statistics
import sys

from peers import native, torch_peers
from peers.rounds import alternate
from report import front, machine, results

LISTS = [("list", "gpt2"), ("list", "rul")]
DECAY, MAX_NORM = 0.999, 1e6


def torch_recipes(torch, placed, threads):
    """{label: (prepare, call)}: clip_grad_norm_, AdamW, an average by foreach, zero_grad."""
    streams = [[torch.frombuffer(buffer, dtype=torch.float32) for buffer in tensor] for tensor in placed.buffers()]
    params, grads, averages, squares, emas = (list(stream) for stream in zip(*streams))

    def recipe(set_to_none, **how):
        optimizer = torch.optim.AdamW(params, **torch_peers.CONFIG, **how)
        for param, average, square in zip(params, averages, squares):
            optimizer.state[param] = {"step": torch.tensor(torch_peers.STEP), "exp_avg": average,
                                      "exp_avg_sq": square}

        def call():
            for param, grad in zip(params, grads):
                param.grad = grad
            torch.nn.utils.clip_grad_norm_(params, MAX_NORM)
            optimizer.step()
            torch._foreach_lerp_(emas, params, 1 - DECAY)
            optimizer.zero_grad(set_to_none=set_to_none)

        return lambda: torch.set_num_threads(threads), call

    return {"torch fused, set_to_none": recipe(True, fused=True), "torch fused, zeroed": recipe(False, fused=True),
            "torch default": recipe(True)}


def measure(library, torch, rounds, threads):
    progress = front.Progress("update")
    for kind, text in LISTS:
        placed = native.List(library, kind, text, average=True)
        for count in threads:
            progress.say(f"{placed.name}, {count} thread{'s' * (count != 1)} ...")
            everyone = {f"update {isa}": placed.peer("update", count, isa=isa) for isa in native.isas(library)
                        if isa != "scalar"}
            everyone |= {label: placed.peer(label, count) for label in ("parts", "update plain", "update unrolled")}
            if torch is not None:
                everyone |= torch_recipes(torch, placed, count)
            yield {"list": placed.name, "threads": count, "parameters": placed.parameters,
                   "samples": alternate(everyone, rounds, 3)}
        placed.free()
    progress.end()


def ratio(samples, label, ours):
    """How many times as long as ours, round by round: the median and the quartiles."""
    ratios = [other / own for other, own in zip(samples[label], samples[ours])]
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
    return statistics.median(ratios), low, high


def rows(cases):
    for case in cases:
        samples = case["samples"]
        for ours in (label for label in samples if label.startswith("update ") and not label.endswith(("in", "ed"))):
            own = statistics.median(samples[ours])
            limit = min(("update plain", "update unrolled"), key=lambda label: statistics.median(samples[label]))
            cells = [f"{case['list']}, {case['threads']}", ours.split()[1], f"{1e3 * own:.1f} ms",
                     f"{44e-9 * case['parameters'] / own:.1f}"]
            for label in (limit, "parts", "torch fused, set_to_none", "torch fused, zeroed", "torch default"):
                cells.append("{:.2f} ({:.2f}-{:.2f})".format(*ratio(samples, label, ours)) if label in samples else "-")
            yield cells


def main():
    parser = front.Parser("update.py", __doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=front.whole, default=9)
    parser.add_argument("--threads", type=front.whole, nargs="*", help="thread counts; default 1 and all")
    options = parser.parse_args()
    torch = torch_peers.find()
    library = native.load(options.build)
    most = library.bench_max_threads()
    threads = options.threads or sorted({1, most})
    if max(threads) > most:
        raise front.UserError(f"--threads is {max(threads)}: it must be 1 to {most}, the CPUs that this process may use")
    if torch is None:
        print(f"update.py: torch is not installed for {sys.executable}, so its recipes are left out: "
              f"`{sys.executable} -m pip install torch==2.13.0` brings it", file=sys.stderr)
    active, busy = native.isas(library)[0], machine.Busy()  # before the measuring selects others
    cases = list(measure(library, torch, options.rounds, threads))
    about = machine.describe("make bench-update", {
        "isa": active, "version": library.adamw_version().decode(),
        "compiler": f"torch {torch.__version__}" if torch else "no torch", "load_avg": os.getloadavg()}, busy)
    head = ["list, threads", "ISA", "time", "GB/s", "share of the limit", "parts / ours", "torch fused, set_to_none",
            "torch fused, zeroed", "torch default"]
    table = [head, ["---"] * len(head), *rows(cases)]
    text = "".join("| " + " | ".join(row) + " |\n" for row in table)
    folder = os.path.join(options.build, "bench")
    results.write(os.path.join(folder, "update.json"), json.dumps({"machine": about, "cases": cases}, indent=1) + "\n")
    results.write(os.path.join(folder, "update.md"), "# The whole update\n\n" + machine.in_words(about) + "\n\n"
                  "Clipping by the global norm, a step, an average and cleared gradients: 44 bytes a parameter. Each "
                  "ratio is that of the other's time to ours, median (quartiles).\n\n" + text)
    print(text)
    print(f"written to {folder}/: update.json, update.md")
    return 0


if __name__ == "__main__":
    front.run("update.py", main)
