"""Writes tests/data/schedules.txt: what torch's and Hugging Face's own schedulers give, step by step.

    build/venv/bin/pip install transformers==5.24.0
    build/venv/bin/python tools/torch/schedules.py > tests/data/schedules.txt

Their code runs as it is, but for the cosine and the power, which are rounded correctly (mpmath, 200 bits): the C
library's last bits differ from one to the next. How often they do here is told at the end.

A trace is two lines: how it is to be compared, where it comes from and the recipe in this library's terms, then the
rates as the 16 hexadecimal digits of their bits. "exact": the same formula, so the same bits. "near": torch multiplies
the last rate by a quotient, or rounds the formula elsewhere, so within 16 ulp of the base rate. A plateau's trace is
the digest of rate, best, num_bad_epochs and cooldown_counter after each metric, then the rates after the cuts.
"""
import math
import struct
import sys
import types
import warnings

import mpmath
import numpy as np
import torch
import transformers
import transformers.optimization as hugging_face
from torch.optim import lr_scheduler

import inputs

warnings.filterwarnings("ignore")
mpmath.mp.prec = 200
counts = {"cosine": [0, 0], "power": [0, 0]}


def rounded(kind, exact, own):
    value = float(mpmath.mpf(exact, prec=53))
    counts[kind][0] += 1
    counts[kind][1] += value != own
    return value


def cosine(x):
    return rounded("cosine", mpmath.cos(mpmath.mpf(x)), math.cos(x))


class Power(float):
    """A float whose power, as base or exponent, is rounded correctly."""

    def __pow__(self, y):
        return rounded("power", mpmath.mpf(float(self)) ** mpmath.mpf(float(y)), float(self) ** float(y))

    def __rpow__(self, x):
        return rounded("power", mpmath.mpf(float(x)) ** mpmath.mpf(float(self)), float(x) ** float(self))


same_but_cosine = types.SimpleNamespace(**{**vars(math), "cos": cosine})
lr_scheduler.math = hugging_face.math = same_but_cosine


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def optimizer_of(rates):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]
    return torch.optim.SGD(groups, lr=rates[0])


def run(make, base, steps, closed_form=False):
    optimizer = optimizer_of([base])
    scheduler = make(optimizer)
    for _ in range(steps):
        yield scheduler._get_closed_form_lr()[0] if closed_form else optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduler.step()


def settings(**recipe):
    return " ".join(f"{name}={','.join(map(str, value)) if isinstance(value, list) else repr(value)}"
                    for name, value in recipe.items())


def rates(how, source, values, **recipe):
    yield f"{how} {source} {settings(**recipe)}"
    yield " ".join(f"{bits(value):016x}" for value in values)


def torch_rates():
    both = ((True, "exact", "'s_closed_form"), (False, "near", ""))
    for base in (1e-3, 3e-4, 0.1):
        for closed, how, suffix in both:
            def trace(name, steps, recipe, base=base, closed=closed, how=how, suffix=suffix, **arguments):
                make = getattr(lr_scheduler, name)
                return rates(how, f"torch:{name}{suffix}", run(lambda o: make(o, **arguments), base, steps, closed),
                             base_lr=base, **recipe)
            for start, length in ((0.1, 10), (1 / 3, 37)):
                yield from trace("LinearLR", length + 5, dict(kind=0, warmup=length, warmup_start=start),
                                 start_factor=start, total_iters=length)
            for length, low in ((50, 0.0), (97, 1e-6), (1, 0.0)):
                yield from trace("CosineAnnealingLR", length + 1, dict(kind=3, total=length, min_lr=low),
                                 T_max=length, eta_min=low)
            for length, power in ((60, 1.0), (41, 0.9), (30, 2.5)):
                yield from trace("PolynomialLR", length + 5, dict(kind=5, total=length, power=power),
                                 total_iters=length, power=Power(power))
            for gamma in (0.9, 0.997):
                yield from trace("ExponentialLR", 120, dict(kind=6, gamma=gamma), gamma=Power(gamma))
            yield from trace("StepLR", 100, dict(kind=7, gamma=0.3, step_size=7), gamma=Power(0.3), step_size=7)
            yield from trace("MultiStepLR", 60, dict(kind=8, gamma=0.1, milestones=[5, 20, 20, 45]),
                             gamma=Power(0.1), milestones=[5, 20, 20, 45])
        def composed(optimizer):
            warm = lr_scheduler.LinearLR(optimizer, 0.1, total_iters=10)
            return lr_scheduler.SequentialLR(optimizer, [warm, lr_scheduler.CosineAnnealingLR(optimizer, 60)], [10])
        yield from rates("near", "torch:SequentialLR", run(composed, base, 71), base_lr=base, kind=3, warmup=10, total=70)
        for end, length in ((0.0, 50), (0.25, 33)):
            yield from rates("near", "torch:LinearLR",
                             run(lambda o, e=end, n=length: lr_scheduler.LinearLR(o, 1.0, e, n), base, length + 5),
                             base_lr=base, kind=2, total=length, min_lr=base * end)
        for first, mult, low in ((10, 1, 0.0), (7, 2, 1e-5), (3, 3, 0.0)):
            yield from rates("exact", "torch:CosineAnnealingWarmRestarts",
                             run(lambda o, f=first, m=mult, l=low:
                                 lr_scheduler.CosineAnnealingWarmRestarts(o, f, m, l), base, 100),
                             base_lr=base, kind=4, period=first, period_mult=mult, min_lr=low)
        for total, share, linear, three in ((100, 0.3, False, False), (77, 0.25, True, False), (90, 0.4, False, True),
                                            (40, 0.0, False, False), (40, 1.0, True, False), (2, 0.3, False, False)):
            yield from rates("exact", "torch:OneCycleLR",
                             run(lambda o, t=total, s=share, l=linear, h=three, b=base: lr_scheduler.OneCycleLR(
                                 o, b, total_steps=t, pct_start=s, anneal_strategy="linear" if l else "cos",
                                 three_phase=h, cycle_momentum=False), base, total - 1),
                             base_lr=base, kind=11, total=total, pct_start=share, anneal=int(linear),
                             three_phase=int(three))


def hugging_face_rates():
    for base in (5e-5, 1e-4):
        for warm, total in ((50, 300), (0, 120), (7, 100)):
            common = dict(base_lr=base, unit=1, warmup_unit=1, warmup=warm, warmup_start=0.0)

            def trace(how, name, recipe, common=common, base=base, steps=total + 1, **arguments):
                make = getattr(hugging_face, f"get_{name}")
                values = run(lambda o: make(o, **arguments), base, steps)
                return rates(how, f"hf:{name}", values, **{**common, **recipe})
            yield from trace("exact", "constant_schedule_with_warmup", dict(kind=0), num_warmup_steps=warm)
            yield from trace("exact", "linear_schedule_with_warmup", dict(kind=2, total=total),
                             num_warmup_steps=warm, num_training_steps=total)
            yield from trace("near", "cosine_schedule_with_warmup", dict(kind=3, total=total),
                             num_warmup_steps=warm, num_training_steps=total)
            yield from trace("near", "cosine_with_min_lr_schedule_with_warmup",
                             dict(kind=3, total=total, min_lr=base / 8), num_warmup_steps=warm,
                             num_training_steps=total, min_lr=base / 8)
            if (total - warm) % 5 == 0:
                yield from trace("near", "cosine_with_hard_restarts_schedule_with_warmup",
                                 dict(kind=4, total=total, period=(total - warm) // 5), num_warmup_steps=warm,
                                 num_training_steps=total, num_cycles=5)
            yield from trace("near", "polynomial_decay_schedule_with_warmup",
                             dict(kind=5, total=total, power=2.0, min_lr=1e-7), num_warmup_steps=warm,
                             num_training_steps=total, power=Power(2.0))
            yield from trace("exact", "inverse_sqrt_schedule", dict(kind=9), num_warmup_steps=warm)
            yield from trace("exact", "inverse_sqrt_schedule", dict(kind=9, timescale=500), num_warmup_steps=warm,
                             timescale=500)
            for anneal, name in enumerate(("cosine", "linear", "1-sqrt")):
                for how, ratio in (("exact", 0.0), ("near", 0.1)):
                    yield from trace(how, "wsd_schedule",
                                     dict(kind=10, total=total, decay_length=40, anneal=anneal, min_lr=base * ratio,
                                          warmup_start=ratio),
                                     num_warmup_steps=warm, num_decay_steps=40, num_training_steps=total,
                                     decay_type=name, min_lr_ratio=ratio)


def metric(seed, i, offset):
    """A falling line in 64ths with flat stretches, noise, NaN and infinities; negative for a low offset."""
    r = int(inputs.mix(inputs.counters(seed, i + 1)[-1:])[0])
    if r % 31 == 0:
        return math.nan
    if r % 37 == 0:
        return math.inf if r % 2 else -math.inf if seed % 2 else math.inf
    return (64 * offset - 4 * (i // 32) + (r >> 40) % (1 + seed % 3)) / 64


def plateau_traces(steps=400):
    defaults = dict(mode=0, threshold_mode=0, threshold=1e-4, factor=0.1, patience=10, cooldown=0, min_lr=0.0,
                    eps=1e-8)
    variants = [dict(), dict(mode=1), dict(threshold_mode=1), dict(mode=1, threshold_mode=1), dict(factor=0.5),
                dict(factor=0.5, patience=30, min_lr=5e-6), dict(patience=0), dict(patience=1, cooldown=3),
                dict(cooldown=5, factor=0.7, patience=3), dict(factor=0.9, patience=2, eps=1e-4),
                dict(factor=0.5, patience=2, eps=0.0), dict(min_lr=2e-4, factor=0.5, patience=4),
                dict(threshold=0.0, patience=5), dict(threshold=0.1, patience=5), dict(threshold=1.0, patience=5),
                dict(threshold=-0.01, patience=8), dict(threshold=0.5, threshold_mode=1, patience=6),
                dict(mode=1, patience=3, cooldown=2, factor=0.3), dict(mode=1, threshold=0.05, patience=4),
                dict(mode=1, threshold_mode=1, threshold=0.25, patience=2, min_lr=1e-5),
                dict(factor=0.999, patience=0, eps=1e-12), dict(factor=1e-3, patience=7)]
    for variant in variants:
        for seed, offset in ((1, 20), (2, 20), (3, 0), (4, -20)):
            recipe = {**defaults, **variant}
            base = 1e-3
            optimizer = optimizer_of([base])
            scheduler = lr_scheduler.ReduceLROnPlateau(
                optimizer, mode=("min", "max")[recipe["mode"]], factor=recipe["factor"], patience=recipe["patience"],
                threshold=recipe["threshold"], threshold_mode=("rel", "abs")[recipe["threshold_mode"]],
                cooldown=recipe["cooldown"], min_lr=recipe["min_lr"], eps=recipe["eps"])
            digest, changes, last = 0, [], base
            for i in range(steps):
                scheduler.step(metric(seed, i, offset))
                lr = optimizer.param_groups[0]["lr"]
                for word in (bits(lr), bits(scheduler.best), scheduler.num_bad_epochs, scheduler.cooldown_counter):
                    digest = int(inputs.mix(np.array([digest ^ word], dtype=np.uint64))[0])
                if lr != last:
                    changes.append(f"{i}:{bits(lr):016x}")
                    last = lr
            yield f"plateau torch:ReduceLROnPlateau {settings(kind=1, base_lr=base, **recipe)}"
            yield f"{seed} {offset} {steps} {digest:016x} {len(changes)} {' '.join(changes[:12])}".rstrip()


def lines():
    yield (f"libadamw schedules 1, torch {torch.__version__}, transformers {transformers.__version__}, cosine and power "
           "correctly rounded")
    yield from torch_rates()
    yield from hugging_face_rates()
    yield from plateau_traces()


inputs.print_golden(lines())
for kind, (all_of_them, other) in counts.items():
    print(f"{kind}: the C library's has other bits in {other} of {all_of_them}", file=sys.stderr)
