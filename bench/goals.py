#!/usr/bin/env python3
"""goals.py - what the project promises about speed, each target beside the median of several whole runs.

`make bench-goals` runs it. A run is a process of build/adamw-throughput, one of bench/peers.py, and two with a busy
neighbour (OMP_WAIT_POLICY=passive, and OpenMP's default). Figures are told, never judged by the exit status.
"""
import json
import os
import statistics
import subprocess
import sys

from report import front, isas, machine, reading, results
from report.peer_tables import limit, ratios
from report.results import median
from report.tables import aligned, markdown


def arguments():
    parser = front.Parser("goals.py", __doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="takes the runs that an earlier call left, and adds to them")
    parser.add_argument("--filter", default="", help="only the targets that contain this text (all runs are made)")
    return parser.parse_args()


def throughput(build, out, pattern, environment):
    program = os.path.join(build, "adamw-throughput")
    raw = out + ".raw"
    subprocess.run([program, "--form", "goals", "--filter", pattern, "--out", raw], check=True,
                   env={**os.environ, **environment})
    with open(raw, encoding="utf-8") as file:
        stored = json.load(file)
    os.unlink(raw)
    cases = results.from_google_benchmark(stored)
    results.write_results(out, machine.describe("make bench-goals", stored["context"]), cases)


def one_run(build, folder, number):
    """Four processes; a file each, so that a run that was cut short leaves whole files or none."""
    path = os.path.join(folder, f"{number}-")
    throughput(build, path + "throughput.json", "^(?!neighbour)", {})
    throughput(build, path + "neighbour.json", "^neighbour", {"OMP_WAIT_POLICY": "passive"})
    throughput(build, path + "default.json", "^neighbour", {})
    peers = [sys.executable, os.path.join(os.path.dirname(__file__), "peers.py"), "--build", build, "--sizes",
             "64K,1M,64M", "--lists", "gpt2,1000x1000", "--rounds", "5",
             "--without", "torch loop,torch Adam fused,coupled Adam", "--out", path + "peers.json"]
    subprocess.run(peers, check=True)


def read_run(folder, number):
    """All figures of a run by the words that a target names them with."""
    path, found = os.path.join(folder, f"{number}-"), {}
    for kind in ("throughput", "neighbour", "default"):
        if not os.path.exists(f"{path}{kind}.json"):
            return None
        for case in reading.results(f"{path}{kind}.json")[1]:
            figures(found, kind, case)
    for case in reading.peers(path + "peers.json")[1]:
        for ours in [label for label in case["samples"] if label.startswith("adamw ")]:
            for theirs in case["samples"]:
                found["peer", case["list"], ours[6:], case["threads"], theirs] = median(ratios(case, theirs, ours))
            found["peer", case["list"], ours[6:], case["threads"], "limit"] = median(ratios(case, limit(case), ours))
    return found


def figures(found, kind, case):
    where = (case.kind, case.list, case.isa, case.threads)
    if case.kind == "throughput":
        found[where] = case.share
    elif case.kind == "c_loop":
        found[where] = median(case.ratios("loop"))
    elif case.kind == "subnormal":
        found[(*where, case.name.split("/")[1])] = median(case.ratios("step", "normal"))
        found[("flushed", *where[1:], case.name.split("/")[1])] = median(case.ratios("flushed", "normal"))
    elif case.kind == "neighbour":
        found["neighbour", kind, "median"] = median(case.ratios("step", "one"))
        found["neighbour", kind, "p99"] = median(case.ratios("step_p99", "one"))
    else:
        base = {"call": "kernel", "many": "one", "team": "one"}[case.kind]
        found[where] = median(case.ratios("step", base))


def targets(run):
    """(what, key of the figure, comparison, bound); bound None: only told."""
    sets = sorted({key[2] for key in run if key[0] == "throughput"}, key=isas.order, reverse=True)
    threads = sorted({key[3] for key in run if key[0] == "throughput"})
    names = {"gpt2": "GPT-2", "64M": "64M"}
    found = []
    for name in names:
        for isa in sets:
            for count in threads:
                what = f"{names[name]}, {isa}, {count} thread{'s' * (count != 1)}: "
                found.append((what + "share of the limit", ("throughput", name, isa, count), ">=", 0.97))
                found.append((what + "times torch's fused step", ("peer", name, isa, count, "torch fused"), ">=", 0.98))
    for name in ("64K", "1M"):
        for isa in sets:
            what = f"{name} in cache, {isa}: "
            found.append((what + "times torch's fused kernel", ("peer", name, isa, 1, "torch fused kernel"), ">=", 1.5))
            found.append((what + "times the -ffast-math loop", ("c_loop", name, isa, 1), ">=", 1.3))
            found.append((what + "share of the limit", ("throughput", name, isa, 1), "", None))
    for isa in sets:
        found.append((f"1,000 tensors of 1,000, {isa}: in times of one tensor", ("many", "1000x1000", isa, 1), "<=", 1.5))
        for count in threads:
            found.append((f"1,000 tensors of 1,000, {isa}, {count} thread{'s' * (count != 1)}: times torch foreach",
                          ("peer", "1000x1000", isa, count, "torch foreach"), ">=", 20))
    for isa in sets:
        found.append((f"4K, {isa}: a call in times of the kernel's loop", ("call", "4K", isa, 1), "<=", 1.25))
    for key in sorted((key for key in run if key[0] == "team"), key=lambda k: (k[1][-1], int(k[1][:-1]))):
        found.append((f"{key[1]}: {key[3]} threads in times of one", key, "<=", 1.1))
    found.append(("busy neighbour, passive: median in times of one thread", ("neighbour", "neighbour", "median"), "<=", 1.2))
    found.append(("busy neighbour, passive: 99th percentile in times of that median", ("neighbour", "neighbour", "p99"), "<=", 5))
    found.append(("busy neighbour, OpenMP's default: median", ("neighbour", "default", "median"), "", None))
    found.append(("busy neighbour, OpenMP's default: 99th percentile", ("neighbour", "default", "p99"), "", None))
    for key in sorted(key for key in run if key[0] == "subnormal"):
        what = f"after 10,000 gradients of {key[4]}, {key[2]}: in times of a normal step"
        found.append((what, key, "<=", 1.2))
        found.append((what + ", caller flushes subnormals", ("flushed", *key[1:]), "", None))
    return found


def rows(runs):
    table = []
    for what, key, comparison, bound in targets(runs[0]):
        values = [run[key] for run in runs if key in run]
        if not values:  # torch is not installed
            table.append([what, f"{comparison} {bound}", "", "", "not measured"])
            continue
        middle = statistics.median(values)
        holds = "" if bound is None else (middle >= bound if comparison == ">=" else middle <= bound)
        table.append([what, f"{comparison} {bound}" if bound else "", f"{middle:.3f}",
                      f"{min(values):.3f} to {max(values):.3f}", "" if holds == "" else "yes" if holds else "NO"])
    return table


def main():
    options = arguments()
    if options.runs < 0 or (options.runs == 0 and not options.keep):
        raise front.UserError("--runs must be at least 1 (0 with --keep, to print what is there)")
    folder = os.path.join(options.build, "bench", "goals")
    os.makedirs(folder, exist_ok=True)
    if not options.keep:
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
    first = len({name.split("-")[0] for name in os.listdir(folder)})
    for number in range(first, first + options.runs):
        print(f"goals: run {number + 1 - first} of {options.runs}", file=sys.stderr)
        one_run(options.build, folder, number)

    found = sorted({int(name.split("-")[0]) for name in os.listdir(folder)})
    runs = [run for run in (read_run(folder, number) for number in found) if run]
    if not runs:
        raise front.UserError(f"{folder} has no whole run: --runs 1 makes one")
    about, _ = reading.results(os.path.join(folder, f"{found[-1]}-throughput.json"))
    table = [row for row in rows(runs) if options.filter in row[0]]
    head = ["target", "bound", "median", "runs", "holds"]
    words = f"{machine.in_words(about)}; {len(runs)} whole run{'s' * (len(runs) != 1)}"
    results.write(os.path.join(options.build, "bench", "goals.md"), words + "\n\n" + markdown(head, table))
    print(words + "\n\n" + aligned(head, table))
    return 0


if __name__ == "__main__":
    front.run("goals.py", main)
