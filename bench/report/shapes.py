"""Lists of tensors for --shapes: a text of `name 768x2304` a line as it is, a model file's shapes as such a text.

The measuring programs read the text alone (bench/core/lists.c), and this is the one place that knows both.
"""
import os
import re

from . import models
from .front import UserError
from .results import write

BUFFERS = (".running_mean", ".running_var")  # of a batch norm: no optimizer steps them
MOST_RANK = 6  # BENCH_MAX_RANK
NAME = 63  # BENCH_NAME - 1


def _reader(path, file, size):
    """The reader for the file's first bytes; None for a text."""
    begin = file.read(16)
    file.seek(0)
    if begin.startswith(b"GGUF"):
        return models.gguf
    if begin.startswith(b"PK\x03\x04"):
        return models.checkpoint
    if size > 10 and begin[8:9] == b"{":
        return models.safetensors
    if begin.startswith(b"\x80"):
        raise UserError(f"{path}: is a bare pickle: it must be a zip, as torch.save() has written since torch 1.6, a "
                        ".safetensors or a .gguf file, or a text with `name 768x2304` a line")
    if b"\0" in begin:
        raise UserError(f"{path}: is neither a text with `name 768x2304` a line nor a .safetensors, .gguf or torch "
                        "checkpoint file")
    return None


def _line(name, dims):
    """As lists.c reads it: no blank and no # in the name, at most six dimensions, the last ones as one."""
    if len(dims) > MOST_RANK:
        product = 1
        for dim in dims[MOST_RANK - 1:]:
            product *= dim
        dims = [*dims[:MOST_RANK - 1], product]
    return f"{re.sub(r'[^!-~]|#', '_', name)[-NAME:] or 'tensor'} {'x'.join(map(str, dims or [1]))}\n"


def text_of(path):
    """The shapes of a model file as a text, tensors without a value left out; None where the file is a text itself."""
    try:
        size = os.stat(path).st_size
        with open(path, "rb") as file:
            reader = _reader(path, file, size)
            if reader is None:
                return None
            lines = [_line(name, dims) for name, dims in reader(path, file, size)
                     if 0 not in dims and not name.endswith(BUFFERS)]
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    if not lines:
        raise UserError(f"{path}: has no tensor of floating-point values")
    return "".join(lines)


def as_list(path, folder):
    """The path of a text: this one, or one in the folder with the shapes of this model file."""
    text = text_of(path)
    if text is None:
        return path
    os.makedirs(os.path.join(folder, "shapes"), exist_ok=True)
    made = os.path.join(folder, "shapes", os.path.splitext(os.path.basename(path))[0] + ".txt")
    write(made, text)
    return made
