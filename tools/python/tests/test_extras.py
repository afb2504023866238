"""Clipping, skipping and averaging within the step, against torch's own functions around it."""
import copy
import math
import pickle

import pytest
import torch
from common import CLASSES, assert_same, give_grads, make_params, same_bits, twins

import libadamw.torch


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("limit", (0.0, 0.5, 1e9, math.inf))
def test_clip_grad_norm(name, limit):
    """Powers of two as gradients: their norm is exact in torch too, whose float32 sum has other bits in general."""
    params, theirs, others, ours = twins(name, shapes=[(4, 4), (16,), ()])
    ours = CLASSES[name][1](others, clip_grad_norm=limit)
    for step in range(5):
        for one, other in zip(params, others):
            one.grad = torch.full(one.shape, 2.0**step) * torch.randn(one.shape).sign()
            other.grad = one.grad.clone()
        before = [param.grad.clone() for param in others]
        norm = torch.nn.utils.clip_grad_norm_(params, limit, foreach=False)
        theirs.step(), ours.step()
        assert math.isclose(ours.grad_norm, norm.item(), rel_tol=1e-6) and not ours.skipped
        assert all(torch.equal(param.grad, grad) for param, grad in zip(others, before))
        assert_same(params, theirs, others, ours)


def test_clip_grad_norm_of_any_gradients_is_close():
    params, theirs, others, ours = twins()
    ours = libadamw.torch.AdamW(others, clip_grad_norm=0.1)
    for _ in range(10):
        give_grads(params, others)
        torch.nn.utils.clip_grad_norm_(params, 0.1)
        theirs.step(), ours.step()
    for one, other in zip(params, others):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("value", (math.inf, -math.inf, math.nan))
def test_skip_not_finite(value):
    params, theirs, others, _ = twins(shapes=[(3,), (4,)])
    ours = libadamw.torch.AdamW(others, skip_not_finite=True)
    for step in range(6):
        give_grads(params, others)
        bad = step in (2, 3)
        if bad:
            others[1].grad[2] = value
        else:
            theirs.step()
        ours.step()
        assert ours.skipped == bad
        assert_same(params, theirs, others, ours)


def test_skip_of_the_first_step():
    param = torch.nn.Parameter(torch.ones(3))
    optimizer = libadamw.torch.AdamW([param], skip_not_finite=True)
    param.grad = torch.tensor([1.0, math.nan, 1.0])
    optimizer.step()
    assert optimizer.skipped and torch.equal(param, torch.ones(3)) and optimizer.state[param]["step"] == 0


@pytest.mark.parametrize("decay", (0.0, 0.9, 0.999, 1.0))
def test_ema_is_swa_utils(decay):
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 7)
    twin = copy.deepcopy(model)
    theirs = torch.optim.AdamW(model.parameters(), foreach=False)
    blend = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=blend)
    ours = libadamw.torch.AdamW(twin.parameters(), ema_decay=decay)
    for _ in range(6):
        give_grads(list(model.parameters()), list(twin.parameters()))
        theirs.step(), ours.step()
        average.update_parameters(model)
        for one, other in zip(average.module.parameters(), twin.parameters()):
            assert same_bits(one, ours.state[other]["param_ema"])
    own = [param.detach().clone() for param in twin.parameters()]
    with ours.averaged():
        assert all(map(same_bits, average.module.parameters(), twin.parameters()))
    assert all(map(same_bits, own, twin.parameters()))


@pytest.mark.parametrize("pattern", ("frozen later", "every other step", "first gradient late", "begins late"))
def test_ema_where_gradients_are_missing(pattern):
    """swa_utils moves every average at each update, with a gradient or without; the first update is a copy of all."""
    params, theirs, others, ours = twins(shapes=[(5,), (4, 4), (3,)], lr=0.1)
    decay = 0.7
    late = 3 if pattern == "begins late" else 0
    ours = libadamw.torch.AdamW(others, lr=0.1, ema_decay=None if late else decay)
    model = torch.nn.ParameterList(params)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay))
    for step in range(9):
        give_grads(params, others)
        missing = {"frozen later": step >= 4, "every other step": step % 2 == 1, "first gradient late": step < 3,
                   "begins late": step in (1, 4)}[pattern]
        if missing:
            params[1].grad = others[1].grad = None
        theirs.step()
        if step == late and late:
            ours.extras = ours.extras._replace(ema_decay=decay)
        ours.step()
        if step >= late:
            average.update_parameters(model)
            for one, other in zip(average.module.parameters(), others):
                kept = ours.state.get(other, {}).get("param_ema", other)
                assert same_bits(one, kept), f"step {step}"
        assert all(map(same_bits, params, others))


def test_ema_after_a_first_step_that_was_skipped():
    """What there is then is no average yet: the first one is a copy."""
    params = make_params([(3,)])
    optimizer = libadamw.torch.AdamW(params, lr=0.1, ema_decay=0.5, skip_not_finite=True)
    for bad in (True, True, False):
        give_grads(params)
        params[0].grad[0] = math.nan if bad else 1.0
        optimizer.step()
        assert optimizer.skipped is bad and ("param_ema" in optimizer.state[params[0]]) is not bad
    assert same_bits(optimizer.state[params[0]]["param_ema"], params[0].detach())


def test_within_averaged_nothing_else_is_done():
    params = make_params([(3,)])
    optimizer = libadamw.torch.AdamW(params, lr=0.1, ema_decay=0.9)
    for _ in range(3):
        give_grads(params)
        optimizer.step()
    own, saved = params[0].detach().clone(), copy.deepcopy(optimizer.state_dict())
    with optimizer.averaged():
        average = params[0].detach().clone()
        for action in (optimizer.step, optimizer.state_dict, lambda: optimizer.load_state_dict(saved),
                       lambda: optimizer.averaged().__enter__()):
            with pytest.raises(RuntimeError, match="within averaged.*: the parameters hold their averages"):
                action()
        assert same_bits(params[0].detach(), average) and not same_bits(own, average)
    assert same_bits(params[0].detach(), own)
    optimizer.step()


def test_stale_averages():
    params = make_params([(3,)])
    optimizer = libadamw.torch.AdamW(params, lr=0.1, ema_decay=0.9)
    give_grads(params)
    optimizer.step()
    plain = libadamw.torch.AdamW(params, lr=0.1)
    plain.load_state_dict(optimizer.state_dict())
    plain.step()
    own = params[0].detach().clone()
    with pytest.raises(RuntimeError, match="the averages are older than the parameters"):
        with plain.averaged():
            pass
    assert same_bits(params[0].detach(), own)


def test_checkpoint_with_an_average():
    params = make_params()
    optimizer = libadamw.torch.AdamW(params, ema_decay=0.9, clip_grad_norm=1.0)
    give_grads(params)
    optimizer.step()
    others = copy.deepcopy(params)
    fresh = libadamw.torch.AdamW(others, ema_decay=0.9, clip_grad_norm=1.0)
    fresh.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    more, pickled = pickle.loads(pickle.dumps((params, optimizer)))
    assert pickled.extras == optimizer.extras
    give_grads(params, others, more)
    for each in (optimizer, fresh, pickled):
        each.step()
    assert_same(params, optimizer, others, fresh)
    assert_same(params, optimizer, more, pickled)
    plain = torch.optim.AdamW(copy.deepcopy(params))
    plain.load_state_dict(optimizer.state_dict())  # torch carries the average along


def test_non_contiguous():
    results = []
    for order in (False, True):
        torch.manual_seed(0)
        data = torch.randn(6, 5)
        tensor = torch.nn.Parameter(torch.zeros(12, 5)[::2] if order else torch.zeros(6, 5))
        with torch.no_grad():
            tensor.copy_(data)
        optimizer = libadamw.torch.AdamW([tensor], ema_decay=0.5, clip_grad_norm=1.0, skip_not_finite=True)
        for scale in (1.0, math.inf, 2.0):
            torch.manual_seed(1)
            tensor.grad = torch.randn(6, 5) * scale
            optimizer.step()
        results.append((tensor.detach().clone(), optimizer.state[tensor]["param_ema"].clone(), optimizer.grad_norm))
    assert torch.equal(results[0][0], results[1][0]) and torch.equal(results[0][1], results[1][1])
    assert results[0][2] == results[1][2]


@pytest.mark.parametrize("options, message", (
    ({"clip_grad_norm": -1.0}, "clip_grad_norm is -1.0: it must be a norm from 0"),
    ({"clip_grad_norm": math.nan}, "clip_grad_norm is nan"),
    ({"ema_decay": 1.5}, "ema_decay is 1.5: it must be from 0 to 1"),
    ({"ema_decay": "0.9"}, "ema_decay is '0.9': it must be from 0 to 1"),
    ({"clip_grad_norm": "1"}, "clip_grad_norm is '1': it must be a norm from 0"),
    ({"skip_not_finite": None}, "skip_not_finite is None: it must be False or True"),
))
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        libadamw.torch.AdamW(make_params(), **options)


def test_refuses_parameters_that_it_does_not_step():
    params = make_params([(3,), (4,)])
    params[1].data = params[1].data.bfloat16()
    optimizer = libadamw.torch.Adam(params, clip_grad_norm=1.0)
    for param in params:
        param.grad = torch.ones_like(param)
    with pytest.raises(ValueError, match="parameter 1 of group 0 is not"):
        optimizer.step()
    assert not optimizer.state


def test_averages_need_a_step():
    with pytest.raises(RuntimeError, match="construct the optimizer with ema_decay"):
        with libadamw.torch.AdamW(make_params()).averaged():
            pass
