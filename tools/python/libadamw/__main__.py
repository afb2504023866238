"""__main__.py - `python -m libadamw` prints what the library finds on this machine, as build/adamw-info does."""
from __future__ import annotations

import os
import sys

from . import _library as lib


def size(value: int) -> str:
    if value == 0:
        return "unknown"
    return f"{value / 2**20:.4g} MiB" if value >= 2**20 else f"{value / 2**10:.4g} KiB"


def main() -> int:
    if sys.argv[1:]:
        print(f"python -m libadamw: unknown argument {sys.argv[1]!r}: it takes none", file=sys.stderr)
        return 2
    info = lib.Info()
    lib.library.adamw_info_get(info)
    lines = [("libadamw", info.version), ("compiler", info.compiler), ("flags", info.flags), ("CPU", info.cpu)]
    texts = [(name, value.decode()) for name, value in lines]
    texts += [("L1 data cache", size(info.l1d)), ("L2 cache", size(info.l2)), ("L3 cache", size(info.l3))]
    runs = [name for name, number in lib.ISA.items() if lib.library.adamw_isa_supported(number)]
    for name, number in lib.ISA.items():
        if name != "auto":
            active = ", active" if number == info.active else ""
            texts.append((name, ("runs here" if name in runs else "does not run here") + active))
    texts += [("why", info.reason.decode()), ("tuned for", info.tuning.decode()),
              ("threads", f"at most {info.threads} (engine: {info.engine.decode()})"),
              ("huge pages", info.huge_pages.decode())]
    for name, text in texts:
        print(f"{name:<14} {text}")
    if info.active != lib.ISA["auto"]:
        return 0
    reason = info.reason.decode()
    _, separator, right = reason.partition(": it must be ")
    if reason.startswith("ADAMW_TUNING") and separator:
        reason = f"ADAMW_TUNING is '{os.environ.get('ADAMW_TUNING', '')}'{separator}{right}"
    elif reason.startswith("ADAMW_ISA"):
        reason = f"ADAMW_ISA is '{os.environ.get('ADAMW_ISA', '')}': it must be one of {', '.join(runs)}, which run here"
    print(f"python -m libadamw: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
