"""libadamw.deepspeed behind DeepSpeed's own class: its test matrix of cpu_adam as ours, and a ZeRO-Offload run.

Needs deepspeed, which `make test-python` does not install; DS_BUILD_OPS=0 build/venv/bin/pip install
--no-build-isolation deepspeed does. What needs a GPU is not here: the same optimizer beside FusedAdam, and parameters
that are on the device while the optimizer is here.
"""
import copy
import gc
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from common import same_bits

import libadamw.deepspeed
import libadamw.torch

if importlib.util.find_spec("deepspeed") is None:
    pytest.skip("deepspeed is not installed", allow_module_level=True)

from deepspeed.ops.adam import DeepSpeedCPUAdam  # noqa: E402

BF16, F16, F32 = torch.bfloat16, torch.float16, torch.float32
SIZES = (64, 22, 55, 127, 1024, 1048576)
RTOL = {F32: 1e-5, BF16: 2e-2, F16: 2e-3}


@pytest.fixture(autouse=True, scope="module")
def installed():
    libadamw.deepspeed.install()


def make(size, dtype, **options):
    param = torch.nn.Parameter(torch.randn(size).to(dtype))
    return param, DeepSpeedCPUAdam([param], **options)


def test_the_op_is_ours():
    _, optimizer = make(3, F32)
    assert optimizer.ds_opt_adam is libadamw.deepspeed


@pytest.mark.parametrize("adamw_mode", (True, False))
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", (F32, BF16, F16))
def test_beside_torch(dtype, size, adamw_mode):
    """torch's optimizer on float32 copies, ten steps; a narrow parameter is rounded once in each."""
    param, optimizer = make(size, dtype, lr=1e-2, weight_decay=0.1, adamw_mode=adamw_mode)
    wide = torch.nn.Parameter(param.detach().float())
    kind = torch.optim.AdamW if adamw_mode else torch.optim.Adam
    theirs = kind([wide], lr=1e-2, weight_decay=0.1)
    for _ in range(10):
        param.grad = torch.randn(size).to(dtype)
        wide.grad = param.grad.float()
        optimizer.step(), theirs.step()
    assert optimizer.state[param]["exp_avg"].dtype is F32
    torch.testing.assert_close(param.detach().float(), wide.detach(), rtol=10 * RTOL[dtype], atol=RTOL[dtype])


@pytest.mark.parametrize("adamw_mode", (True, False))
def test_bits(adamw_mode):
    """Those of libadamw.torch in its accurate arithmetic; groups have options of their own."""
    params = [torch.nn.Parameter(torch.randn(100)) for _ in range(3)]
    others = copy.deepcopy(params)
    groups = [({"params": each[:2]}, {"params": each[2:], "lr": 0.1, "weight_decay": 0.0}) for each in (params, others)]
    one = DeepSpeedCPUAdam(groups[0], weight_decay=0.1, betas=(0.8, 0.99), adamw_mode=adamw_mode)
    kind = libadamw.torch.AdamW if adamw_mode else libadamw.torch.Adam
    other = kind(groups[1], weight_decay=0.1, betas=(0.8, 0.99), arithmetic="accurate")
    for _ in range(5):
        for param, twin in zip(params, others):
            param.grad = twin.grad = torch.randn(100)
        one.step(), other.step()
    for param, twin in zip(params, others):
        assert same_bits(param.detach(), twin.detach())
        assert all(same_bits(one.state[param][key], other.state[twin][key]) for key in ("exp_avg", "exp_avg_sq"))


def test_without_bias_correction():
    param, optimizer = make(50, F32, lr=0.1, weight_decay=0.5, bias_correction=False)
    param.grad, before = torch.randn(50), param.detach().double()
    optimizer.step()
    moment, square = 0.1 * param.grad.double(), 0.001 * param.grad.double() ** 2
    expected = before * (1 - 0.05) - 0.1 * moment / (square.sqrt() + 1e-8)
    torch.testing.assert_close(param.detach().double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", (BF16, F16))
def test_states_of_the_parameters_dtype(dtype):
    param, optimizer = make(1000, dtype, lr=1e-2, fp32_optimizer_states=False)
    wide = torch.nn.Parameter(param.detach().float())
    theirs = torch.optim.AdamW([wide], lr=1e-2, weight_decay=0)
    for _ in range(10):
        param.grad = torch.randn(1000).to(dtype)
        wide.grad = param.grad.float()
        optimizer.step(), theirs.step()
    assert optimizer.state[param]["exp_avg_sq"].dtype is dtype
    error = (param.detach().float() - wide.detach()).norm() / wide.detach().norm()
    assert error < RTOL[dtype], error


def test_bfloat16_second_moment_falls():
    """Rounded to nearest it would stand still."""
    param, optimizer = make(10_000, BF16, lr=0.0, fp32_optimizer_states=False)
    param.grad = torch.ones_like(param)
    optimizer.step()
    param.grad = torch.zeros_like(param)
    for _ in range(200):
        optimizer.step()
    mean = optimizer.state[param]["exp_avg_sq"].double().mean().item()
    assert mean == pytest.approx(0.001 * 0.999**200, rel=0.01)


def test_strided_tensors():
    param, optimizer = make(12, F32)
    strided = torch.nn.Parameter(torch.zeros(12, 2)[:, 0])
    other = DeepSpeedCPUAdam([strided])
    with torch.no_grad():
        strided.copy_(param)
    for each in (param, strided):
        each.grad = torch.linspace(-1, 1, 12)
    optimizer.step(), other.step()
    assert torch.equal(param, strided) and not strided.is_contiguous()


@pytest.mark.parametrize("adamw_mode", (True, False))
def test_rollback(adamw_mode):
    """SuperOffload takes a step back where its norm was too large."""
    param, optimizer = make(3000, F32, lr=1e-2, weight_decay=0.1, adamw_mode=adamw_mode)
    for _ in range(3):
        param.grad = torch.randn(3000)
        optimizer.step_subgroup(0)
    before = copy.deepcopy([param.detach()] + [optimizer.state[0][key] for key in ("exp_avg", "exp_avg_sq")])
    param.grad = torch.randn(3000)
    optimizer.step_subgroup(0)
    optimizer.rollback_subgroup(0)
    assert optimizer.state[0]["step"] == 3
    for one, other in zip(before, [param.detach()] + [optimizer.state[0][key] for key in ("exp_avg", "exp_avg_sq")]):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_refusals():
    param, optimizer = make(3, F32)
    op, state = libadamw.deepspeed, [torch.zeros(3), torch.zeros(3)]
    rates = (1, 0.1, 0.9, 0.999, 1e-8, 0.0, True)
    data = param.detach()
    for change, error, message in (
        ((*rates, data, torch.ones(4), *state), ValueError, "grads has 4 values: it must have as many as params, 3"),
        ((*rates, data.double(), data, *state), TypeError, "params is torch.float64: it must be float32, bfloat16 or"),
        ((*rates, data, data, state[0], state[1].half()), TypeError, "exp_avg_sq is torch.float16: it must be exp_avg's"),
        ((*rates, data, data, *state), ValueError, "params: param and grad overlap"),
        ((0, *rates[1:], data, data.clone(), *state), ValueError, "step is 0: it must be an integer from 1"),
        ((1, -1.0, *rates[2:], data, data.clone(), *state), ValueError, "lr is -1"),
    ):
        before = data.clone()
        with pytest.raises(error, match=message):
            op.adam_update(optimizer.opt_id, *change)
        assert torch.equal(before, data)
    with pytest.raises(RuntimeError, match="optimizer_id is 99999: it must be one of create_adam"):
        op.adam_update(99999, *rates, data, data.clone(), *state)
    with pytest.raises(TypeError, match="params is torch.float16.*: a rollback needs dense float32"):
        op.adam_rollback(optimizer.opt_id, *rates, data.half(), data.clone(), *state)
    with pytest.raises(ValueError, match="a rollback needs betas above 0"):
        op.adam_rollback(optimizer.opt_id, 1, 0.1, 0.0, 0.999, 1e-8, 0.0, True, data, data.clone(), *state)
    with pytest.raises(AttributeError, match="ZenFlow needs DeepSpeed's own cpu_adam op"):
        op.zenflow_adam_create


def test_an_optimizer_is_forgotten():
    _, optimizer = make(3, F32)
    known = len(libadamw.deepspeed._decays)
    del optimizer
    gc.collect()
    assert len(libadamw.deepspeed._decays) < known


RUN = """
import sys, torch, deepspeed, deepspeed.ops, libadamw.deepspeed
# On its CPU accelerator DeepSpeed compiles its shared-memory collectives too, unless they count as incompatible.
deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
libadamw.deepspeed.install()
deepspeed.init_distributed("gloo")
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(20, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
config = {"train_batch_size": 8, "optimizer": {"type": "AdamW", "params": {"lr": 1e-2}}, "bf16": {"enabled": True},
          "zero_optimization": {"stage": int(sys.argv[1]), "offload_optimizer": {"device": "cpu"}}}
engine, optimizer, _, _ = deepspeed.initialize(model=model, model_parameters=model.parameters(), config=config)
assert optimizer.optimizer.ds_opt_adam is libadamw.deepspeed
batch = torch.randn(8, 20, dtype=torch.bfloat16)
losses = []
for _ in range(20):
    loss = ((engine(batch) - batch.sum(1, keepdim=True)) ** 2).mean()
    engine.backward(loss)
    engine.step()
    losses.append(loss.item())
print("losses", losses[0], losses[-1])
"""


@pytest.mark.parametrize("stage", (1, 2, 3))
def test_zero_offload_without_a_compiler(stage, tmp_path):
    """An unchanged config on DeepSpeed's CPU accelerator, where no program is found: neither ninja nor a compiler."""
    environment = os.environ | {
        "PATH": str(tmp_path), "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(29600 + os.getpid() % 1000), "DS_ACCELERATOR": "cpu",
        "PYTHONPATH": str(Path(libadamw.__file__).parents[1]),
    }
    result = subprocess.run([sys.executable, "-c", RUN, str(stage)], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("losses")]
    first, last = map(float, line.split()[1:])
    assert last < first / 10
