"""Bad input: an exception that names the parameter and says what would be right, and nothing was updated."""
import pytest
import torch
from common import CLASSES, give_grads, make_params

import libadamw.torch

pytestmark = pytest.mark.usefixtures("way_to_look")


def refuses(optimizer, params, error, message):
    """The step raises; the parameters, the states and their steps are as before."""
    before = [param.detach().clone() for param in params]
    states = {param: {key: value.clone() for key, value in state.items()} for param, state in optimizer.state.items()}
    with pytest.raises(error, match=message):
        optimizer.step()
    if all(param.device.type == "cpu" and param.layout == torch.strided for param in params):
        assert all(map(torch.equal, before, params))
    for param, state in states.items():
        for key, value in state.items():
            assert torch.equal(value, optimizer.state[param][key])


@pytest.fixture
def stepped():
    params = make_params([(3, 4), (4, 3), (2,)])
    optimizer = libadamw.torch.AdamW([("first", params[0]), ("second", params[1]), ("third", params[2])])
    give_grads(params)
    optimizer.step()
    return params, optimizer


@pytest.mark.parametrize("tensor, error, message", (
    (torch.ones(3, dtype=torch.float8_e4m3fn), TypeError,
     "parameter 1 of group 0 is torch.float8_e4m3fn: it must be float32"),
    (torch.ones(1).expand(3), RuntimeError, "parameter 1 of group 0 has several elements in one place"),
))
def test_parameters(tensor, error, message):
    params = make_params([(3,)]) + [torch.nn.Parameter(tensor)]
    optimizer = libadamw.torch.AdamW(params)
    for param in params:
        param.grad = torch.ones_like(param)
    refuses(optimizer, params, error, message)


def test_integer_parameters():
    param = torch.nn.Parameter(torch.ones(3, dtype=torch.int32), requires_grad=False)
    param.grad = torch.ones(3, dtype=torch.int32)
    refuses(libadamw.torch.AdamW([param]), [param], TypeError, "parameter 0 of group 0 is torch.int32")


def test_unfit_parameters_without_gradients_are_left_alone():
    params = make_params([(3,)]) + [torch.nn.Parameter(torch.ones(3, dtype=torch.int8), requires_grad=False)]
    optimizer = libadamw.torch.AdamW(params)
    params[0].grad = torch.ones(3)
    optimizer.step()


@pytest.mark.parametrize("name", CLASSES)
def test_sparse_gradients(name):
    embedding = torch.nn.Embedding(5, 3, sparse=True)
    optimizer = CLASSES[name][1](embedding.parameters())
    embedding(torch.tensor([1, 2])).sum().backward()
    refuses(optimizer, list(embedding.parameters()), RuntimeError, "gradient of parameter 0 of group 0 is sparse")
    embedding.weight.grad = torch.ones(5, 3)
    optimizer.step()
    embedding.weight.grad = torch.ones(5, 3).to_sparse()
    refuses(optimizer, list(embedding.parameters()), RuntimeError, "gradient of parameter 0 of group 0 is sparse")


def test_gradient_of_another_shape(stepped):
    params, optimizer = stepped
    params[1].grad.data = torch.ones(3, 4)
    refuses(optimizer, params, ValueError, r"gradient of parameter 'second' has shape \(3, 4\): it must be \(4, 3\)")
    params[1].grad = torch.ones(4, 3)
    params[2].grad.resize_(1)
    refuses(optimizer, params, ValueError, "gradient of parameter 'third' has shape")
    params[2].grad = torch.ones(2)
    params[1].grad.resize_(2, 6)  # the same memory
    refuses(optimizer, params, ValueError, "gradient of parameter 'second' has shape")


def test_one_element_of_another_shape():
    params = make_params([(1,)])
    optimizer = libadamw.torch.AdamW(params)
    give_grads(params)
    optimizer.step()
    params[0].grad.unsqueeze_(0)
    refuses(optimizer, params, ValueError, "gradient of parameter 0 of group 0 has shape")


def test_gradient_of_another_dtype(stepped):
    params, optimizer = stepped
    params[0].grad.data = torch.ones(3, 4, dtype=torch.float64)
    refuses(optimizer, params, TypeError, "gradient of parameter 'first' is torch.float64: it must be torch.float32")
    params[0].grad = torch.ones(3, 4)
    params[1].grad.data = params[1].grad.data.view(torch.int32)  # the same memory, size and order
    refuses(optimizer, params, TypeError, "gradient of parameter 'second' is torch.int32: it must be torch.float32")


@pytest.mark.parametrize("change, error, message", (
    (lambda t: torch.ones(5), ValueError, "parameter 'first'"),
    (lambda t: t.double(), TypeError, "gradient of parameter 'first' is torch.float32: it must be torch.float64"),
    (lambda t: t[:2], ValueError, r"gradient of parameter 'first' has shape \(3, 4\): it must be \(2, 4\)"),
    (lambda t: torch.ones(1, 4).expand(3, 4), RuntimeError, "parameter 'first' has several elements in one place"),
))
def test_parameter_that_becomes_another(stepped, change, error, message):
    """A new storage of the same shape is followed (test_follow.py); another shape, dtype or device is refused."""
    params, optimizer = stepped
    with pytest.raises(error, match=message):
        params[0].data = change(params[0].data)
        optimizer.step()


def test_parameter_and_gradient_narrowed_but_not_the_state(stepped):
    params, optimizer = stepped
    params[0].data = params[0].data[:2]
    params[0].grad = torch.ones(2, 4)
    refuses(optimizer, params, ValueError, r"exp_avg of parameter 'first' has shape \(3, 4\): it must be \(2, 4\)")


@pytest.mark.parametrize("key, value, error, message", (
    ("exp_avg", torch.zeros(4), ValueError, r"exp_avg of parameter 'first' has shape \(4,\)"),
    ("exp_avg_sq", torch.zeros(3, 4).double(), TypeError, "exp_avg_sq of parameter 'first' is torch.float64"),
    ("exp_avg", None, TypeError, "exp_avg of parameter 'first' is NoneType"),
    ("step", torch.tensor(0.5), ValueError, "step of parameter 'first' is 0.5"),
    ("step", torch.tensor(-3.0), ValueError, "step of parameter 'first' is -3.0"),
    ("step", torch.tensor(float("nan")), ValueError, "step of parameter 'first' is nan"),
    ("step", torch.tensor(float("inf")), ValueError, "step of parameter 'first' is inf: it must be a whole number"),
    ("step", torch.ones(2), TypeError, "step of parameter 'first' is .*: it must be a tensor of one number"),
    ("step", torch.tensor(1j), TypeError, "step of parameter 'first' is .*: it must be a tensor of one number"),
    ("exp_avg", torch.ones(1).expand(3, 4), RuntimeError, "exp_avg of parameter 'first' has several elements"),
))
def test_states(stepped, key, value, error, message):
    params, optimizer = stepped
    optimizer.state[params[0]][key] = value
    with pytest.raises(error, match=message):
        optimizer.step()


def test_step_written_in_place(stepped):
    params, optimizer = stepped
    optimizer.state[params[1]]["step"].fill_(-1.0)
    refuses(optimizer, params, ValueError, "step of parameter 'second' is -1.0: it must be a whole number from 0")


@pytest.mark.parametrize("key, value", (("lr", -1.0), ("lr", float("nan")), ("eps", -1.0), ("weight_decay", 1e39),
                                        ("betas", (1.0, 0.9))))
def test_options_set_between_steps(stepped, key, value):
    params, optimizer = stepped
    optimizer.param_groups[0][key] = value
    refuses(optimizer, params, ValueError, f"parameter 'first'.config: {key.replace('betas', 'beta1')} is")


def test_amsgrad_turned_on_late(stepped):
    params, optimizer = stepped
    optimizer.param_groups[0]["amsgrad"] = True
    refuses(optimizer, params, RuntimeError, "state of parameter 'first' has no max_exp_avg_sq")


@pytest.mark.parametrize("key, value, message", (
    ("lr", "fast", "lr of group 0 is 'fast': it must be a number"),
    ("eps", None, "eps of group 0 is None: it must be a number"),
    ("betas", (0.9, "x"), "betas of group 0 is 'x': it must be a number"),
))
def test_options_that_are_no_numbers(stepped, key, value, message):
    params, optimizer = stepped
    optimizer.param_groups[0][key] = value
    refuses(optimizer, params, TypeError, message)


def test_arithmetic_set_between_steps(stepped):
    params, optimizer = stepped
    optimizer.arithmetic = "bogus"
    refuses(optimizer, params, ValueError, "arithmetic is 'bogus': it must be 'torch' or 'accurate'")


@pytest.mark.parametrize("key, value", (("arithmetic", "accurate"), ("clip_grad_norm", 1.0), ("ema_decay", 0.9),
                                        ("skip_not_finite", True)))
def test_options_of_the_class_in_a_group(key, value):
    with pytest.raises(ValueError, match=f"{key} is in group 0: it is for all groups together"):
        libadamw.torch.AdamW([{"params": make_params(), key: value}])


@pytest.mark.parametrize("key, error, message", (
    ("capturable", ValueError, "capturable is True in group 0"),
    ("differentiable", ValueError, "differentiable is True in group 0"),
))
def test_options_without_meaning_here(stepped, key, error, message):
    with pytest.raises(error, match=message):
        libadamw.torch.AdamW(make_params(), **{key: True})
    with pytest.raises(error, match=message):
        libadamw.torch.AdamW([{"params": make_params(), key: True}])
    params, optimizer = stepped
    optimizer.param_groups[0][key] = True
    refuses(optimizer, params, error, message)


@pytest.mark.parametrize("options, error", (
    ({"lr": -1.0}, ValueError), ({"eps": -1.0}, ValueError), ({"betas": (1.0, 0.9)}, ValueError),
    ({"betas": (0.9, -0.1)}, ValueError), ({"weight_decay": -0.1}, ValueError),
    ({"foreach": True, "fused": True}, RuntimeError), ({"lr": torch.ones(2)}, ValueError),
    ({"lr": torch.tensor(0.1), "foreach": True}, ValueError), ({"arithmetic": "fast"}, ValueError),
))
def test_constructor(options, error):
    with pytest.raises(error):
        libadamw.torch.AdamW(make_params(), **options)


def test_two_parameters_in_one_memory():
    data = torch.ones(8)
    params = [torch.nn.Parameter(data[:5]), torch.nn.Parameter(data[4:])]
    optimizer = libadamw.torch.AdamW(params)
    give_grads(params)
    refuses(optimizer, params, ValueError, "parameter 1 of group 0 shares memory with parameter 0 of group 0")


BUFFER = torch.arange(60.0)
OVERLAPS = {
    "a matrix and its transposed view": (BUFFER.view(6, 10), BUFFER.view(6, 10).t()),
    "rows and a column": (BUFFER.view(6, 10)[2:4], BUFFER.view(6, 10)[:, 3]),
    "two columns and one of them": (BUFFER.view(6, 10)[:, 3:5], BUFFER.view(6, 10)[:, 4]),
    "every second and every third": (BUFFER[::2], BUFFER[::3]),
    "channels_last and a part": (BUFFER.as_strided((1, 3, 4, 5), (60, 1, 15, 3)), BUFFER[20:30]),
}


@pytest.mark.parametrize("what", OVERLAPS)
def test_overlapping_views(what):
    params = [torch.nn.Parameter(view) for view in OVERLAPS[what]]
    optimizer = libadamw.torch.AdamW(params)
    for param in params:
        param.grad = torch.ones_like(param)
    refuses(optimizer, params, ValueError, "parameter 1 of group 0 shares memory with parameter 0 of group 0")


def test_windows_of_one_parameter():
    param = torch.nn.Parameter(torch.arange(10.0).unfold(0, 4, 2))
    param.grad = torch.ones(4, 4)
    refuses(libadamw.torch.AdamW([param]), [param], RuntimeError, "has several elements in one place of memory")


def test_states_in_one_memory(stepped):
    params, optimizer = stepped
    optimizer.state[params[1]]["exp_avg"] = optimizer.state[params[0]]["exp_avg"].view(4, 3)
    refuses(optimizer, params, ValueError, "exp_avg of parameter 'second' shares memory with exp_avg of parameter 'first'")
    optimizer.state[params[1]]["exp_avg"] = params[0].data.view(4, 3)
    refuses(optimizer, params, ValueError, "exp_avg of parameter 'second' shares memory with parameter 'first'")


def test_one_parameter_twice():
    param = torch.nn.Parameter(torch.ones(3))
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = libadamw.torch.AdamW([param, param])
    param.grad = torch.ones(3)
    refuses(optimizer, [param], ValueError, "parameter 1 of group 0 shares memory with parameter 0 of group 0")


def test_error_leaves_the_other_parameters_alone(stepped):
    """The bad parameter is the last one: those before it are not stepped either."""
    params, optimizer = stepped
    params[2].grad.data = torch.ones(7)
    refuses(optimizer, params, ValueError, "gradient of parameter 'third'")
    params[2].grad = torch.ones(2)
    optimizer.step()
    assert all(optimizer.state[param]["step"] == 2 for param in params)
