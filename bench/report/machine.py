"""The machine, the commit and the command that figures belong to: what every table and result file names."""
import os
import platform
import subprocess
import time


def _first_line(path, label=""):
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith(label):
                    return line[len(label):].strip(" \t:\n")
    except OSError:
        pass
    return ""


def _commit():
    try:
        root = os.path.dirname(os.path.abspath(__file__))
        run = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"],
                             capture_output=True, text=True, check=True)
        return run.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"  # a tarball, or no git


def cpu_model():
    return _first_line("/proc/cpuinfo", "model name") or platform.machine()


def describe(command, context):
    """`context` is Google Benchmark's: caches, compiler, version, the active instruction set."""
    caches = [f"L{c['level']}{c['type'][0].lower() if c['level'] == 1 else ''} {c['size'] >> 10} KiB"
              for c in context.get("caches", []) if c["type"] != "Instruction"]
    memory = _first_line("/proc/meminfo", "MemTotal").split()
    return {
        "cpu": cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "caches": ", ".join(caches),
        "memory_gib": round(int(memory[0]) / 2**20, 1) if memory else None,
        "huge_pages": _first_line("/sys/kernel/mm/transparent_hugepage/enabled"),
        "system": f"{platform.system()} {platform.release()}",
        "compiler": context.get("compiler", ""),
        "version": context.get("version", ""),
        "isa": context.get("isa", ""),
        "load": [round(x, 2) for x in context.get("load_avg", [])],
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", ""),
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "command": command,
    }


def in_words(machine):
    return (f"{machine['cpu']}, {machine['cpus']} CPU{'s' * (machine['cpus'] != 1)}, {machine['caches']}; "
            f"{machine['compiler']}; libadamw {machine['version']}, commit {machine['commit']}; "
            f"{machine['date']}; `{machine['command']}`")
