"""Two result files beside each other: which cases got faster or slower by more than both spreads."""
from .results import median, read_results, spread
from .tables import aligned, three, throughput, title


def verdict(ratio, noise):
    """`noise`: the wider one of the two spreads."""
    if abs(ratio - 1) <= noise:
        return "same within the spread"
    return "faster" if ratio > 1 else "SLOWER"


def compare(path_a, path_b):
    """The table as text. Cases in one file only are counted, not compared."""
    (machine_a, list_a), (machine_b, list_b) = read_results(path_a), read_results(path_b)
    a, b = ({case.name: case for case in throughput(cases)} for cases in (list_a, list_b))
    rows = []
    for name in a:
        if name not in b:
            continue
        x, y = a[name], b[name]
        ratio = y.rate / x.rate
        noise = max(spread(x.samples["step"]), spread(y.samples["step"]))
        rows.append([title(x.list), x.variant, x.isa, str(x.threads), x.pages, three(x.rate / 1e9),
                     three(y.rate / 1e9), f"{ratio:.3f}", f"{noise:.3f}", f"{x.share:.2f}", f"{y.share:.2f}",
                     verdict(ratio, noise)])
    lines = [f"A: {path_a}: {machine_a['cpu']}, commit {machine_a['commit']}, {machine_a['date']}",
             f"B: {path_b}: {machine_b['cpu']}, commit {machine_b['commit']}, {machine_b['date']}", ""]
    if rows:
        head = ["list", "variant", "ISA", "threads", "pages", "A G/s", "B G/s", "B/A", "spread", "A limit", "B limit",
                "verdict"]
        shares = [b[name].share / a[name].share for name in a if name in b]
        lines += [aligned(head, rows), f"{len(rows)} cases; the share of the limit changed by a factor of "
                  f"{median(shares):.3f} in the median (the share tells more than G/s where the machine was busy)"]
    else:
        lines.append("no case is in both files")
    only = [len(a.keys() - b.keys()), len(b.keys() - a.keys())]
    if any(only):
        lines.append(f"not compared: {only[0]} cases in A alone, {only[1]} in B alone")
    return "\n".join(lines)
