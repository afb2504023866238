"""_eight_bits.py - block-wise quantization to 8 bits, as bitsandbytes and torchao have it: a code for each value, a
scale for each block of 256. Which keys of a state hold them is convert.py's.
"""
from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

BLOCK = 256  # values with one scale, in both packages



@lru_cache
def dynamic_map(signed: bool) -> Tensor:
    """The 256 values of dynamic tree quantization (Dettmers 2015), as both packages make them."""
    values: list[float] = [0.0, 1.0]
    for exponent in range(7):
        steps = torch.linspace(0.1, 1, 2 ** (exponent if signed else exponent + 1) + 1)
        means = 10 ** (exponent - 6) * ((steps[:-1] + steps[1:]) / 2)
        values += means.tolist() + ((-means).tolist() if signed else [])
    return torch.tensor(sorted(values), dtype=torch.float32)


def dequantize(codes: Tensor, scales: Tensor, values: Tensor, block: int = BLOCK) -> Tensor:
    """values[code] * the block's scale: one float32 product, as both packages compute it."""
    flat = values[codes.reshape(-1).long()]
    return (flat * scales.repeat_interleave(block)[: flat.numel()]).reshape(codes.shape)


def _nearest(scaled: Tensor, values: Tensor) -> Tensor:
    above = torch.searchsorted(values, scaled.contiguous()).clamp(1, len(values) - 1)
    below = above - 1
    return torch.where(scaled - values[below] < values[above] - scaled, below, above)


def _codes(rows: Tensor, scale: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest codes under these scales, and in which rows they give every bit back."""
    codes = _nearest(torch.where(scale > 0, rows / scale, 0.0), values)
    # Without a scale all codes are zeros, of the sign that the code has.
    zero = torch.where(torch.signbit(rows), 0 if values[0] < 0 else 255, int((values == 0).nonzero()[0]))
    codes = torch.where(scale > 0, codes, zero)
    back = values[codes] * scale
    return codes, (back.view(torch.int32) == rows.view(torch.int32)).all(1)


def quantize(tensor: Tensor, values: Tensor, block: int = BLOCK) -> tuple[Tensor, Tensor]:
    """Codes and scales whose dequantize() is nearest to the tensor, and the tensor itself where some give it back.

    A block that was quantized before has a scale under which every value is a code's: it is the largest value over one
    of the codes, to within an ulp. So each code is tried, first on a few values; only what none fits takes the
    largest value itself as scale.
    """
    flat = tensor.detach().float().reshape(-1)
    rows = torch.nn.functional.pad(flat, (0, -flat.numel() % block)).reshape(-1, block)
    largest, place = rows.abs().max(1, keepdim=True)
    top = rows.gather(1, place)
    scale = largest.clone()
    codes, open_ = _codes(rows, scale, values)
    open_ = ~open_ & torch.isfinite(largest[:, 0])
    for value in sorted(values[values != 0].tolist(), key=abs, reverse=True):
        if not open_.any():
            break
        for ulps in (0, -1, 1):
            index = open_.nonzero()[:, 0]
            trial = (top[index] / value).contiguous()
            trial = (trial.view(torch.int32) + ulps).view(torch.float32)
            index, trial = index[trial[:, 0] > 0], trial[trial[:, 0] > 0]
            few = _codes(rows[index, :8], trial, values)[1]
            index, trial = index[few], trial[few]
            found, exact = _codes(rows[index], trial, values)
            codes[index[exact]], scale[index[exact]] = found[exact], trial[exact]
            open_[index[exact]] = False
    return codes.reshape(-1)[: flat.numel()].reshape(tensor.shape).to(torch.uint8), scale[:, 0]
