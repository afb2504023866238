"""_arrays.py - the step on arrays: NumPy's, or any object with __array_interface__, without importing NumPy."""
from __future__ import annotations

import sys
from typing import Any, Sequence, Union

from . import _library as lib

Arrays = Union[Any, Sequence[Any]]

_NATIVE_FLOAT32 = "<f4" if sys.byteorder == "little" else ">f4"
_FIELDS = ("param", "grad", "exp_avg", "exp_avg_sq", "max_exp_avg_sq")


def _interface(array: Any, name: str, shape: tuple[int, ...] | None, written: bool) -> tuple[int, tuple[int, ...]]:
    """The address and the shape of an array that is fit for the step; an exception that names it otherwise."""
    interface = getattr(array, "__array_interface__", None)
    if interface is None:
        raise TypeError(f"{name} is {type(array).__name__}: it must be a float32 array (with __array_interface__)")
    if interface["typestr"] != _NATIVE_FLOAT32:
        raise TypeError(f"{name} has the type {interface['typestr']}: it must be float32 in native byte order")
    if interface.get("strides") is not None:
        strides = interface["strides"]
        raise ValueError(f"{name} has strides {strides}: it must be C-contiguous (numpy.ascontiguousarray)")
    address, read_only = interface["data"]
    if written and read_only:
        raise ValueError(f"{name} is read-only: the step writes to it in place")
    if shape is not None and interface["shape"] != shape:
        raise ValueError(f"{name} has the shape {interface['shape']}: it must be param's, {shape}")
    return address, interface["shape"]


def _column(arrays: Arrays, name: str, count: int) -> Sequence[Any]:
    if not isinstance(arrays, (list, tuple)):
        raise TypeError(f"{name} is {type(arrays).__name__}: it must be a list of arrays, as param is")
    if len(arrays) != count:
        raise ValueError(f"{name} has {len(arrays)} arrays: it must have as many as param, {count}")
    return arrays


def adamw_step(
    param: Arrays,
    grad: Arrays,
    exp_avg: Arrays,
    exp_avg_sq: Arrays,
    step: int,
    *,
    max_exp_avg_sq: Arrays | None = None,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-4,
    decay: str = "decoupled",
    maximize: bool = False,
    arithmetic: str = "accurate",
    threads: int = 0,
) -> None:
    """One AdamW (or coupled-L2 Adam) step, in place, on one array or on lists of arrays.

    Args:
        param: float32 array of any shape, C-contiguous; or a list of such. Read and written.
        grad: the gradients, of param's shape. Read only.
        exp_avg: the first moment, of param's shape, zeros before step 1. Read and written.
        exp_avg_sq: the second moment, likewise.
        step: which step this is, counted from 1; the bias corrections follow from it.
        max_exp_avg_sq: given, the step is amsgrad's, and this is the largest second moment so far, zeros before
            step 1; read and written.
        lr, betas, eps, weight_decay, maximize: as in torch.optim; the defaults are adamw_config_init()'s.
        decay: "decoupled" (AdamW) or "l2" (Adam: weight_decay * param is added to the gradient).
        arithmetic: "accurate" (the decay happens in full at any rate) or "torch" (torch.optim's roundings).
        threads: the most threads; 0: the library decides, at most the CPUs of the process.

    Raises:
        TypeError: an argument is no float32 array.
        ValueError: a shape, stride, range or name is wrong, or two arrays of a tensor overlap.
        RuntimeError: ADAMW_ISA in the environment names an instruction set that cannot run here.
        Nothing was written then. Two tensors of a call must not overlap; this alone is not checked.

    The bits are the same for every instruction set, thread count and split of the list. Calls with other arrays may
    run at the same time in other threads (the interpreter's lock is released).

    Source: Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2; Kingma & Ba 2015 (arXiv:1412.6980); amsgrad:
    Reddi et al. 2018 (arXiv:1904.09237).
    """
    if isinstance(param, (list, tuple)):
        count = len(param)
        columns = [_column(arrays, name, count) for arrays, name in zip((param, grad, exp_avg, exp_avg_sq), _FIELDS)]
        if max_exp_avg_sq is not None:
            columns.append(_column(max_exp_avg_sq, "max_exp_avg_sq", count))
    else:
        count = 1
        columns = [[array] for array in (param, grad, exp_avg, exp_avg_sq)]
        if max_exp_avg_sq is not None:
            columns.append([max_exp_avg_sq])
    for name, value, known in (("decay", decay, lib.DECAY), ("arithmetic", arithmetic, lib.ARITHMETIC)):
        if value not in known:
            raise ValueError(f"{name} is {value!r}: it must be one of {', '.join(map(repr, known))}")
    if not isinstance(step, int) or not 1 <= step < 2**64:
        raise ValueError(f"step is {step!r}: it must be an integer from 1")
    if not isinstance(threads, int) or not 0 <= threads < 2**31:
        raise ValueError(f"threads is {threads!r}: it must be 0 (the library decides) or a number of threads")

    config = lib.Config(lr, betas[0], betas[1], eps, weight_decay, lib.DECAY[decay], lib.ARITHMETIC[arithmetic],
                        max_exp_avg_sq is not None, bool(maximize), True)
    table = lib.Table(count)
    shapes: list[tuple[int, ...] | None] = [None] * count
    for field, arrays in zip(_FIELDS, columns):
        addresses = []
        for index, array in enumerate(arrays):
            name = f"{field}[{index}]" if isinstance(param, (list, tuple)) else field
            address, shapes[index] = _interface(array, name, shapes[index], field != "grad")
            addresses.append(address)
        table.fill(field, addresses)
    for row, shape in zip(table.rows, shapes):
        row.n = 1
        for length in shape or ():
            row.n *= length
    status = lib.library.adamw_step(config, step, table.rows, count, threads)
    if status != lib.OK:
        raise lib.error_of(status, lib.explain(config, step, table, threads))
