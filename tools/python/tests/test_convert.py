"""libadamw.convert: other optimizers' states to float32 ones and back, to the bit where the target can hold it.

The real packages are used where they are installed; files and states of the others are built from their formats.
"""
import struct

import pytest
import torch
from common import give_grads, make_params, same_bits

import libadamw.torch
from libadamw import _eight_bits, convert

SHAPES = [(64, 128), (4096,), (16, 256), (100,), (17, 241)]


def float32_state(steps=3, shapes=SHAPES, **options):
    params = make_params(shapes)
    optimizer = torch.optim.AdamW(params, foreach=False, **options)
    for step in range(steps):
        give_grads(params, scale=10.0 ** -step)
        optimizer.step()
    return params, optimizer


def assert_same_states(one, other):
    assert list(one["state"]) == list(other["state"])
    for number, state in one["state"].items():
        assert set(state) == set(other["state"][number])
        for key, value in state.items():
            assert same_bits(value, other["state"][number][key]), f"{key} of {number}"


def test_the_map_of_8_bits():
    """Its landmarks in Dettmers' description: 7 exponents, a zero, a one, no minus one."""
    for signed in (True, False):
        values = _eight_bits.dynamic_map(signed)
        assert values.shape == (256,) and torch.equal(values, values.sort().values) and len(values.unique()) == 256
        assert values[-1] == 1 and (values == 0).sum() == 1 and values.min() > -1
        assert (values < 0).sum() == (127 if signed else 0)


@pytest.mark.parametrize("signed", (True, False))
def test_8_bits_come_back(signed):
    """Any codes and scales: the values are the same after a way to float32 and back, whichever code is the largest."""
    values = _eight_bits.dynamic_map(signed)
    generator = torch.Generator().manual_seed(3)
    for top in (255, 254, 200, 130, 0):
        codes = torch.randint(0, top + 1, (40, 256), generator=generator, dtype=torch.uint8)
        scales = 10 ** (torch.rand(40, generator=generator) * 30 - 20)
        scales[3] = 0
        codes[4] = int((values == 0).nonzero()[0])
        floats = _eight_bits.dequantize(codes, scales, values)
        again = _eight_bits.dequantize(*_eight_bits.quantize(floats, values), values)
        assert same_bits(floats, again)


def test_other_values_take_the_nearest_code():
    values = _eight_bits.dynamic_map(True)
    floats = torch.randn(1000)
    codes, scales = _eight_bits.quantize(floats, values)
    scale = scales.repeat_interleave(256)[:1000]
    assert torch.equal(scales, torch.nn.functional.pad(floats, (0, 24)).reshape(4, 256).abs().amax(1))
    error = ((floats / scale)[:, None] - values).abs()
    assert torch.equal(error.gather(1, codes.long()[:, None])[:, 0], error.amin(1))


def test_bitsandbytes_by_its_format():
    _, optimizer = float32_state()
    there = convert.to_bitsandbytes(optimizer.state_dict())
    state = there["state"][0]
    assert state["step"] == 3 and set(state[convert._WRAPPED]) == {
        "state1", "absmax1", "qmap1", "state2", "absmax2", "qmap2"}
    assert state[convert._WRAPPED]["state1"].dtype == torch.uint8
    assert state[convert._WRAPPED]["absmax1"].shape == (32,)
    assert there["state"][4][convert._WRAPPED]["absmax1"].shape == (17,)  # 4,097 values
    assert there["state"][3][convert._WRAPPED]["state1"].dtype == torch.float32
    back = convert.from_bitsandbytes(there)
    again = convert.from_bitsandbytes(convert.to_bitsandbytes(back))
    assert_same_states(back, again)
    for number, values in optimizer.state_dict()["state"].items():
        for key in ("exp_avg", "exp_avg_sq"):
            far = (values[key] - back["state"][number][key]).abs().max() / values[key].abs().max()
            assert far <= 0.0036 * (1 if key == "exp_avg_sq" else 2) + 1e-6, (number, key, far)


def test_bitsandbytes_itself():
    bitsandbytes = pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    params = make_params(SHAPES)
    theirs = bitsandbytes.optim.AdamW8bit(params, lr=1e-3)
    try:
        for _ in range(4):
            give_grads(params)
            theirs.step()
    except RuntimeError as error:
        pytest.skip(f"bitsandbytes makes no step on this CPU: {error}")
    functional = bitsandbytes.functional
    for signed in (True, False):
        assert torch.equal(_eight_bits.dynamic_map(signed), functional.create_dynamic_map(signed=signed))
    floats = convert.from_bitsandbytes(theirs.state_dict())
    for number, param in enumerate(params):
        state = theirs.state[param]
        assert floats["state"][number]["step"].item() == 4
        if state["state1"].dtype == torch.uint8:
            for key, place in (("exp_avg", 1), ("exp_avg_sq", 2)):
                wanted = functional.dequantize_blockwise(
                    state[f"state{place}"], absmax=state[f"absmax{place}"], code=state[f"qmap{place}"], blocksize=256)
                assert same_bits(floats["state"][number][key], wanted)
    back = convert.to_bitsandbytes(floats)
    assert_same_states(floats, convert.from_bitsandbytes(back))
    for number, state in theirs.state_dict()["state"].items():  # the very codes and scales, but of blocks of zeros
        for key, value in state[convert._WRAPPED].items():
            assert torch.equal(value, back["state"][number][convert._WRAPPED][key]), key
    other = bitsandbytes.optim.AdamW8bit(params, lr=1e-3)
    other.load_state_dict(back)
    ours = libadamw.torch.AdamW(make_params(SHAPES))
    ours.load_state_dict(floats)
    give_grads(params, ours.param_groups[0]["params"])
    other.step(), ours.step()


def test_torchao_itself():
    torchao = pytest.importorskip("torchao.optim", reason="torchao is not installed")
    from torchao.optim.subclass_8bit import OptimState8bit, get_qmap_signed, get_qmap_unsigned

    for signed, theirs in ((True, get_qmap_signed()), (False, get_qmap_unsigned())):
        assert torch.equal(_eight_bits.dynamic_map(signed), torch.tensor(theirs))
    params, source = float32_state()
    optimizer = torchao.AdamW8bit(params)
    there = convert.to_torchao(source.state_dict())
    kinds = [type(state["exp_avg"]) is OptimState8bit for state in there["state"].values()]
    assert kinds == [True, True, True, False, False]
    # What the package itself makes of the values, and its way back: both are the nearest codes.
    theirs = OptimState8bit.zeros((64, 128)).copy_(source.state[params[0]]["exp_avg"])
    floats = convert.from_torchao(there)
    assert same_bits(theirs.dequantize(), floats["state"][0]["exp_avg"])
    for number in range(3):
        for key in ("exp_avg", "exp_avg_sq"):
            assert same_bits(there["state"][number][key].dequantize(), floats["state"][number][key])
    again = convert.from_torchao(convert.to_torchao(floats))
    assert_same_states(floats, again)
    optimizer.load_state_dict(there)
    assert type(optimizer.state[params[0]]["exp_avg"]) is OptimState8bit
    give_grads(params)
    optimizer.step()
    stepped = convert.from_torchao(optimizer.state_dict())
    assert_same_states(stepped, convert.from_torchao(convert.to_torchao(stepped)))


def test_transformer_engine_by_its_format():
    params, optimizer = float32_state()
    there, halves = convert.to_transformer_engine(optimizer.state_dict(), params)
    assert there["param_groups"][0]["step"] == 3
    assert set(there["state"][0]) == {"exp_avg", "exp_avg_sq", "master_param"}
    assert all(half.dtype == torch.bfloat16 for half in halves)
    back, masters = convert.from_transformer_engine(there, halves)
    assert_same_states(optimizer.state_dict(), back)
    assert "step" not in back["param_groups"][0]
    assert all(same_bits(param.detach(), master) for param, master in zip(params, masters))
    # With a master in float32, and one parameter that was never stepped.
    there["state"][0]["master_param"] = torch.full((64, 128), 0.3)
    del there["state"][1]
    back, masters = convert.from_transformer_engine(there, halves)
    assert masters[0][0, 0] == torch.tensor(0.3) and 1 not in back["state"]
    assert torch.equal(masters[1], halves[1].float())


# ---- llm.c ----


def llmc_file(path, n, step=7, master=True, shuffle=False):
    """A file as save_state() of llm.c's train_gpt2.cu writes it."""
    header = [0] * 256
    header[0:6] = 20240527, 1, 1, 0, int(master), int(shuffle)
    header[10] = step
    header[20:22] = 0x7654321, 0x1234567  # rng_state, 8 bytes
    header[30], header[32] = 3, 99
    rows = [torch.randn(n) for _ in range(2 + master)]
    data = struct.pack("<256i", *header) + b"".join(struct.pack(f"<{n}f", *row.tolist()) for row in rows)
    if shuffle:
        data += struct.pack("<Q2i", 2, 1, 0) + struct.pack("<Q3i", 3, 2, 0, 1) + bytes(range(252)) * 10
    path.write_bytes(data)
    return rows


@pytest.mark.parametrize("shuffle", (False, True))
@pytest.mark.parametrize("master", (False, True))
def test_llmc(tmp_path, master, shuffle):
    path, copy = tmp_path / "state.bin", tmp_path / "copy.bin"
    rows = llmc_file(path, 30, master=master, shuffle=shuffle)
    state = convert.read_llmc(path, 30 if shuffle else None)
    assert state.step == 7 and state.header[32] == 99
    assert torch.equal(state.exp_avg, rows[0]) and torch.equal(state.exp_avg_sq, rows[1])
    assert (state.master is None) == (not master)
    tensors = state.tensors({"wte": (4, 5), "lnf.b": (10,)})
    assert torch.equal(tensors["wte"]["exp_avg"], rows[0][:20].reshape(4, 5))
    assert torch.equal(tensors["lnf.b"]["exp_avg_sq"], rows[1][20:]) and tensors["wte"]["step"].item() == 7
    assert ("param" in tensors["wte"]) == master
    convert.write_llmc(copy, state)
    assert copy.read_bytes() == path.read_bytes()
    # Into torch's AdamW, a step, and back into a file.
    params = [torch.nn.Parameter(values.get("param", torch.ones(shape)).clone())
              for values, shape in zip(tensors.values(), ((4, 5), (10,)))]
    optimizer = torch.optim.AdamW(params)
    loaded = optimizer.state_dict()
    loaded["state"] = {number: {key: value.clone() for key, value in values.items() if key != "param"}
                       for number, values in enumerate(tensors.values())}
    optimizer.load_state_dict(loaded)
    give_grads(params)
    optimizer.step()
    flat = {key: torch.cat([optimizer.state[param][key].reshape(-1) for param in params])
            for key in ("exp_avg", "exp_avg_sq")}
    convert.write_llmc(copy, state._replace(step=8, **flat))
    again = convert.read_llmc(copy, 30 if shuffle else None)
    assert again.step == 8 and torch.equal(again.exp_avg, flat["exp_avg"]) and again.rest == state.rest
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy.bin", "state.bin"]


def test_a_new_llmc_file(tmp_path):
    convert.write_llmc(tmp_path / "x", convert.LlmcState(5, torch.ones(3), torch.zeros(3), None))
    state = convert.read_llmc(tmp_path / "x")
    assert state.step == 5 and state.header[:6] == (20240527, 1, 1, 0, 0, 0)
    assert torch.equal(state.exp_avg, torch.ones(3))


def test_llmc_refusals(tmp_path):
    path = tmp_path / "state.bin"
    llmc_file(path, 30, shuffle=True)
    right = path.read_bytes()
    with pytest.raises(ValueError, match="the data is shuffled"):
        convert.read_llmc(path)
    for size in range(0, len(right), 13):
        path.write_bytes(right[:size])
        with pytest.raises(ValueError, match=f"byte {size}: cut"):
            convert.read_llmc(path, 30)
    path.write_bytes(right + b"x")
    with pytest.raises(ValueError, match="longer than its tensors"):
        convert.read_llmc(path, 30)
    for place, word, words in ((0, 1, "begins with 20240527"), (1, 2, "version 2"), (4, 2, "use_master_weights"),
                               (10, -1, "not negative")):
        path.write_bytes(right[: 4 * place] + struct.pack("<i", word) + right[4 * place + 4:])
        with pytest.raises(ValueError, match=words):
            convert.read_llmc(path, 30)
    path.write_bytes(right)
    state = convert.read_llmc(path, 30)
    with pytest.raises(ValueError, match="the shapes have 31 values, and the file 30"):
        state.tensors({"a": (31,)})
    with pytest.raises(ValueError, match="exp_avg_sq is torch.float64"):
        convert.write_llmc(path, state._replace(exp_avg_sq=state.exp_avg_sq.double()))
    with pytest.raises(ValueError, match="master is torch.float32 of shape"):
        convert.write_llmc(path, state._replace(master=torch.ones(2)))
    with pytest.raises(ValueError, match="the new state: byte"):
        convert.write_llmc(path, state._replace(rest=b""))
    assert path.read_bytes() == right


def test_refusals():
    params, optimizer = float32_state(1)
    state_dict = optimizer.state_dict()
    for function in (convert.from_bitsandbytes, convert.to_bitsandbytes, convert.from_torchao):
        with pytest.raises(TypeError, match="state_dict must be"):
            function({})
    with pytest.raises(ValueError, match="parameter 0 has no 'state1', only 'step', 'exp_avg', 'exp_avg_sq'"):
        convert.from_bitsandbytes(state_dict)
    with pytest.raises(ValueError, match="params has 0 tensors: the state's groups have 5"):
        convert.to_transformer_engine(state_dict, [])
    there, halves = convert.to_transformer_engine(state_dict, params)
    del there["state"][2]["master_param"]
    with pytest.raises(ValueError, match="parameter 2 has no 'master_param'"):
        convert.from_transformer_engine(there, halves)
    there["state"][2]["master_param"] = torch.zeros(4096)
    there["state"][0]["master_param"] = torch.zeros(3, dtype=torch.int16)
    with pytest.raises(ValueError, match="must be"):
        convert.from_transformer_engine(there, halves)
    optimizer.state[params[1]]["step"] += 1
    with pytest.raises(ValueError, match=r"group 0 have the steps \[1, 2\]"):
        convert.to_transformer_engine(optimizer.state_dict(), params)
    optimizer.state[params[0]]["exp_avg"] = torch.ones(64, 128, dtype=torch.float64)
    with pytest.raises(ValueError, match="exp_avg of parameter 0 is torch.float64: it must be torch.float32"):
        convert.to_bitsandbytes(optimizer.state_dict())
