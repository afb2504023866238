#!/usr/bin/env python3
"""peers.py - the library beside torch's optimizers and a plain C loop, alternating in one process on one memory.

`make bench-peers` runs it, `make bench` with --brief where torch is installed. Results go to build/bench/peers.*.
"""
import json
import os
import shlex
import sys
import time

from peers import native, torch_peers
from peers.rounds import alternate
from report import front, machine, peer_tables, results, shapes

LISTS = [("size", "64K"), ("list", "gpt2"), ("list", "rul"), ("size", "1M"), ("list", "1000x1000"), ("size", "64M")]
BRIEF_SECONDS = 45  # then --brief leaves out the lists that are still to come, so that make bench ends in time
INSTALL = ("torch is not installed for {python}: `{python} -m pip install torch==2.13.0` brings it, or name another "
           "interpreter: make bench-peers PEERS_PYTHON=/path/to/python")


def arguments():
    parser = front.Parser("peers.py", __doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--brief", action="store_true", help="fewer rounds, no 64M: for make bench")
    parser.add_argument("--sizes", help="one tensor of each size instead of the usual lists: 64K,1M")
    parser.add_argument("--lists", help="some of gpt2,rul,1000x1000 (or any count x values) instead")
    parser.add_argument("--shapes", action="append", metavar="FILE", help="a list of your own instead: a text or a model file")
    parser.add_argument("--threads", help="thread counts: 1,2; default 1 and all")
    parser.add_argument("--rounds", type=front.whole, help="at least this many of each list; default 7, brief 3")
    parser.add_argument("--without", default="", metavar="LABELS", help="contestants to leave out: 'torch loop,C loop'")
    parser.add_argument("--out", help="the result file; default BUILD/bench/peers.json")
    parser.add_argument("--command", help="what to name as the command in the results")
    return parser.parse_args()


def wanted_lists(options):
    own = [("size", s) for s in (options.sizes or "").split(",") if s]
    own += [("list", s) for s in (options.lists or "").split(",") if s]
    own += [("shapes", shapes.as_list(path, os.path.join(options.build, "bench"))) for path in options.shapes or []]
    return own or [each for each in LISTS if not (options.brief and each[1] == "64M")]


def wanted_threads(options, library):
    most = library.bench_max_threads()
    if not options.threads:
        return sorted({1, most})
    counts = options.threads.split(",")
    if not all(count.isdigit() and 1 <= int(count) <= most for count in counts):
        raise front.UserError(f"--threads is '{options.threads}': each must be 1 to {most}")
    return [int(count) for count in counts]


def contestants(library, torch, placed, threads):
    found = {}
    for isa in native.isas(library):
        if isa != "scalar":
            found[f"adamw {isa}"] = placed.peer("step", threads, isa=isa)
    found["coupled Adam"] = placed.peer("step", threads, variant="adam_l2")
    found["plain"] = placed.peer("plain", threads)
    found["unrolled"] = placed.peer("unrolled", threads)
    found["C loop"] = placed.peer("loop", threads)
    if torch is not None:
        found |= torch_peers.contestants(torch, placed, threads)
    return found


def measure(options, library, torch):
    rounds, seconds = options.rounds or (3 if options.brief else 7), 0.5 if options.brief else 1.5
    cases, threads, begin = [], wanted_threads(options, library), time.monotonic()
    progress = front.Progress("peers")
    for kind, text in wanted_lists(options):
        if options.brief and time.monotonic() - begin > BRIEF_SECONDS:
            print(f"peers.py: no time left for {text}: make bench-peers takes as long as it needs", file=sys.stderr)
            continue
        placed = native.List(library, kind, text)
        for count in threads:
            progress.say(f"{placed.name}, {count} thread{'s' * (count != 1)} ...")
            everyone = contestants(library, torch, placed, count)
            for label in options.without.split(","):
                everyone.pop(label, None)
            samples = alternate(everyone, rounds, seconds)
            cases.append({"list": placed.name, "threads": count, "parameters": placed.parameters,
                          "tensors": placed.tensors, "samples": samples})
        placed.free()
    progress.end()
    return cases


def main():
    options = arguments()
    torch = torch_peers.find()
    library = native.load(options.build)
    active = native.isas(library)[0]  # before the measuring selects others
    busy = machine.Busy()
    cases = measure(options, library, torch)
    if torch is None:  # told here, so that an error above is one line
        print("peers.py: the C loop alone is compared: " + INSTALL.format(python=sys.executable), file=sys.stderr)

    context = {"isa": active, "version": library.adamw_version().decode(),
               "compiler": f"torch {torch.__version__}" if torch else "no torch", "load_avg": os.getloadavg()}
    about = machine.describe(options.command or shlex.join(["bench/peers.py", *sys.argv[1:]]), context, busy)
    out = options.out or os.path.join(options.build, "bench", "peers.json")
    results.write(out, json.dumps({"machine": about, "cases": cases}, indent=1) + "\n")
    if options.out:
        return 0
    summary = peer_tables.words(cases, about["isa"])
    pictures = peer_tables.draw(os.path.dirname(out), cases, about)
    results.write(out[:-4] + "md", "# Beside its peers\n\n" + machine.in_words(about) + "\n\n"
                  + "".join(f"- {line}\n" for line in summary) + "\n"
                  + peer_tables.text(cases, about["isa"], peer_tables.markdown)
                  + "".join(f"\n![]({os.path.basename(path)})\n" for path in pictures))
    print(peer_tables.text(cases, about["isa"]))
    print("".join(line + "\n" for line in summary))
    print(f"written to {os.path.dirname(out)}/: peers.json, peers.md, "
          + ", ".join(os.path.basename(path) for path in pictures))
    warning = peer_tables.warning(cases, about["isa"])
    if warning:
        print(warning, file=sys.stderr)
    return 0


if __name__ == "__main__":
    front.run("peers.py", main)
