#!/usr/bin/env python3
"""shapes.py - prints the shapes of a model file (.safetensors, .gguf, torch checkpoint) as a list for --shapes.

    bench/shapes.py model.safetensors > model.txt && build/adamw-bench --shapes model.txt

make bench SHAPES=model.safetensors does this by itself.
"""
import sys

from report import front, shapes


def main():
    parser = front.Parser("shapes.py", __doc__.split("\n", 1)[0])
    parser.add_argument("file")
    options = parser.parse_args()
    text = shapes.text_of(options.file)
    if text is None:
        raise front.UserError(f"{options.file}: is a text already, or none that names tensors: --shapes takes it as it is")
    print(f"# {text.count(chr(10))} tensors")
    print(text, end="")
    return 0


if __name__ == "__main__":
    front.run("shapes.py", main)
