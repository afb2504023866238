"""A real training: a small network on Fashion-MNIST, 500 steps, each loss with the bits of torch.optim.AdamW's."""
import copy
import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from common import CLASSES, assert_same

DATA = Path("/usr/share/datasets/fashion-mnist")


def read(name: str, offset: int, shape: tuple[int, ...]) -> np.ndarray:
    (path,) = DATA.glob(f"{name}*")
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return np.frombuffer(raw, np.uint8, offset=offset).reshape(shape)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"Fashion-MNIST is not in {DATA} (Debian's dataset-fashion-mnist)")
@pytest.mark.parametrize("name", CLASSES)
def test_fashion_mnist_500_steps(name):
    images = torch.from_numpy(read("train-images", 16, (-1, 28 * 28)) / np.float32(255))[:16000]
    labels = torch.from_numpy(read("train-labels", 8, (-1,)).astype(np.int64))[:16000]
    model = torch.nn.Sequential(torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    twin = copy.deepcopy(model)
    theirs_class, ours_class = CLASSES[name]
    theirs = theirs_class(model.parameters(), lr=2e-3, weight_decay=1e-2, foreach=False)
    ours = ours_class(twin.parameters(), lr=2e-3, weight_decay=1e-2)
    schedules = [torch.optim.lr_scheduler.OneCycleLR(each, 4e-3, total_steps=500) for each in (theirs, ours)]
    losses = []
    for step in range(500):
        batch = slice(step * 32 % 16000, step * 32 % 16000 + 32)
        pair = []
        for network, optimizer, schedule in zip((model, twin), (theirs, ours), schedules):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(images[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            schedule.step()
            pair.append(loss.item())
        assert pair[0] == pair[1], f"step {step}: loss {pair[0]!r} with torch's, {pair[1]!r} with ours"
        losses.append(pair[0])
    assert_same(list(model.parameters()), theirs, list(twin.parameters()), ours)
    assert np.mean(losses[-50:]) < 0.4 * losses[0]
