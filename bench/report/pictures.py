"""The figures as SVG pictures, drawn by gnuplot: throughput over size, instruction sets, AdamW beside coupled Adam."""
import os
import subprocess

from .results import TITLES
from .tables import PAIR, throughput

HEAD = """set terminal svg size 860,520 dynamic font 'sans,14' background '#ffffff'
set output '{path}'
set title '{title}'
set grid ytics lc rgb '#dddddd'
set border 3 lc rgb '#444444'
set xtics nomirror
set ytics nomirror
"""
COLOURS = {"avx512": "#0b5fa5", "avx2": "#d1600a", "neon": "#0b5fa5", "scalar": "#6b6b6b",
           "adamw": "#0b5fa5", "adam_l2": "#d1600a", "limit": "#c9c9c9", "adamw avx512": "#0b5fa5",
           "adamw avx2": "#0b5fa5", "adamw neon": "#0b5fa5", "C loop": "#2e8b57", "torch fused kernel": "#d1600a",
           "torch fused": "#e8955a", "torch foreach": "#a03c78", "torch loop": "#c98ab0"}
SHORT = {"rul": "RUL 3.4M", "1000x1000": "1000 x 1000"}  # titles that fit under a group of bars
VARIANT_TITLES = {"adamw": "AdamW", "adam_l2": "coupled Adam"}


def short(name):
    return SHORT.get(name, TITLES.get(name, name))


def draw(path, title, script):
    """Draws into a temporary name first: no picture is left half drawn."""
    partial = path + ".partial"
    subprocess.run(["gnuplot"], input=HEAD.format(path=partial, title=title) + script, text=True, check=True)
    os.replace(partial, path)


def _block(name, rows):
    return f"${name} << EOD\n" + "".join(" ".join(map(str, row)) + "\n" for row in rows) + "EOD\n"


def over_size(folder, cases, threads):
    """Throughput over the size of one tensor, a curve an instruction set, and the limit of the fastest one."""
    curves = {}
    for case in throughput(cases):
        if (case.tensors == 1 and case.variant == "adamw" and case.threads == threads and case.pages == "huge"
                and case.list not in TITLES):
            curves.setdefault(case.isa, []).append(case)
    curves = {isa: sorted(found, key=lambda c: c.parameters) for isa, found in curves.items() if len(found) > 1}
    if not curves:
        return None
    longest = max(curves, key=lambda isa: (len(curves[isa]), isa != "scalar"))
    script, plots = "set logscale xy\nset key top right\n", []
    script += "set ytics (" + ", ".join(f"'{y}' {y}" for y in (.01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 20, 50)) + ")\n"
    sizes = [case.parameters for found in curves.values() for case in found]
    script += f"set xrange [{min(sizes) / 1.5}:{max(sizes) * 1.5}]\n"
    ticks = ", ".join(f"'{case.list}' {case.parameters}" for case in curves[longest])
    script += f"set xtics ({ticks})\nset xlabel 'parameters'\nset ylabel 'billion parameters a second'\n"
    script += _block("limit", [(c.parameters, c.limit_rate / 1e9) for c in curves[longest]])
    plots.append(f"$limit using 1:2 with lines lw 2 dt 2 lc rgb '#1a1a1a' title 'traffic limit ({longest})'")
    for isa, found in curves.items():
        script += _block(isa, [(c.parameters, c.rate / 1e9) for c in found])
        plots.append(f"${isa} using 1:2 with linespoints lw 2 pt 7 ps 0.6 lc rgb '{COLOURS[isa]}' title '{isa}'")
    path = os.path.join(folder, f"size-{threads}.svg")
    draw(path, f"AdamW over the size of the tensor, {threads} thread{'s' * (threads != 1)}",
         script + "plot " + ", \\\n".join(plots) + "\n")
    return path


def bars(path, title, groups, series, titles, ylabel, extra=""):
    """`groups`: {group: {series: value}}, in order; a missing value leaves a gap."""
    rows = [[f'"{group}"'] + [values.get(s, "NaN") for s in series] for group, values in groups.items()]
    script = ("set style data histograms\nset style histogram clustered gap 1\nset style fill solid 0.9 border -1\n"
              f"set boxwidth 0.9\nset yrange [0:*]\nset key below\nset ylabel '{ylabel}'\n" + extra
              + ("set xtics rotate by -30\n" if len(groups) > 6 else "") + _block("bars", rows))
    plots = [f"$bars using {i + 2}:xtic(1) lc rgb '{COLOURS.get(s, '#888888')}' title '{titles.get(s, s)}'"
             for i, s in enumerate(series)]
    draw(path, title, script + "plot " + ", \\\n".join(plots) + "\n")
    return path


def _groups(cases, key, keep):
    groups = {}
    for case in throughput(cases):
        if keep(case) and case.pages == "huge":
            groups.setdefault(short(case.list), {})[key(case)] = case.rate / 1e9
    # A group with one bar compares nothing.
    return {group: values for group, values in groups.items() if len(values) > 1}


def instruction_sets(folder, cases, threads):
    groups = _groups(cases, lambda c: c.isa, lambda c: c.variant == "adamw" and c.threads == threads)
    series = [isa for isa in ("scalar", "neon", "avx2", "avx512") if any(isa in g for g in groups.values())]
    if not groups:
        return None
    return bars(os.path.join(folder, f"isa-{threads}.svg"),
                 f"AdamW by instruction set, {threads} thread{'s' * (threads != 1)}", groups, series, {},
                 "billion parameters a second")


def variants(folder, cases, isa, threads):
    groups = _groups(cases, lambda c: c.variant,
                     lambda c: c.variant in PAIR and c.isa == isa and c.threads == threads)
    if not groups:
        return None
    return bars(os.path.join(folder, f"variants-{threads}.svg"),
                 f"AdamW beside coupled Adam, {isa}, {threads} thread{'s' * (threads != 1)}", groups, PAIR,
                 VARIANT_TITLES, "billion parameters a second")


def draw_all(folder, cases, isa):
    """Every picture that the cases have figures for; the paths."""
    drawn = []
    for threads in sorted({case.threads for case in throughput(cases)}):
        drawn += [over_size(folder, cases, threads), instruction_sets(folder, cases, threads),
                  variants(folder, cases, isa, threads)]
    return [path for path in drawn if path]
