"""Writes tests/data/torch.txt: what torch's own AdamW and Adam compute, step by step, as digests.

    build/venv/bin/python tools/torch/golden.py > tests/data/torch.txt

torch's code runs as it is (foreach=False), but for the square root, which is rounded correctly: torch's own root has
other bits on other CPUs (kernels/ARITHMETIC.md).
"""
import itertools

import torch

import inputs

CHECKPOINTS = (1, 2, 10, 1000)
SIZES = (1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 130, 257, 511, 1000, 1023, 2049, 5000)


def configurations():
    axes = itertools.product((False, True), (False, True), (False, True), (0.0, 1e-4, 0.1),
                             ((0.9, 0.999), (0.8, 0.95), (0.0, 0.0)), (1e-3, 1e-8, 1.0))
    for index, (l2, amsgrad, maximize, weight_decay, betas, lr) in enumerate(axes):
        yield l2, amsgrad, maximize, weight_decay, betas, lr, SIZES[index % len(SIZES)]


def lines():
    yield f"libadamw torch parity 1, torch {torch.__version__}, foreach=False, eps 1e-08, square root correctly rounded"
    yield "l2 amsgrad maximize weight_decay beta1 beta2 lr n step param exp_avg exp_avg_sq max_exp_avg_sq"
    for l2, amsgrad, maximize, weight_decay, betas, lr, n in configurations():
        param = torch.nn.Parameter(torch.from_numpy(inputs.params(n)))
        kind = torch.optim.Adam if l2 else torch.optim.AdamW
        optimizer = kind([param], lr=lr, betas=betas, eps=1e-8, weight_decay=weight_decay, amsgrad=amsgrad,
                         maximize=maximize, foreach=False)
        for step in range(1, CHECKPOINTS[-1] + 1):
            param.grad = torch.from_numpy(inputs.grads(step, n))
            optimizer.step()
            if step in CHECKPOINTS:
                state = optimizer.state[param]
                tensors = [param.detach(), state["exp_avg"], state["exp_avg_sq"]]
                tensors += [state["max_exp_avg_sq"]] if amsgrad else []
                digests = [f"{inputs.digest(tensor.numpy()):016x}" for tensor in tensors]
                digests += [] if amsgrad else ["-"]
                yield (f"{l2:d} {amsgrad:d} {maximize:d} {weight_decay!r} {betas[0]!r} {betas[1]!r} {lr!r} {n} {step} "
                       + " ".join(digests))


torch.set_num_threads(1)
torch.Tensor.sqrt = inputs.rounded_sqrt
inputs.print_golden(lines())
