#!/usr/bin/env python3
"""amalgamate.py - writes the library as one source file and one header: amalgamate.py FOLDER

The headers of kernels/ stand first, each once; then every kernels/*/*.c, with the templates over the instruction sets
(vec/NAME.h, body/update.h) in the place of their #include. Whatever a file has for itself, its functions, objects and
types of file scope, gets the file's name before it (v_add of each instruction set, but also `finite`, which the
<math.h> of another file declares), and its macros end with it. Nothing is known here of any file in particular: what a
new source needs is found in its text, and tools/check.sh amalgamation compiles the result.
"""
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include "(.+?)".*\n', re.M)
# A header with a vector in it is a template over the instruction sets.
VOCABULARY = re.compile(r"\bvfloat\b")
DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.M)
GUARD = re.compile(r"^#ifndef (ADAMW_\w*_H)\n#define \1\n(.*)^#endif.*\n\Z", re.M | re.S)
# The macros that choose what the system's headers declare count before the first of them alone.
FEATURE = re.compile(r"^#if !defined\((_\w+_SOURCE)\)\n#define \1.*\n#endif\n", re.M)
# A text, a comment, a word, or any other character.
TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*|[A-Za-z_]\w*|.', re.S)


def fail(sentence: str) -> None:
    sys.exit(f"amalgamate.py: {sentence}")


class Sources:
    """The text of the library's files, and its headers in the order of their need."""

    def __init__(self) -> None:
        self.headers: dict[Path, str] = {}
        self.features: set[str] = set()

    def text_of(self, path: Path) -> str:
        if not path.is_file():
            fail(f"there is no {path.relative_to(TOP)}, which another file includes")
        return path.read_text()

    def expand(self, path: Path, templates: set[Path]) -> str:
        """The file's text, with a template's text in the place of its #include; a header goes before all units."""

        def included(line: re.Match) -> str:
            name = (path.parent / line[1]).resolve()
            if name.parent == TOP / "include" or name in templates:
                return ""
            text = self.text_of(name)
            if VOCABULARY.search(code_of(text)) or not GUARD.search(text):
                templates.add(name)
                return GUARD.sub(r"\2", self.expand(name, templates))
            if name not in self.headers:
                self.headers[name] = ""  # its place is behind what it includes; this ends a cycle
                text = self.expand(name, set())
                del self.headers[name]
                self.headers[name] = GUARD.sub(r"\2", text)
            return ""

        text = self.text_of(path)
        self.features |= set(FEATURE.findall(text))
        return INCLUDE.sub(included, FEATURE.sub("", text))


def code_of(text: str) -> str:
    """Without comments and literals, whose words are no names."""
    return "".join(" " if token[0][0] in "\"'" or token[0][:2] in ("/*", "//") else token[0]
                   for token in TOKEN.finditer(text))


def names_of(text: str) -> set[str]:
    """The names of file scope: functions, objects, types, tags, enumerators, and the beginnings of pasted ones."""
    names = set(re.findall(r"\bstatic [^;=(){}]*?\b(\w+)##\w+\(", text))
    lines = [line for line in text.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#")]
    depth, statement, head = 0, "", ""  # in `head`, braces are empty
    for character in "\n".join(lines) + "\n":
        depth += (character == "{") - (character == "}")
        statement += character
        head += character if depth == 0 or (depth == 1 and character == "{") else ""
        if depth == 0 and character in ";}":
            if character == "}" and not re.search(r"\)\s*\{\}$", head):
                continue  # the end of a type or an initial value: a name or a semicolon follows
            names |= types_of(statement) | declarator_of(head)
            statement = head = ""
    return names


def types_of(statement: str) -> set[str]:
    """The tags and enumerators of a declaration of file scope."""
    names = set(re.findall(r"^\s*(?:typedef\s+)?(?:struct|enum|union)\s+(\w+)\s*\{", statement, re.M))
    if re.match(r"\s*(typedef\s+|static\s+|const\s+)*enum\b", statement) and "{" in statement:
        body = statement[statement.index("{") + 1 : statement.rindex("}")]
        names |= set(re.findall(r"(?:^|,)\s*([A-Za-z_]\w*)\s*(?==|,|$)", body.strip()))
    return names


def declarator_of(head: str) -> set[str]:
    """What a static declaration or a typedef names; in `head`, braces are empty."""
    local = re.search(r"(?:\b(?:static|ADAMW_INLINE|typedef)\b)(.*)", head, re.S)
    if local:
        before = re.split(r"=", re.sub(r"\b(?:alignas|_Alignas|_Atomic|__attribute__)\s*\((?:[^()]|\([^()]*\))*\)",
                                       " ", local[1]))[0]
        found = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", before) or re.search(r"(\w+)\s*\(", before) or \
            re.search(r"(\w+)\s*(?:\[.*)?;?\s*$", before.strip().rstrip(";"), re.S)
        return {found[1]} if found else set()
    return set()


def rename(text: str, prefix: str, names: set[str]) -> str:
    """With `prefix` before each of the names, but not where a word is a member: behind . or ->, or declared as one."""
    taken = set(re.findall(r"\w+", text))
    if clash := sorted(name for name in names if prefix + name in taken):
        fail(f"{prefix}{clash[0]} is taken already")
    tokens = TOKEN.findall(text)
    solid = [at for at, token in enumerate(tokens) if not token.isspace() and token[:2] not in ("/*", "//")]
    in_struct, record = [False], False  # of each brace that is open; whether the next one opens a struct
    for here, at in enumerate(solid):
        token = tokens[at]
        before = tokens[solid[here - 1]] if here > 0 else ""
        after = tokens[solid[here + 1]] if here + 1 < len(solid) else ""
        if token == "{":
            in_struct.append(record)
        elif token == "}" and len(in_struct) > 1:
            in_struct.pop()
        record = token in ("struct", "union") or (record and token not in "{};()")
        if token not in names or before == "." or (before == ">" and tokens[solid[here - 2]] == "-"):
            continue
        declares = before not in "{};,(" and before != "const" and after in ";,[:"
        if not (in_struct[-1] and declares):
            tokens[at] = prefix + token
    return "".join(tokens)


def undefine(text: str, shared: set[str]) -> str:
    """Ends the macros that the text leaves defined, but those that a header of all files has as well."""
    left: dict[str, None] = {}
    for verb, name in re.findall(r"^[ \t]*#[ \t]*(define|undef)[ \t]+(\w+)", text, re.M):
        left.pop(name, None) if verb == "undef" else left.setdefault(name)
    return "".join(f"#undef {name}\n" for name in left if name not in shared)


def section(path: Path, text: str) -> str:
    squeezed = re.sub(r"\n{3,}", "\n\n", text.strip("\n"))
    return f"\n/* ---- {path.relative_to(TOP)} ---- */\n\n{squeezed}\n"


def licence() -> str:
    lines = (TOP / "LICENSE").read_text().strip().splitlines()
    return "".join(f" * {line}".rstrip() + "\n" for line in lines)


def source(version: str) -> str:
    sources = Sources()
    paths = sorted(TOP.glob("kernels/*/*.c"))
    units = {path: sources.expand(path, set()) for path in paths}
    # strict.h is what refuses a build, and has to be the first to speak.
    order = sorted(sources.headers, key=lambda path: path.name != "strict.h")
    code = {path: code_of(text) for path, text in units.items()}
    shared = {name for text in sources.headers.values() for name in DEFINE.findall(text)}
    parts = [f"/*\n * adamw.c - libadamw {version} in one file, made by `make amalgamation` from kernels/. Compile it "
             f"for itself:\n *\n *     cc -O2 -c adamw.c\n *\n * link libm, and with -pthread where the C library is older than glibc 2.34.\n *\n"
             f"{licence()} */\n"]
    parts += [f"#if !defined({name})\n#define {name}\n#endif\n" for name in sorted(sources.features)]
    for path in order:
        parts.append(section(path, sources.headers[path]))
        if path.name == "strict.h":
            parts.append('\n#include "adamw.h"\n')
    for path, text in units.items():
        parts.append(section(path, rename(text, f"{path.stem}_", names_of(code[path]))))
        parts.append(undefine(code[path], shared))
    return "".join(parts)


def header() -> str:
    """adamw.h with the text of the other public headers in the place of their first #include."""
    seen = {TOP / "include/adamw.h"}

    def expand(path: Path) -> str:
        def included(line: re.Match) -> str:
            name = (path.parent / line[1]).resolve()
            if name in seen:
                return ""
            seen.add(name)
            return expand(name)

        return INCLUDE.sub(included, path.read_text())

    return f"/*\n{licence()} */\n{expand(TOP / 'include/adamw.h')}"


def main() -> None:
    if len(sys.argv) != 2:
        fail("usage: amalgamate.py FOLDER")
    folder = Path(sys.argv[1])
    head = header()
    version = re.search(r'^#define ADAMW_VERSION_STRING "(.+)"', head, re.M)
    if not version:
        fail("include/adamw.h has no ADAMW_VERSION_STRING")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adamw.c").write_text(source(version[1]))
    (folder / "adamw.h").write_text(head)


main()
