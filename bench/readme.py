#!/usr/bin/env python3
"""readme.py - fills the tables of README.md and bench/README.md from the last results under build/bench/.

`make bench-readme` runs it after `make bench`. README.md gets five rows, bench/README.md all, each between two markers.
"""
import os

from report import front, page

BEGIN, END = "<!-- table:begin -->", "<!-- table:end -->"


def main():
    parser = front.Parser("readme.py", __doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--readme", default="README.md", help="for the five rows")
    parser.add_argument("--page", default=os.path.join("bench", "README.md"), help="for the whole table")
    options = parser.parse_args()
    last = page.Last(options.build)
    for path, text in ((options.readme, last.brief()), (options.page, last.text())):
        with open(path, encoding="utf-8") as file:
            page.between(path, BEGIN, END, text, file.read())
        print(f"{path}: table of {last.machine['date']}, commit {last.machine['commit']}")
    return 0


if __name__ == "__main__":
    front.run("readme.py", main)
