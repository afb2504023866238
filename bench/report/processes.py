"""Whole processes compared by hyperfine: build/adamw-bench for each instruction set and thread count."""
import os
import subprocess


def supported_isas(program):
    return subprocess.run([program, "--print-isas"], capture_output=True, text=True, check=True).stdout.split()


def run(build, folder, threads, size="4M", steps=20, runs=3):
    """Writes hyperfine.json and hyperfine.md; the Markdown."""
    program = os.path.join(build, "adamw-bench")
    isas = supported_isas(program)
    paths = {kind: os.path.join(folder, f"hyperfine.{kind}") for kind in ("json", "md")}
    command = ["hyperfine", "--warmup", "1", "--runs", str(runs), "--style", "none",
               "--export-json", paths["json"] + ".partial", "--export-markdown", paths["md"] + ".partial"]
    for isa in isas:
        # The scalar kernels take 10 times as long: fewer steps would compare start-up, so they get their own line.
        count = steps if isa != "scalar" else max(steps // 5, 1)
        for number in threads:
            command += ["--command-name", f"{isa}, {number} thread{'s' * (number != 1)}, {count} steps of {size}",
                        f"{program} --isa {isa} --threads {number} --params {size} --steps {count}"]
    subprocess.run(command, check=True, capture_output=True)  # its warnings on outliers are the spread in the files
    for path in paths.values():
        os.replace(path + ".partial", path)
    with open(paths["md"], encoding="utf-8") as file:
        return file.read()
