"""_llmc.py - the state file of llm.c (state_*.bin): a header of 256 integers, the moments as one row of float32 each,
the float32 parameters with use_master_weights, and where the data is shuffled its order.
"""
from __future__ import annotations

import ctypes
import os
import struct
import tempfile
from typing import NamedTuple

import torch
from torch import Tensor

_HEADER, _MAGIC, _VERSION = struct.Struct("<256i"), 20240527, 1
_COUNT, _RANDOM_STATE = struct.Struct("<Q"), 2520  # size_t; sizeof(mt19937_state)


class LlmcState(NamedTuple):
    """What a state file has: the moments as one row each."""

    step: int
    exp_avg: Tensor
    exp_avg_sq: Tensor
    master: Tensor | None  #: float32 parameters, with use_master_weights
    header: tuple[int, ...] = ()  #: its 256 integers: processes, rank, random state, place in the data; (): a new one
    rest: bytes = b""  #: behind the tensors: the shuffled order of the data

    def tensors(self, shapes: dict[str, tuple[int, ...]]) -> dict[str, dict[str, Tensor]]:
        """The rows cut into parameters, in the order of the dictionary: {name: {"step", "exp_avg", ...}}."""
        sizes = [int(torch.Size(shape).numel()) for shape in shapes.values()]
        if sum(sizes) != self.exp_avg.numel():
            raise ValueError(f"the shapes have {sum(sizes)} values, and the file {self.exp_avg.numel()}")
        result: dict[str, dict[str, Tensor]] = {name: {"step": torch.tensor(float(self.step))} for name in shapes}
        rows = {"exp_avg": self.exp_avg, "exp_avg_sq": self.exp_avg_sq}
        for key, row in (rows | ({"param": self.master} if self.master is not None else {})).items():
            for (name, shape), part in zip(shapes.items(), torch.split(row, sizes)):
                result[name][key] = part.reshape(shape)
        return result


def read_llmc(path: str | os.PathLike[str], parameters: int | None = None) -> LlmcState:
    """Reads a state file of llm.c. One of several processes (ZeRO-1) has the shards of that process.

    Args:
        path: the file.
        parameters: how many the file has; may be left out where the data is not shuffled (should_shuffle 0).

    Raises: ValueError: no such file of version 1, cut or longer; the message has the byte. OSError.
    """
    with open(path, "rb") as file:
        data = bytearray(file.read())
    name = os.fspath(path)
    if len(data) < _HEADER.size:
        raise ValueError(f"{name}: byte {len(data)}: cut: an llm.c state begins with 1,024 bytes of header")
    header = _HEADER.unpack_from(data)
    if header[0] != _MAGIC or header[1] != _VERSION:
        raise ValueError(f"{name}: byte 0: {header[0]}, version {header[1]}: an llm.c state begins with {_MAGIC} "
                         f"and version {_VERSION}")
    if header[4] not in (0, 1) or header[5] not in (0, 1) or header[10] < 0:
        raise ValueError(f"{name}: byte 16: use_master_weights, should_shuffle and step are {header[4]}, {header[5]} "
                         f"and {header[10]}: they must be 0 or 1, 0 or 1, and not negative")
    rows, size = 2 + header[4], len(data) - _HEADER.size
    if parameters is None:
        if header[5]:
            raise ValueError(f"{name}: the data is shuffled, and its order stands behind the tensors: parameters must "
                             "say how many the file has")
        if size % (4 * rows):
            raise ValueError(f"{name}: byte {len(data)}: cut: {size} bytes of tensors are no {rows} rows of float32")
        parameters = size // (4 * rows)
    end = _HEADER.size + 4 * rows * parameters
    _check_rest(name, data, end, bool(header[5]))
    values = torch.empty(rows, parameters)
    if parameters:
        ctypes.memmove(values.data_ptr(), bytes(data[_HEADER.size:end]), end - _HEADER.size)
    return LlmcState(header[10], values[0], values[1], values[2] if rows == 3 else None, header, bytes(data[end:]))


def _check_rest(name: str, data: bytearray, end: int, shuffled: bool) -> None:
    """The order of the shards, the order within one, and the random state."""
    if shuffled:
        for _ in range(2):
            if end + 8 <= len(data):
                end += 4 * _COUNT.unpack_from(data, end)[0]
            end += 8
        end += _RANDOM_STATE
    if end != len(data):
        how = "cut" if len(data) < end else "longer than its tensors"
        raise ValueError(f"{name}: byte {len(data)}: {how}: an llm.c "
                         f"state with these parameters ends at byte {end}")


def write_llmc(path: str | os.PathLike[str], state: LlmcState) -> None:
    """Writes such a file: what read_llmc() gave, with other values perhaps (state._replace(step=..., exp_avg=...)).

    `step` and whether there are master weights go into the header. The old file stays where an error comes.
    Raises: ValueError: a row is not float32 or of another length. OSError.
    """
    rows = [("exp_avg", state.exp_avg), ("exp_avg_sq", state.exp_avg_sq)]
    rows += [("master", state.master)] if state.master is not None else []
    for name, row in rows:
        if row.dtype != torch.float32 or row.shape != (state.exp_avg.numel(),):
            raise ValueError(f"{name} is {row.dtype} of shape {tuple(row.shape)}: it must be a torch.float32 row "
                             f"of {state.exp_avg.numel()}")
    header = list(state.header) if state.header else [0] * 256
    if not state.header:
        header[2] = 1  # processes
    header[0], header[1], header[4], header[10] = _MAGIC, _VERSION, len(rows) - 2, state.step
    data = bytearray(_HEADER.pack(*header))
    for _, row in rows:
        plain = row.detach().contiguous()
        data += ctypes.string_at(plain.data_ptr(), plain.nbytes) if plain.nbytes else b""
    data += state.rest
    _check_rest("the new state", data, len(data) - len(state.rest), bool(header[5]))
    target = os.path.realpath(path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".llmc.", suffix=".tmp")
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
