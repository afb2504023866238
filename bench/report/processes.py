"""Whole processes compared by hyperfine: build/adamw-bench for each instruction set and thread count.

Most of a short process is its start: filling 64 MB. So each command runs with steps and without any (--steps 0), and
the table has the difference, a step.
"""
import json
import os
import shlex
import subprocess

from . import isas
from .results import write
from .tables import duration, markdown


def supported_isas(program):
    run = subprocess.run([program, "--print-isas"], capture_output=True, text=True, check=True)
    return isas.of_program(run.stdout)


def table(contests, measured):
    """`contests`: (what, steps); `measured`: hyperfine's results, with steps and without in turn."""
    rows = []
    for (what, steps), whole, start in zip(contests, measured[::2], measured[1::2]):
        step, noise = (whole["median"] - start["median"]) / steps, (whole["stddev"] + start["stddev"]) / steps
        rows.append([what, str(steps), duration(whole["median"]), duration(start["median"]),
                     f"{duration(step)} +- {duration(noise)}" if step > 2 * noise else "within the noise"])
    return markdown(["whole process", "steps", "with steps", "without", "a step"], rows)


def run(build, folder, threads, size="4M", steps=20, runs=3):
    """Writes hyperfine.json and hyperfine.md; the Markdown."""
    program = os.path.join(build, "adamw-bench")
    path = os.path.join(folder, "hyperfine.json")
    command = ["hyperfine", "--warmup", "1", "--runs", str(runs), "--style", "none", "--shell", "none",
               "--export-json", path + ".partial"]
    contests = []
    for isa in supported_isas(program):
        # The scalar kernels take 10 times as long.
        count = steps if isa != "scalar" else max(steps // 5, 1)
        for number in threads:
            contests.append((f"{size}, {isa}, {number} thread{'s' * (number != 1)}", count))
            for each in (count, 0):
                command += [f"{shlex.quote(program)} --isa {isa} --threads {number} --params {size} --steps {each}"]
    subprocess.run(command, check=True, capture_output=True)  # its warnings on outliers are the spread in the files
    os.replace(path + ".partial", path)
    with open(path, encoding="utf-8") as file:
        found = table(contests, json.load(file)["results"])
    write(os.path.join(folder, "hyperfine.md"), found)
    return found
