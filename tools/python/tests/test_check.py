"""python -m libadamw.check, and the root that the other tests compare with."""
import re
import subprocess
import sys

import pytest
import roots
import torch

from libadamw.check import ALL, is_right, wrong_roots


def test_the_root_of_the_tests_is_right_everywhere():
    """Every mantissa; then every exponent, subnormals among them."""
    assert wrong_roots(roots.root) == 0
    bits = torch.cat([torch.arange(1, 0x7F800000, 100_003, dtype=torch.int32), torch.arange(1, 5000, dtype=torch.int32)])
    values = bits.view(torch.float32)
    assert is_right(values, roots.root(values)).all()
    odd = torch.tensor([0.0, -0.0, float("inf"), float("nan"), -1.0])
    assert torch.equal(roots.root(odd).isnan(), torch.tensor([False, False, False, True, True]))
    assert torch.equal(roots.root(odd)[:3], odd[:3]) and roots.root(odd)[1].signbit()


@pytest.mark.parametrize("dtype", (torch.bfloat16, torch.float16, torch.float64, torch.complex64))
def test_the_root_of_the_tests_leaves_other_dtypes_alone(dtype):
    values = torch.rand(100).to(dtype)
    assert torch.equal(values.sqrt(), roots.TORCHS_ROOT(values)) and values.sqrt().dtype == dtype


@pytest.mark.parametrize("steps", (-1, 1))
def test_roots_off_by_one_are_counted(steps):
    def off(values):
        result = roots.root(values)
        result[::4] = torch.nextafter(result[::4], torch.tensor(steps * float("inf")))
        return result

    assert wrong_roots(off, 1 << 16) == 1 << 14 and ALL % (1 << 16) == 0


def test_command():
    result = subprocess.run([sys.executable, "-m", "libadamw.check", "--seconds", "0"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    text = result.stdout
    wrong = re.search(r"roots that are not correctly rounded: ([\d,]+) of 16,777,216", text)
    assert wrong, text
    loop = re.search(r"foreach=False: +([\d,]+) of", text)
    assert (loop.group(1) == "0") or wrong.group(1) != "0", "other bits although torch's roots are right"
    assert len(re.findall(r"fused=True, .* of [\d,]+ \(", text)) == 2
    assert len(re.findall(r"times as long take\n( +torch \w+=\w+: +[\d.]+\n){3}", text)) == 2
