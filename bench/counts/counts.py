#!/usr/bin/env python3
"""counts.py - the instruction-count gate: callgrind's counts of a step beside those kept in counts.txt.

Counts do not depend on how busy the machine is, so a slow-down of the code shows where no clock could be trusted.
They say nothing about the divider or the memory: bench.py does. AVX2, because valgrind hides AVX-512. The counts
belong to one compiler version and its -O2; with another one the gate is skipped, and says so.

`make bench-counts` compares (exit 1 above 2 %), `make bench-counts ARGS=--update` writes counts.txt anew.
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from report import front, isas  # noqa: E402
from report.results import write  # noqa: E402

ROOM = 0.02
KEPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "counts.txt")
VARIANTS = ("adamw", "adamw_amsgrad", "adam_l2", "adam_l2_amsgrad", "torch_adamw", "torch_adamw_amsgrad",
            "torch_adam_l2", "torch_adam_l2_amsgrad")
# (name, options of adamw-bench): each variant in cache, what a small call costs, and what a list costs.
CASES = [(f"{variant} 64K", ["--variant", variant, "--params", "64K"]) for variant in VARIANTS]
CASES += [("adamw 100", ["--params", "100"]), ("adamw 1000x1000", ["--list", "1000x1000"])]
STEPS = 4


def compiler(cc):
    """'gcc 12.2.0': what counts belong to. `cc` may be several words, as CC may."""
    cc = shlex.split(cc)
    version = subprocess.run([*cc, "-dumpfullversion"], capture_output=True, text=True, check=False).stdout.strip()
    text = subprocess.run([*cc, "--version"], capture_output=True, text=True, check=True).stdout
    return f"gcc {version}" if "Free Software Foundation" in text else text.split("\n", 1)[0]


def count(program, options):
    """Instructions of one adamw_step(), everything below it included."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", "--toggle-collect=adamw_step",
                   program, "--isa", "avx2", "--threads", "1", "--pages", "small", "--steps", str(STEPS), *options]
        # One family's loops, so that the counts are the same on every machine.
        run = subprocess.run(command, capture_output=True, text=True, check=False,
                             env={**os.environ, "ADAMW_TUNING": "intel"})
        found = re.search(r"Collected : (\d+)", run.stderr)
        if run.returncode != 0 or found is None or int(found[1]) == 0:
            raise front.UserError(f"callgrind counted nothing: {' '.join(command)}: {run.stderr[-200:].strip()}")
        return int(found[1]) // STEPS


def read():
    """The compiler of counts.txt, and its counts by name."""
    kept, of = {}, ""
    with open(KEPT, encoding="utf-8") as file:
        for line in file:
            if line.startswith("compiler: "):
                of = line[len("compiler: "):].strip()
            elif line.strip() and not line.startswith("#"):
                name, value = line.rsplit(None, 1)
                kept[name] = int(value)
    return of, kept


def update(cc, counts):
    width = max(map(len, counts))
    write(KEPT, "# Instructions of one adamw_step() on AVX2, one thread, counted by callgrind; written by\n"
          "# make bench-counts ARGS=--update. Tensor sizes as adamw-bench takes them.\n"
          f"compiler: {compiler(cc)}\n" + "".join(f"{name:{width}}  {value}\n" for name, value in counts.items()))
    print(f"counts.py: wrote {len(counts)} counts for {compiler(cc)}")


def compare(counts, kept):
    """Prints a line a case; whether all are within the room."""
    right = True
    for name, now in counts.items():
        before = kept.get(name)
        if before is None:
            print(f"NEW   {name}: {now} instructions; keep them: make bench-counts ARGS=--update")
            right = False
            continue
        change = now / before - 1
        verdict = "ok   " if abs(change) <= ROOM else "SLOW " if change > 0 else "less "
        print(f"{verdict} {name}: {now} instructions, {change:+.2%} of {before}")
        right = right and change <= ROOM
    if any(counts[name] < kept.get(name, 0) * (1 - ROOM) for name in counts):
        print("fewer than kept: keep the gain with make bench-counts ARGS=--update, or a later loss hides in it")
    return right


def main():
    parser = front.Parser("counts.py", __doc__.split("\n", 1)[0])
    parser.add_argument("--program", default="build/counts/adamw-bench", help="adamw-bench, built with -O2 -g")
    parser.add_argument("--cc", default="cc", help="the compiler that built it")
    parser.add_argument("--update", action="store_true", help="writes counts.txt instead of comparing")
    options = parser.parse_args()

    printed = subprocess.run([options.program, "--print-isas"], capture_output=True, text=True, check=True).stdout
    if "avx2" not in isas.of_program(printed):
        print("counts.py: skipped: this CPU has no AVX2")
        return 0
    of, kept = read() if os.path.exists(KEPT) else ("", {})
    if not options.update and of != compiler(options.cc):
        print(f"counts.py: skipped: the counts are those of {of}, this is {compiler(options.cc)}")
        return 0
    counts = {name: count(options.program, words) for name, words in CASES}
    if options.update:
        update(options.cc, counts)
        return 0
    return 0 if compare(counts, kept) else 1


if __name__ == "__main__":
    front.run("counts.py", main)
