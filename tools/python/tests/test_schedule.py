"""libadamw.Schedule: against torch's schedulers, presets, groups, saved states, refusals."""
import copy
import math
import pickle

import pytest
import torch

import libadamw
from libadamw import Event, Schedule


def test_plateau_is_torchs():
    param = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([param], lr=1e-3)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3, cooldown=2, min_lr=1e-5)
    ours = Schedule("plateau", base_lr=1e-3, factor=0.5, patience=3, cooldown=2, min_lr=1e-5)
    metrics = [10 - 0.5 * min(epoch, 9) + 0.1 * math.sin(epoch) for epoch in range(60)] + [math.nan] * 20
    events = Event(0)
    for metric in metrics:
        theirs.step(metric)
        events |= ours.epoch(metric)
        assert ours.lr == optimizer.param_groups[0]["lr"]
        assert (ours.bad, ours.cooldown_counter, ours.best) == (
            theirs.num_bad_epochs, theirs.cooldown_counter, theirs.best)
    assert events == Event.BETTER | Event.NAN | Event.COOLDOWN | Event.CUT | Event.BLOCKED


@pytest.mark.parametrize("settings, make", (
    ({"kind": "cosine", "total": 20, "min_lr": 1e-5},
     lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 20, 1e-5)),
    ({"kind": "multistep", "milestones": [3, 7, 7], "gamma": 0.3},
     lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [3, 7, 7], 0.3)),
    ({"kind": "step", "step_size": 4, "gamma": 0.5}, lambda o: torch.optim.lr_scheduler.StepLR(o, 4, 0.5)),
))
def test_shapes_of_torch(settings, make):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1e-3)
    theirs, ours = make(optimizer), Schedule(base_lr=1e-3, **settings)
    for _ in range(20):
        assert math.isclose(ours.lr, optimizer.param_groups[0]["lr"], rel_tol=1e-12)
        optimizer.step(), theirs.step(), ours.epoch()


@pytest.mark.parametrize("name", libadamw.presets())
def test_presets(name):
    schedule = Schedule.preset(name, 10_000)
    assert schedule.options["lr"] > 0 and schedule.settings["total"] == 10_000
    assert Schedule(**schedule.settings).settings == schedule.settings


def test_preset_of_a_recipe():
    schedule = Schedule.preset("rul", 200)
    assert schedule.options == {"lr": 1e-3, "weight_decay": 1e-4} and math.isclose(schedule.lr, 1e-4)
    for _ in range(10):
        assert schedule.epoch(1.0) == Event.WARMUP
    assert schedule.lr == 1e-3
    known = {"rul", "bert-finetune", "vit-imagenet", "stable-diffusion-finetune", "gan", "ppo"}
    assert known == set(libadamw.presets())


def test_apply_to_groups():
    """Each group's own rate and decay under the one shape; kept through a checkpoint of the optimizer."""
    import libadamw.torch

    params = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    groups = [{"params": params[:1]}, {"params": params[1:], "lr": 4e-3, "weight_decay": 0.0}]
    optimizer = libadamw.torch.AdamW(groups, lr=1e-3, weight_decay=0.1)
    schedule = Schedule("linear", base_lr=1e-3, total=10, unit="step", weight_decay=0.1,
                        weight_decay_kind="proportional")
    for step in range(10):
        schedule.apply(optimizer)
        left = 1 - step / 10
        for group, lr, decay in zip(optimizer.param_groups, (1e-3, 4e-3), (0.1, 0.0)):
            assert math.isclose(group["lr"], lr * left) and math.isclose(group["weight_decay"], decay * left)
        for param in params:
            param.grad = torch.ones(2)
        optimizer.step()
        schedule.step()
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))


@pytest.mark.parametrize("again", (copy.deepcopy, lambda schedule: pickle.loads(pickle.dumps(schedule))))
def test_saved_state_goes_on(again):
    schedule = Schedule("multistep", milestones=[2, 5], gamma=0.5, warmup=2, weight_decay_kind="steps",
                        weight_decay_milestones=[4])
    for _ in range(3):
        schedule.epoch()
    other = again(schedule)
    fresh = Schedule(**schedule.settings)
    fresh.load_state_dict(schedule.state_dict())
    for _ in range(6):
        states = {(each.lr, each.weight_decay, each.epochs, each.steps) for each in (schedule, other, fresh)}
        assert len(states) == 1
        for each in (schedule, other, fresh):
            each.epoch()


@pytest.mark.parametrize("settings, error, message", (
    ({"kind": "cosin"}, ValueError, "kind is 'cosin': it must be one of 'constant', 'plateau'"),
    ({"kind": "cosine"}, ValueError, "total"),
    ({"patiance": 3}, TypeError, "'patiance' is no setting of a schedule: it must be one of kind"),
    ({"kind": "plateau", "factor": 1.5}, ValueError, "factor"),
    ({"base_lr": "high"}, TypeError, "base_lr is 'high'"),
    ({"total": 1.5}, TypeError, "total is 1.5"),
    ({"kind": "multistep", "milestones": [5, 2]}, ValueError, "milestones"),
    ({"unit": "batch"}, ValueError, "unit is 'batch': it must be one of 'epoch', 'step'"),
))
def test_refusals(settings, error, message):
    with pytest.raises(error, match=message):
        Schedule(**settings)


def test_refusals_of_presets_and_states():
    with pytest.raises(ValueError, match="adam-best"):
        Schedule.preset("adam-best")
    with pytest.raises(ValueError, match="total"):
        Schedule.preset("bert-finetune")
    schedule = Schedule("plateau", patience=3)
    schedule.epoch(1.0)
    for text in (Schedule("plateau", patience=4).state_dict(), {"schedule": schedule.state_dict()["schedule"][:-20]}):
        with pytest.raises(ValueError):
            schedule.load_state_dict(text)
        assert schedule.epochs == 1
    groups = [{"lr": 1e-3, "weight_decay": 0.0}, {"lr": -1.0, "weight_decay": 0.0}]
    with pytest.raises(ValueError, match="1"):
        schedule.apply(groups)
    assert groups[0] == {"lr": 1e-3, "weight_decay": 0.0}
    with pytest.raises(AttributeError, match="no attribute 'rate'"):
        schedule.rate
