"""The shapes of a model file's tensors, from its header alone: safetensors, GGUF, torch checkpoints.

Each reader gives (name, dims) for every tensor of floating-point values, or raises UserError. Nothing of a file is
trusted: every length is held against the file's size, and a checkpoint's pickle is read without importing what it
names. No tensor's data is read.
"""
import io
import json
import os
import pickle
import re
import struct
import zipfile

from .front import UserError

LARGEST_HEADER = 100 << 20  # bytes, safetensors' own bound
MOST_TENSORS = 1 << 20
MOST_DIMS = 64
LARGEST = 1 << 60  # values of a tensor


def _check(path, name, dims):
    """The dims, each 0 to 2^60 and so their product."""
    if not isinstance(dims, (list, tuple)) or len(dims) > MOST_DIMS:
        raise UserError(f"{path}: tensor {name[:60]!r} has no list of at most {MOST_DIMS} dimensions")
    product = 1
    for dim in dims:
        if isinstance(dim, bool) or not isinstance(dim, int) or dim < 0 or dim > LARGEST:
            raise UserError(f"{path}: tensor {name[:60]!r} has the dimension {ascii(dim)[:40]}: it must be 0 to 2^60")
        product = min(product * dim, LARGEST + 1)
    if product > LARGEST:
        raise UserError(f"{path}: tensor {name[:60]!r} has more than 2^60 values")
    return list(dims)


def safetensors(path, file, size):
    """An 8-byte length, then JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}."""
    length = struct.unpack("<Q", file.read(8))[0]
    if length > min(LARGEST_HEADER, size - 8):
        raise UserError(f"{path}: its header should have {length} bytes, and {min(LARGEST_HEADER, size - 8)} are possible")
    try:
        header = json.loads(file.read(length).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: its safetensors header is no JSON ({str(error)[:80]})") from error
    if not isinstance(header, dict):
        raise UserError(f"{path}: its safetensors header is no object")
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if not isinstance(entry, dict) or "shape" not in entry or not isinstance(entry.get("dtype"), str):
            raise UserError(f"{path}: tensor {name[:60]!r} has no dtype and shape")
        if entry["dtype"].startswith(("F", "BF")):
            yield name, _check(path, name, entry["shape"])


class _Gguf:
    """GGUF's little-endian fields one after another."""

    SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
    STRING, ARRAY = 8, 9

    def __init__(self, path, file, size):
        self.path, self.file, self.size = path, file, size

    def take(self, count):
        if count > self.size - self.file.tell():
            raise UserError(f"{self.path}: ends within its GGUF header, at byte {self.file.tell()}")
        return self.file.read(count)

    def whole(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize(form)))[0]

    def text(self):
        length = self.whole("Q")
        if length > LARGEST_HEADER:
            raise UserError(f"{self.path}: a text at byte {self.file.tell()} should have {length} bytes")
        return self.take(length).decode("utf-8", "replace")

    def skip_value(self, kind, depth=0):
        if kind == self.STRING:
            self.text()
        elif kind == self.ARRAY and depth < 4:
            kind, count = self.whole("I"), self.whole("Q")
            if kind in self.SIZES:
                if count * self.SIZES[kind] > self.size - self.file.tell():
                    raise UserError(f"{self.path}: an array at byte {self.file.tell()} is longer than the file")
                self.file.seek(count * self.SIZES[kind], os.SEEK_CUR)
            else:
                if count > self.size - self.file.tell():
                    raise UserError(f"{self.path}: an array at byte {self.file.tell()} is longer than the file")
                for _ in range(count):
                    self.skip_value(kind, depth + 1)
        elif kind in self.SIZES:
            self.take(self.SIZES[kind])
        else:
            raise UserError(f"{self.path}: a value at byte {self.file.tell()} has the unknown type {kind}")


def gguf(path, file, size):
    """Magic, version, counts, metadata, then a name, dims and type for each tensor. Quantised tensors count as well:
    they are a network's parameters, whatever they are stored as."""
    header = _Gguf(path, file, size)
    header.take(4)
    version = header.whole("I")
    if version not in (2, 3):
        raise UserError(f"{path}: is GGUF of version {version}: it must be 2 or 3")
    tensors, pairs = header.whole("Q"), header.whole("Q")
    for _ in range(min(pairs, size)):
        header.text()
        header.skip_value(header.whole("I"))
    if tensors > MOST_TENSORS:
        raise UserError(f"{path}: should have {tensors} tensors, and {MOST_TENSORS} are possible")
    for _ in range(tensors):
        name, rank = header.text(), header.whole("I")
        if rank > MOST_DIMS:
            raise UserError(f"{path}: tensor {name[:60]!r} should have {rank} dimensions")
        dims = [header.whole("Q") for _ in range(rank)]
        kind = header.whole("I")
        header.whole("Q")
        if kind not in (24, 25, 26, 27):  # whole numbers of 8 to 64 bits
            yield name, _check(path, name, dims[::-1])  # the fastest dimension stands first


class _Shape:
    """What torch._utils._rebuild_tensor_v2 would make."""

    def __init__(self, storage, _offset=0, size=(), *_):
        self.size = size
        kind = storage[1] if isinstance(storage, tuple) and len(storage) > 1 else None
        self.floating = getattr(kind, "name", "") in ("FloatStorage", "DoubleStorage", "HalfStorage", "BFloat16Storage",
                                                      "UntypedStorage")


class _Dict(dict):
    """A state_dict: an OrderedDict with an attribute, _metadata."""

    def __setstate__(self, state):
        pass


class _Wrapped:
    """torch._utils._rebuild_parameter(tensor, ...): the tensor itself."""

    def __new__(cls, tensor=None, *_):
        return tensor


def _opaque(module, name):
    """A class that takes whatever a pickle does to its objects and does nothing."""

    class Opaque(dict):
        def __new__(cls, *_, **__):
            return dict.__new__(cls)

        def __init__(self, *_, **__):
            dict.__init__(self)

        def __setstate__(self, state):
            pass

        def append(self, item):
            pass

        def extend(self, items):
            pass

        def add(self, item):
            pass

    Opaque.name = name
    return Opaque


class _Unpickler(pickle.Unpickler):
    """Resolves no name of the file's to any code but the classes above."""

    KNOWN = {("collections", "OrderedDict"): _Dict, ("torch._utils", "_rebuild_tensor_v2"): _Shape,
             ("torch._utils", "_rebuild_tensor_v3"): _Shape, ("torch._utils", "_rebuild_tensor"): _Shape,
             ("torch._utils", "_rebuild_parameter"): _Wrapped}

    def find_class(self, module, name):
        return self.KNOWN.get((module, name)) or _opaque(module, name)

    def persistent_load(self, pid):
        return pid  # ("storage", type, key, device, count)


def _collect(value, name, found, seen, depth=0):
    """Each tensor once: a tied weight has two names, and a list can hold itself."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, _Shape):
        if value.floating:
            found.append((name or "tensor", value.size))
    elif isinstance(value, (dict, list, tuple)) and depth < 16:
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            _collect(each, f"{name}.{str(key)[-100:]}" if name else str(key)[-100:], found, seen, depth + 1)
    if len(found) > MOST_TENSORS:
        raise UserError(f"has more than {MOST_TENSORS} tensors")


def checkpoint(path, file, _size):
    """A zip with a pickle, data.pkl. Where it has a model beside an optimizer, the model."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if re.fullmatch(r"[^/]+/data\.pkl", entry.filename)]
            if len(entries) != 1:
                raise UserError(f"{path}: is a zip file without one data.pkl: it must be what torch.save() writes")
            if entries[0].file_size > LARGEST_HEADER:
                raise UserError(f"{path}: its data.pkl has {entries[0].file_size} bytes: it must have at most "
                                f"{LARGEST_HEADER}")
            with archive.open(entries[0]) as packed:
                text = packed.read(LARGEST_HEADER + 1)
        value = _Unpickler(io.BytesIO(text)).load()
        if isinstance(value, dict):
            value = next((value[key] for key in ("state_dict", "model_state_dict", "model", "module") if key in value),
                         {key: each for key, each in value.items() if "optim" not in str(key)})
        found = []
        _collect(value, "", found, set())
    except UserError as error:
        raise error if str(error).startswith(path) else UserError(f"{path}: {error}") from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise UserError(f"{path}: is no zip file that can be read ({str(error)[:80]})") from error
    except Exception as error:  # a pickle's flaws end in any of a dozen exceptions
        raise UserError(f"{path}: its data.pkl is no pickle of tensors ({type(error).__name__})") from error
    for name, dims in found:
        yield name, _check(path, name, dims)
