"""_file.py - include/adamw_file.h for Python: named tensors in safetensors files, as addresses and bytes.

No torch and no NumPy here: _save.py knows whose memory it is.
"""
from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from . import _library as lib

DTYPES = ("F32", "BF16", "F16", "F64", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64", "BOOL", "F8_E4M3",
          "F8_E5M2", "F8_E8M0", "C64")  # in the order of adamw_file_dtype
SENTENCE_SIZE = 1024
_NUMBERS: dict[str, Any] = {
    "F64": ctypes.c_double, "F32": ctypes.c_float, "I64": ctypes.c_int64, "U64": ctypes.c_uint64,
    "I32": ctypes.c_int32, "U8": ctypes.c_uint8, "BOOL": ctypes.c_bool,
}


class FileTensor(ctypes.Structure):
    """adamw_file_tensor"""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("dtype", ctypes.c_int),
        ("rank", ctypes.c_size_t),
        ("shape", ctypes.POINTER(ctypes.c_uint64)),
        ("data", ctypes.c_void_p),
        ("bytes", ctypes.c_uint64),
    ]


class FileEntry(ctypes.Structure):
    """adamw_file_entry"""

    _fields_ = [("key", ctypes.c_char_p), ("value", ctypes.c_char_p)]


def _declare() -> None:
    text, size, file = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p
    tensors, entries = ctypes.POINTER(FileTensor), ctypes.POINTER(FileEntry)
    prototypes: dict[str, tuple[Any, list[Any]]] = {
        "adamw_save": (ctypes.c_int, [text, tensors, size, entries, size, text, size]),
        "adamw_open": (ctypes.c_int, [ctypes.POINTER(file), text, text, size]),
        "adamw_file_close": (None, [file]),
        "adamw_file_count": (size, [file]),
        "adamw_file_at": (tensors, [file, size]),
        "adamw_file_metadata_count": (size, [file]),
        "adamw_file_metadata_at": (entries, [file, size]),
        "adamw_file_check": (ctypes.c_int, [file, text, text, size]),
    }
    for name, (result, arguments) in prototypes.items():
        function = getattr(lib.library, name)
        function.restype, function.argtypes = result, arguments


_declare()


class Stored(NamedTuple):
    """A tensor of a file, or of what is to become one."""

    dtype: str  #: one of DTYPES
    shape: tuple[int, ...]
    data: int  #: its address
    bytes: int
    owner: Any = None  #: what keeps the memory alive


def scalar(dtype: str, *values: float) -> Stored:
    """One number (shape ()) or several (one dimension) in memory of their own."""
    memory = (_NUMBERS[dtype] * len(values))(*values)
    shape = () if len(values) == 1 else (len(values),)
    return Stored(dtype, shape, ctypes.addressof(memory), ctypes.sizeof(memory), memory)


def numbers(tensor: Stored) -> tuple[float, ...]:
    """The values of such a tensor."""
    kind = _NUMBERS[tensor.dtype]
    return tuple((kind * (tensor.bytes // ctypes.sizeof(kind))).from_address(tensor.data))


def _raise(status: int, sentence: Any) -> None:
    words = sentence.value.decode(errors="replace")
    if status == lib.ERROR_SYSTEM:
        raise OSError(f"libadamw: {words}")
    raise lib.error_of(status, words)


def _encoded(text: str, what: str) -> bytes:
    encoded = text.encode(errors="surrogatepass")
    if b"\0" in encoded:
        raise ValueError(f"{what} {text!r} has a zero byte: it must be text without one")
    return encoded


def write(path: str | os.PathLike[str], tensors: Mapping[str, Stored], metadata: Mapping[str, str]) -> None:
    """Replaces the file, or leaves it as it was.

    Raises: OSError where the system refuses, ValueError for a name or text that is not right.
    """
    rows = (FileTensor * len(tensors))()
    for row, (name, tensor) in zip(rows, tensors.items()):
        row.name, row.dtype, row.rank = _encoded(name, "the name"), DTYPES.index(tensor.dtype), len(tensor.shape)
        row.shape = (ctypes.c_uint64 * len(tensor.shape))(*tensor.shape)
        row.data, row.bytes = tensor.data if tensor.bytes else None, tensor.bytes
    entries = (FileEntry * len(metadata))()
    for entry, (key, value) in zip(entries, metadata.items()):
        entry.key, entry.value = _encoded(key, "the key"), _encoded(value, f"the text of {key!r}")
    sentence = ctypes.create_string_buffer(SENTENCE_SIZE)
    status = lib.library.adamw_save(
        os.fsencode(path), rows, len(rows), entries, len(entries), sentence, len(sentence))
    if status != lib.OK:
        _raise(status, sentence)


class File(Mapping[str, Stored]):
    """An open file whose checksums were compared: its tensors by name, and its text as `metadata`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._handle = ctypes.c_void_p()
        sentence = ctypes.create_string_buffer(SENTENCE_SIZE)
        status = lib.library.adamw_open(self._handle, os.fsencode(path), sentence, len(sentence))
        if status == lib.OK:
            status = lib.library.adamw_file_check(self._handle, None, sentence, len(sentence))
        if status != lib.OK:
            self.close()
            _raise(status, sentence)
        self.path = os.fspath(path)
        self._tensors: dict[str, Stored] = {}
        for index in range(lib.library.adamw_file_count(self._handle)):
            row = lib.library.adamw_file_at(self._handle, index).contents
            shape = tuple(row.shape[place] for place in range(row.rank))
            self._tensors[row.name.decode()] = Stored(DTYPES[row.dtype], shape, row.data or 0, row.bytes, self)
        self.metadata: dict[str, str] = {}
        for index in range(lib.library.adamw_file_metadata_count(self._handle)):
            entry = lib.library.adamw_file_metadata_at(self._handle, index).contents
            self.metadata[entry.key.decode()] = entry.value.decode()

    def __getitem__(self, name: str) -> Stored:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def close(self) -> None:
        """Gives the mapping back: no Stored of it may be read any more."""
        lib.library.adamw_file_close(self._handle)
        self._handle = ctypes.c_void_p()

    def __enter__(self) -> File:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()
