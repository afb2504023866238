"""_arrays.py - steps on arrays: NumPy's, or any object with __array_interface__, without importing NumPy."""
from __future__ import annotations

import sys
from math import prod
from typing import Any, Sequence, Union

from . import _library as lib
from ._update import Arithmetic, Clip, Decay, Ema, UpdateReport, config_of, options_of, update, whole

Arrays = Union[Any, Sequence[Any]]

_ORDER = "<" if sys.byteorder == "little" else ">"
_FLOAT32 = {f"{_ORDER}f4": lib.DTYPE["float32"]}
# NumPy has no bfloat16: 16-bit integers stand for its bits, or the dtype of ml_dtypes.
_BFLOAT16 = lib.DTYPE["bfloat16"]
_COPIES = {f"{_ORDER}f2": lib.DTYPE["float16"], f"{_ORDER}u2": _BFLOAT16, f"{_ORDER}V2": _BFLOAT16}
_WORDS = {"f2": "float16", "f8": "float64", "c8": "complex64", "i4": "int32", "i8": "int64"}


def _type_error(name: str, typestr: str, wanted: str) -> TypeError:
    word = _WORDS.get(typestr[1:], typestr) if typestr[0] == _ORDER else typestr
    hint = f": {name}.astype(numpy.float32) is a copy of it" if word == "float64" and wanted == "float32" else ""
    return TypeError(f"{name} is {word}: it must be {wanted} in native byte order{hint}")


def _interface(
    array: Any, name: str, shape: tuple[int, ...] | None, dtypes: dict[str, int], written: bool
) -> tuple[int, tuple[int, ...], int]:
    """Address, shape and dtype of an array that is fit for the step; an exception that names it otherwise."""
    wanted = "float32" if dtypes is _FLOAT32 else "float16, or uint16 for the bits of bfloat16,"
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(array, numpy.generic):
        raise TypeError(f"{name} is a scalar, {type(array).__name__}, without memory to update: it must be an array")
    interface = getattr(array, "__array_interface__", None)
    if not isinstance(interface, dict) or not isinstance(interface.get("data"), tuple):
        raise TypeError(f"{name} is {type(array).__name__}: it must be an array of {wanted} (with __array_interface__)")
    if interface["typestr"] not in dtypes:
        raise _type_error(name, interface["typestr"], wanted)
    if interface.get("strides") is not None:
        strides = interface["strides"]
        raise ValueError(f"{name} has strides {strides}: it must be C-contiguous (numpy.ascontiguousarray)")
    address, read_only = interface["data"]
    if written and read_only:
        raise ValueError(f"{name} is read-only: it is written to in place")
    if shape is not None and interface["shape"] != shape:
        raise ValueError(f"{name} has the shape {interface['shape']}: it must be param's, {shape}")
    return address, interface["shape"], dtypes[interface["typestr"]]


def _column(arrays: Arrays, name: str, count: int) -> Sequence[Any]:
    if not isinstance(arrays, (list, tuple)):
        raise TypeError(f"{name} is {type(arrays).__name__}: it must be a list of arrays, as param is")
    if len(arrays) != count:
        raise ValueError(f"{name} has {len(arrays)} arrays: it must have as many as param, {count}")
    return arrays


def _table(columns: dict[str, Arrays], written_grad: bool = False) -> lib.Table:
    """The descriptors of arrays or lists of arrays by field; None stands for no array."""
    given = {field: arrays for field, arrays in columns.items() if arrays is not None}
    listed = isinstance(columns["param"], (list, tuple))
    if listed:
        count = len(columns["param"])
        given = {field: _column(arrays, field, count) for field, arrays in given.items()}
    else:
        count = 1
        given = {field: [array] for field, array in given.items()}
    table = lib.Table(count)
    shapes: list[tuple[int, ...] | None] = [None] * count
    for field, arrays in given.items():
        dtypes, written = _COPIES if field == "param_copy" else _FLOAT32, field != "grad" or written_grad
        addresses = []
        for index, array in enumerate(arrays):
            name = f"{field}[{index}]" if listed else field
            address, shapes[index], dtype = _interface(array, name, shapes[index], dtypes, written)
            addresses.append(address)
            if field == "param_copy":
                table.rows[index].copy_dtype = dtype
        table.fill(field, addresses)
    table.fill("n", [prod(shape or ()) for shape in shapes])
    return table


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
    decay: Decay = "decoupled",
    maximize: bool = False,
    arithmetic: Arithmetic = "accurate",
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
        TypeError: an argument is no float32 array, or no number. A NumPy scalar is no array: it has no memory.
        ValueError: a shape, stride, range or name is wrong, or two arrays of a tensor overlap.
        RuntimeError: ADAMW_ISA in the environment names an instruction set that cannot run here.
        Nothing was written then. Two tensors of a call must not overlap; this alone is not checked.

    The bits are the same for every instruction set, thread count and split of the list. Calls with other arrays may
    run at the same time in other threads (the interpreter's lock is released).

    Source: Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2; Kingma & Ba 2015 (arXiv:1412.6980); amsgrad:
    Reddi et al. 2018 (arXiv:1904.09237).
    """
    number = whole(step, "step", 1, 2**64, "an integer from 1")
    config = config_of(lr, betas, eps, weight_decay, decay, maximize, arithmetic, max_exp_avg_sq is not None)
    most = whole(threads, "threads", 0, 2**31, "0 (the library decides) or a number of threads")
    columns = {"param": param, "grad": grad, "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq,
               "max_exp_avg_sq": max_exp_avg_sq}
    table = _table(columns)
    status = lib.library.adamw_step(config, number, table.rows, table.count, most)
    if status != lib.OK:
        raise lib.error_of(status, lib.explain(config, number, table, most))


def adamw_update(
    param: Arrays,
    grad: Arrays,
    exp_avg: Arrays,
    exp_avg_sq: Arrays,
    step: int,
    *,
    max_exp_avg_sq: Arrays | None = None,
    param_ema: Arrays | None = None,
    param_copy: Arrays | None = None,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-4,
    decay: Decay = "decoupled",
    maximize: bool = False,
    arithmetic: Arithmetic = "accurate",
    grad_scale: float = 1.0,
    clip: Clip = "none",
    clip_max: float | None = None,
    skip_not_finite: bool = False,
    ema: Ema = "none",
    ema_decay: float | None = None,
    zero_grad: bool = False,
    tensor_norms: bool = False,
    report_norm: bool = False,
    report_ratio: bool = False,
    threads: int = 0,
) -> UpdateReport:
    """adamw_step() with what trainers do around it, in one pass over memory (two with a clip by norm or a skip).

    Args: adamw_step()'s, and
        param_ema: the average of the parameters, of param's shape, zeros before step 1; with `ema`. Read and written.
        param_copy: float16 (or uint16, for the bits of bfloat16) arrays that get the new parameters. Only written.
        grad_scale: multiplies each gradient before anything else.
        clip, clip_max: "global_norm" and "tensor_norm" scale gradients down to a norm, together or each tensor's
            alone; "value" limits each gradient to [-clip_max, clip_max].
        skip_not_finite: nothing is updated where a gradient is infinite or NaN: the report says `skipped`.
        ema, ema_decay: "constant", "swa_utils", "timm" or "bias_corrected", as include/adamw.h defines them.
        zero_grad: clears the gradients at the end.
        tensor_norms, report_norm, report_ratio: fill in these of the report's figures.

    Returns: what was found, an UpdateReport.

    Raises: as adamw_step(); nothing was written then.
    """
    number = whole(step, "step", 1, 2**64, "an integer from 1")
    config = config_of(lr, betas, eps, weight_decay, decay, maximize, arithmetic, max_exp_avg_sq is not None)
    most = whole(threads, "threads", 0, 2**31, "0 (the library decides) or a number of threads")
    columns = {"param": param, "grad": grad, "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq,
               "max_exp_avg_sq": max_exp_avg_sq, "param_ema": param_ema, "param_copy": param_copy}
    table = _table(columns, written_grad=zero_grad)
    options, norms = options_of(
        table.count, grad_scale=grad_scale, clip=clip, clip_max=clip_max, skip_not_finite=skip_not_finite, ema=ema,
        ema_decay=ema_decay, copy=param_copy is not None, zero_grad=zero_grad, tensor_norms=tensor_norms,
        report_norm=report_norm, report_ratio=report_ratio,
    )
    return update(config, number, table, options, norms, "param", most)
