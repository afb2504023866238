"""_look.py - where the tensors of a list are and how they lie, and whether that changed since the last step.

One call of look.c answers for a whole list, or for the states in a list of dictionaries, through DLPack's C exchange
interface. A torch that does not offer it is asked through its methods, and so is every torch where libadamw_look.so
is not beside libadamw.so. What follows from a change is the plan's.
"""
from __future__ import annotations

import ctypes
from array import array
from operator import attrgetter, is_
from typing import Any, NamedTuple

import torch

from . import _library as lib

# As in look.c.
RECORD, COMPARE, FOLLOW = range(3)
SAME, OTHER_LAYOUT, OTHER_ADDRESS = range(3)
HEAD = 3  # words of a layout before its shape and strides

DATA_PTR, STRIDE = torch.Tensor.data_ptr, torch.Tensor.stride
DTYPE, NBYTES = attrgetter("dtype"), attrgetter("nbytes")


class Exchange(ctypes.Structure):
    """DLPackExchangeAPI of DLPack 1"""

    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32)] + [
        (name, ctypes.c_void_p) for name in ("older", "allocate", "to_managed", "from_managed", "describe", "stream")
    ]


class Native(NamedTuple):
    look: Any  # adamw_look()
    same_items: Any  # adamw_look_same_items()
    describe: int  # the function of torch's that looking needs


def _load() -> Native | None:
    """None where the library or torch's function is missing."""
    path, capsule = lib.PATH.with_name("libadamw_look.so"), getattr(torch.Tensor, "__dlpack_c_exchange_api__", None)
    if capsule is None or not path.exists():
        return None
    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    pointer_of = prototype(("PyCapsule_GetPointer", ctypes.pythonapi))
    exchange = Exchange.from_address(pointer_of(capsule, b"dlpack_exchange_api"))
    if exchange.major != 1:
        return None
    try:
        library = ctypes.PyDLL(str(path))
        look, same_items = library.adamw_look, library.adamw_look_same_items
    except (OSError, AttributeError):  # a Python whose functions libraries do not see; a library of another version
        return None
    address, size, item = ctypes.c_void_p, ctypes.c_size_t, ctypes.py_object
    look.argtypes = [address, item, size, item, size, address, size, address, size, ctypes.c_int]
    same_items.argtypes = [item, address, size, ctypes.c_int]
    return Native(look, same_items, exchange.describe)


NATIVE = _load()


def values_of(source: list[Any], keys: tuple[str, ...]) -> list[torch.Tensor]:
    """What a look looks at: the list itself, or with keys what each of its dictionaries has under each."""
    return [each[key] for each in source for key in keys] if keys else source


class Look:
    """A list of tensors as it was when this was made. A field of a table, where one is given, follows the addresses.

    With keys, the list is one of dictionaries, and looked at is what each has under each key.
    """

    def __init__(
        self, source: list[Any], table: lib.Table | None = None, field: str = "", keys: tuple[str, ...] = ()
    ) -> None:
        self._look, _, self._describe = NATIVE
        tensors = values_of(source, keys)
        count, room = len(tensors), sum([HEAD + 2 * tensor.ndim for tensor in tensors])
        self._memory = array("Q", [0]) * count, array("q", [0]) * room
        self._table = table  # which look.c writes to
        addresses, layouts = [memory.buffer_info()[0] for memory in self._memory]
        column = (addresses, 8) if table is None else table.column(field)
        self._rest = len(source), keys, len(keys), *column, layouts, room, COMPARE if table is None else FOLLOW
        self._look(self._describe, source, *self._rest[:-1], RECORD)

    def again(self, source: list[Any]) -> int:
        """What is other than it was, of a list as long; the first of another layout ends the look."""
        return self._look(self._describe, source, *self._rest)


class MethodsLook:
    """The same through torch's methods."""

    def __init__(
        self, source: list[Any], table: lib.Table | None = None, field: str = "", keys: tuple[str, ...] = ()
    ) -> None:
        self._table, self._field, self._keys = table, field, keys
        tensors = values_of(source, keys)
        self._layouts, self._addresses = self._layouts_of(tensors), list(map(DATA_PTR, tensors))

    @staticmethod
    def _layouts_of(tensors: list[torch.Tensor]) -> list[list[Any]]:
        return [list(map(asked, tensors)) for asked in (DTYPE, NBYTES, STRIDE)]

    def again(self, source: list[Any]) -> int:
        tensors = values_of(source, self._keys)
        if self._layouts_of(tensors) != self._layouts:
            return OTHER_LAYOUT
        addresses = list(map(DATA_PTR, tensors))
        if addresses == self._addresses:
            return SAME
        if self._table is not None:
            self._table.fill(self._field, addresses)
            self._addresses = addresses
        return OTHER_ADDRESS


def look_at(
    source: list[Any], table: lib.Table | None = None, field: str = "", keys: tuple[str, ...] = ()
) -> Look | MethodsLook:
    return (Look if NATIVE is not None else MethodsLook)(source, table, field, keys)


class Items:
    """The keys and values of a dictionary, held as they were when this was made."""

    def __init__(self, dictionary: dict[Any, Any]) -> None:
        self._keys, self._values = list(dictionary), list(dictionary.values())
        self._native = NATIVE
        if NATIVE is not None:
            self._memory = array("Q", [0]) * (2 * len(self._keys))
            self._rest = self._memory.buffer_info()[0], len(self._keys)
            NATIVE.same_items(dictionary, *self._rest, RECORD)

    def are_in(self, dictionary: dict[Any, Any]) -> bool:
        """Whether it has the same objects in the same order."""
        if self._native is not None:
            return self._native.same_items(dictionary, *self._rest, COMPARE) == SAME
        return (
            len(dictionary) == len(self._keys)
            and all(map(is_, dictionary, self._keys))
            and all(map(is_, dictionary.values(), self._values))
        )
