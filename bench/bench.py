#!/usr/bin/env python3
"""bench.py - the benchmark's front: measures, then writes tables, pictures and a summary under build/bench/.

`make bench` runs it. The measuring is build/adamw-throughput's (Google Benchmark) and hyperfine's; what is computed
from the figures is in report/. With --compare it measures nothing.
"""
import json
import os
import shlex
import shutil
import subprocess
import sys

from report import compare, front, machine, pictures, processes, results, shapes, tables


def arguments():
    parser = front.Parser("bench.py", "Throughput of this machine's parameter updates, as a share of what its memory "
                          "allows.")
    parser.add_argument("--build", default="build", help="the folder with the programs; results go to BUILD/bench")
    parser.add_argument("--form", choices=["short", "full", "goals"], default="short",
                        help="short takes under 3 minutes")
    parser.add_argument("--filter", help="only cases whose name matches the regular expression, e.g. 'gpt2.*avx2'")
    parser.add_argument("--sizes", help="one tensor of each size instead of the form's lists: 64K,1M")
    parser.add_argument("--shapes", action="append", metavar="FILE",
                        help="a list of your own instead: a text with `name 768x2304` a line, or a .safetensors, .gguf "
                             "or torch checkpoint file")
    parser.add_argument("--threads", help="thread counts: 1,2; default 1 and all")
    parser.add_argument("--repetitions", help="of each case; default by the form")
    parser.add_argument("--command", help="what to name as the command in the results; default this one")
    parser.add_argument("--no-hyperfine", action="store_true", help="leaves out the comparison of whole processes")
    parser.add_argument("--peers-python", default=sys.executable,
                        help="where this interpreter has torch, its optimizers are measured as well")
    parser.add_argument("--compare", nargs=2, metavar=("A.json", "B.json"),
                        help="compares two result files, draws BUILD/bench/compare.svg and measures nothing")
    options = parser.parse_args()
    if options.shapes:
        options.shapes = [shapes.as_list(path, os.path.join(options.build, "bench")) for path in options.shapes]
    return options


# From when on cases have fewer repetitions.
SECONDS = {"short": 60, "full": 1800}


def measure(options, folder):
    """Runs build/adamw-throughput; its Google Benchmark file."""
    raw = os.path.join(folder, "google-benchmark.json")
    command = [os.path.join(options.build, "adamw-throughput"), "--form", options.form, "--out", raw]
    for name in ("filter", "sizes", "threads", "repetitions"):
        if getattr(options, name):
            command += ["--" + name, getattr(options, name)]
    for path in options.shapes or []:
        command += ["--shapes", path]
    if options.form in SECONDS:
        command += ["--seconds", str(SECONDS[options.form])]
    try:
        status = subprocess.run(command, check=False).returncode
    finally:
        if os.path.exists(raw + ".partial"):  # cut short
            os.unlink(raw + ".partial")
    if status != 0:
        sys.exit(2 if status == 2 else 1)  # it has said why
    with open(raw, encoding="utf-8") as file:
        return json.load(file)


def run_peers(options):
    """bench/peers.py on the same lists, where torch is installed."""
    probe = "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"
    if subprocess.run([options.peers_python, "-c", probe], check=False).returncode != 0:
        print("torch is not installed, so its optimizers are not compared: see make bench-peers")
        return
    command = [options.peers_python, os.path.join(os.path.dirname(__file__), "peers.py"), "--build", options.build]
    command += ["--brief"] if options.form == "short" else []
    for name in ("sizes", "threads", "command"):
        if getattr(options, name):
            command += ["--" + name, getattr(options, name)]
    for path in options.shapes or []:
        command += ["--shapes", path]
    sys.stdout.flush()
    subprocess.run(command, check=False)


def main():
    options = arguments()
    folder = os.path.join(options.build, "bench")
    if options.compare:
        text, drawn = compare.compare(*options.compare, folder if shutil.which("gnuplot") else "")
        print(text)
        print("".join(f"drawn: {path}\n" for path in drawn), end="")
        return 0

    os.makedirs(folder, exist_ok=True)
    busy = machine.Busy()
    raw = measure(options, folder)
    cases = results.from_google_benchmark(raw)
    about = machine.describe(options.command or shlex.join(["bench/bench.py", *sys.argv[1:]]), raw["context"],
                             busy)

    whole = ""
    if not options.no_hyperfine and not options.filter and not options.sizes and not options.shapes:
        progress = front.Progress("bench")
        progress.say("whole processes (hyperfine) ...")
        whole = processes.run(options.build, folder, sorted({case.threads for case in cases}))
        progress.end()

    drawn = pictures.draw_all(folder, cases, about)
    summary = [line for line in [*tables.words(cases, about["isa"]), tables.slower_threads(cases, about["isa"])] if line]
    results.write_results(os.path.join(folder, "throughput.json"), about, cases)
    results.write(os.path.join(folder, "throughput.csv"), tables.as_csv(cases))
    results.write(os.path.join(folder, "throughput.md"), "\n".join([
        "# Throughput\n", machine.in_words(about) + "\n", "".join(f"- {line}\n" for line in summary),
        tables.text(cases, tables.markdown), "".join(f"![]({os.path.basename(path)})\n" for path in drawn),
        "## Whole processes\n\n" + whole if whole else ""]))

    print(machine.in_words(about) + "\n")
    print(tables.text(cases))
    print("".join(line + "\n" for line in summary))
    names = ["throughput.json", "throughput.csv", "throughput.md", *(["hyperfine.json", "hyperfine.md"] if whole else []),
             *map(os.path.basename, drawn)]
    print(f"written to {folder}/: {', '.join(names)}\n")
    if not options.filter and options.form != "goals":
        run_peers(options)
    warning = tables.warning(cases)
    if warning:
        print(warning, file=sys.stderr)
    return 0


if __name__ == "__main__":
    front.run("bench.py", main)
