"""bfloat16 and float16 parameters, states and gradients: the bits, checkpoints, conversions, refusals.

The bits are those of references in float32: of this optimizer's own float32 run where a split parameter promises it,
otherwise of a float32 step on widened copies, rounded by torch.
"""
import copy
import io
import warnings

import pytest
import torch
from common import SHAPES, assert_same, give_grads, make_params, same_bits

import libadamw.torch
from libadamw.torch import AdamW, join, split

pytestmark = pytest.mark.usefixtures("way_to_look")
BF16, F16, F32 = torch.bfloat16, torch.float16, torch.float32
OPTIONS = {"lr": 1e-2, "weight_decay": 0.1, "arithmetic": "accurate"}
FORMS = {
    "bfloat16": (BF16, {}),
    "float16": (F16, {}),
    "split": (BF16, {"master": "split"}),
    "compensated": (F32, {"master": "compensated"}),
    "stochastic": (BF16, {"rounding": "stochastic", "seed": 7}),
    "bfloat16 states": (BF16, {"master": "split", "state_dtype": BF16, "rounding": "stochastic"}),
    "float32 with bfloat16 states": (F32, {"state_dtype": BF16, "betas": (0.9, 0.95)}),
    "amsgrad, average, clip": (BF16, {"master": "split", "amsgrad": True, "ema_decay": 0.9, "clip_grad_norm": 1.0}),
}


def narrow_params(dtype, shapes=SHAPES):
    return [torch.nn.Parameter(param.detach().to(dtype)) for param in make_params(shapes)]


def narrow_grads(*lists, dtype):
    for group in zip(*lists):
        grad = torch.randn(group[0].shape).to(dtype)
        for param in group:
            param.grad = grad.clone().to(param.dtype)


def through_a_file(saved):
    file = io.BytesIO()
    torch.save(saved, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("options", (
    {}, {"amsgrad": True}, {"maximize": True}, {"clip_grad_norm": 0.5}, {"ema_decay": 0.5}, {"foreach": True},
    {"state_dtype": BF16, "rounding": "stochastic", "seed": 2**64 - 1},
))
@pytest.mark.parametrize("name", ("AdamW", "Adam"))
def test_split_is_the_float32_run(name, options):
    """Parameters, states and averages, from float32 values that bfloat16 does not hold."""
    kind = getattr(libadamw.torch, name)
    wide = make_params()
    params = [torch.nn.Parameter(split(param)[0]) for param in wide]
    one = kind(wide, **OPTIONS | options)
    other = kind(params, **OPTIONS | options, master="split")
    libadamw.torch.from_float32(other, [param.detach() for param in wide], other.state_dict())
    for _ in range(5):
        narrow_grads(wide, params, dtype=BF16)
        one.step(), other.step()
    for param, narrow in zip(wide, params):
        state = other.state[narrow]
        assert narrow.dtype is BF16 and state["param_residual"].dtype is torch.int16
        assert same_bits(join(narrow, state["param_residual"]), param.detach())
        for key, value in one.state[param].items():
            assert same_bits(value, state[key]), key
    if options.get("clip_grad_norm"):
        assert one.grad_norm == other.grad_norm


@pytest.mark.parametrize("dtype", (BF16, F16))
def test_narrow_parameters_are_rounded_once(dtype):
    params = narrow_params(dtype)
    wide = [torch.nn.Parameter(param.detach().float()) for param in params]
    one, other = AdamW(wide, **OPTIONS), AdamW(params, **OPTIONS)
    for _ in range(4):
        narrow_grads(wide, params, dtype=dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            one.step(), other.step()
        for param, narrow in zip(wide, params):
            assert same_bits(param.detach().to(dtype), narrow.detach())
            assert all(same_bits(value, other.state[narrow][key]) for key, value in one.state[param].items())
            param.data = narrow.detach().float()


def test_bfloat16_states_are_rounded_once():
    params = make_params()
    others = copy.deepcopy(params)
    options = OPTIONS | {"betas": (0.9, 0.95)}
    one, other = AdamW(params, **options), AdamW(others, **options, state_dtype=BF16)
    for _ in range(4):
        give_grads(params, others)
        one.step(), other.step()
        for param, twin in zip(params, others):
            assert same_bits(param.detach(), twin.detach())
            for key in ("exp_avg", "exp_avg_sq"):
                assert same_bits(one.state[param][key].to(BF16), other.state[twin][key])
                one.state[param][key].copy_(other.state[twin][key])


def test_stochastic_rounding():
    """Unbiased: a decay that rounding to nearest would lose; the same for each seed, and another with another."""
    results = []
    for seed in (1, 1, 2):
        param = torch.nn.Parameter(torch.ones(100_000, dtype=BF16))
        optimizer = AdamW([param], lr=1e-3, weight_decay=0.1, arithmetic="accurate", rounding="stochastic", seed=seed)
        for _ in range(50):
            param.grad = torch.zeros_like(param)
            optimizer.step()
        results.append(param.detach().clone())
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])
    assert results[0].double().mean().item() == pytest.approx((1 - 1e-4) ** 50, abs=1e-4)


def test_each_parameter_has_random_bits_of_its_own():
    """By its place among all parameters, with gradients or without."""
    def run(with_first):
        params = [torch.nn.Parameter(torch.ones(1000, dtype=BF16)) for _ in range(2)]
        optimizer = AdamW(params, lr=1e-3, arithmetic="accurate", rounding="stochastic")
        for param in params[not with_first:]:
            param.grad = torch.ones_like(param)
        optimizer.step()
        return [param.detach() for param in params]

    both, second = run(True), run(False)
    assert not torch.equal(*both) and torch.equal(both[1], second[1])


def test_compensated_decays_without_gradients():
    param = torch.nn.Parameter(torch.full((100,), 1.5))
    optimizer = AdamW([param], lr=1e-3, weight_decay=1e-5, arithmetic="accurate", master="compensated")
    for _ in range(1000):
        param.grad = torch.zeros_like(param)
        optimizer.step()
    value = param.detach().double() + optimizer.state[param]["param_residual"].double()
    assert 1.5 - value.mean().item() == pytest.approx(1.5 * (1 - (1 - 1e-8) ** 1000), rel=0.01)  # nearest: nothing


@pytest.mark.parametrize("grad_dtype", (F32, BF16, F16))
@pytest.mark.parametrize("dtype", (F32, BF16, F16))
def test_gradients_of_another_dtype(dtype, grad_dtype):
    if not hasattr(torch.Tensor, "grad_dtype"):
        pytest.skip("this torch has no Tensor.grad_dtype")
    params, wide = narrow_params(dtype), narrow_params(dtype)
    with torch.no_grad():
        for param, twin in zip(params, wide):
            twin.copy_(param)
            param.grad_dtype, twin.grad_dtype = grad_dtype, F32
    one, other = AdamW(params, **OPTIONS), AdamW(wide, **OPTIONS)
    for _ in range(3):
        for param, twin in zip(params, wide):
            param.grad = torch.randn(param.shape).to(grad_dtype)
            twin.grad = param.grad.float()
        one.step(), other.step()
    assert_same(params, one, wide, other)


def test_a_gradient_that_changes_its_dtype():
    """A new plan is made, and the bits are those of the values."""
    param = torch.nn.Parameter(torch.ones(5))
    optimizer = AdamW([param], **OPTIONS)
    for dtype in (F32, BF16, F32, F16):
        param.grad, param.grad_dtype = None, dtype
        param.grad = torch.ones(5, dtype=dtype)
        optimizer.step()
    reference = torch.nn.Parameter(torch.ones(5))
    optimizer = AdamW([reference], **OPTIONS)
    for _ in range(4):
        reference.grad = torch.ones(5)
        optimizer.step()
    assert same_bits(param.detach(), reference.detach())


def test_layouts():
    """Strided parameters, gradients and states: the same values."""
    results = []
    for strided in (False, True):
        torch.manual_seed(1)
        values = torch.randn(6, 5).to(BF16)
        param = torch.nn.Parameter(torch.zeros(12, 10, dtype=BF16)[::2, ::2] if strided else values.clone())
        with torch.no_grad():
            param.copy_(values)
        optimizer = AdamW([param], **OPTIONS, master="split", ema_decay=0.5)
        for _ in range(3):
            grad = torch.randn(6, 5).to(BF16)
            param.grad = grad.t().contiguous().t() if strided else grad
            optimizer.step()
        results.append([param.detach().clone()] + [value.clone() for value in optimizer.state[param].values()])
    assert all(map(same_bits, *results))


@pytest.mark.parametrize("form", FORMS)
def test_resumes_to_the_bit(form):
    dtype, options = FORMS[form]
    params = narrow_params(dtype)
    optimizer = AdamW(params, **OPTIONS | options)
    for _ in range(3):
        narrow_grads(params, dtype=dtype)
        optimizer.step()
    saved = through_a_file([[param.detach() for param in params], optimizer.state_dict()])
    others = [torch.nn.Parameter(param) for param in saved[0]]
    fresh = AdamW(others, **OPTIONS | options)
    fresh.load_state_dict(saved[1])
    more, copied = copy.deepcopy((params, optimizer))
    for _ in range(3):
        narrow_grads(params, others, more, dtype=dtype)
        optimizer.step(), fresh.step(), copied.step()
    assert_same(params, optimizer, others, fresh)
    assert_same(params, optimizer, more, copied)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_the_library(form, tmp_path):
    """libadamw.save and load, into an optimizer that has made no step."""
    dtype, options = FORMS[form]
    params = narrow_params(dtype)
    optimizer = AdamW(params, **OPTIONS | options)
    narrow_grads(params, dtype=dtype)
    optimizer.step()
    libadamw.save(tmp_path / "run.safetensors", optimizer)
    others = [torch.nn.Parameter(param.detach().clone()) for param in params]
    fresh = AdamW(others, **OPTIONS | options)
    libadamw.load(tmp_path / "run.safetensors", optimizer=fresh)
    narrow_grads(params, others, dtype=dtype)
    optimizer.step(), fresh.step()
    assert_same(params, optimizer, others, fresh)


def test_load_takes_the_tensors_over():
    """As torch's does where no dtype is converted."""
    params = narrow_params(BF16)
    optimizer = AdamW(params, **OPTIONS, master="split")
    narrow_grads(params, dtype=BF16)
    optimizer.step()
    fresh = AdamW(copy.deepcopy(params), **OPTIONS, master="split")
    fresh.load_state_dict(optimizer.state_dict())
    for one, other in zip(optimizer.state.values(), fresh.state.values()):
        assert all(one[key] is other[key] for key in one if key != "step")


def test_load_after_a_hook():
    """A hook of the user's that replaces the dictionary is heeded."""
    params = narrow_params(BF16, [(3,)])
    optimizer = AdamW(params, **OPTIONS)
    narrow_grads(params, dtype=BF16)
    optimizer.step()
    saved, other = copy.deepcopy(optimizer.state_dict()), copy.deepcopy(optimizer.state_dict())
    saved["state"][0]["exp_avg"].fill_(1 / 3)
    optimizer.register_load_state_dict_pre_hook(lambda _, given: saved)
    optimizer.load_state_dict(other)
    assert torch.equal(optimizer.state[params[0]]["exp_avg"], torch.full((3,), 1 / 3))


def test_torchs_bfloat16_run_continues():
    """Its states are widened, and the run goes on in the library."""
    params = narrow_params(BF16)
    theirs = torch.optim.AdamW(params)
    narrow_grads(params, dtype=BF16)
    theirs.step()
    ours = AdamW(params, **OPTIONS)
    ours.load_state_dict(theirs.state_dict())
    for one, other in zip(theirs.state.values(), ours.state.values()):
        assert other["exp_avg"].dtype is F32 and same_bits(one["exp_avg"].float(), other["exp_avg"])
    ours.step()


def test_to_float32_and_back():
    """A split run goes on in torch's float32 form, and a float32 run in a split one, to the bit."""
    params = narrow_params(BF16)
    optimizer = AdamW(params, **OPTIONS, master="split")
    narrow_grads(params, dtype=BF16)
    optimizer.step()
    values, saved = libadamw.torch.to_float32(optimizer)
    wide = [torch.nn.Parameter(value) for value in values]
    torch.optim.AdamW(wide).load_state_dict(copy.deepcopy(saved))
    float32 = AdamW(wide, **OPTIONS)
    float32.load_state_dict(through_a_file(saved))
    narrow_grads(params, wide, dtype=BF16)
    optimizer.step(), float32.step()
    for param, twin in zip(params, wide):
        assert same_bits(join(param, optimizer.state[param]["param_residual"]), twin.detach())
    back = narrow_params(BF16)
    fresh = AdamW(back, **OPTIONS, master="split")
    libadamw.torch.from_float32(fresh, *libadamw.torch.to_float32(float32))
    narrow_grads(params, back, dtype=BF16)
    optimizer.step(), fresh.step()
    assert_same(params, optimizer, back, fresh)


@pytest.mark.parametrize("form", ("bfloat16", "float16", "compensated"))
def test_to_float32_of_other_forms(form):
    dtype, options = FORMS[form]
    params = narrow_params(dtype)
    optimizer = AdamW(params, **OPTIONS | options)
    narrow_grads(params, dtype=dtype)
    optimizer.step()
    values, saved = libadamw.torch.to_float32(optimizer)
    assert all(same_bits(value, param.detach().float()) for value, param in zip(values, params))
    others = narrow_params(dtype)
    fresh = AdamW(others, **OPTIONS | options)
    libadamw.torch.from_float32(fresh, values, saved)
    assert all(map(same_bits, others, params))


def test_transformer_engines_remainders():
    """The layout, from its kernel: a negative remainder counts the rounding of the upper half back."""
    values = torch.randn(1000) * 10 ** torch.linspace(-30, 30, 1000)
    high, low = split(values)
    upper = high.view(torch.int16).int() - (low < 0).int()
    assert torch.equal((upper << 16) | (low.int() & 0xFFFF), values.view(torch.int32))
    params = narrow_params(BF16)
    optimizer = AdamW(params, **OPTIONS, master="split")
    for _ in range(2):
        narrow_grads(params, dtype=BF16)
        optimizer.step()
    theirs = libadamw.torch.to_remainders(optimizer.state_dict())
    assert [group["step"] for group in theirs["param_groups"]] == [2]
    assert set(theirs["state"][0]) == {"exp_avg", "exp_avg_sq", "master_param"}
    others = copy.deepcopy(params)
    fresh = AdamW(others, **OPTIONS, master="split")
    fresh.load_state_dict(libadamw.torch.from_remainders(copy.deepcopy(theirs)))
    narrow_grads(params, others, dtype=BF16)
    optimizer.step(), fresh.step()
    assert_same(params, optimizer, others, fresh)
    theirs["state"][0]["master_param"] = torch.ones(3, 4)
    with pytest.raises(TypeError, match="master_param of parameter 0 must be an int16 tensor of remainders"):
        libadamw.torch.from_remainders(theirs)
    optimizer.state[params[0]]["step"].fill_(9)
    with pytest.raises(ValueError, match=r"the parameters of group 0 have made \[3, 9\] steps"):
        libadamw.torch.to_remainders(optimizer.state_dict())


@pytest.mark.parametrize("master, dtype", (("split", BF16), (None, BF16), (None, F16)))
def test_averages(master, dtype):
    """In float32, of the float32 value; the parameters get their own back, residuals too."""
    params = narrow_params(dtype, [(3, 4), (5,)])
    optimizer = AdamW(params, **OPTIONS, master=master, ema_decay=0.9)
    for step in range(4):
        narrow_grads(params, dtype=dtype)
        if step == 3:
            params[1].grad = None
        optimizer.step()
    own = [param.detach().clone() for param in params]
    states = copy.deepcopy([optimizer.state[param] for param in params])
    assert states[0]["param_ema"].dtype is F32
    with optimizer.averaged():
        for param, state in zip(params, states):
            assert torch.equal(param, state["param_ema"].to(dtype))
    assert all(map(torch.equal, own, params))
    for param, state in zip(params, states):
        assert all(torch.equal(value, optimizer.state[param][key]) for key, value in state.items())
    before, value = states[1]["param_ema"], params[1].detach().float()
    if master:
        value = join(params[1], states[1]["param_residual"])
    params[1].grad = None
    optimizer.step()
    assert same_bits(optimizer.state[params[1]]["param_ema"], torch.lerp(before, value, 1 - 0.9))


def test_a_skipped_step_changes_nothing():
    for dtype in (BF16, F16):
        params = narrow_params(dtype, [(3,), (4,)])
        optimizer = AdamW(params, **OPTIONS, skip_not_finite=True)
        narrow_grads(params, dtype=dtype)
        params[1].grad[0] = float("inf")
        before = [param.detach().clone() for param in params]
        optimizer.step()
        assert optimizer.skipped and all(map(torch.equal, before, params))


def test_mixed_parameters():
    """float32 beside bfloat16 under split, as norms are kept: each is its own."""
    params = [torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3, dtype=BF16))]
    optimizer = AdamW(params, **OPTIONS, master="split")
    for param in params:
        param.grad = torch.ones_like(param)
    optimizer.step()
    assert "param_residual" not in optimizer.state[params[0]] and "param_residual" in optimizer.state[params[1]]
    assert same_bits(join(params[1], optimizer.state[params[1]]["param_residual"]), params[0].detach())


def test_torchs_arithmetic_takes_torchs_step():
    params, others = narrow_params(BF16), narrow_params(BF16)
    with torch.no_grad():
        for param, twin in zip(params, others):
            twin.copy_(param)
    theirs, ours = torch.optim.AdamW(params, fused=True), AdamW(others)
    narrow_grads(params, others, dtype=BF16)
    theirs.step()
    with pytest.warns(UserWarning, match="of bfloat16 and float16 with arithmetic='accurate'"):
        ours.step()
    assert_same(params, theirs, others, ours)


@pytest.mark.parametrize("options, error, message", (
    ({"master": "both"}, ValueError, "master is 'both': it must be 'split', 'compensated' or None"),
    ({"state_dtype": "q8"}, NotImplementedError, "state_dtype is 'q8': this version has no 8-bit states"),
    ({"state_dtype": F16}, ValueError, "state_dtype is torch.float16: it must be torch.float32, torch.bfloat16 or"),
    ({"state_dtype": "bfloat16"}, ValueError, "state_dtype is 'bfloat16': it must be torch.float32"),
    ({"rounding": "up"}, ValueError, "rounding is 'up': it must be 'nearest' or 'stochastic'"),
    ({"seed": -1}, ValueError, "seed is -1: it must be a whole number from 0"),
    ({"seed": 1.5}, ValueError, "seed is 1.5: it must be a whole number from 0"),
    ({"seed": 3}, ValueError, "seed is 3: rounding='stochastic' alone reads it"),
    ({"master": "split", "arithmetic": "torch"}, ValueError,
     "master is 'split': with arithmetic='torch', .* it must be None, or the arithmetic 'accurate'"),
    ({"rounding": "stochastic", "arithmetic": "torch"}, ValueError, "rounding is 'stochastic': with arithmetic='torch'"),
    ({"state_dtype": BF16, "arithmetic": "torch"}, ValueError, "state_dtype is torch.bfloat16: with arithmetic='torch'"),
))
@pytest.mark.parametrize("name", ("AdamW", "Adam"))
def test_refused_by_the_constructor(name, options, error, message):
    with pytest.raises(error, match=message):
        getattr(libadamw.torch, name)(make_params(), **{"arithmetic": "accurate"} | options)


@pytest.mark.parametrize("key", ("master", "state_dtype", "rounding", "seed"))
def test_refused_in_a_group(key):
    with pytest.raises(ValueError, match=f"{key} is in group 0: it is for all groups together"):
        AdamW([{"params": make_params(), key: None}])


@pytest.mark.parametrize("dtype, options, error, message", (
    (F16, {"master": "split"}, TypeError, "parameter 1 of group 0 is torch.float16: with master='split' it must be bf"),
    (F16, {"master": "compensated"}, TypeError, "parameter 1 of group 0 is torch.float16: with master='compensated' it"),
    (BF16, {"master": "compensated"}, TypeError, "it must be float32; bfloat16 has 'split'"),
    (F16, {"rounding": "stochastic"}, TypeError, "parameter 1 of group 0 is torch.float16: it is rounded to nearest"),
    (torch.float64, {"master": "split"}, ValueError, "master is 'split', and parameter 1 of group 0 takes torch's own"),
    (BF16, {"state_dtype": BF16}, ValueError, "state_dtype is torch.bfloat16 with beta2 0.999 in group 0"),
))
def test_refused_by_the_step(dtype, options, error, message):
    params = make_params([(3,)]) + narrow_params(dtype, [(3,)])
    optimizer = AdamW(params, **OPTIONS | options)
    for param in params:
        param.grad = torch.ones_like(param)
    before = [param.detach().clone() for param in params]
    with pytest.raises(error, match=message):
        optimizer.step()
    assert all(map(torch.equal, before, params)) and not any(optimizer.state.values())


def stepped(**options):
    params = narrow_params(BF16, [(3,)])
    optimizer = AdamW(params, **OPTIONS | options)
    narrow_grads(params, dtype=BF16)
    optimizer.step()
    return params[0], optimizer


@pytest.mark.parametrize("options, change, error, message", (
    ({}, lambda o, p: setattr(o, "precision", o.precision._replace(master="split")), None, None),
    ({"master": "split"}, lambda o, p: setattr(o, "precision", o.precision._replace(master=None)), ValueError,
     "the state of parameter 0 of group 0 has a param_residual, a part of its value: master must be 'split'"),
    ({"master": "split"}, lambda o, p: o.state[p].update(param_residual=torch.zeros(3)), TypeError,
     "param_residual of parameter 0 of group 0 is torch.float32: it must be torch.int16"),
    ({"master": "split"}, lambda o, p: o.state[p].update(param_residual=p.detach().view(torch.int16)), ValueError,
     "param_residual of parameter 0 of group 0 shares memory with parameter 0 of group 0"),
    ({}, lambda o, p: o.state[p].update(exp_avg=torch.zeros(3, dtype=BF16)), TypeError,
     "exp_avg of parameter 0 of group 0 is torch.bfloat16: it must be torch.float32"),
    ({}, lambda o, p: setattr(o, "arithmetic", "torch"), TypeError,
     "exp_avg of parameter 0 of group 0 is torch.float32: it must be torch.bfloat16"),
    ({"state_dtype": BF16, "betas": (0.9, 0.95)}, lambda o, p: o.param_groups[0].update(betas=(0.9, 0.999)),
     ValueError, "state_dtype is torch.bfloat16 with beta2 0.999 in group 0"),
))
def test_changes_between_steps(options, change, error, message):
    param, optimizer = stepped(**options)
    before = param.detach().clone()
    change(optimizer, param)
    if error is None:
        optimizer.step()
        assert optimizer.state[param]["param_residual"].dtype is torch.int16
        return
    with pytest.raises(error, match=message):
        optimizer.step()
    assert torch.equal(before, param)


def test_a_loaded_residual_that_does_not_belong():
    param, optimizer = stepped(master="split")
    saved = copy.deepcopy(optimizer.state_dict())
    for dtype, master in ((BF16, None), (F32, "compensated"), (F32, "split")):
        fresh = AdamW([torch.nn.Parameter(param.detach().to(dtype))], **OPTIONS, master=master)
        with pytest.raises(ValueError, match="the loaded param_residual, a part of a parameter's value, is torch.int16"):
            fresh.load_state_dict(saved)
        assert not fresh.state and fresh.param_groups[0]["lr"] == OPTIONS["lr"]


@pytest.mark.parametrize("call, error, message", (
    (lambda o: split(torch.ones(3, dtype=F16)), TypeError, "values is torch.float16 on cpu: it must be torch.float32"),
    (lambda o: join(torch.ones(3), torch.ones(3)), TypeError, "params is torch.float32 on cpu: it must be torch.bfloat16"),
    (lambda o: join(torch.ones(3).bfloat16(), torch.ones(2).short()), ValueError, r"residuals has shape \(2,\)"),
    (lambda o: libadamw.torch.from_float32(o, [], o.state_dict()), ValueError, "params must be a list of 1 tensors"),
    (lambda o: libadamw.torch.from_float32(o, [torch.ones(2)], o.state_dict()), ValueError, r"params\[0\] has shape"),
    (lambda o: libadamw.torch.from_float32(o, [1.0], o.state_dict()), TypeError, r"params\[0\] is float"),
))
def test_refused_conversions(call, error, message):
    with pytest.raises(error, match=message):
        call(stepped(master="split")[1])
