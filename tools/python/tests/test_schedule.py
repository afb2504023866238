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


def make_optimizer(**options):
    import libadamw.torch

    torch.manual_seed(0)
    return libadamw.torch.AdamW([torch.nn.Parameter(torch.randn(4))], **options)


def run(scheduler, epochs, first=0):
    """An epoch's loss falls for a while; the rates and parameters afterwards."""
    rates = []
    for epoch in range(first, first + epochs):
        for param in scheduler.optimizer.param_groups[0]["params"]:
            param.grad = torch.full((4,), 0.1 + epoch)
        scheduler.optimizer.step()
        scheduler.step(max(1.0, 5.0 - epoch))
        rates += scheduler.get_last_lr()
    return rates


def test_attached_is_what_frameworks_ask_for():
    """Lightning, Accelerate and transformers check for torch's class; these are the members that they use."""
    schedule = Schedule.preset("rul", 200)
    optimizer = make_optimizer(**schedule.options)
    scheduler = schedule.attach(optimizer)
    assert isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler) and scheduler.optimizer is optimizer
    assert scheduler.base_lrs == [1e-3] and scheduler.get_last_lr() == scheduler.get_lr() == [schedule.lr]
    assert optimizer.param_groups[0]["lr"] == schedule.lr and math.isclose(schedule.lr, 1e-4)
    assert scheduler.last_epoch == 0
    scheduler.step(1.0)
    assert scheduler.last_epoch == 1 and scheduler.last_event == Event.WARMUP
    assert optimizer.param_groups[0]["lr"] == schedule.lr > 1e-4
    with pytest.raises(TypeError, match="optimizer is list: it must be a torch.optim.Optimizer"):
        schedule.attach([{"lr": 1e-3, "weight_decay": 0.0}])


@pytest.mark.parametrize("order", ("optimizer first", "scheduler first"))
def test_attached_resumes_to_the_bit(order):
    settings = {"kind": "plateau", "base_lr": 1e-3, "patience": 2, "factor": 0.5, "warmup": 3}

    def fresh():
        optimizer = make_optimizer(lr=1e-3)
        return Schedule(**settings).attach(optimizer)

    whole, part, resumed = fresh(), fresh(), fresh()
    rates = run(whole, 20)
    begin = run(part, 8)
    saved = copy.deepcopy((part.optimizer.state_dict(), part.state_dict()))
    loads = [lambda: resumed.optimizer.load_state_dict(saved[0]), lambda: resumed.load_state_dict(saved[1])]
    for load in loads if order == "optimizer first" else loads[::-1]:
        load()
    with torch.no_grad():
        for one, other in zip(part.optimizer.param_groups[0]["params"], resumed.optimizer.param_groups[0]["params"]):
            other.copy_(one)
    assert begin + run(resumed, 12, 8) == rates and len(set(rates)) > 5
    for one, other in zip(whole.optimizer.param_groups[0]["params"], resumed.optimizer.param_groups[0]["params"]):
        assert torch.equal(one, other)


def test_attached_in_steps_and_in_both_units():
    steps = Schedule("cosine", total=10, unit="step", base_lr=1e-3).attach(make_optimizer())
    steps.step()
    assert steps.schedule.steps == 1 and steps.schedule.epochs == 0
    with pytest.raises(RuntimeError, match="this recipe counts steps alone: call step"):
        steps.epoch()
    with pytest.raises(TypeError, match="give the metric to epoch"):
        steps.step(1.0)
    both = Schedule("plateau", warmup=2, warmup_unit="step").attach(make_optimizer())
    both.step(), both.step(), both.epoch(1.0)
    assert (both.schedule.steps, both.schedule.epochs) == (2, 1) and both.get_last_lr() == [1e-3]


@pytest.mark.parametrize("scheduler", (lambda s: s, lambda s: s.attach(make_optimizer())))
def test_plateau_needs_its_metric(scheduler):
    schedule = Schedule("plateau")
    end = getattr(scheduler(schedule), "epoch")
    with pytest.raises(TypeError, match="metric is None: a plateau schedule needs the epoch's validation metric"):
        end()
    with pytest.raises(TypeError, match="metric is 'low': it must be a number"):
        end("low")
    assert schedule.epochs == 0
    end(math.nan)
    assert schedule.epochs == 1


def test_base_lr_of_no_group():
    """Given, it must be a group's; not given, the groups' own rates are scaled."""
    optimizer = make_optimizer(lr=3e-4)
    for given in (Schedule("cosine", total=10, base_lr=1e-3), Schedule.preset("rul", 200)):
        for again in (given, pickle.loads(pickle.dumps(given))):
            with pytest.raises(ValueError, match=r"base_lr of the schedule is 0.001, and no group has this rate"):
                again.attach(optimizer)
    assert optimizer.param_groups[0]["lr"] == 3e-4 and "initial_lr" not in optimizer.param_groups[0]
    for open_ in (Schedule("cosine", total=10), pickle.loads(pickle.dumps(Schedule("cosine", total=10)))):
        open_.apply(make_optimizer(lr=3e-4))


@pytest.mark.parametrize("key", ("lr", "weight_decay"))
def test_a_rate_written_by_hand_is_refused(key):
    optimizer = make_optimizer()
    scheduler = Schedule("cosine", total=10).attach(optimizer)
    scheduler.step()
    group = optimizer.param_groups[0]
    group[key] = 0.5
    before = dict(group)
    with pytest.raises(ValueError, match=f"{key} of group 0 was set to 0.5 where the schedule had written"):
        scheduler.step()
    assert group == before
    del group[f"scheduled_{key}"]
    scheduler.schedule.apply(optimizer)
    assert group[key] != 0.5


def test_a_group_added_in_mid_run():
    """Its own rate until the schedule is applied again, as under torch's schedulers; from then on that is its full
    one, at the point where the schedule is."""
    optimizer, other = make_optimizer(), make_optimizer()
    scheduler = Schedule("linear", total=10).attach(optimizer)
    theirs = torch.optim.lr_scheduler.ExponentialLR(other, 0.9)
    for _ in range(4):
        scheduler.step()
        other.step()
        theirs.step()
    for each in (optimizer, other):
        each.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))], "lr": 1e-2})
    assert scheduler.get_last_lr()[1] == other.param_groups[1]["lr"] == 1e-2
    scheduler.step()
    assert [math.isclose(lr, full * 0.5) for lr, full in zip(scheduler.get_last_lr(), (1e-3, 1e-2))] == [True] * 2


def test_one_cycle_leaves_the_betas_alone():
    """torch's OneCycleLR with cycle_momentum=False."""
    optimizer = make_optimizer()
    scheduler = Schedule("one-cycle", total=10).attach(optimizer)
    betas = optimizer.param_groups[0]["betas"]
    for _ in range(10):
        scheduler.step()
        assert optimizer.param_groups[0]["betas"] == betas


def test_counting_without_an_optimizer_is_said():
    schedule = Schedule("cosine", total=10)
    with pytest.warns(UserWarning, match="the rate is never read: apply.* attach") as caught:
        for _ in range(5):
            schedule.epoch()
    assert len(caught) == 1 and caught[0].filename == __file__


def test_counting_with_a_reader_is_silent(recwarn):
    schedule = Schedule("cosine", total=10)
    for _ in range(5):
        schedule.lr
        schedule.epoch()
    applied, optimizer = Schedule("cosine", total=10), make_optimizer()
    for _ in range(5):
        applied.apply(optimizer)
        applied.step(), applied.epoch()
    assert not recwarn.list


@pytest.mark.parametrize("settings, message", (
    ({"three_phase": "no"}, "three_phase is 'no': it must be False or True"),
    ({"patience": 2**64}, "patience is 18446744073709551616: it must be an integer"),
    ({"milestones": 5}, "milestones is 5: it must be a list of integers"),
    ({"milestones": [1.5]}, r"milestones is \[1.5\]: it must be a list of integers"),
))
def test_settings_of_another_type(settings, message):
    with pytest.raises(TypeError, match=message):
        Schedule("multistep", **settings)


def test_odd_arguments():
    with pytest.raises(TypeError, match="name is 3: it must be one of rul"):
        Schedule.preset(3)
    with pytest.raises(ValueError, match="total is 1.5: it must be a number of epochs or steps"):
        Schedule.preset("rul", 1.5)
    for state in ({}, None, {"schedule": 3}):
        with pytest.raises(ValueError, match="the state has no 'schedule'"):
            Schedule().load_state_dict(state)


def test_extend():
    short, long = (Schedule("wsd", total=total, decay_length=4, base_lr=1e-3) for total in (10, 16))
    for _ in range(5):
        short.epoch(), long.epoch()
    short.extend(16)
    assert short.state_dict() == long.state_dict()
    for _ in range(8):
        short.epoch()
    with pytest.raises(ValueError, match="wsd, at epoch 13 of 16: its decay has begun"):
        short.extend(20)
    with pytest.raises(ValueError, match="total is 3: it must be from the one of now, 16"):
        short.extend(3)
    assert short.settings["total"] == 16
