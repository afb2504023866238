"""convert.py - states of other optimizers to and from those of torch.optim.AdamW with float32 moments.

    state_dict = libadamw.convert.from_bitsandbytes(optimizer.state_dict())
    libadamw.torch.AdamW(parameters).load_state_dict(state_dict)

bitsandbytes' and torchao's 8-bit states, TransformerEngine's 16-bit remainders of parameters, llm.c's state file. Every
function returns new dictionaries and leaves its argument as it is. A state that came from a target goes back into it
bit for bit; other values are rounded to the nearest that it has. Needs torch, and torchao for to_torchao().
"""
from __future__ import annotations

from typing import Any, Callable

import torch
from torch import Tensor

from ._eight_bits import BLOCK, dequantize, dynamic_map, quantize
from ._llmc import LlmcState, read_llmc, write_llmc
from ._masters import REMAINDER, join, split

__all__ = ["LlmcState", "from_bitsandbytes", "from_torchao", "from_transformer_engine", "read_llmc",
           "to_bitsandbytes", "to_torchao", "to_transformer_engine", "write_llmc"]

StateDict = dict[str, Any]
_MOMENTS = ("exp_avg", "exp_avg_sq")
_LEAST = 4096  # both keep smaller parameters in float32
_WRAPPED = "__bnb_optimizer_quant_state__"  # where bitsandbytes' state_dict() puts what is quantized


def _map_states(state_dict: StateDict, change: Callable[[Any, dict[str, Any]], dict[str, Any]]) -> StateDict:
    if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= set(state_dict):
        raise TypeError("state_dict must be what an optimizer's state_dict() gives, with 'state' and 'param_groups'")
    state = {number: change(number, dict(values)) for number, values in state_dict["state"].items()}
    return {"state": state, "param_groups": [dict(group) for group in state_dict["param_groups"]]}


def _take(values: dict[str, Any], number: Any, key: str) -> Any:
    if key not in values:
        raise ValueError(f"the state of parameter {number} has no {key!r}, only {', '.join(map(repr, values))}")
    return values[key]


def _float32(values: dict[str, Any], number: Any, key: str) -> Tensor:
    value = _take(values, number, key)
    if not isinstance(value, Tensor) or value.dtype != torch.float32:
        raise ValueError(f"{key} of parameter {number} is {getattr(value, 'dtype', type(value).__name__)}: it must be "
                         "torch.float32")
    return value


# ---- bitsandbytes ----

_BNB = {"exp_avg": ("state1", "absmax1", "qmap1"), "exp_avg_sq": ("state2", "absmax2", "qmap2")}


def from_bitsandbytes(state_dict: StateDict) -> StateDict:
    """The state_dict() of bitsandbytes.optim.AdamW or AdamW8bit, as one of torch.optim.AdamW.

    Raises: TypeError, ValueError: it is none; the message names the parameter's number and the key.
    """

    def change(number: Any, values: dict[str, Any]) -> dict[str, Any]:
        values |= values.pop(_WRAPPED, {})
        state = {"step": torch.tensor(float(_take(values, number, "step")))}
        for key, (codes, scales, qmap) in _BNB.items():
            value = _take(values, number, codes)
            if value.dtype == torch.uint8:
                value = dequantize(value, _take(values, number, scales), _take(values, number, qmap))
            state[key] = value.float().clone()
        return state

    return _map_states(state_dict, change)


def to_bitsandbytes(state_dict: StateDict) -> StateDict:
    """A state_dict() of torch.optim.AdamW with float32 moments, as one of bitsandbytes.optim.AdamW8bit.

    Parameters below 4,096 values stay in float32, as bitsandbytes has them. Raises: TypeError, ValueError.
    """

    def change(number: Any, values: dict[str, Any]) -> dict[str, Any]:
        state: dict[str, Any] = {"step": int(_take(values, number, "step"))}
        packed: dict[str, Tensor] = {}
        for key, (codes, scales, qmap) in _BNB.items():
            value = _float32(values, number, key)
            if value.numel() < _LEAST:
                packed[codes] = value.clone()
                continue
            packed[qmap] = dynamic_map(key == "exp_avg")
            packed[codes], packed[scales] = quantize(value, packed[qmap])
        return state | {_WRAPPED: packed}

    return _map_states(state_dict, change)


# ---- torchao ----


def _with_rates(state_dict: StateDict, change: Callable[[Any], Any]) -> StateDict:
    for group in state_dict["param_groups"]:
        group["lr"] = change(group["lr"])
    return state_dict


def from_torchao(state_dict: StateDict) -> StateDict:
    """The state_dict() of torchao.optim.AdamW8bit, as one of torch.optim.AdamW. The rate, a tensor there, is a number.

    Raises: TypeError, ValueError: it is none; the message names the parameter's number and the key.
    """

    def change(number: Any, values: dict[str, Any]) -> dict[str, Any]:
        state = {"step": _take(values, number, "step").clone()}
        for key in _MOMENTS:
            value = _take(values, number, key)
            if type(value) is not Tensor:
                if not all(hasattr(value, name) for name in ("codes", "scale", "qmap", "block_size")) \
                        or value.codes.numel() != value.numel():
                    raise ValueError(f"{key} of parameter {number} is a {type(value).__name__}: it must be an 8-bit "
                                     "state with codes, scale and qmap, or a Tensor")
                value = dequantize(value.codes, value.scale, value.qmap, value.block_size)
            state[key] = value.float().clone()
        return state

    return _with_rates(_map_states(state_dict, change), float)


def to_torchao(state_dict: StateDict) -> StateDict:
    """A state_dict() of torch.optim.AdamW with float32 moments, as one of torchao.optim.AdamW8bit.

    Parameters below 4,096 values, or whose size is no multiple of 256, stay in float32, as torchao has them. The rate
    becomes a float32 tensor, as it is there.
    Raises: ImportError without torchao; TypeError, ValueError.
    """
    from torchao.optim.subclass_8bit import OptimState8bit  # type: ignore[import-not-found]

    def change(number: Any, values: dict[str, Any]) -> dict[str, Any]:
        state: dict[str, Any] = {"step": _float32(values, number, "step").clone()}
        for key in _MOMENTS:
            value = _float32(values, number, key)
            if value.numel() < _LEAST or value.numel() % BLOCK:
                state[key] = value.clone()
                continue
            signed = key == "exp_avg"
            codes, scales = quantize(value, dynamic_map(signed))
            state[key] = OptimState8bit(codes, scales, dynamic_map(signed).clone(), signed, dtype=torch.float32)
        return state

    return _with_rates(_map_states(state_dict, change), lambda lr: torch.tensor(float(lr), dtype=torch.float32))


# ---- TransformerEngine: float32 parameters as bfloat16 and a remainder of 16 bits ----


def _numbered(state_dict: StateDict, params: list[Tensor]) -> dict[Any, Tensor]:
    numbers = [number for group in state_dict["param_groups"] for number in group["params"]]
    if len(numbers) != len(params):
        raise ValueError(f"params has {len(params)} tensors: the state's groups have {len(numbers)}")
    return dict(zip(numbers, params))


def from_transformer_engine(state_dict: StateDict, params: list[Tensor]) -> tuple[StateDict, list[Tensor]]:
    """The state_dict() of TransformerEngine's FusedAdam (store_param_remainders) and its bfloat16 parameters, in the
    order of its groups, as one of torch.optim.AdamW and the float32 parameters.

    A master_param in float32 is taken as it is; a parameter without state is widened. Moments must be floating-point.
    Raises: TypeError, ValueError: the message names the parameter's number and the key.
    """
    result = _map_states(state_dict, lambda number, values: values)
    numbered = _numbered(result, params)
    steps: dict[Any, Any] = {}
    for group in result["param_groups"]:
        steps |= dict.fromkeys(group["params"], group.pop("step", None))
    masters: dict[Any, Tensor] = {number: param.detach().float() for number, param in numbered.items()}
    for number, values in result["state"].items():
        if values.get("step", steps.get(number)) is None:
            raise ValueError(f"neither parameter {number} nor its group has a 'step'")
        state = {"step": torch.tensor(float(values.get("step", steps.get(number))))}
        for key in _MOMENTS:
            value = _take(values, number, key)
            if not value.is_floating_point():
                raise ValueError(f"{key} of parameter {number} is {value.dtype}: it must be floating-point")
            state[key] = value.float().clone()
        master = _take(values, number, REMAINDER)
        masters[number] = master.clone() if master.dtype == torch.float32 else join(numbered[number], master)
        result["state"][number] = state
    return result, list(masters.values())


def to_transformer_engine(state_dict: StateDict, params: list[Tensor]) -> tuple[StateDict, list[Tensor]]:
    """The way back: a state_dict() of torch.optim.AdamW and its float32 parameters, as one of FusedAdam with
    remainders and the bfloat16 parameters. FusedAdam has one step for a group: others are refused.

    Raises: TypeError, ValueError: the message names the parameter's number and the key.
    """
    result = _map_states(state_dict, lambda number, values: values)
    numbered = _numbered(result, params)
    halves = {number: split(param) for number, param in numbered.items()}
    for place, group in enumerate(result["param_groups"]):
        steps = {int(_take(result["state"][number], number, "step"))
                 for number in group["params"] if number in result["state"]}
        if len(steps) > 1:
            raise ValueError(f"the parameters of group {place} have the steps {sorted(steps)}: FusedAdam has one step "
                             "for a group")
        group["step"] = steps.pop() if steps else 0
    for number, values in result["state"].items():
        result["state"][number] = {key: _float32(values, number, key).clone() for key in _MOMENTS} | {
            REMAINDER: halves[number][1]}
    return result, [half[0] for half in halves.values()]
