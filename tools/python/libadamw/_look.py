"""_look.py - where the tensors of a list are and how they lie, and whether that changed since the last step.

One call of look.c answers for a whole list, through DLPack's C exchange interface. A torch that does not offer it is
asked through its methods, and so is every torch where libadamw_look.so is not beside libadamw.so. What follows from a
change is the plan's.
"""
from __future__ import annotations

import ctypes
from array import array
from operator import attrgetter
from typing import Any, Callable

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


def _load() -> tuple[Callable[..., int], int] | None:
    """adamw_look() and the function of torch's that it needs; None where one of them is missing."""
    path, capsule = lib.PATH.with_name("libadamw_look.so"), getattr(torch.Tensor, "__dlpack_c_exchange_api__", None)
    if capsule is None or not path.exists():
        return None
    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    pointer_of = prototype(("PyCapsule_GetPointer", ctypes.pythonapi))
    exchange = Exchange.from_address(pointer_of(capsule, b"dlpack_exchange_api"))
    if exchange.major != 1:
        return None
    try:
        look = ctypes.PyDLL(str(path)).adamw_look
    except OSError:  # a Python whose functions libraries do not see
        return None
    address, size = ctypes.c_void_p, ctypes.c_size_t
    look.argtypes = [address, ctypes.py_object, size, address, size, address, size, ctypes.c_int]
    return look, exchange.describe


NATIVE = _load()


class Look:
    """A list of tensors as it was when this was made. A field of a table, where one is given, follows the addresses."""

    def __init__(self, tensors: list[torch.Tensor], table: lib.Table | None = None, field: str = "") -> None:
        self._look, self._describe = NATIVE
        count, room = len(tensors), sum([HEAD + 2 * tensor.ndim for tensor in tensors])
        self._memory = array("Q", [0]) * count, array("q", [0]) * room
        self._table = table  # which look.c writes to
        addresses, layouts = [memory.buffer_info()[0] for memory in self._memory]
        column = (addresses, 8) if table is None else table.column(field)
        self._rest = count, *column, layouts, room, COMPARE if table is None else FOLLOW
        self._look(self._describe, tensors, *self._rest[:-1], RECORD)

    def again(self, tensors: list[torch.Tensor]) -> int:
        """What is other than it was, of as many tensors; the first of another layout ends the look."""
        return self._look(self._describe, tensors, *self._rest)


class MethodsLook:
    """The same through torch's methods."""

    def __init__(self, tensors: list[torch.Tensor], table: lib.Table | None = None, field: str = "") -> None:
        self._table, self._field = table, field
        self._layouts, self._addresses = self._layouts_of(tensors), list(map(DATA_PTR, tensors))

    @staticmethod
    def _layouts_of(tensors: list[torch.Tensor]) -> list[list[Any]]:
        return [list(map(asked, tensors)) for asked in (DTYPE, NBYTES, STRIDE)]

    def again(self, tensors: list[torch.Tensor]) -> int:
        if self._layouts_of(tensors) != self._layouts:
            return OTHER_LAYOUT
        addresses = list(map(DATA_PTR, tensors))
        if addresses == self._addresses:
            return SAME
        if self._table is not None:
            self._table.fill(self._field, addresses)
            self._addresses = addresses
        return OTHER_ADDRESS


def look_at(tensors: list[torch.Tensor], table: lib.Table | None = None, field: str = "") -> Look | MethodsLook:
    return (Look if NATIVE is not None else MethodsLook)(tensors, table, field)
