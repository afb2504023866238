"""Tensors that move, change or lie in another order in memory between two steps."""
import copy
import weakref

import pytest
import torch
from common import assert_same, give_grads, make_params, same_bits, twins

import libadamw.torch

pytestmark = pytest.mark.usefixtures("way_to_look")


def strided(how: str) -> torch.Tensor:
    return {
        "transposed": lambda: torch.randn(6, 5).t(),
        "channels_last": lambda: torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "every second": lambda: torch.randn(20)[::2],
        "column": lambda: torch.randn(6, 5)[:, 1],
        "permuted": lambda: torch.randn(3, 4, 5).permute(2, 0, 1),
        "contiguous": lambda: torch.randn(6, 5),
    }[how]()


@pytest.mark.parametrize("amsgrad", (False, True))
@pytest.mark.parametrize("grad_order", ("its own", "contiguous", "reversed", "expanded"))
@pytest.mark.parametrize("how", ("transposed", "channels_last", "every second", "column", "permuted", "contiguous"))
def test_orders(how, grad_order, amsgrad):
    data = strided(how)
    params = [torch.nn.Parameter(data.clone(memory_format=torch.preserve_format)) for _ in range(2)]
    base = [torch.nn.Parameter(strided(how)) for _ in range(2)]  # keeps gaps, where the layout has them
    with torch.no_grad():
        base[1].copy_(base[0])
    for one, other in (params, base):
        theirs = torch.optim.AdamW([one], foreach=False, amsgrad=amsgrad)
        ours = libadamw.torch.AdamW([other], amsgrad=amsgrad)
        for _ in range(3):
            grad = torch.randn(one.shape)
            if grad_order == "its own":
                grad = torch.empty_like(one).copy_(grad).detach()
            elif grad_order == "reversed":
                grad = grad.permute(*reversed(range(grad.ndim))).contiguous().permute(*reversed(range(grad.ndim)))
            elif grad_order == "expanded":
                grad = torch.randn(()).expand(one.shape)
            one.grad, other.grad = grad, grad.clone(memory_format=torch.preserve_format)
            if grad_order == "expanded":
                other.grad = grad
            theirs.step(), ours.step()
            assert_same([one], theirs, [other], ours)
        assert one.stride() == other.stride()


def test_elements_between_a_strided_parameter_stay():
    buffer = torch.arange(20.0)
    param = torch.nn.Parameter(buffer[::2])
    optimizer = libadamw.torch.AdamW([param], lr=1.0)
    param.grad = torch.ones(10)
    optimizer.step()
    assert torch.equal(buffer[1::2], torch.arange(1.0, 20.0, 2)) and not torch.equal(buffer[::2],
                                                                                     torch.arange(0.0, 20.0, 2))


CHANGES = {
    "new storage": lambda p, s: setattr(p, "data", p.data.clone()),
    "shared memory": lambda p, s: p.data.share_memory_(),
    "state in shared memory": lambda p, s: [value.share_memory_() for value in s.values()],
    "state replaced": lambda p, s: s.update({key: value.clone() for key, value in s.items()}),
    "state's data replaced": lambda p, s: [setattr(value, "data", value.data.clone()) for value in s.values()],
    "state in another order": lambda p, s: s.update(exp_avg=s["exp_avg"].t().contiguous().t()),
    "parameter in another order": lambda p, s: setattr(p, "data", p.data.t().contiguous().t()),
    "no gradient": lambda p, s: setattr(p, "grad", None),
    "gradient in another order": lambda p, s: setattr(p, "grad", torch.ones(4, 4).tril().t()),
    "no state": lambda p, s: s.clear(),
    "gradient in place": lambda p, s: p.grad.mul_(2),
    "gradient's data replaced": lambda p, s: setattr(p.grad, "data", p.grad.data.clone()),
    "gradient's order changed in place": lambda p, s: p.grad.t_(),
    "gradient in shared memory": lambda p, s: p.grad.share_memory_(),
    "frozen": lambda p, s: p.requires_grad_(False),
    "view of a larger buffer": lambda p, s: setattr(p, "data", torch.cat([p.data, p.data])[4:]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_change_between_steps(what):
    params, theirs, others, ours = twins(shapes=[(4, 4)] * 3)
    for step in range(6):
        give_grads(params, others)
        if step in (2, 3):
            for tensors, optimizer in ((params, theirs), (others, ours)):
                CHANGES[what](tensors[1], optimizer.state[tensors[1]])
        theirs.step(), ours.step()
        assert_same(params, theirs, others, ours)


def test_replaced_parameter_and_moved_state():
    params, theirs, others, ours = twins(shapes=[(4,)] * 3)
    for step in range(4):
        if step == 2:
            for tensors, optimizer in ((params, theirs), (others, ours)):
                new = torch.nn.Parameter(tensors[1].detach() * 2)
                optimizer.state[new] = optimizer.state.pop(tensors[1])
                optimizer.param_groups[0]["params"][1] = tensors[1] = new
        give_grads(params, others)
        theirs.step(), ours.step()
        assert_same(params, theirs, others, ours)


def test_swapped_gradients_of_equal_shape():
    params, theirs, others, ours = twins(shapes=[(4,)] * 2)
    give_grads(params, others)
    for _ in range(4):
        theirs.step(), ours.step()
        for tensors in (params, others):
            tensors[0].grad, tensors[1].grad = tensors[1].grad, tensors[0].grad
    assert_same(params, theirs, others, ours)


def test_lazily_negated_gradient():
    """The gradient of a one-element parameter can be a negated view, whose memory has the other sign."""
    params, theirs, others, ours = twins(shapes=[(), (1,), (3,)])
    for lazy in (False, True, False):
        for tensors, optimizer in ((params, theirs), (others, ours)):
            for param in tensors:
                value = torch.complex(torch.zeros(param.shape), torch.full(param.shape, 2.0))
                param.grad = value.conj().imag if lazy else torch.full(param.shape, 0.5)
                assert param.grad.is_neg() == lazy
            optimizer.step()
    assert_same(params, theirs, others, ours)


def test_sharing_one_storage_side_by_side():
    flat, other_flat = torch.randn(30), None
    other_flat = flat.clone()
    params = [torch.nn.Parameter(flat[:10]), torch.nn.Parameter(flat[10:11]), torch.nn.Parameter(flat[11:])]
    others = [torch.nn.Parameter(other_flat[:10]), torch.nn.Parameter(other_flat[10:11]),
              torch.nn.Parameter(other_flat[11:])]
    theirs, ours = torch.optim.AdamW(params, foreach=False), libadamw.torch.AdamW(others)
    for _ in range(3):
        give_grads(params, others)
        theirs.step(), ours.step()
    assert same_bits(flat, other_flat)


@pytest.mark.parametrize("cut", (lambda data: data.unbind(1), lambda data: data.t().split(1), lambda data: [data[::2],
                                                                                                 data[1::2]]))
def test_columns_of_one_matrix(cut):
    """Disjoint slices that lie between each other are no overlap."""
    buffers = [torch.randn(6, 4)]
    buffers.append(buffers[0].clone())
    params, others = [[torch.nn.Parameter(part) for part in cut(buffer)] for buffer in buffers]
    theirs, ours = torch.optim.AdamW(params, foreach=False), libadamw.torch.AdamW(others)
    for _ in range(3):
        give_grads(params, others)
        theirs.step(), ours.step()
    assert same_bits(*buffers)


def test_model_conversions():
    """Modules that are converted in place keep their optimizer."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 2))
    twin = copy.deepcopy(model)
    optimizers = [torch.optim.AdamW(model.parameters(), foreach=False), libadamw.torch.AdamW(twin.parameters())]
    for step in range(6):
        data = torch.randn(5, 3, 8, 8)
        for network, optimizer in zip((model, twin), optimizers):
            if step == 2:
                network.to(memory_format=torch.channels_last)
            if step == 4:
                network.share_memory()
            optimizer.zero_grad()
            network(data).square().mean().backward()
            optimizer.step()
    assert_same(list(model.parameters()), optimizers[0], list(twin.parameters()), optimizers[1])


def test_parameters_only_partly_given_gradients():
    params = make_params([(3,)] * 4)
    optimizer = libadamw.torch.AdamW(params)
    optimizer.step()  # no gradients at all: nothing happens
    assert not optimizer.state
    params[2].grad = torch.ones(3)
    optimizer.step()
    assert list(optimizer.state) == [params[2]]


def test_same_gradients_written_in_place():
    """zero_grad(set_to_none=False): nothing of a tensor changes but its values."""
    params, theirs, others, ours = twins()
    give_grads(params, others)
    for _ in range(4):
        theirs.step(), ours.step()
        assert_same(params, theirs, others, ours)
        for param, other in zip(params, others):
            param.grad.normal_()
            other.grad.copy_(param.grad)


def test_gradients_are_not_kept():
    """After zero_grad() their memory is free."""
    params = make_params()
    optimizer = libadamw.torch.AdamW(params)
    for _ in range(3):
        give_grads(params)
        optimizer.step()
        watched = [weakref.ref(param.grad) for param in params]
        optimizer.zero_grad()
        assert not any(watch() is not None for watch in watched)


def test_the_step_is_seen_by_autograd():
    """What was saved for a backward pass before the step must not be used after it."""
    params = make_params([(3,)] * 2)
    optimizer = libadamw.torch.AdamW(params)
    for _ in range(2):
        loss = (params[0] * params[1]).sum()
        loss.backward(retain_graph=True)
        optimizer.step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


@pytest.mark.parametrize("hold", ("state", "one dictionary", "state_dict"))
def test_states_replaced_by_whoever_holds_them(hold):
    """Wrappers keep optimizer.state, and write to it steps later without asking the optimizer."""
    params, theirs, others, ours = twins(shapes=[(4, 4)] * 3)
    give_grads(params, others)
    theirs.step(), ours.step()
    held = []
    for tensors, optimizer in ((params, theirs), (others, ours)):
        held.append({"state": lambda: optimizer.state,
                     "one dictionary": lambda: {tensors[1]: optimizer.state[tensors[1]]},
                     "state_dict": lambda: {tensors[1]: optimizer.state_dict()["state"][1]}}[hold]())
    for step in range(6):
        if step in (2, 4):
            for tensors, states in zip((params, others), held):
                states[tensors[1]]["exp_avg"] = torch.full((4, 4), float(step))
        give_grads(params, others)
        theirs.step(), ours.step()
        assert all(map(same_bits, params, others))
    assert_same(params, theirs, others, ours)


def test_unchanged_tensors_keep_the_plan():
    params = make_params([(3,)] * 4)
    optimizer = libadamw.torch.AdamW(params)
    for _ in range(3):
        give_grads(params)
        optimizer.step()
    plan, kept = optimizer._plan, optimizer.state
    for _ in range(3):
        give_grads(params)
        optimizer.step()
        assert optimizer._plan is plan and kept is optimizer.state
    kept[params[0]]["exp_avg"] = kept[params[0]]["exp_avg"].clone()
    optimizer.step()
    assert optimizer._plan is not plan
