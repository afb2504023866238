"""DistributedDataParallel, ZeroRedundancyOptimizer and FSDP2 on gloo, 2 and 4 processes: torch.optim.AdamW's bits."""
import roots  # isort: skip  before torch; spawned workers import this file alone

import copy
import os
import sys
import traceback
import warnings
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

import libadamw.torch

STEPS = 4
OPTIONS = {"lr": 1e-2, "weight_decay": 0.1, "amsgrad": True}


def make_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(10, 33), nn.LayerNorm(33), nn.Tanh(), nn.Linear(33, 7), nn.Tanh(), nn.Linear(7, 3))


def train(model, optimizer, rank: int, steps: int = STEPS) -> list[float]:
    generator = torch.Generator().manual_seed(rank)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(torch.randn(8, 10, generator=generator)) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def local(tensor):
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def assert_same(one, other, what):
    assert type(one) is type(other) and torch.equal(local(one.detach()), local(other.detach())), what


def ddp(rank, world):
    runs = []
    for kind, options in ((torch.optim.AdamW, {"foreach": False}), (libadamw.torch.AdamW, {})):
        model = nn.parallel.DistributedDataParallel(make_model(), gradient_as_bucket_view=True)
        optimizer = kind(model.parameters(), **OPTIONS, **options)
        runs.append((train(model, optimizer, rank), model, optimizer))
    assert runs[0][0] == runs[1][0] and len(set(runs[0][0])) == STEPS
    for one, other in zip(runs[0][1].parameters(), runs[1][1].parameters()):
        assert_same(one, other, "parameters")


def zero(rank, world):
    from torch.distributed.optim import ZeroRedundancyOptimizer

    runs = []
    for kind, options in ((torch.optim.AdamW, {"foreach": False}), (libadamw.torch.AdamW, {})):
        model = nn.parallel.DistributedDataParallel(make_model())
        optimizer = ZeroRedundancyOptimizer(model.parameters(), optimizer_class=kind, **OPTIONS, **options)
        losses = train(model, optimizer, rank)
        optimizer.consolidate_state_dict(to=0)
        runs.append((losses, model, optimizer.state_dict() if rank == 0 else None))
    assert runs[0][0] == runs[1][0]
    for one, other in zip(runs[0][1].parameters(), runs[1][1].parameters()):
        assert_same(one, other, "parameters")
    if rank == 0:
        states = [run[2]["state"] for run in runs]
        assert list(states[0]) == list(states[1]) and len(states[0]) == 8
        for key, state in states[0].items():
            for name, value in state.items():
                assert_same(value, states[1][key][name], f"{name} of {key}")


def fsdp(rank, world):
    from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor

    def sharded():
        model = make_model()
        for layer in (model[0], model[3]):
            fully_shard(layer)
        return fully_shard(model)

    runs = []
    for kind, options in ((torch.optim.AdamW, {"foreach": False}), (libadamw.torch.AdamW, {})):
        model = sharded()
        optimizer = kind(model.parameters(), **OPTIONS, **options)
        runs.append((train(model, optimizer, rank), model, optimizer))
    assert runs[0][0] == runs[1][0]
    for one, other in zip(runs[0][1].parameters(), runs[1][1].parameters()):
        assert isinstance(other, DTensor)
        assert_same(one, other, "parameters")
        states = runs[0][2].state[one], runs[1][2].state[other]
        assert list(states[0]) == list(states[1])
        for name, value in states[0].items():
            assert_same(value, states[1][name], name)

    # torch's checkpoint of the sharded state, from torch's optimizer into ours and on.
    saved = get_optimizer_state_dict(runs[0][1], runs[0][2])
    model = sharded()
    model.load_state_dict(copy.deepcopy(runs[0][1].state_dict()))
    optimizer = libadamw.torch.AdamW(model.parameters(), **OPTIONS)
    set_optimizer_state_dict(model, optimizer, copy.deepcopy(saved))
    for group in runs[0][2].param_groups:
        group["foreach"] = False
    assert train(model, optimizer, rank) == train(runs[0][1], runs[0][2], rank)


def worker(rank, world, rendezvous, reports):
    try:
        warnings.filterwarnings("error", message=".*take torch's own step")
        torch.set_num_threads(1)
        assert roots.wrong_roots(torch.Tensor.sqrt, roots.SOME) == 0
        dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=world)
        for check in (ddp, zero, fsdp):
            check(rank, world)
        dist.barrier()
        dist.destroy_process_group()
        (reports / f"{rank}").write_text("ok")
    except BaseException:
        (reports / f"{rank}").write_text(traceback.format_exc())
        sys.stderr.flush()
        os._exit(1)


@pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="this torch has no gloo")
@pytest.mark.parametrize("world", (2, 4))
def test_wrappers(world, tmp_path):
    reports = tmp_path / "reports"
    reports.mkdir()
    try:
        mp.spawn(worker, args=(world, str(tmp_path / "rendezvous"), reports), nprocs=world)
    except Exception:
        pytest.fail("\n".join(f"process {path.name}: {path.read_text()}" for path in sorted(reports.iterdir())))
    assert {path.name: path.read_text() for path in Path(reports).iterdir()} == {str(r): "ok" for r in range(world)}
