"""_save.py - save() and load(): a torch optimizer, with model and schedule, in a safetensors file.

The names are those of kernels/files/README.md, so that C programs read and write the same files. Everything is looked
at before anything is taken over. torch is imported when a function is called.
"""
from __future__ import annotations

import copy
import ctypes
import functools
import json
import os
from typing import TYPE_CHECKING, Any

from . import _library as lib
from ._file import File, Stored, numbers, scalar, write

if TYPE_CHECKING:
    import torch

    from ._schedule import Schedule

_GROUPS = "torch.param_groups"  # metadata: what groups have beside the hyperparameters, as JSON
_NUMBERS = ("lr", "eps", "weight_decay")
_FLAGS = {"amsgrad": False, "maximize": False, "decoupled_weight_decay": True}  # where a group does not have them
_ORDER = ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq", "param_residual", "param_ema")  # in a state


@functools.cache
def _dtypes() -> dict[torch.dtype, str]:
    import torch

    names = {"F32": "float32", "BF16": "bfloat16", "F16": "float16", "F64": "float64", "I8": "int8", "U8": "uint8",
             "I16": "int16", "U16": "uint16", "I32": "int32", "U32": "uint32", "I64": "int64", "U64": "uint64",
             "BOOL": "bool", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
             "C64": "complex64"}
    return {getattr(torch, name): dtype for dtype, name in names.items() if hasattr(torch, name)}


def stored(tensor: torch.Tensor, name: str) -> Stored:
    """A tensor as the file takes it, copied where its values do not lie in memory in their order."""
    import torch

    from ._check import is_plain

    if not isinstance(tensor, torch.Tensor) or not is_plain(tensor):
        raise TypeError(f"{name!r} is a {type(tensor).__name__}: it must be a torch.Tensor with memory of its own; a "
                        "sharded one is torch.distributed.checkpoint's to save")
    if tensor.dtype not in _dtypes() or tensor.layout is not torch.strided or tensor.is_meta:
        raise TypeError(f"{name!r} is {tensor.dtype}, {tensor.layout} on {tensor.device}: it must be a dense tensor of "
                        "a dtype that safetensors has")
    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    return Stored(_dtypes()[plain.dtype], tuple(plain.shape), plain.data_ptr(), plain.nbytes, plain)


def tensor_of(found: Stored, like: torch.Tensor | None = None) -> torch.Tensor:
    """A copy of a file's tensor; `like` another one's order in memory and device."""
    import torch

    dtype = next(torch_dtype for torch_dtype, name in _dtypes().items() if name == found.dtype)
    plain = torch.empty(found.shape, dtype=dtype)
    if found.bytes:
        ctypes.memmove(plain.data_ptr(), found.data, found.bytes)
    if like is None or (like.is_contiguous() and like.device == plain.device):
        return plain
    return torch.empty_like(like, dtype=dtype, requires_grad=False).copy_(plain)


# ---- names ----


def _names(optimizer: torch.optim.Optimizer, model: torch.nn.Module | None) -> list[list[str]]:
    """Of the parameters of each group: the model's names, or the optimizer's own, or their numbers."""
    of_model: dict[torch.Tensor, str] = {}
    if model is not None:
        for name, param in model.named_parameters(remove_duplicate=False):
            of_model.setdefault(param, name)
    names, count = [], 0
    for number, group in enumerate(optimizer.param_groups):
        row = []
        for place, param in enumerate(group["params"]):
            if model is not None and param not in of_model:
                raise ValueError(f"parameter {place} of group {number} is none of the model's: `model` must have all "
                                 "parameters of the optimizer")
            own = group["param_names"][place] if "param_names" in group else str(count)
            row.append(of_model[param] if model is not None else own)
            count += 1
        names.append(row)
    every = [name for row in names for name in row]
    if len(set(every)) != len(every):
        name = next(name for name in every if every.count(name) > 1)
        raise ValueError(f"two parameters are called {name!r}: names must be different")
    return names


def _check_optimizer(optimizer: Any, model: Any, schedule: Any) -> None:
    import torch

    from ._schedule import Schedule

    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(f"optimizer is a {type(optimizer).__name__}: it must be a torch.optim.AdamW or Adam, or "
                        "libadamw's")
    for number, group in enumerate(optimizer.param_groups):
        missing = {"lr", "betas", "eps", "weight_decay"} - set(group)
        if missing:
            raise TypeError(f"group {number} of the optimizer has no {sorted(missing)[0]!r}: it must be a "
                            "torch.optim.AdamW or Adam, or libadamw's")
    if model is not None and not isinstance(model, torch.nn.Module):
        raise TypeError(f"model is a {type(model).__name__}: it must be a torch.nn.Module")
    if schedule is not None and not isinstance(schedule, Schedule):
        raise TypeError(f"schedule is a {type(schedule).__name__}: it must be a libadamw.Schedule; torch's schedulers "
                        "have a state_dict of plain numbers")


# ---- saving ----


def _decoupled(group: dict[str, Any], optimizer: torch.optim.Optimizer) -> bool:
    import torch

    if "decoupled_weight_decay" in group:
        return bool(group["decoupled_weight_decay"])
    return isinstance(optimizer, torch.optim.AdamW)


def _hyperparameters(group: dict[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Stored]:
    arithmetic = lib.ARITHMETIC[getattr(optimizer, "arithmetic", "torch")]
    rounding = getattr(getattr(optimizer, "precision", None), "rounding", "nearest")
    result = {key: scalar("F64", float(group[key])) for key in _NUMBERS}
    result["betas"] = scalar("F64", *map(float, group["betas"]))
    result["decoupled_weight_decay"] = scalar("BOOL", _decoupled(group, optimizer))
    result |= {key: scalar("BOOL", bool(group.get(key, False))) for key in ("amsgrad", "maximize")}
    return result | {"arithmetic": scalar("U8", arithmetic), "bias_correction": scalar("BOOL", True),
                     "rounding": scalar("U8", lib.ROUNDING[rounding])}


def _other_options(groups: list[dict[str, Any]], names: list[list[str]]) -> str:
    known = {"params", "param_names", "betas", *_NUMBERS, *_FLAGS}
    rows = []
    for number, (group, row) in enumerate(zip(groups, names)):
        options = {key: value for key, value in group.items() if key not in known}
        for key, value in options.items():
            try:
                kept = json.loads(json.dumps(value)) == value
            except (TypeError, ValueError):
                kept = False
            if not kept:
                raise TypeError(f"{key!r} of group {number} is {value!r}: it must be a number, text, None, a "
                                "truth value or a list of these, to be saved")
        rows.append({"params": row, "options": options})
    return json.dumps(rows)


def save(
    path: str | os.PathLike[str],
    optimizer: torch.optim.Optimizer,
    *,
    schedule: Schedule | None = None,
    model: torch.nn.Module | None = None,
) -> None:
    """Saves an optimizer, and with it a model and a schedule, as a safetensors file that load() goes on from.

    Args:
        path: the file, replaced whole or left as it was, whatever happens in between; a symbolic link is followed.
        optimizer: torch.optim.AdamW or Adam, or libadamw's. Its state_dict() is saved to the bit.
        schedule: a libadamw.Schedule.
        model: its state_dict() is saved under its own names, and its parameters' names are the state's. Without it
            those are the optimizer's (named_parameters() gives it some), or "0", "1" and so on.

    Raises:
        TypeError, ValueError: something cannot be saved; the message names the tensor.
        OSError: the system refuses the file. The old one is as it was, in each case.

    The names in the file, which C programs read as well, are in kernels/files/README.md.
    """
    import torch

    _check_optimizer(optimizer, model, schedule)
    names = _names(optimizer, model)
    state_dict = optimizer.state_dict()
    tensors: dict[str, Stored] = {}
    for name, value in (model.state_dict() if model is not None else {}).items():
        if name.startswith(("state.", "param_groups.", "loss_scale.")):
            raise ValueError(f"the model has a tensor {name!r}: names that begin with 'state.', 'param_groups.' and "
                             "'loss_scale.' are the optimizer's")
        tensors[name] = stored(value, name)
    for group, packed, row in zip(optimizer.param_groups, state_dict["param_groups"], names):
        options = _hyperparameters(packed, optimizer)
        for name, number in zip(row, packed["params"]):
            for key, value in state_dict["state"].get(number, {}).items():
                full = f"state.{name}.{key}"
                if key == "step" and not isinstance(value, torch.Tensor):
                    value = torch.tensor(float(value))
                tensors[full] = stored(value, full)
            tensors |= {f"param_groups.{name}.{key}": value for key, value in options.items()}
    metadata = {_GROUPS: _other_options(state_dict["param_groups"], names)}
    if schedule is not None:
        metadata["adamw.schedule"] = schedule.state_dict()["schedule"]
    write(path, tensors, metadata)


# ---- loading ----


def _states_of(file: File) -> dict[str, dict[str, Stored]]:
    """The tensors "state.NAME.KEY" of the file, by name and key."""
    states: dict[str, dict[str, Stored]] = {}
    for full, value in file.items():
        if full.startswith("state."):
            name, _, key = full[len("state."):].rpartition(".")
            states.setdefault(name, {})[key] = value
    return states


def _state_of(file: File, name: str, found: dict[str, Stored], param: torch.Tensor,
              optimizer: torch.optim.Optimizer, amsgrad: bool) -> dict[str, torch.Tensor]:
    """The state of one parameter, with the dtypes that the optimizer has or would make."""
    from ._precision import loaded_dtype

    there = {key: value for key, value in optimizer.state.get(param, {}).items() if hasattr(value, "dtype")}
    dtypes = {dtype: torch_dtype for torch_dtype, dtype in _dtypes().items()}
    prefix = f"state.{name}."
    if not found:
        return {}
    for key in ("step", "exp_avg", "exp_avg_sq") + ("max_exp_avg_sq",) * amsgrad:
        if key not in found:
            raise ValueError(f"{file.path} has no tensor '{prefix}{key}', and has others of {name!r}")
    state = {}
    for key in sorted(found, key=lambda key: _ORDER.index(key) if key in _ORDER else len(_ORDER)):
        full, value = prefix + key, found[key]
        if key == "step":
            state[key] = _step_of(file, full, value)
            continue
        if value.shape != tuple(param.shape):
            raise ValueError(f"{file.path}: tensor {full!r} has the shape {value.shape}: the parameter here has "
                             f"{tuple(param.shape)}")
        wanted = there[key].dtype if key in there else loaded_dtype(optimizer, key, param)
        if dtypes.get(value.dtype) != wanted:
            raise ValueError(f"{file.path}: tensor {full!r} is {value.dtype}: the optimizer here has {wanted}")
        state[key] = tensor_of(value, param)
    return state


def _step_of(file: File, name: str, value: Stored) -> torch.Tensor:
    """The count as torch keeps it, in float32, whichever dtype it was written in."""
    import torch

    if value.dtype not in ("F32", "F64", "I64", "U64", "I32") or value.shape not in ((), (1,)):
        raise ValueError(f"{file.path}: tensor {name!r} is {value.dtype} of shape {value.shape}: it must be one "
                         "value of I64, U64, I32, F32 or F64")
    count = numbers(value)[0]
    step = torch.tensor(float(count), dtype=torch.float32)
    if not (count >= 0 and count == int(count) and step.item() == count):
        raise ValueError(f"{file.path}: tensor {name!r} is {count}: it must be a whole number of steps from 0 that "
                         "float32, in which torch counts them, can hold")
    return tensor_of(value) if value.dtype == "F32" else step.reshape(value.shape)


def _options_of(file: File, name: str) -> dict[str, Any]:
    """The hyperparameters that a parameter was saved with, as a group has them."""
    options: dict[str, Any] = {}
    for key, dtype, count in (*((key, "F64", 1) for key in _NUMBERS), ("betas", "F64", 2),
                              *((key, "BOOL", 1) for key in _FLAGS)):
        full = f"param_groups.{name}.{key}"
        if full not in file:
            raise ValueError(f"{file.path} has no tensor {full!r}: it must have the hyperparameters of every parameter "
                             "here")
        value = file[full]
        if value.dtype != dtype or value.shape != (() if count == 1 else (count,)):
            raise ValueError(f"{file.path}: tensor {full!r} is {value.dtype} of shape {value.shape}: it must be "
                             f"{dtype} with {count} value{'s' * (count > 1)}")
        found = numbers(value)
        options[key] = found if count > 1 else bool(found[0]) if dtype == "BOOL" else found[0]
    return options


def _other_options_of(file: File) -> dict[str, dict[str, Any]]:
    """What torch's groups had beside the hyperparameters, by the first parameter's name; nothing in others' files."""
    try:
        rows = json.loads(file.metadata.get(_GROUPS, "[]"))
        return {row["params"][0]: dict(row["options"]) for row in rows if row["params"]}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise ValueError(f"{file.path}: the text {_GROUPS!r} is not what libadamw.save() writes") from None


def _group_of(file: File, group: dict[str, Any], row: list[str], others: dict[str, dict[str, Any]],
              decoupled: bool) -> dict[str, Any]:
    """The group as load_state_dict() takes it: the file's hyperparameters, which its parameters have in common."""
    import torch

    result = {key: value for key, value in group.items() if key not in ("params", "param_names")}
    if not row:
        return result
    options = _options_of(file, row[0])
    for name in row[1:]:
        other = _options_of(file, name)
        for key, value in options.items():
            if other[key] != value:
                raise ValueError(f"{file.path}: {key} is {value} for {row[0]!r} and {other[key]} for {name!r}: the "
                                 "optimizer here has them in one group")
    if options["decoupled_weight_decay"] != decoupled:
        raise ValueError(f"{file.path}: decoupled_weight_decay is {options['decoupled_weight_decay']} for "
                         f"{row[0]!r}: the optimizer here has {decoupled}")
    if "decoupled_weight_decay" not in group:
        del options["decoupled_weight_decay"]
    result |= others.get(row[0], {})
    for key, value in options.items():
        here = group.get(key)
        if isinstance(here, torch.Tensor):
            value = torch.full_like(here, value)
        elif key == "betas":
            value = tuple(torch.full_like(old, new) if isinstance(old, torch.Tensor) else new
                          for old, new in zip(group["betas"], value))
        result[key] = value
    return result


def _model_of(file: File, model: torch.nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Pairs of a model's tensor and its saved values."""
    pairs = []
    dtypes = _dtypes()
    for name, tensor in model.state_dict().items():
        if name not in file:
            raise ValueError(f"{file.path} has no tensor {name!r}, which the model has")
        value = file[name]
        if value.shape != tuple(tensor.shape) or value.dtype != dtypes.get(tensor.dtype):
            raise ValueError(f"{file.path}: tensor {name!r} is {value.dtype} of shape {value.shape}: the model has "
                             f"{dtypes.get(tensor.dtype)} of {tuple(tensor.shape)}")
        pairs.append((tensor, tensor_of(value)))
    return pairs


def load(
    path: str | os.PathLike[str],
    optimizer: torch.optim.Optimizer,
    *,
    schedule: Schedule | None = None,
    model: torch.nn.Module | None = None,
) -> None:
    """Goes on from a file that save(), or a C program by adamw_save_state(), wrote: to the bit.

    Args:
        path: the file, or the index of several (NAME.safetensors.index.json) with whole tensors.
        optimizer: gets states and groups through its load_state_dict(). Its parameters must have the names, shapes
            and dtypes of the file's, in any order; so it may be torch's where libadamw's was saved, and the other way
            round.
        schedule: must have the recipe that was saved; needed where the file has one.
        model: its tensors get their saved values. Its names are the parameters'.

    Raises:
        ValueError: the file is damaged or of another run; the message names the tensor. Nothing was loaded.
        NotImplementedError: it has a dtype that this version does not know.
        TypeError: an argument is of another kind. OSError: the file cannot be read.
    """
    import torch

    _check_optimizer(optimizer, model, schedule)
    names = _names(optimizer, model)
    with File(path) as file:
        states, others = _states_of(file), _other_options_of(file)
        groups, state, number = [], {}, 0
        for group, row in zip(optimizer.param_groups, names):
            loaded = _group_of(file, group, row, others, _decoupled(group, optimizer))
            for param, name in zip(group["params"], row):
                found = _state_of(file, name, states.pop(name, {}), param, optimizer,
                                  bool(loaded.get("amsgrad", False)))
                if found:
                    state[number] = found
                number += 1
            groups.append(loaded | {"params": list(range(number - len(row), number))}
                          | ({"param_names": group["param_names"]} if "param_names" in group else {}))
        for full in file:
            if full.startswith("state.") and full[len("state."):].rpartition(".")[0] in states:
                raise ValueError(f"{file.path} has {full!r}, which the optimizer here has no parameter for")
        pairs = _model_of(file, model) if model is not None else []
        text = file.metadata.get("adamw.schedule")
    if (text is None) != (schedule is None):
        raise ValueError(f"{os.fspath(path)} has {'no' if text is None else 'a'} schedule, and schedule is "
                         f"{'one' if text is None else 'None'}: give it the one of the run")
    if schedule is not None and text is not None:
        copy.deepcopy(schedule).load_state_dict({"schedule": text})  # on trial
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    _keep_dtypes(optimizer, state)
    with torch.no_grad():
        for tensor, value in pairs:
            tensor.copy_(value)
    if schedule is not None and text is not None:
        schedule.load_state_dict({"schedule": text})


def _keep_dtypes(optimizer: torch.optim.Optimizer, state: dict[int, dict[str, torch.Tensor]]) -> None:
    """torch gives every loaded state its parameter's dtype; these have their own."""
    params = [param for group in optimizer.param_groups for param in group["params"]]
    for number, values in state.items():
        for key, value in values.items():
            if key != "step" and optimizer.state[params[number]][key].dtype != value.dtype:
                optimizer.state[params[number]][key] = value.to(params[number].device)
