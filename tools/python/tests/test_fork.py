"""A process that forks after a step with threads: the child's step must come to an end, with the same bits.

GNU OpenMP's team of threads does not live on in a forked child; a child that waits for it waits for ever. The library's
side of it is a handler for fork (pthread_atfork) that gives the team up.
"""
import os
import subprocess
import sys

import pytest

STEPS = {
    "NumPy": """
import numpy, libadamw
given = [numpy.ones(SIZE, numpy.float32) for _ in range(2)] + [numpy.zeros(SIZE, numpy.float32) for _ in range(2)]
def step(number):
    libadamw.adamw_step(*given, step=number, threads=2)
def result():
    return given[0].tobytes()
""",
    "PyTorch": """
import torch, libadamw.torch
torch.set_num_threads(2)
param = torch.nn.Parameter(torch.ones(SIZE))
param.grad = torch.ones(SIZE)
optimizer = libadamw.torch.AdamW([param])
def step(number):
    optimizer.step()
def result():
    return bytes(param.detach().view(torch.uint8).tolist())
""",
}
RUN = """
import hashlib, multiprocessing
def work(queue):
    step(2)
    queue.put(hashlib.sha256(result()).hexdigest())
context = multiprocessing.get_context("fork")
step(1)
queue = context.SimpleQueue()
child = context.Process(target=work, args=(queue,), daemon=True)
child.start()
child.join(60)
if child.is_alive():
    child.kill()
    raise SystemExit("the child's step hangs")
assert child.exitcode == 0, child.exitcode
digest = queue.get()
step(2)
assert digest == hashlib.sha256(result()).hexdigest()
print("ok")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("size", (1000, 262_144, 1_000_000))
@pytest.mark.parametrize("kind", STEPS)
def test_a_forked_child_steps(kind, size):
    code = STEPS[kind].replace("SIZE", str(size)) + RUN
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "ok\n", result.stderr
