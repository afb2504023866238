"""_library.py - finds and loads libadamw.so and declares to ctypes what include/adamw.h declares to C.

The one place that knows the C layouts (tests/test_layout.py compares them with the header) and that turns a status
into an exception. No NumPy and no torch here.
"""
from __future__ import annotations

import ctypes
import os
from array import array
from pathlib import Path
from typing import Iterable

FLOAT32 = 0
DECAY = {"decoupled": 0, "l2": 1}
ARITHMETIC = {"accurate": 0, "torch": 1}
ISA = {"auto": 0, "scalar": 1, "avx2": 2, "avx512": 3, "neon": 4}

OK, INVALID_ARGUMENT, UNSUPPORTED, ERROR_ISA = range(4)


class Config(ctypes.Structure):
    """adamw_config"""

    _fields_ = [
        ("lr", ctypes.c_double),
        ("beta1", ctypes.c_double),
        ("beta2", ctypes.c_double),
        ("eps", ctypes.c_double),
        ("weight_decay", ctypes.c_double),
        ("decay", ctypes.c_int),
        ("arithmetic", ctypes.c_int),
        ("amsgrad", ctypes.c_bool),
        ("maximize", ctypes.c_bool),
        ("threads", ctypes.c_int),
    ]


class Tensor(ctypes.Structure):
    """adamw_tensor"""

    _fields_ = [
        ("n", ctypes.c_size_t),
        ("param", ctypes.c_void_p),
        ("grad", ctypes.c_void_p),
        ("exp_avg", ctypes.c_void_p),
        ("exp_avg_sq", ctypes.c_void_p),
        ("max_exp_avg_sq", ctypes.c_void_p),
        ("config", ctypes.c_void_p),
        ("step", ctypes.c_uint64),
        ("param_dtype", ctypes.c_int),
        ("grad_dtype", ctypes.c_int),
        ("state_dtype", ctypes.c_int),
        ("copy_dtype", ctypes.c_int),
        ("param_residual", ctypes.c_void_p),
        ("param_ema", ctypes.c_void_p),
        ("param_copy", ctypes.c_void_p),
    ]


def _load() -> ctypes.CDLL:
    path = Path(os.environ.get("ADAMW_LIBRARY") or Path(__file__).with_name("libadamw.so"))
    if not path.exists():
        raise ImportError(
            f"libadamw: there is no {path}: `pip install ./tools/python` in libadamw's source tree builds it with make "
            "and a C compiler and ships it in the package; or name one that `make` built in ADAMW_LIBRARY"
        )
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(
            f"libadamw: {path} does not load: {error} (where libgomp.so.1 is missing: install the compiler's OpenMP "
            "runtime, Debian's libgomp1, or build with OPENMP=no)"
        ) from error
    size, step, config, tensors = ctypes.c_size_t, ctypes.c_uint64, ctypes.POINTER(Config), ctypes.POINTER(Tensor)
    prototypes = {
        "adamw_version": (ctypes.c_char_p, []),
        "adamw_config_init": (ctypes.c_int, [config]),
        "adamw_step": (ctypes.c_int, [config, step, tensors, size]),
        "adamw_explain": (ctypes.c_int, [config, step, tensors, size, ctypes.c_char_p, size]),
        "adamw_isa_supported": (ctypes.c_bool, [ctypes.c_int]),
        "adamw_isa_select": (ctypes.c_int, [ctypes.c_int]),
        "adamw_isa_active": (ctypes.c_int, []),
        "adamw_isa_name": (ctypes.c_char_p, [ctypes.c_int]),
    }
    for name, (result, arguments) in prototypes.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


library = _load()


def default_config() -> Config:
    config = Config()
    library.adamw_config_init(config)
    return config


class Table:
    """A list of adamw_tensor, written a field at a time for all tensors: a step's pointers go in with one copy."""

    _words = ctypes.sizeof(Tensor) // 8

    def __init__(self, count: int) -> None:
        self.count = count
        self.rows = (Tensor * count)()
        self._memory = memoryview(self.rows).cast("B").cast("Q") if count else None

    def fill(self, field: str, values: Iterable[int]) -> None:
        """Sets a 64-bit field of every tensor, from as many unsigned integers."""
        if self._memory is not None:
            self._memory[getattr(Tensor, field).offset // 8 :: self._words] = memoryview(array("Q", values))


def explain(config: Config, step: int, table: Table) -> str:
    buffer = ctypes.create_string_buffer(256)
    library.adamw_explain(config, step, table.rows, table.count, buffer, len(buffer))
    return buffer.value.decode()


def error_of(status: int, sentence: str) -> Exception:
    """The exception of a status that is not ADAMW_OK."""
    return {INVALID_ARGUMENT: ValueError, UNSUPPORTED: NotImplementedError}.get(status, RuntimeError)(
        f"libadamw: {sentence}"
    )


def version() -> str:
    """The version of the library that runs, as "major.minor.patch"."""
    return library.adamw_version().decode()


def isa() -> str:
    """The instruction set of the next step: "avx512", "avx2", "neon" or "scalar"."""
    return library.adamw_isa_name(library.adamw_isa_active()).decode()


def select_isa(name: str) -> None:
    """Chooses the instruction set for the whole process; every one gives the same bits.

    Args:
        name: "auto" (the CPU's best), "scalar", "avx2", "avx512" or "neon".

    Raises:
        ValueError: the name is none of these.
        RuntimeError: this build or CPU does not have it. The choice is then as before.
    """
    if name not in ISA:
        raise ValueError(f"libadamw: isa is {name!r}: it must be one of {', '.join(ISA)}")
    if library.adamw_isa_select(ISA[name]) != OK:
        raise RuntimeError(f"libadamw: this build or CPU does not have the instruction set {name!r}")
