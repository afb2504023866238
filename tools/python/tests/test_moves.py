"""A fuzzer: what users legally do between two steps, in any order, and after each step torch's bits.

Each move is made on torch's optimizer and on ours, with the same numbers. What is moved or replaced frees memory; a
step that remembered it would write to whatever has it now, or end the process. MOVES=1000 tries longer, and
`make test-python-asan` does it with the library under AddressSanitizer.
"""
import copy
import io
import os
import random

import pytest
import torch
from common import assert_same, make_params

import libadamw.torch

pytestmark = pytest.mark.usefixtures("way_to_look")
RUNS = int(os.environ.get("MOVES", "15"))
SHAPES = [(4, 4), (3,), (1,), (), (6, 4), (300,)]
STATES = ("exp_avg", "exp_avg_sq")


class Side:
    """One optimizer, its parameters, and what a user holds of it from earlier."""

    def __init__(self, kind, params, **options):
        self.params = params
        groups = [{"params": params[:3]}, {"params": params[3:], "lr": 3e-3, "name": "second"}]
        self.optimizer = kind(groups, lr=1e-2, **options)
        self.held, self.kept, self.used = [], [], []  # states, state dictionaries, other tensors

    def state(self, place):
        return self.optimizer.state.get(self.params[place], {})

    def group_of(self, place):
        return self.optimizer.param_groups[0 if place < 3 else 1]


def hold(side, place, key):
    if key in side.state(place):
        side.held.append(side.state(place)[key])


def move_held(side, change):
    for tensor in side.held:
        change(tensor)


def set_data(tensor, data):
    tensor.data = data


def map_states(side, place, change):
    state = side.state(place)
    for key in STATES:
        if key in state:
            state[key] = change(state[key])


def change_states(side, place, change):
    for key in STATES:
        if key in side.state(place):
            change(side.state(place)[key])


def reload(side, through):
    saved = through(side.optimizer.state_dict())
    side.kept.append(saved)
    side.optimizer.load_state_dict(saved)


def through_file(saved):
    file = io.BytesIO()
    torch.save(saved, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def swap_states(side, place, other):
    one, two = side.state(place), side.state(other)
    for key in STATES:
        if key in one and key in two and one[key].shape == two[key].shape:
            one[key], two[key] = two[key], one[key]


def new_param(side, place):
    old = side.params[place]
    new = torch.nn.Parameter(old.detach() * 2)
    new.grad = None if old.grad is None else old.grad.clone()
    if old in side.optimizer.state:
        side.optimizer.state[new] = side.optimizer.state.pop(old)
    params = side.group_of(place)["params"]
    index = next((index for index, param in enumerate(params) if param is old), None)
    if index is not None:
        params[index] = new
    side.params[place] = new


def flatten(side, first):
    """Parameters become views of one buffer, as fused all-reduces make them."""
    flat = torch.cat([param.detach().reshape(-1) for param in side.params[first:]])
    for param in side.params[first:]:
        param.data, flat = flat[: param.numel()].view(param.shape), flat[param.numel():]


def reorder(data):
    return data.t().contiguous().t() if data.ndim == 2 else data.clone()


def set_step(side, place, value, how):
    state = side.state(place)
    if "step" not in state:
        return
    if how == "in place":
        state["step"].fill_(value)
    elif how == "shape (1,)":
        state["step"] = torch.full((1,), value)
    else:
        state["step"] = torch.tensor(value, dtype=how)


# name -> move(side, place, number): `place` is a parameter's, `number` a small float.
MOVES = {
    "hold a state": lambda s, p, v: hold(s, p, "exp_avg"),
    "hold a second state": lambda s, p, v: hold(s, p, "exp_avg_sq"),
    "held states get new data": lambda s, p, v: move_held(s, lambda t: set_data(t, torch.full_like(t, 0.3))),
    "held states go to shared memory": lambda s, p, v: move_held(s, lambda t: t.share_memory_()),
    "held states are written": lambda s, p, v: move_held(s, lambda t: t.fill_(v)),
    "held states are let go": lambda s, p, v: s.held.clear(),
    "states are cloned": lambda s, p, v: map_states(s, p, torch.clone),
    "states get new data": lambda s, p, v: change_states(s, p, lambda t: set_data(t, t.data.clone())),
    "states lie in another order": lambda s, p, v: map_states(s, p, reorder),
    "states are set": lambda s, p, v: change_states(s, p, lambda t: t.set_(t.clone())),
    "states go to shared memory": lambda s, p, v: [t.share_memory_() for t in s.state(p).values()],
    "states are views": lambda s, p, v: map_states(s, p, lambda t: torch.stack([t, t])[1]),
    "states are swapped": lambda s, p, v: swap_states(s, p, (p + 4) % 6),
    "a state is cleared": lambda s, p, v: s.state(p).clear(),
    "a state is popped": lambda s, p, v: s.optimizer.state.pop(s.params[p], None),
    "all states are cleared": lambda s, p, v: s.optimizer.state.clear(),
    "a state is another dictionary": lambda s, p, v: s.optimizer.state.update(
        {s.params[p]: dict(s.state(p))} if s.state(p) else {}),
    "the states are another dictionary": lambda s, p, v: setattr(
        s.optimizer, "state", type(s.optimizer.state)(dict, s.optimizer.state)),
    "state_dict is kept": lambda s, p, v: s.kept.append(s.optimizer.state_dict()),
    "a kept state_dict is loaded": lambda s, p, v: [s.optimizer.load_state_dict(kept) for kept in s.kept[-1:]],
    "own state_dict is loaded": lambda s, p, v: reload(s, lambda saved: saved),
    "a copy is loaded": lambda s, p, v: reload(s, copy.deepcopy),
    "a file is loaded": lambda s, p, v: reload(s, through_file),
    "parameter gets new data": lambda s, p, v: set_data(s.params[p], s.params[p].data.clone()),
    "parameter lies in another order": lambda s, p, v: set_data(s.params[p], reorder(s.params[p].data)),
    "parameter goes to shared memory": lambda s, p, v: s.params[p].data.share_memory_(),
    "parameter is replaced": lambda s, p, v: new_param(s, p),
    "parameters become one buffer": lambda s, p, v: flatten(s, p),
    "gradient is dropped": lambda s, p, v: setattr(s.params[p], "grad", None),
    "gradients are cleared": lambda s, p, v: s.optimizer.zero_grad(),
    "gradients are cleared in place": lambda s, p, v: s.optimizer.zero_grad(set_to_none=False),
    "gradient gets new data": lambda s, p, v: s.params[p].grad is not None and set_data(
        s.params[p].grad, torch.full_like(s.params[p].grad, v)),
    "gradient lies in another order": lambda s, p, v: s.params[p].grad is not None and setattr(
        s.params[p], "grad", reorder(s.params[p].grad)),
    "gradient is expanded": lambda s, p, v: setattr(s.params[p], "grad", torch.tensor(v).expand(s.params[p].shape)),
    "step is written": lambda s, p, v: set_step(s, p, float(int(10 * v)), "in place"),
    "step has shape (1,)": lambda s, p, v: set_step(s, p, float(int(10 * v)), "shape (1,)"),
    "step is float64": lambda s, p, v: set_step(s, p, float(int(10 * v)), torch.float64),
    "step is int64": lambda s, p, v: set_step(s, p, int(10 * v), torch.int64),
    "step gets new data": lambda s, p, v: "step" in s.state(p) and set_data(
        s.state(p)["step"], s.state(p)["step"].clone()),
    "rate is set": lambda s, p, v: s.group_of(p).update(lr=v),
    "rate is a tensor": lambda s, p, v: s.group_of(p).update(lr=0.25),
    "frozen": lambda s, p, v: s.params[p].requires_grad_(False),
    "memory is used elsewhere": lambda s, p, v: s.used.append([torch.full(shape, v) for shape in SHAPES]),
    "memory is let go": lambda s, p, v: (s.kept.clear(), s.used.clear()),
}


def test_there_are_some_thirty_moves():
    assert len(MOVES) >= 30


@pytest.mark.parametrize("run", range(RUNS))
def test_moves(run):
    dice = random.Random(run)
    torch.manual_seed(run)
    params = make_params(SHAPES)
    options = {"amsgrad": False, "weight_decay": 0.1}
    others = copy.deepcopy(params)
    sides = [Side(torch.optim.AdamW, params, foreach=False, **options),
             Side(libadamw.torch.AdamW, others, **options)]
    made = []
    for _ in range(15):
        for place in range(len(SHAPES)):
            if dice.random() < 0.8:
                grad = torch.randn(SHAPES[place])
                for side in sides:
                    side.params[place].grad = grad.clone()
        for _ in range(dice.choice((0, 1, 1, 2, 3))):
            name, place, number = dice.choice(list(MOVES)), dice.randrange(len(SHAPES)), dice.random()
            made.append((name, place, number))
            for side in sides:
                MOVES[name](side, place, number)
        for side in sides:
            side.optimizer.step()
        made.append("step")
        try:
            assert_same(sides[0].params, sides[0].optimizer, sides[1].params, sides[1].optimizer)
            for one, other in zip(sides[0].held, sides[1].held):
                assert torch.equal(one, other), "a held state differs"
        except AssertionError as error:
            pytest.fail(f"{error}; moves: {made}")


@pytest.mark.parametrize("how", ("data", "shared memory", "set"))
@pytest.mark.parametrize("key", (*STATES, "step"))
def test_a_state_kept_from_before_is_moved(key, how):
    """Both examples ended in SIGSEGV or wrote into another tensor: nothing but the tensor itself was reached for."""
    sides = []
    for kind, options in ((torch.optim.AdamW, {"foreach": False}), (libadamw.torch.AdamW, {})):
        torch.manual_seed(0)
        param = torch.nn.Parameter(torch.randn(300_000))
        optimizer = kind([param], **options)
        param.grad = torch.randn(300_000)
        optimizer.step()
        kept = optimizer.state[param][key]
        optimizer.step()
        value = torch.full_like(kept, 3.0)
        {"data": lambda: set_data(kept, value), "shared memory": kept.share_memory_,
         "set": lambda: kept.set_(value)}[how]()
        elsewhere = [torch.full((300_000,), 7.0) for _ in range(3)]
        optimizer.step()
        assert all(bool((each == 7.0).all()) for each in elsewhere)
        sides.append(([param], optimizer, kept))
    assert_same(*sides[0][:2], *sides[1][:2])
    assert torch.equal(sides[0][2], sides[1][2])
