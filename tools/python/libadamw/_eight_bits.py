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
    return codes, (back.view(torch.int32) == rows.view(torch.int32)).all(-1)


def _fitting_scales(rows: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """For each row every scale that makes its largest value a code's, and which of them fit its eight largest ones."""
    few = rows.gather(1, rows.abs().topk(min(8, rows.shape[1]), 1).indices)
    order = values[values != 0]
    order = order[order.abs().argsort(descending=True)]
    scales = (few[:, :1] / order).view(torch.int32)
    scales = torch.cat([scales, scales - 1, scales + 1], 1).view(torch.float32)
    fits = _codes(few[:, None, :].expand(-1, scales.shape[1], -1), scales[:, :, None], values)[1]
    return scales, fits & (scales > 0) & scales.isfinite()


def quantize(tensor: Tensor, values: Tensor, block: int = BLOCK) -> tuple[Tensor, Tensor]:
    """Codes and scales whose dequantize() is nearest to the tensor, and the tensor itself where some give it back.

    A block that was quantized before has a scale under which every value is a code's: it is the largest value over one
    of the codes, to within an ulp. So each code is tried, first on a few values; only what none fits takes the
    largest value itself as scale.
    """
    flat = tensor.detach().float().reshape(-1)
    rows = torch.nn.functional.pad(flat, (0, -flat.numel() % block)).reshape(-1, block)
    scale = rows.abs().amax(1, keepdim=True)
    codes, exact = _codes(rows, scale, values)
    for index in torch.split((~exact & scale[:, 0].isfinite()).nonzero()[:, 0], 1024):  # 25 MB each
        trials, fits = _fitting_scales(rows[index], values)
        while (some := fits.any(1)).any():
            index, trials, fits = index[some], trials[some], fits[some]
            place = fits.int().argmax(1, keepdim=True)
            trial = trials.gather(1, place)
            found, right = _codes(rows[index], trial, values)
            codes[index[right]], scale[index[right]] = found[right], trial[right]
            fits = fits.scatter(1, place, False) & ~right[:, None]
    return codes.reshape(-1)[: flat.numel()].reshape(tensor.shape).to(torch.uint8), scale[:, 0]
