"""torch's for-loop against ours, to the bit: all options, many shapes, generated lists, many steps, odd values."""
import itertools

import pytest
import torch
from common import CLASSES, assert_same, give_grads, make_params, same_bits, twins
from hypothesis import given, settings
from hypothesis import strategies as st

import libadamw
from libadamw.check import EVEN, differing

OPTIONS = list(itertools.product(CLASSES, (False, True), (False, True), (0.0, 1e-4, 0.1),
                                 ((0.9, 0.999), (0.3, 0.4), (0.0, 0.0)), (1e-3, 0.0, 1.0)))


@pytest.mark.parametrize("name, amsgrad, maximize, weight_decay, betas, lr", OPTIONS)
def test_options(name, amsgrad, maximize, weight_decay, betas, lr):
    params, theirs, others, ours = twins(name, amsgrad=amsgrad, maximize=maximize, weight_decay=weight_decay,
                                         betas=betas, lr=lr)
    for _ in range(4):
        give_grads(params, others)
        theirs.step(), ours.step()
    assert_same(params, theirs, others, ours)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("eps", (0.0, 1e-8, 1e-3))
def test_many_steps(name, eps):
    params, theirs, others, ours = twins(name, weight_decay=0.01, eps=eps)
    for step in range(300):
        give_grads(params, others, scale=10.0 ** (step % 7 - 4))
        theirs.step(), ours.step()
    assert_same(params, theirs, others, ours)


@pytest.mark.parametrize("name", CLASSES)
def test_sizes_and_threads(name):
    threads = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            params, theirs, others, ours = twins(name, shapes=[(n,) for n in range(1, 70)] + [(300_001,), (70, 3001)])
            for _ in range(3):
                give_grads(params, others)
                theirs.step(), ours.step()
            assert_same(params, theirs, others, ours)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("amsgrad", (False, True))
def test_odd_values(amsgrad):
    odd = torch.tensor([0.0, -0.0, float("inf"), -float("inf"), float("nan"), 1e-45, -1e-38, 3e38, 1e19, 1.0])
    params, theirs, others, ours = twins(shapes=[(10,), (10,)], amsgrad=amsgrad)
    for step in range(5):
        for a, b in zip(params, others):
            a.grad = odd.roll(step).clone()
            b.grad = a.grad.clone()
        theirs.step(), ours.step()
    assert_same(params, theirs, others, ours)


def test_instruction_sets():
    active, runs = libadamw.isa(), []
    try:
        for isa in libadamw._library.ISA:
            try:
                libadamw.select_isa(isa)
            except RuntimeError:
                continue
            torch.manual_seed(1)
            params, theirs, others, ours = twins()
            for _ in range(3):
                give_grads(params, others)
                theirs.step(), ours.step()
            assert_same(params, theirs, others, ours)
            runs.append(isa)
    finally:
        libadamw.select_isa(active)
    assert "scalar" in runs


shapes = st.lists(st.lists(st.integers(0, 9), max_size=3).map(tuple), min_size=1, max_size=12)
rates = st.fixed_dictionaries({
    "lr": st.floats(1e-8, 10.0), "eps": st.sampled_from((1e-8, 1e-6, 0.0)), "weight_decay": st.floats(0.0, 1.0),
    "betas": st.tuples(st.floats(0.0, 0.9999), st.floats(0.0, 0.9999)), "amsgrad": st.booleans(),
    "maximize": st.booleans(),
})


@settings(max_examples=150)
@given(name=st.sampled_from(sorted(CLASSES)), shapes=shapes, options=rates, seed=st.integers(0, 2**31),
       presence=st.lists(st.integers(0, 2**12 - 1), min_size=1, max_size=6))
def test_generated_lists(name, shapes, options, seed, presence):
    """Each step another part of the parameters has a gradient; states come into being late; groups differ."""
    torch.manual_seed(seed)
    theirs_class, ours_class = CLASSES[name]
    params = make_params(shapes)
    others = [torch.nn.Parameter(param.detach().clone()) for param in params]
    half = len(params) // 2

    def groups(tensors):
        second = [{"params": tensors[half:], "lr": options["lr"] / 3, "weight_decay": 0.0}]
        return ([{"params": tensors[:half]}] if half else []) + second

    theirs = theirs_class(groups(params), foreach=False, **options)
    ours = ours_class(groups(others), **options)
    for mask in presence:
        give_grads(params, others)
        for place, (one, other) in enumerate(zip(params, others)):
            if not mask >> place & 1:
                one.grad = other.grad = None
        theirs.step(), ours.step()
        assert_same(params, theirs, others, ours)


def test_accurate_decays_where_torch_does_not():
    """lr * weight_decay = 1e-8: the factor 1 - 1e-8 is 1 in float32, so torch's weights never shrink."""
    left = {}
    for arithmetic in ("torch", "accurate"):
        torch.manual_seed(0)
        param = torch.nn.Parameter(torch.ones(4096))
        still = torch.nn.Parameter(torch.ones(4096))
        decayed = libadamw.torch.AdamW([param], lr=1e-4, weight_decay=1e-4, arithmetic=arithmetic)
        plain = libadamw.torch.AdamW([still], lr=1e-4, weight_decay=0.0, arithmetic=arithmetic)
        for _ in range(1000):
            param.grad = torch.randn(4096)
            still.grad = param.grad.clone()
            decayed.step(), plain.step()
        left[arithmetic] = (still.double() - param.double()).mean().item() / (1000 * 1e-8)
    assert left["torch"] == 0.0
    assert 0.9 < left["accurate"] < 1.1


def test_foreach_and_fused_flags_change_no_bit():
    results = []
    for flags in ({}, {"foreach": False}, {"foreach": True}, {"fused": True}, {"fused": False}):
        torch.manual_seed(0)
        params = make_params()
        optimizer = libadamw.torch.AdamW(params, **flags)
        for _ in range(3):
            give_grads(params)
            optimizer.step()
        results.append([param.detach().clone() for param in params])
    for other in results[1:]:
        assert all(map(same_bits, results[0], other))


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"),
                    reason="torch's fused kernel is compared in its AVX2 and AVX-512 forms")
def test_fused_has_our_bits_at_sizes_divisible_by_64():
    """Its vector loop does not use the root that is wrong; the last n mod 8 or 16 elements may have other bits."""
    assert differing(EVEN, {"fused": True})[0] == 0
