"""links.py - looks whether the relative links of Markdown pages lead to files, and their #parts to headings.

    python3 tools/check/links.py PAGE ...

A line for each link that leads nowhere, and exit status 1 if there is one. Links with a scheme (https:) are not
followed: nothing here needs a network.
"""
import functools
import os
import re
import sys

LINK = re.compile(r"\]\(([^()\s]+)\)")
SCHEME = re.compile(r"[a-z]+:")


def prose(path):
    """Its lines with their numbers, without blocks of code and code in backquotes."""
    fenced = False
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.startswith("```"):
                fenced = not fenced
            elif not fenced and not line.startswith("    "):
                yield number, line


@functools.lru_cache(None)
def anchors(path):
    """The names that GitHub gives its headings: lower case, without punctuation, blanks as hyphens."""
    found = set()
    for _, line in prose(path):
        heading = re.match(r"#+ +(.*)", line)
        if heading:
            text = re.sub(r"\]\([^)]*\)", "]", heading[1])
            name = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            count = 0
            while (name if count == 0 else f"{name}-{count}") in found:
                count += 1
            found.add(name if count == 0 else f"{name}-{count}")
    return found


def wrong(page, target):
    """What is wrong with a link of this page, or nothing."""
    path, _, anchor = target.partition("#")
    where = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
    if not os.path.exists(where):
        return f"there is no {where}"
    if anchor and where.endswith(".md") and anchor not in anchors(where):
        return f"{where} has no heading #{anchor}"
    return ""


def main(pages):
    failed = 0
    for page in pages:
        for number, line in prose(page):
            for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
                said = "" if SCHEME.match(target) else wrong(page, target)
                if said:
                    failed += 1
                    print(f"{page}:{number}: {target}: {said}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
