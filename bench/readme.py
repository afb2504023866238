#!/usr/bin/env python3
"""readme.py - fills README.md's table, between its two markers, from the last results under build/bench/.

`make bench-readme` runs it after `make bench`. The same results always give the same text. Figures of torch come from
peers.json where it is of the same commit; without it the columns are left out.
"""
import argparse
import json
import os
import sys

from report import peer_tables, results, tables
from report.tables import markdown, three, title

BEGIN, END = "<!-- table:begin -->", "<!-- table:end -->"
LISTS = ("gpt2", "rul", "1000x1000", "64M", "1M", "64K")


def peers_of(path, commit):
    try:
        with open(path, encoding="utf-8") as file:
            stored = json.load(file)
    except OSError:
        return {}
    if stored["machine"]["commit"] != commit or not any("torch fused" in c["samples"] for c in stored["cases"]):
        return {}
    return {(case["list"], case["threads"]): case for case in stored["cases"]}


def table(about, cases, peers):
    isa = about["isa"]
    found = {(c.list, c.variant, c.threads): c for c in tables.throughput(cases) if c.isa == isa and c.pages == "huge"}
    rows = []
    for name in LISTS:
        for threads in sorted({key[2] for key in found}):
            adamw, adam = (found.get((name, variant, threads)) for variant in tables.PAIR)
            if adamw is None:
                continue
            row = [title(name), str(threads), tables.duration(adamw.seconds), three(adamw.limit_rate / 1e9),
                   three(adamw.rate / 1e9), tables.share(adamw), three(adam.rate / 1e9) if adam else ""]
            if peers:
                case = peers.get((name, threads))
                row += [peer_tables.ratio_text(case, label, "adamw " + isa) if case else ""
                        for label in ("torch fused", "torch foreach")]
            rows.append(row)
    head = ["parameters", "threads", "a step", "limit, G/s", "AdamW, G/s", "share of the limit", "coupled Adam, G/s"]
    return markdown(head + (["times torch fused", "times torch foreach"] if peers else []), rows)


def text(about, cases, peers):
    wide = any(case.wide for case in tables.throughput(cases))
    notes = ["G/s: billions of float32 parameters a second. Limit: a loop that moves the same 28 bytes a parameter and "
             "computes nothing, in alternation with the step."]
    if peers:
        notes.append("Torch: the optimizer's step, in alternation in one process on the same memory.")
    if wide:
        notes.append("~: varied by more than 10 % between repetitions.")
    where = (f"{about['cpu']}, {about['cpus']} CPUs, {isa_name(about['isa'])}, {about['compiler']}, commit "
             f"{about['commit']}, {about['date']}, `{about['command']}`:")
    return f"{where}\n\n{table(about, cases, peers)}\n{' '.join(notes)}\n"


def isa_name(isa):
    return {"avx2": "AVX2", "avx512": "AVX-512", "neon": "NEON"}.get(isa, isa)


def main():
    parser = argparse.ArgumentParser(prog="readme.py", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--readme", default="README.md")
    options = parser.parse_args()
    folder = os.path.join(options.build, "bench")
    try:
        about, cases = results.read_results(os.path.join(folder, "throughput.json"))
    except results.ResultError as error:
        print(f"readme.py: {error}; make bench writes it", file=sys.stderr)
        return 2
    if "FILTER" in about["command"] or "SIZES" in about["command"] or "SHAPES" in about["command"]:
        print(f"readme.py: the last results are of `{about['command']}`: the table needs a plain make bench",
              file=sys.stderr)
        return 2
    with open(options.readme, encoding="utf-8") as file:
        readme = file.read()
    if readme.count(BEGIN) != 1 or readme.count(END) != 1 or readme.index(BEGIN) > readme.index(END):
        print(f"readme.py: {options.readme}: must have {BEGIN} and then {END}, each once", file=sys.stderr)
        return 2
    before, after = readme[:readme.index(BEGIN)], readme[readme.index(END):]
    peers = peers_of(os.path.join(folder, "peers.json"), about["commit"])
    results.write(options.readme, f"{before}{BEGIN}\n{text(about, cases, peers)}{after}")
    print(f"{options.readme}: table of {about['date']}, commit {about['commit']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
