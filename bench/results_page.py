#!/usr/bin/env python3
"""results_page.py - merges the last results under build/bench/ into RESULTS.md: one table for each measured CPU.

`make bench-results` runs it after `make bench`. The block of this CPU is replaced, or added in the order of names;
those of other CPUs stay as they are.
"""
import os
import re

from report import front, page

BLOCK = re.compile(r"<!-- cpu:begin (?P<name>[^\n]*) -->\n.*?<!-- cpu:end -->\n", re.DOTALL)


def block(name, text):
    return f"<!-- cpu:begin {name} -->\n## {name}\n\n{text}<!-- cpu:end -->\n"


def merged(path, whole, name, text):
    """The page with the block of this name put in; text between blocks stays as it is."""
    blocks = {found["name"]: found for found in BLOCK.finditer(whole)}
    begins = whole.count("<!-- cpu:begin"), whole.count("<!-- cpu:end")
    if begins != (len(blocks), len(blocks)):
        raise front.UserError(f"{path}: each block must begin with <!-- cpu:begin NAME -->, end with <!-- cpu:end --> and "
                              "have a name of its own")
    if name in blocks:
        begin, end = blocks[name].span()
        return whole[:begin] + block(name, text) + whole[end:]
    later = [found.start() for other, found in sorted(blocks.items()) if other > name]
    if later:
        return f"{whole[:later[0]]}{block(name, text)}\n{whole[later[0]:]}"
    return f"{whole.rstrip()}\n\n{block(name, text)}"


def main():
    parser = front.Parser("results_page.py", __doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--page", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "RESULTS.md"))
    options = parser.parse_args()
    last = page.Last(options.build)
    name = last.name().replace("-->", "")
    with open(options.page, encoding="utf-8") as file:
        whole = file.read()
    page.write(options.page, merged(options.page, whole, name, last.text()))
    print(f"{os.path.relpath(options.page)}: table of {name}, {last.machine['date']}")
    return 0


if __name__ == "__main__":
    front.run("results_page.py", main)
