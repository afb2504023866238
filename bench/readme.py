#!/usr/bin/env python3
"""readme.py - fills README.md's table, between its two markers, from the last results under build/bench/.

`make bench-readme` runs it after `make bench`.
"""
from report import front, page

BEGIN, END = "<!-- table:begin -->", "<!-- table:end -->"


def main():
    parser = front.Parser("readme.py", __doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--readme", default="README.md")
    options = parser.parse_args()
    last = page.Last(options.build)
    with open(options.readme, encoding="utf-8") as file:
        page.between(options.readme, BEGIN, END, last.text(), file.read())
    print(f"{options.readme}: table of {last.machine['date']}, commit {last.machine['commit']}")
    return 0


if __name__ == "__main__":
    front.run("readme.py", main)
