"""The machine, the commit and the command that figures belong to: what every table and result file names; and how
busy the machine was with other work meanwhile."""
import os
import platform
import re
import resource
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
    """Its name; with family and model, because a virtual machine's name may say nothing ("AMD EPYC")."""
    name = _first_line("/proc/cpuinfo", "model name") or platform.machine()
    family, model = _first_line("/proc/cpuinfo", "cpu family"), _first_line("/proc/cpuinfo", "model\t")
    return f"{name} (family {family}, model {model})" if family and model else name


class Busy:
    """How much of the CPUs other work took between the beginning and words()."""

    def __init__(self):
        self.cpus = os.sched_getaffinity(0)
        self.begin, self.times, self.own = time.monotonic(), self._times(), self._own()

    def _times(self):
        """Seconds of work and seconds stolen by the host, on the CPUs that this process may use."""
        work = stolen = 0
        try:
            with open("/proc/stat", encoding="ascii") as file:
                for line in file:
                    words = line.split()
                    if re.fullmatch(r"cpu\d+", words[0]) and int(words[0][3:]) in self.cpus:
                        user, nice, system, _, _, irq, softirq, steal, *_ = map(int, words[1:])
                        work, stolen = work + user + nice + system + irq + softirq, stolen + steal
        except (OSError, ValueError):
            return None
        tick = os.sysconf("SC_CLK_TCK")
        return work / tick, stolen / tick

    @staticmethod
    def _own():
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in used)

    def share(self):
        """The share of the CPUs' time that other work took, 0 to 1; None where the system does not tell."""
        now = self._times()
        if now is None or self.times is None:
            return None
        spent = max(time.monotonic() - self.begin, 1e-3) * len(self.cpus)
        other = now[0] - self.times[0] + now[1] - self.times[1] - (self._own() - self.own)
        return min(max(other / spent, 0.0), 1.0)

    def words(self):
        share = self.share()
        return "" if share is None else f"other work took {100 * share:.0f} % of the CPUs"


def cache_bytes(machine):
    """{"L1d": bytes, "L2": ..., "L3": ...} of a described machine, as far as known."""
    return {level: int(size) << (10 if unit == "K" else 20)
            for level, size, unit in re.findall(r"(L1d|L2|L3) (\d{1,9}) ([KM])iB", machine.get("caches", ""))}


def _size(kib):
    return f"{kib >> 10} MiB" if kib >= 1024 and kib % 1024 == 0 else f"{kib} KiB"


def _system_caches():
    """The first CPU's, as Google Benchmark's context has them."""
    found, folder = [], "/sys/devices/system/cpu/cpu0/cache"
    for index in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        level, kind, size = (_first_line(f"{folder}/{index}/{name}") for name in ("level", "type", "size"))
        if level.isdigit() and re.fullmatch(r"\d+K", size):
            found.append({"level": int(level), "type": kind, "size": int(size[:-1]) << 10})
    return found


def describe(command, context, busy=None):
    """`context` is Google Benchmark's, or as much of it: caches, compiler, version, the active instruction set. `busy`:
    since the start of the measuring."""
    caches = [f"L{c['level']}{c['type'][0].lower() if c['level'] == 1 else ''} {_size(c['size'] >> 10)}"
              for c in context.get("caches") or _system_caches() if c["type"] != "Instruction"]
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
        "busy": busy.words() if busy else "",
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", ""),
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "command": command,
    }


def _with_caches(machine):
    count = machine.get("cpus")
    parts = [machine["cpu"], f"{count} CPU{'s' * (count != 1)}" if count else "", machine.get("caches", "")]
    return ", ".join(part for part in parts if part)


def in_words(machine):
    return (f"{_with_caches(machine)}; {machine['compiler']}; libadamw {machine['version']}, commit "
            f"{machine['commit']}; {machine['date']}; `{machine['command']}`"
            + (f"; {machine['busy']}" if machine.get("busy") else ""))


def briefly(machine):
    """The two lines below a picture's title."""
    return _with_caches(machine), "; ".join(part for part in (machine["date"], f"commit {machine['commit']}",
                                                              machine.get("busy", "")) if part)
