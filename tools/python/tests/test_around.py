"""What torch users expect around a step: schedulers, hooks, groups, closures, GradScaler, clipping, the profiler."""
import copy
import warnings

import pytest
import torch
from common import CLASSES, assert_same, give_grads, make_params, same_bits, twins
from torch.optim import lr_scheduler as schedulers
from torch.optim.optimizer import register_optimizer_step_post_hook

import libadamw.torch

SCHEDULERS = {
    "LambdaLR": lambda o: schedulers.LambdaLR(o, lambda epoch: 0.9**epoch),
    "MultiplicativeLR": lambda o: schedulers.MultiplicativeLR(o, lambda epoch: 0.95),
    "StepLR": lambda o: schedulers.StepLR(o, 3, 0.5),
    "MultiStepLR": lambda o: schedulers.MultiStepLR(o, [2, 5], 0.1),
    "ConstantLR": lambda o: schedulers.ConstantLR(o, 0.3, 4),
    "LinearLR": lambda o: schedulers.LinearLR(o, 0.1, 1.0, 6),
    "ExponentialLR": lambda o: schedulers.ExponentialLR(o, 0.8),
    "PolynomialLR": lambda o: schedulers.PolynomialLR(o, 8, 2.0),
    "CosineAnnealingLR": lambda o: schedulers.CosineAnnealingLR(o, 10),
    "CosineAnnealingWarmRestarts": lambda o: schedulers.CosineAnnealingWarmRestarts(o, 3, 2),
    "CyclicLR": lambda o: schedulers.CyclicLR(o, 1e-4, 1e-2, 4, cycle_momentum=True, base_momentum=0.8),
    "OneCycleLR": lambda o: schedulers.OneCycleLR(o, 1e-2, total_steps=14),
    "SequentialLR": lambda o: schedulers.SequentialLR(
        o, [schedulers.LinearLR(o, 0.1, 1.0, 4), schedulers.CosineAnnealingLR(o, 8)], [4]),
    "ChainedScheduler": lambda o: schedulers.ChainedScheduler(
        [schedulers.ConstantLR(o, 0.1, 3), schedulers.ExponentialLR(o, 0.9)]),
    "ReduceLROnPlateau": lambda o: schedulers.ReduceLROnPlateau(o, patience=1),
}


def test_every_scheduler_of_torch_is_tried():
    known = {name for name in schedulers.__all__ if name not in ("LRScheduler", "SWALR")}
    assert known <= set(SCHEDULERS)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_scheduler(name):
    params, theirs, others, ours = twins(weight_decay=0.1)
    schedules = [SCHEDULERS[name](optimizer) for optimizer in (theirs, ours)]
    rates = set()
    for _ in range(12):
        give_grads(params, others)
        for optimizer, schedule in zip((theirs, ours), schedules):
            optimizer.step()
            schedule.step(*([1.0] if name == "ReduceLROnPlateau" else []))
        rates.add((ours.param_groups[0]["lr"], ours.param_groups[0]["betas"]))
        assert_same(params, theirs, others, ours)
    assert len(rates) > 1


def test_swa_and_weight_averaging():
    params, theirs, others, ours = twins()
    schedules = [torch.optim.swa_utils.SWALR(optimizer, swa_lr=0.05, anneal_epochs=4) for optimizer in (theirs, ours)]
    for _ in range(6):
        give_grads(params, others)
        theirs.step(), ours.step()
        for schedule in schedules:
            schedule.step()
    assert_same(params, theirs, others, ours)


def test_groups_options_and_additions_between_steps():
    params, theirs, others, ours = twins()
    more, more_others = make_params([(4,), (5, 6)]), None
    more_others = copy.deepcopy(more)
    for step in range(12):
        for optimizer, extra in ((theirs, more), (ours, more_others)):
            group = optimizer.param_groups[0]
            if step == 2:
                optimizer.add_param_group(
                    {"params": extra, "weight_decay": 0.5, "betas": (0.5, 0.6), "maximize": True})
            if step == 4:
                group["lr"], group["weight_decay"] = 0.1, 0.3
            if step == 6:
                group["betas"], group["eps"] = (0.2, 0.3), 1e-3
            if step == 8:
                optimizer.param_groups[1]["maximize"] = False
            if step == 10:
                optimizer.param_groups[0]["params"].pop()
        give_grads(params + more, others + more_others)
        theirs.step(), ours.step()
        assert_same(params + more, theirs, others + more_others, ours)


def test_closure_runs_once_with_autograd():
    params, theirs, others, ours = twins(shapes=[(3,)])
    for tensors, optimizer in ((params, theirs), (others, ours)):
        calls = []

        def closure():
            calls.append(torch.is_grad_enabled())
            optimizer.zero_grad()
            loss = (tensors[0] ** 2).sum()
            loss.backward()
            return loss

        with torch.no_grad():
            losses = [optimizer.step(closure).item() for _ in range(5)]
        assert calls == [True] * 5 and losses[-1] < losses[0]
    assert_same(params, theirs, others, ours)


def test_hooks():
    param = torch.nn.Parameter(torch.ones(3))
    param.grad = torch.ones(3)
    optimizer = libadamw.torch.AdamW([param])
    seen = []
    handles = [
        optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("pre", param[0].item()))),
        optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("post", param[0].item()))),
        register_optimizer_step_post_hook(lambda o, a, k: seen.append(("global", None))),
    ]
    optimizer.step()
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert [name for name, _ in seen] == ["pre", "post", "global"]
    assert seen[0][1] == 1.0 and seen[1][1] < 1.0


def test_profiler_sees_the_step():
    params = make_params()
    optimizer = libadamw.torch.AdamW(params)
    give_grads(params)
    with torch.profiler.profile() as profile:
        optimizer.step()
        optimizer.zero_grad()
    names = {event.key for event in profile.key_averages()}
    assert "Optimizer.step#AdamW.step" in names and "Optimizer.zero_grad#AdamW.zero_grad" in names


@pytest.mark.parametrize("set_to_none", (True, False))
def test_zero_grad(set_to_none):
    params, theirs, others, ours = twins()
    for _ in range(3):
        give_grads(params, others)
        theirs.step(), ours.step()
        theirs.zero_grad(set_to_none), ours.zero_grad(set_to_none)
        assert all((param.grad is None) if set_to_none else not param.grad.any() for param in others)
        theirs.step(), ours.step()
    assert_same(params, theirs, others, ours)


@pytest.mark.parametrize("fused", (None, True))
def test_grad_scaler(fused):
    """Infinite gradients are skipped and the scale falls; with fused=True the step itself unscales and skips."""
    params, theirs, _, _ = twins(shapes=[(50,)])
    others = copy.deepcopy(params)
    ours = libadamw.torch.AdamW(others, fused=fused)
    runs = []
    for tensors, optimizer in ((params, theirs), (others, ours)):
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=2)
        torch.manual_seed(3)
        scales = []
        for step in range(8):
            optimizer.zero_grad()
            loss = (tensors[0] * torch.randn(50)).sum() * (float("inf") if step == 3 else 1.0)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            scales.append(scaler.get_scale())
        runs.append(scales)
        assert optimizer.state[tensors[0]]["step"] == 7
    assert runs[0] == runs[1] and len(set(runs[0])) > 1
    assert_same(params, theirs, others, ours)


def test_grad_scaler_skips_the_first_step():
    param = torch.nn.Parameter(torch.ones(3))
    optimizer = libadamw.torch.AdamW([param], fused=True)
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale((param * float("inf")).sum()).backward()
    scaler.step(optimizer)
    assert torch.equal(param, torch.ones(3)) and optimizer.state[param]["step"] == 0


def test_clip_grad_norm():
    params, theirs, others, ours = twins()
    for _ in range(5):
        give_grads(params, others)
        for tensors, optimizer in ((params, theirs), (others, ours)):
            torch.nn.utils.clip_grad_norm_(tensors, 0.5)
            optimizer.step()
    assert_same(params, theirs, others, ours)


def test_version_counter_tells_autograd():
    """A step between forward and backward is as visible as torch's."""
    param = torch.nn.Parameter(torch.ones(3))
    param.grad = torch.ones(3)
    optimizer = libadamw.torch.AdamW([param])
    loss = (param * param).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_torch_compile_leaves_the_step_alone():
    params, theirs, others, ours = twins(shapes=[(5, 5)])

    def run(tensors, optimizer):
        optimizer.zero_grad()
        (tensors[0] ** 2).sum().backward()
        optimizer.step()

    compiled = torch.compile(run, backend="eager")
    for _ in range(3):
        run(params, theirs)
        compiled(others, ours)
    assert_same(params, theirs, others, ours)


def beside_torch(params, others, theirs, ours, steps=4):
    """Steps both; the lines of this file that were warned about."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(steps):
            for one, other in zip(params, others):
                one.grad = torch.randn_like(one)
                other.grad = one.grad.clone()
            theirs.step(), ours.step()
    assert_same(params, theirs, others, ours)
    return [str(warning.message) for warning in caught if warning.filename == __file__]


@pytest.mark.parametrize("flags", ({}, {"fused": True}, {"foreach": False}, {"foreach": True}))
@pytest.mark.parametrize("dtype", (torch.bfloat16, torch.float16, torch.float64, torch.complex64, torch.complex128))
@pytest.mark.parametrize("name", CLASSES)
def test_other_dtypes_take_torchs_step_with_one_warning(name, dtype, flags):
    """In the form that was asked for; in the fused one, where torch has it, if none was."""
    params = [torch.nn.Parameter(torch.randn(size).to(dtype)) for size in (5, 64)]
    others = copy.deepcopy(params)
    form = {"fused": True} if not flags and not dtype.is_complex else flags
    if dtype.is_complex and "fused" in flags:
        form = flags = {}
    theirs, ours = CLASSES[name][0](params, **form), CLASSES[name][1](others, **flags)
    messages = beside_torch(params, others, theirs, ours)
    assert len(messages) == 1 and f"2 parameters (the first: parameter 0 of group 0, {dtype}) take" in messages[0]


def test_mixed_dtypes():
    params = make_params([(5,), (6,), (7,)])
    params[1].data = params[1].data.bfloat16()
    others = copy.deepcopy(params)
    theirs = torch.optim.AdamW(params, foreach=False)
    ours = libadamw.torch.AdamW(others, foreach=False)
    assert ["1 parameter (the first: parameter 1 of group 0" in message
            for message in beside_torch(params, others, theirs, ours)] == [True]


def test_parameters_on_another_device():
    """The meta device has no values: what counts is that the others are stepped, and nothing is refused."""
    params = make_params([(5,), (6,)])
    others = copy.deepcopy(params)
    params[1], others[1] = [torch.nn.Parameter(torch.empty(6, device="meta")) for _ in range(2)]
    theirs, ours = torch.optim.AdamW(params, foreach=False), libadamw.torch.AdamW(others)
    with pytest.warns(UserWarning, match=r"1 parameter \(the first: parameter 1 of group 0, torch.float32 on meta\)"):
        for _ in range(3):
            for one, other in zip(params, others):
                one.grad = torch.randn_like(one)
                other.grad = one.grad.clone()
            theirs.step(), ours.step()
    assert same_bits(params[0], others[0]) and ours.state[others[1]]["exp_avg"].is_meta
    assert ours.state[others[1]]["step"] == 3


def test_keys_that_torch_does_not_know_are_kept():
    """Megatron's groups, for example, have multipliers and flags of their own."""
    params = make_params([(3,), (4,)])
    groups = [{"params": params[:1], "wd_mult": 0.0, "is_expert_parallel": False}, {"params": params[1:], "tag": [1]}]
    optimizer = libadamw.torch.AdamW(groups)
    give_grads(params)
    optimizer.step()
    optimizer.param_groups[0]["lr_mult"] = 0.5
    optimizer.step()
    saved = optimizer.state_dict()
    fresh = libadamw.torch.AdamW([{"params": params[:1]}, {"params": params[1:]}])
    fresh.load_state_dict(saved)
    for each in (optimizer, fresh):
        assert each.param_groups[0]["wd_mult"] == 0.0 and each.param_groups[0]["is_expert_parallel"] is False
        assert each.param_groups[0]["lr_mult"] == 0.5 and each.param_groups[1]["tag"] == [1]
        each.step()


class Wrapper:
    """As Fabric's _FabricOptimizer: of the optimizer's class, without its constructor, everything else passed on."""

    def __init__(self, optimizer):
        self._optimizer = optimizer
        self.__class__ = type("Wrapped" + type(optimizer).__name__, (type(self), type(optimizer)), {})

    def __getattr__(self, name):
        return getattr(self._optimizer, name)

    def step(self, closure=None):
        return self._optimizer.step(closure)


def test_wrapped_as_frameworks_do():
    params = make_params([(3,), (4,)])
    optimizer = libadamw.torch.AdamW(params, clip_grad_norm=1.0, skip_not_finite=True, ema_decay=0.5)
    wrapper = Wrapper(optimizer)
    assert isinstance(wrapper, libadamw.torch.AdamW)
    give_grads(params)
    wrapper.step()
    assert wrapper.grad_norm == optimizer.grad_norm > 0 and wrapper.skipped is False
    assert wrapper.state is optimizer.state and wrapper.arithmetic == "torch" and wrapper.state_dict()["state"]
    with wrapper.averaged():
        with pytest.raises(RuntimeError, match="a step within averaged"):
            optimizer.step()
    with pytest.raises(AttributeError):
        wrapper.no_such_attribute
    with pytest.raises(AttributeError):
        libadamw.torch.AdamW.__new__(libadamw.torch.AdamW).state


def test_tensor_betas_take_torchs_step():
    betas = (torch.tensor(0.9), torch.tensor(0.99))
    params, theirs, others, ours = twins(betas=betas)
    with pytest.warns(UserWarning, match="take torch's own step"):
        for _ in range(3):
            give_grads(params, others)
            theirs.step(), ours.step()
    assert_same(params, theirs, others, ours)


def test_tensor_lr_is_read_as_a_number_at_each_step():
    rate = torch.tensor(1e-2)
    params, theirs, others, ours = twins(lr=0.0)
    ours.param_groups[0]["lr"] = rate
    for step in range(4):
        rate.fill_(0.5**step)
        theirs.param_groups[0]["lr"] = rate.item()
        give_grads(params, others)
        theirs.step(), ours.step()
    assert_same(params, theirs, others, ours)


def test_default_dtype_of_the_counter():
    torch.set_default_dtype(torch.float64)
    try:
        param = torch.nn.Parameter(torch.ones(3, dtype=torch.float32))
        param.grad = torch.ones(3, dtype=torch.float32)
        optimizer = libadamw.torch.AdamW([param])
        optimizer.step()
        assert optimizer.state[param]["step"].dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_subclass_and_isinstance():
    class Mine(libadamw.torch.AdamW):
        def step(self, closure=None):
            self.called = True
            return super().step(closure)

    params, theirs, others, ours = twins()
    mine = Mine(others)
    give_grads(params, others)
    theirs.step(), mine.step()
    assert mine.called and isinstance(mine, torch.optim.AdamW)
    assert all(map(same_bits, params, others))
