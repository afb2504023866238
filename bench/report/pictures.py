"""The figures as SVG pictures, drawn by gnuplot: throughput over size, instruction sets, AdamW beside coupled Adam.

Each picture names the CPU, its caches, the date and how busy the machine was, so that it can be shown alone. Text goes
to gnuplot in single quotes with the quotes in it doubled: between those nothing is a command.
"""
import os
import subprocess

from . import isas, machine
from .results import TITLES
from .tables import PAIR, throughput

HEAD = """set terminal svg size 860,580 dynamic font 'sans,14' background '#ffffff' noenhanced
set output {path}
set label 1 {title} at screen 0.5, screen 0.967 center font ',16'
set label 2 {where} at screen 0.5, screen 0.925 center font ',11' tc rgb '#555555'
set label 3 {when} at screen 0.5, screen 0.895 center font ',11' tc rgb '#555555'
set tmargin at screen 0.865
set grid ytics lc rgb '#dddddd'
set border 3 lc rgb '#444444'
set xtics nomirror
set ytics nomirror
"""
COLOURS = {"avx512": "#0b5fa5", "avx2": "#d1600a", "neon": "#0b5fa5", "scalar": "#6b6b6b",
           "adamw": "#0b5fa5", "adam_l2": "#d1600a", "limit": "#c9c9c9", "adamw avx512": "#0b5fa5",
           "adamw avx2": "#0b5fa5", "adamw neon": "#0b5fa5", "C loop": "#2e8b57", "torch fused kernel": "#d1600a",
           "torch fused": "#e8955a", "torch foreach": "#a03c78", "torch loop": "#c98ab0", "A": "#6b6b6b", "B": "#0b5fa5"}
SHORT = {"rul": "RUL 3.4M", "1000x1000": "1000 x 1000"}  # titles that fit under a group of bars
VARIANT_TITLES = {"adamw": "AdamW", "adam_l2": "coupled Adam"}
BYTES = 16  # a parameter in memory: param, grad, exp_avg, exp_avg_sq


def short(name):
    return SHORT.get(name, TITLES.get(name, name))


def quoted(text):
    """A text for gnuplot: one line, nothing in it a command."""
    return "'" + "".join(c if c.isprintable() else " " for c in text).replace("'", "''") + "'"


def draw(path, title, about, script):
    """Draws into a temporary name first: no picture is left half drawn."""
    partial = path + ".partial"
    where, when = (text if len(text) <= 115 else text[:112] + "..." for text in about)
    head = HEAD.format(path=quoted(partial), title=quoted(title), where=quoted(where), when=quoted(when))
    subprocess.run(["gnuplot"], input=head + script, text=True, check=True)
    os.replace(partial, path)


def _block(name, rows):
    """Inline data; None is an empty line, which breaks a line through the points."""
    return f"${name} << EOD\n" + "".join((" ".join(map(str, row)) if row else "") + "\n" for row in rows) + "EOD\n"


def _cell(text):
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else " " for c in text) + '"'


def _threads(count):
    return f"{count} thread{'s' * (count != 1)}"


def _points(found, sizes, rate):
    """Rows for a curve over `sizes`, broken where it lacks one: no line through a size that was not measured."""
    own = {case.parameters: case for case in found}
    rows = []
    for size in sizes:
        rows.append((size, rate(own[size]) / 1e9) if size in own else None)
    return rows


def _cache_lines(about, threads, low, high):
    """A dashed line where the four streams fill a cache; a core's own caches count once a thread."""
    script = ""
    for level, size in machine.cache_bytes(about).items():
        at = size * (threads if level != "L3" else 1) / BYTES
        if low < at < high:
            script += (f"set arrow from {at}, graph 0 to {at}, graph 1 nohead dt 3 lc rgb '#888888'\n"
                       f"set label {quoted(level)} at {at}, graph 0.03 offset 0.4,0 tc rgb '#666666' font ',11'\n")
    return script


def over_size(folder, cases, threads, about):
    """Throughput over the size of one tensor, a curve an instruction set, and the limit of the fastest one."""
    curves = {}
    for case in throughput(cases):
        if (case.tensors == 1 and case.variant == "adamw" and case.threads == threads and case.pages == "huge"
                and case.list not in TITLES):
            curves.setdefault(case.isa, []).append(case)
    curves = {isa: sorted(found, key=lambda c: c.parameters) for isa, found in curves.items() if len(found) > 1}
    if not curves:
        return None
    longest = max(curves, key=lambda isa: (len(curves[isa]), isas.order(isa)))
    names = {case.parameters: case.list for found in curves.values() for case in found}
    sizes = sorted(names)
    script, plots = "set logscale xy\nset key top right\n", []
    script += "set ytics (" + ", ".join(f"'{y}' {y}" for y in (.01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 20, 50)) + ")\n"
    low, high = min(sizes) / 1.5, max(sizes) * 1.5
    script += f"set xrange [{low}:{high}]\n" + _cache_lines(about, threads, low, high)
    ticks = ", ".join(f"{quoted(names[size])} {size}" for size in sizes)
    script += (f"set xtics ({ticks}){' rotate by -40' if len(sizes) > 12 else ''}\n"
               "set xlabel 'parameters of one tensor'\nset ylabel 'billion parameters a second'\n")
    script += _block("limit", _points(curves[longest], sizes, lambda c: c.limit_rate))
    plots.append(f"$limit using 1:2 with lines lw 2 dt 2 lc rgb '#1a1a1a' title 'traffic limit ({longest})'")
    for isa, found in curves.items():
        script += _block(isa, _points(found, sizes, lambda c: c.rate))
        plots.append(f"${isa} using 1:2 with linespoints lw 2 pt 7 ps 0.6 lc rgb '{COLOURS[isa]}' title '{isa}'")
    path = os.path.join(folder, f"size-{threads}.svg")
    draw(path, f"AdamW over the size of the tensor, {_threads(threads)}", machine.briefly(about),
         script + "plot " + ", \\\n".join(plots) + "\n")
    return path


def bars(path, title, groups, series, titles, ylabel, about):
    """`groups`: {group: {series: value}}, in order; a missing value leaves a gap. `about`: the two lines below the title."""
    # Slanted where two names that stand side by side would touch: some 11 pixels a letter, 600 for all groups.
    names = list(groups)
    crowded = any((len(a) + len(b)) / 2 * 11 > 600 / len(names) for a, b in zip(names, names[1:]))
    rows = [[_cell(group)] + [values.get(s, "NaN") for s in series] for group, values in groups.items()]
    script = ("set style data histograms\nset style histogram clustered gap 1\nset style fill solid 0.9 border -1\n"
              f"set boxwidth 0.9\nset yrange [0:*]\nset key below\nset ylabel {quoted(ylabel)}\n"
              + ("set xtics rotate by -30\n" if crowded else "") + _block("bars", rows))
    plots = [f"$bars using {i + 2}:xtic(1) lc rgb '{COLOURS.get(s, '#888888')}' title {quoted(titles.get(s, s))}"
             for i, s in enumerate(series)]
    draw(path, title, about, script + "plot " + ", \\\n".join(plots) + "\n")
    return path


def _groups(cases, key, keep):
    groups = {}
    for case in throughput(cases):
        if keep(case) and case.pages == "huge":
            groups.setdefault(short(case.list), {})[key(case)] = case.rate / 1e9
    # A group with one bar compares nothing.
    return {group: values for group, values in groups.items() if len(values) > 1}


def instruction_sets(folder, cases, threads, about):
    groups = _groups(cases, lambda c: c.isa, lambda c: c.variant == "adamw" and c.threads == threads)
    series = [isa for isa in isas.NAMES if any(isa in g for g in groups.values())]
    if not groups:
        return None
    return bars(os.path.join(folder, f"isa-{threads}.svg"), f"AdamW by instruction set, {_threads(threads)}", groups,
                series, {}, "billion parameters a second", machine.briefly(about))


def variants(folder, cases, threads, about):
    isa = about["isa"]
    groups = _groups(cases, lambda c: c.variant,
                     lambda c: c.variant in PAIR and c.isa == isa and c.threads == threads)
    if not groups:
        return None
    return bars(os.path.join(folder, f"variants-{threads}.svg"),
                f"AdamW beside coupled Adam, {isas.title(isa)}, {_threads(threads)}", groups, PAIR,
                VARIANT_TITLES, "billion parameters a second", machine.briefly(about))


def draw_all(folder, cases, about):
    """Every picture that the cases have figures for; the paths."""
    drawn = []
    for threads in sorted({case.threads for case in throughput(cases)}):
        drawn += [over_size(folder, cases, threads, about), instruction_sets(folder, cases, threads, about),
                  variants(folder, cases, threads, about)]
    return [path for path in drawn if path]
