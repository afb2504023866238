"""state_dict both ways to the same bits, pickling, deepcopy, and state["step"] at any time."""
import copy
import io
import pickle

import pytest
import torch
from common import CLASSES, assert_same, assert_same_state_dict, give_grads, make_params, same_bits, twins


def through_a_file(state_dict):
    file = io.BytesIO()
    torch.save(state_dict, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("amsgrad", (False, True))
@pytest.mark.parametrize("name", CLASSES)
def test_state_dict_is_torchs(name, amsgrad):
    params, theirs, others, ours = twins(name, amsgrad=amsgrad)
    for _ in range(3):
        assert_same_state_dict(theirs.state_dict(), ours.state_dict() | {"param_groups": [
            group | {"foreach": False} for group in ours.state_dict()["param_groups"]]})
        give_grads(params, others)
        theirs.step(), ours.step()


@pytest.mark.parametrize("save", (copy.deepcopy, through_a_file))
@pytest.mark.parametrize("to_ours", (True, False))
@pytest.mark.parametrize("name", CLASSES)
def test_checkpoint_continues(name, to_ours, save):
    """Three steps there, four here: as seven steps of torch's."""
    params, theirs, others, ours = twins(name, weight_decay=0.1, amsgrad=True)
    reference = copy.deepcopy(params)
    whole = CLASSES[name][0](reference, weight_decay=0.1, amsgrad=True, foreach=False)
    first, second = ((params, theirs), (others, ours)) if to_ours else ((others, ours), (params, theirs))
    for step in range(7):
        if step == 3:
            saved = save(first[1].state_dict())
            with torch.no_grad():
                for one, other in zip(first[0], second[0]):
                    other.copy_(one)
            second[1].load_state_dict(saved)
            first, second = second, first
        give_grads(first[0], reference)
        whole.step(), first[1].step()
    assert_same(reference, whole, *first)


@pytest.mark.parametrize("save", (lambda saved: saved, copy.deepcopy))
def test_load_inside_one_process(save):
    """What a dictionary shares with an optimizer stays shared, steps too, as with torch's: deepcopy parts them."""
    params, theirs, others, ours = twins()
    more, more_others = copy.deepcopy(params), copy.deepcopy(others)
    second = [type(theirs)(more, foreach=False), type(ours)(more_others)]
    give_grads(params, others)
    give_grads(more, more_others)
    theirs.step(), ours.step()
    held = [theirs.state_dict(), ours.state_dict()]
    for optimizer, saved in zip(second, held):
        optimizer.load_state_dict(save(saved))
    for step in range(6):
        theirs.step(), ours.step()
        if step % 2:
            second[0].step(), second[1].step()
        if step == 3:  # back to what was held, which is what it has become where it is shared
            theirs.load_state_dict(held[0]), ours.load_state_dict(held[1])
        assert_same(params, theirs, others, ours)
        assert_same(more, second[0], more_others, second[1])
        for key, state in held[0]["state"].items():
            assert all(same_bits(value, held[1]["state"][key][name]) for name, value in state.items())


def shared_steps(rank, params, optimizer, steps):
    for param in params:
        param.grad = torch.ones_like(param)
    for _ in range(steps):
        optimizer.step()


@pytest.mark.parametrize("start", ("fork", "spawn"))
@pytest.mark.parametrize("shape", ((), (1,)))
@pytest.mark.parametrize("stepped", (False, True))
def test_counters_in_shared_memory(start, shape, stepped):
    """The A3C idiom: all state moves to shared memory, then workers begin. Each of their steps is counted."""
    import libadamw.torch

    param = torch.nn.Parameter(torch.ones(4))
    param.share_memory_()
    optimizer = libadamw.torch.AdamW([param, torch.nn.Parameter(torch.ones(2))])
    if stepped:
        shared_steps(0, [param], optimizer, 1)
    else:
        optimizer.state[param] = {"step": torch.zeros(shape), "exp_avg": torch.zeros(4), "exp_avg_sq": torch.zeros(4)}
    for value in optimizer.state[param].values():
        value.share_memory_()
    count = optimizer.state[param]["step"]
    context = torch.multiprocessing.get_context(start)
    for worker in range(2):  # one after the other: nothing is atomic
        process = context.Process(target=shared_steps, args=(worker, [param], optimizer, 3))
        process.start()
        process.join()
        assert process.exitcode == 0
    assert count.item() == 6 + stepped and optimizer.state[param]["step"] is count and count.is_shared()
    shared_steps(0, [param], optimizer, 1)
    assert count.item() == 7 + stepped and optimizer.state[param]["exp_avg"][0] > 0.5


def test_late_counters_are_not_those_of_another_process():
    """Two processes begin with a parameter each of their own after the counters went to shared memory."""
    import libadamw.torch

    params = make_params([(2,)] * 3)
    optimizer = libadamw.torch.AdamW(params)
    shared_steps(0, params[:1], optimizer, 1)
    optimizer.state[params[0]]["step"].share_memory_()
    shared_steps(0, params[:2], optimizer, 1)
    assert not optimizer.state[params[1]]["step"].is_shared()
    assert [optimizer.state[param]["step"].item() for param in params[:2]] == [2, 1]


def test_step_of_shape_one():
    params, theirs, others, ours = twins(shapes=[(4,)] * 3)
    for tensors, optimizer in ((params, theirs), (others, ours)):
        for param in tensors:
            optimizer.state[param] = {"step": torch.zeros(1), "exp_avg": torch.zeros(4), "exp_avg_sq": torch.zeros(4)}
    for _ in range(3):
        give_grads(params, others)
        theirs.step(), ours.step()
        assert_same(params, theirs, others, ours)
    assert all(ours.state[param]["step"].shape == (1,) for param in others)


def test_names_in_another_order():
    import libadamw.torch

    names = ("weight", "bias")
    params = make_params([(3,), (3,)])
    saved = libadamw.torch.AdamW(list(zip(names, params)))
    give_grads(params)
    saved.step()
    others = make_params([(3,), (3,)])
    turned = libadamw.torch.AdamW(list(zip(names[::-1], others)))
    with pytest.raises(ValueError, match="parameter 'weight' is number 0 of group 0 in the loaded state, and number 1"):
        turned.load_state_dict(saved.state_dict())
    assert not turned.state and turned.param_groups[0]["param_names"] == ["bias", "weight"]
    for other in ([("weight", others[0]), ("bias", others[1])], [("w", others[0]), ("b", others[1])], others):
        libadamw.torch.AdamW(other).load_state_dict(saved.state_dict())  # in order, renamed, without names


def test_step_is_right_whenever_read_and_heeds_whoever_writes():
    params, theirs, others, ours = twins(shapes=[(4,)] * 5)
    give_grads(params, others)
    held = None
    for step in range(1, 6):
        theirs.step(), ours.step()
        held = held or [ours.state[param]["step"] for param in others]
        assert [float(value) for value in held] == [step] * 5
        assert all(value.shape == () and value.dtype == torch.float32 for value in held)
    for optimizer, tensors in ((theirs, params), (ours, others)):
        optimizer.state[tensors[1]]["step"] += 10  # in place
        optimizer.state[tensors[2]]["step"] = torch.tensor(100.0)  # another tensor
    for _ in range(3):
        theirs.step(), ours.step()
        assert_same(params, theirs, others, ours)
    assert [float(ours.state[param]["step"]) for param in others] == [8, 18, 103, 8, 8]


def test_step_stays_at_two_to_the_24():
    params, theirs, others, ours = twins(shapes=[(4,)], betas=(0.9, 0.9999999))
    give_grads(params, others)
    theirs.step(), ours.step()
    for optimizer, tensors in ((theirs, params), (ours, others)):
        optimizer.state[tensors[0]]["step"].fill_(2**24 - 2)
    for _ in range(5):
        theirs.step(), ours.step()
    assert_same(params, theirs, others, ours)
    assert ours.state[others[0]]["step"] == 2**24


def test_steps_of_late_parameters():
    """One more parameter gets gradients at each step, far beyond the number of flat counters."""
    params, theirs, others, ours = twins(shapes=[(2,)] * 12)
    for step in range(1, 13):
        give_grads(params[:step], others[:step])
        theirs.step(), ours.step()
        assert_same(params, theirs, others, ours)
    assert [int(ours.state[param]["step"]) for param in others] == list(range(12, 0, -1))


def test_many_groups_added_one_by_one():
    params, theirs, others, ours = twins(shapes=[(2,)])
    for _ in range(12):
        one = make_params([(3,)])
        other = copy.deepcopy(one)
        theirs.add_param_group({"params": one, "lr": 1e-2})
        ours.add_param_group({"params": other, "lr": 1e-2})
        params += one
        others += other
        give_grads(params, others)
        theirs.step(), ours.step()
        assert_same(params, theirs, others, ours)


@pytest.mark.parametrize("arithmetic", ("torch", "accurate"))
def test_pickle_and_deepcopy(arithmetic):
    params = make_params()
    import libadamw.torch

    optimizer = libadamw.torch.AdamW(params, arithmetic=arithmetic)
    give_grads(params)
    optimizer.step()
    copies = [copy.deepcopy((params, optimizer)), pickle.loads(pickle.dumps((params, optimizer)))]
    generator = torch.random.get_rng_state()
    for tensors, other in [(params, optimizer)] + copies:
        assert other.arithmetic == arithmetic
        torch.random.set_rng_state(generator)
        for _ in range(3):
            give_grads(tensors)
            other.step()
        assert_same(params, optimizer, tensors, other)
    assert arithmetic not in repr(optimizer.state_dict())


def test_amsgrad_state_of_another_run_is_ignored_as_torch_does():
    params, theirs, others, ours = twins()
    source = make_params()
    saved = torch.optim.AdamW(source, amsgrad=True)
    give_grads(source)
    saved.step()
    for optimizer in (theirs, ours):
        optimizer.load_state_dict(copy.deepcopy(saved.state_dict()))
        optimizer.param_groups[0]["amsgrad"] = False
        optimizer.param_groups[0]["foreach"] = False
    give_grads(params, others)
    theirs.step(), ours.step()
    for one, other in zip(params, others):
        assert same_bits(one, other)


def test_load_of_another_shape_changes_nothing():
    params, theirs, others, ours = twins(shapes=[(3, 4), (5,)])
    give_grads(params, others)
    theirs.step(), ours.step()
    before = copy.deepcopy(ours.state_dict())
    bad = copy.deepcopy(theirs.state_dict())
    bad["state"][1]["exp_avg_sq"] = torch.zeros(6)
    with pytest.raises(ValueError, match=r"exp_avg_sq of parameter 1 of group 0 has shape \(6,\): it must be \(5,\)"):
        ours.load_state_dict(bad)
    assert_same_state_dict(before, ours.state_dict())
    theirs.step(), ours.step()
    assert_same(params, theirs, others, ours)


def test_state_without_a_key_names_the_parameter():
    params = [("weight", torch.nn.Parameter(torch.ones(3)))]
    import libadamw.torch

    optimizer = libadamw.torch.AdamW(params)
    params[0][1].grad = torch.ones(3)
    optimizer.step()
    del optimizer.state[params[0][1]]["exp_avg"]
    with pytest.raises(RuntimeError, match="state of parameter 'weight' has no exp_avg"):
        optimizer.step()
    optimizer.state.clear()
    optimizer.step()
    assert optimizer.state[params[0][1]]["step"] == 1


def test_kept_step_tensors_are_read_and_written():
    """Somebody keeps the tensors alone, and asks neither the optimizer nor its states again."""
    params, theirs, others, ours = twins()
    kept = []
    for tensors, optimizer in ((params, theirs), (others, ours)):
        give_grads(tensors)
        optimizer.step()
        kept.append([optimizer.state[param]["step"] for param in tensors])
    with torch.no_grad():
        for one, other in zip(params, others):
            other.copy_(one)
            ours.state[other].update({key: theirs.state[one][key].clone() for key in ("exp_avg", "exp_avg_sq")})
    for step in range(8):
        for steps in kept:
            if step == 2:
                steps[0].fill_(100.0)
            if step == 3:
                steps[1].add_(5)
            if step == 4:
                [one.fill_(7.0) for one in steps]
            if step == 6:
                steps[2].share_memory_()
        give_grads(params, others)
        theirs.step(), ours.step()
        assert [one.item() for one in kept[0]] == [ours.state[other]["step"].item() for other in others]
        assert [one.item() for one in kept[1]] == [one.item() for one in kept[0]]
    assert_same(params, theirs, others, ours)


def test_step_without_its_memory():
    params, _, others, ours = twins()
    give_grads(others)
    ours.step()
    ours.state[others[0]]["step"].untyped_storage().resize_(0)
    before = [other.detach().clone() for other in others]
    with pytest.raises(RuntimeError):
        ours.step()
    assert all(map(same_bits, before, others))


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64, torch.int64, torch.bfloat16))
@pytest.mark.parametrize("alike", (True, False))
def test_step_counts_to_the_last_that_a_float32_has(dtype, alike):
    import libadamw.torch

    params = make_params([(3,)] * 3)
    optimizer = libadamw.torch.AdamW(params)
    give_grads(params)
    optimizer.step()
    for param in params:
        optimizer.state[param]["step"] = torch.tensor(64, dtype=dtype)
    optimizer.step()
    steps = [optimizer.state[param]["step"] for param in params]
    assert all(step == 65 and step.dtype == (dtype if dtype != torch.bfloat16 else torch.float32) for step in steps)
    for place, step in enumerate(steps):
        step.fill_((1 << 24) - 2 - (0 if alike else place))
    before = [int(step) for step in steps]
    for done in range(1, 6):
        optimizer.step()
        highest = 1 << 24 if steps[0].dtype == torch.float32 else 1 << 30
        assert [int(step) for step in steps] == [min(count + done, highest) for count in before]


@pytest.mark.parametrize("alike", (True, False))
def test_step_that_is_not_made_is_not_counted(alike):
    import libadamw.torch

    params = make_params([(3,)] * 4)
    optimizer = libadamw.torch.AdamW(params, skip_not_finite=True)
    for _ in range(2):
        give_grads(params[:3])  # the last parameter has a place among the counters, and no gradient
        optimizer.step()
    if not alike:
        optimizer.state[params[1]]["step"].fill_(40.0)
    before = [optimizer.state[param]["step"].item() for param in params[:3]]
    params[2].grad[1] = float("nan")
    optimizer.step()
    assert optimizer.skipped and [optimizer.state[param]["step"].item() for param in params[:3]] == before
    optimizer.param_groups[0]["lr"] = -1.0
    with pytest.raises(ValueError, match="lr is -1"):
        optimizer.step()
    assert [optimizer.state[param]["step"].item() for param in params[:3]] == before
    optimizer.param_groups[0]["lr"] = 1e-3
    give_grads(params)
    optimizer.step()
    assert [optimizer.state[param]["step"].item() for param in params] == [count + 1 for count in before] + [1]
