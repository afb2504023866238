"""libadamw.save() and load(): every bit back, files of C programs and for them, refusals that name the tensor."""
import copy
import ctypes
import json
import os

import pytest
import torch
from common import CLASSES, assert_same, assert_same_state_dict, give_grads, make_params, twins
from test_layout import compiled

import libadamw
import libadamw.torch
from libadamw import _file
from libadamw import _library as lib


def network():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Flatten(),
                                torch.nn.Linear(32, 4))
    return model.to(memory_format=torch.channels_last)


def groups_of(model):
    named = dict(model.named_parameters())
    decayed = [param for name, param in named.items() if name.endswith("weight")]
    return [{"params": decayed, "weight_decay": 0.1, "mine": "kept"},
            {"params": [param for name, param in named.items() if name.endswith("bias")], "lr": 1 / 3}]


def train(model, optimizer, steps, seed):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        loss = model(torch.randn(5, 3, 4, 4, generator=generator)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("amsgrad", (False, True))
@pytest.mark.parametrize("first, second", ((0, 0), (0, 1), (1, 0), (1, 1)))
@pytest.mark.parametrize("name", CLASSES)
def test_every_bit_comes_back(tmp_path, name, first, second, amsgrad):
    """Three steps of one class, saved, loaded into another model and class, four more: as seven steps."""
    path = tmp_path / "run.safetensors"
    model, other = network(), network()
    whole = copy.deepcopy(model)
    options = {"amsgrad": amsgrad, "foreach": False}
    optimizer = CLASSES[name][first](groups_of(model), **options)
    reference = CLASSES[name][first](groups_of(whole), **options)
    schedule = libadamw.Schedule("cosine", total=9, warmup=2)
    for each in (model, whole):
        train(each, optimizer if each is model else reference, 3, 1)
    schedule.epoch(), schedule.epoch(), schedule.apply(optimizer)
    libadamw.save(path, optimizer, schedule=schedule, model=model)

    into = CLASSES[name][second](groups_of(other), lr=7, betas=(0.1, 0.2), eps=3, weight_decay=5, foreach=True)
    fresh = libadamw.Schedule("cosine", total=9, warmup=2)
    libadamw.load(path, into, schedule=fresh, model=other)
    assert fresh.state_dict() == schedule.state_dict()
    assert_same_state_dict(optimizer.state_dict(), into.state_dict())
    for one, two in zip(model.state_dict().values(), other.state_dict().values()):
        assert torch.equal(one, two)
    assert {group["mine"] for group in into.param_groups[:1]} == {"kept"}
    if first == second:
        for group, kept in zip(reference.param_groups, into.param_groups):
            group["lr"], group["weight_decay"] = kept["lr"], kept["weight_decay"]
        train(whole, reference, 4, 2), train(other, into, 4, 2)
        assert_same(list(whole.parameters()), reference, list(other.parameters()), into)


def test_state_dict_of_torch_from_and_to_it(tmp_path):
    params, theirs, others, ours = twins(amsgrad=True, maximize=True, weight_decay=0.3, betas=(0.8, 0.95))
    for _ in range(3):
        give_grads(params, others)
        theirs.step(), ours.step()
    libadamw.save(tmp_path / "theirs", theirs)
    libadamw.save(tmp_path / "ours", ours)
    back = torch.optim.AdamW(copy.deepcopy(params))
    for path in ("theirs", "ours"):
        libadamw.load(tmp_path / path, back)
        assert_same_state_dict(theirs.state_dict()
                               | {"param_groups": back.state_dict()["param_groups"]}, back.state_dict())
        assert back.param_groups[0]["betas"] == (0.8, 0.95) and back.param_groups[0]["maximize"] is True
    assert back.param_groups[0]["foreach"] is None and theirs.param_groups[0]["foreach"] is False
    libadamw.load(tmp_path / "theirs", back)
    assert back.param_groups[0]["foreach"] is False


def test_other_dtypes_and_values(tmp_path):
    """bfloat16 parameters under torch's own step, NaN and signed zeros, a parameter without steps, empty ones."""
    params = [torch.nn.Parameter(torch.randn(5, dtype=torch.bfloat16)), torch.nn.Parameter(torch.zeros(0)),
              torch.nn.Parameter(torch.ones(()))]
    optimizer = torch.optim.AdamW([("a.b", params[0]), ("empty", params[1]), ("never", params[2])])
    params[0].grad, params[1].grad = torch.ones(5, dtype=torch.bfloat16), torch.zeros(0)
    optimizer.step()
    values = optimizer.state[params[0]]["exp_avg"]
    values[:] = torch.tensor([float("nan"), -0.0, float("inf"), 1e-40, 3.0])
    libadamw.save(tmp_path / "x", optimizer)
    assert "state.a.b.exp_avg" in _file.File(tmp_path / "x") and "state.never.step" not in _file.File(tmp_path / "x")
    other = torch.optim.AdamW([("a.b", copy.deepcopy(params[0])), ("empty", copy.deepcopy(params[1])),
                               ("never", copy.deepcopy(params[2]))])
    libadamw.load(tmp_path / "x", other)
    assert_same_state_dict(optimizer.state_dict(), other.state_dict())


@pytest.mark.parametrize("options", (
    {}, {"master": "split"}, {"state_dtype": torch.bfloat16, "rounding": "stochastic"}))
def test_narrow_runs(tmp_path, options):
    """bfloat16 parameters of ours, with residuals, states in bfloat16 and random rounding: three steps and three."""
    def run():
        params = [torch.nn.Parameter(torch.ones(70).bfloat16()), torch.nn.Parameter(torch.ones(3))]
        return params, libadamw.torch.AdamW(params, arithmetic="accurate", **options)

    def steps(first, *runs):
        for step in range(first, first + 3):
            for params, optimizer in runs:
                for param in params:
                    param.grad = torch.linspace(-1, step, param.numel()).to(param.dtype)
                optimizer.step()

    whole, broken, rest = run(), run(), run()
    steps(1, whole, broken)
    libadamw.save(tmp_path / "x", broken[1])
    with torch.no_grad():
        for param, value in zip(rest[0], broken[0]):
            param.copy_(value)
    libadamw.load(tmp_path / "x", rest[1])
    assert_same(*broken, *rest)
    steps(4, whole, rest)
    assert_same(*whole, *rest)
    with pytest.raises(ValueError, match="'state.0.exp_avg' is (F32|BF16): the optimizer here has torch"):
        libadamw.load(tmp_path / "x", torch.optim.AdamW(
            [torch.nn.Parameter(torch.ones(70).half()), torch.nn.Parameter(torch.ones(3))]))


def test_a_rate_in_a_tensor(tmp_path):
    params = make_params([(3,)])
    optimizer = torch.optim.AdamW(params, lr=torch.tensor(0.25), foreach=False)
    libadamw.save(tmp_path / "x", optimizer)
    other = torch.optim.AdamW(copy.deepcopy(params), lr=torch.tensor(1.0), foreach=False)
    libadamw.load(tmp_path / "x", other)
    assert torch.equal(other.param_groups[0]["lr"], torch.tensor(0.25))


# ---- C programs ----


class State(ctypes.Structure):
    """adamw_state"""

    _fields_ = [("names", ctypes.POINTER(ctypes.c_char_p)), ("tensors", ctypes.POINTER(lib.Tensor)),
                ("places", ctypes.c_void_p), ("count", ctypes.c_size_t), ("config", ctypes.POINTER(lib.Config)),
                ("step", ctypes.c_uint64), ("seed", ctypes.c_uint64), ("schedule", ctypes.POINTER(lib.ScheduleState)),
                ("loss_scale", ctypes.c_void_p), ("with_params", ctypes.c_bool), ("partial", ctypes.c_bool),
                ("extra", ctypes.c_void_p), ("extra_count", ctypes.c_size_t), ("metadata", ctypes.c_void_p),
                ("metadata_count", ctypes.c_size_t)]


def test_structures(tmp_path):
    lines, expected = [], {}
    for name, structure in (("adamw_file_tensor", _file.FileTensor), ("adamw_file_entry", _file.FileEntry),
                            ("adamw_state", State)):
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        expected[name] = str(ctypes.sizeof(structure))
        for field, _ in structure._fields_:
            lines.append(f'printf("{name}.{field} %zu\\n", offsetof({name}, {field}));')
            expected[f"{name}.{field}"] = str(getattr(structure, field).offset)
    for number, dtype in enumerate(_file.DTYPES):
        lines.append(f'printf("{dtype} %d\\n", ADAMW_FILE_{dtype});')
        expected[dtype] = str(number)
    assert compiled(tmp_path, lines) == expected


def state_of_c(params, moments, names, schedule):
    """A run as a C program has it, over the memory of tensors."""
    rows = (lib.Tensor * len(params))()
    for row, param, (exp_avg, exp_avg_sq) in zip(rows, params, moments):
        row.n, row.param = param.numel(), param.data_ptr()
        row.exp_avg, row.exp_avg_sq = exp_avg.data_ptr(), exp_avg_sq.data_ptr()
    config = lib.default_config()
    state = State((ctypes.c_char_p * len(names))(*(name.encode() for name in names)), rows, None, len(params),
                  ctypes.pointer(config), 5, 42, ctypes.pointer(schedule._state), None, True)
    return state


@pytest.fixture
def c_functions():
    for name in ("adamw_save_state", "adamw_load_state"):
        getattr(lib.library, name).restype = ctypes.c_int
    return lib.library


def test_c_reads_what_python_wrote(tmp_path, c_functions):
    model = torch.nn.Linear(7, 3)
    optimizer = libadamw.torch.AdamW(model.parameters(), lr=0.125)
    schedule = libadamw.Schedule("wsd", total=9, decay_length=3)
    for _ in range(5):
        give_grads(list(model.parameters()))
        optimizer.step(), schedule.epoch()
    path = os.fsencode(tmp_path / "x")
    libadamw.save(path, optimizer, schedule=schedule, model=model)
    params = [torch.zeros(3, 7), torch.zeros(3)]
    moments = [(torch.zeros_like(param), torch.zeros_like(param)) for param in params]
    fresh = libadamw.Schedule("wsd", total=9, decay_length=3)
    state = state_of_c(params, moments, ["weight", "bias"], fresh)
    state.step = 0
    handle, sentence = ctypes.c_void_p(), ctypes.create_string_buffer(1024)
    assert c_functions.adamw_open(handle, path, sentence, 1024) == 0, sentence.value
    assert c_functions.adamw_load_state(handle, ctypes.byref(state), sentence, 1024) == 0, sentence.value
    config = lib.Config()
    assert c_functions.adamw_load_config(handle, b"bias", ctypes.byref(config), sentence, 1024) == 0, sentence.value
    c_functions.adamw_file_close(handle)
    assert state.step == 5 and fresh.state_dict() == schedule.state_dict()
    assert (config.lr, config.arithmetic, config.decay) == (0.125, lib.ARITHMETIC["torch"], lib.DECAY["decoupled"])
    for param, values, (exp_avg, exp_avg_sq) in zip(model.parameters(), params, moments):
        assert torch.equal(param, values) and torch.equal(optimizer.state[param]["exp_avg"], exp_avg)
        assert torch.equal(optimizer.state[param]["exp_avg_sq"], exp_avg_sq)


def test_python_reads_what_c_wrote(tmp_path, c_functions):
    """Rows of values without shapes are what C has without places, so parameters of one dimension."""
    params = [torch.randn(7), torch.randn(3)]
    moments = [(torch.randn_like(param), torch.rand_like(param)) for param in params]
    schedule = libadamw.Schedule("step", step_size=2)
    schedule.epoch()
    state = state_of_c(params, moments, ["w", "b"], schedule)
    sentence = ctypes.create_string_buffer(1024)
    path = tmp_path / "x"
    assert c_functions.adamw_save_state(os.fsencode(path), ctypes.byref(state), sentence, 1024) == 0, sentence.value
    named = [(name, torch.nn.Parameter(torch.zeros_like(param))) for name, param in zip("wb", params)]
    optimizer = libadamw.torch.AdamW(named)
    fresh = libadamw.Schedule("step", step_size=2)
    libadamw.load(path, optimizer, schedule=fresh)
    assert fresh.epochs == 1 and optimizer.param_groups[0]["weight_decay"] == 1e-4
    for (_, param), (exp_avg, exp_avg_sq) in zip(named, moments):
        found = optimizer.state[param]
        assert found["step"].item() == 5 and torch.equal(found["exp_avg"], exp_avg)
        assert torch.equal(found["exp_avg_sq"], exp_avg_sq)


def test_the_safetensors_package_reads_it(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch", reason="the safetensors package is not installed")
    model = network()
    optimizer = libadamw.torch.AdamW(model.named_parameters())
    train(model, optimizer, 2, 1)
    libadamw.save(tmp_path / "x", optimizer, model=model)
    tensors = safetensors.load_file(tmp_path / "x")
    for name, value in model.state_dict().items():
        assert torch.equal(tensors[name], value)
    for name, param in model.named_parameters():
        assert torch.equal(tensors[f"state.{name}.exp_avg"], optimizer.state[param]["exp_avg"])


# ---- refusals ----


def two(**options):
    model = torch.nn.Linear(4, 2)
    optimizer = libadamw.torch.AdamW(model.parameters(), **options)
    give_grads(list(model.parameters()))
    optimizer.step()
    return model, optimizer


def snapshot(model, optimizer, schedule):
    return (copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict()),
            schedule.state_dict() if schedule else None)


def assert_unchanged(before, model, optimizer, schedule):
    after = snapshot(model, optimizer, schedule)
    assert_same_state_dict(before[1], after[1])
    assert before[2] == after[2] and all(torch.equal(before[0][name], after[0][name]) for name in before[0])


def rewritten(path, change):
    """The file with its tensors and texts changed, and right checksums."""
    with _file.File(path) as file:
        tensors = dict(file)
        metadata = {key: value for key, value in file.metadata.items()
                    if key not in ("adamw.file", "adamw.checksum", "adamw.checksums")}
        change(tensors, metadata)
        _file.write(str(path) + ".new", tensors, metadata)
    return str(path) + ".new"


def replaced(name, **fields):
    return lambda tensors, metadata: tensors.__setitem__(name, tensors[name]._replace(**fields))


MOMENT = "state.weight.exp_avg_sq"
CHANGES = {
    "no tensor 'state.weight.exp_avg_sq', and has others of 'weight'": lambda t, m: t.pop(MOMENT),
    "'state.weight.exp_avg_sq' has the shape (2, 2): the parameter here has (2, 4)":
        replaced(MOMENT, shape=(2, 2), bytes=16),
    "'state.weight.exp_avg_sq' is I32: the optimizer here has torch.float32": replaced(MOMENT, dtype="I32"),
    "'state.weight.step' is BOOL of shape (): it must be one value":
        replaced("state.weight.step", dtype="BOOL", bytes=1),
    "'state.weight.step' is 0.5: it must be a whole number":
        lambda t, m: t.__setitem__("state.weight.step", _file.scalar("F64", 0.5)),
    "'state.weight.step' is 16777217: it must be a whole number of steps from 0 that float32":
        lambda t, m: t.__setitem__("state.weight.step", _file.scalar("I64", 2**24 + 1)),
    "no tensor 'weight', which the model has": lambda t, m: t.pop("weight"),
    "'bias' is F32 of shape (1, 2): the model has F32 of (2,)": replaced("bias", shape=(1, 2)),
    "has 'state.other.exp_avg', which the optimizer here has no parameter for":
        lambda t, m: t.__setitem__("state.other.exp_avg", t[MOMENT]),
    "no tensor 'param_groups.bias.lr'": lambda t, m: t.pop("param_groups.bias.lr"),
    "'param_groups.bias.betas' is F64 of shape (): it must be F64 with 2 values":
        replaced("param_groups.bias.betas", shape=(), bytes=8),
    "eps is 1e-08 for 'weight' and 3.0 for 'bias'":
        lambda t, m: t.__setitem__("param_groups.bias.eps", _file.scalar("F64", 3)),
    "decoupled_weight_decay is False for 'weight': the optimizer here has True": lambda t, m: t.update(
        {f"param_groups.{name}.decoupled_weight_decay": _file.scalar("BOOL", False) for name in ("weight", "bias")}),
    "has no schedule, and schedule is one": lambda t, m: m.pop("adamw.schedule"),
    "the text does not begin with 'libadamw schedule 1'": lambda t, m: m.update({"adamw.schedule": "x"}),
    "the text 'torch.param_groups' is not what": lambda t, m: m.update({"torch.param_groups": "[1]"}),
    "the text 'torch.param_groups' is not": lambda t, m: m.update({"torch.param_groups": "{"}),
}


@pytest.mark.parametrize("words", CHANGES)
def test_a_file_that_does_not_fit(tmp_path, words):
    model, optimizer = two()
    schedule = libadamw.Schedule("step", step_size=3)
    libadamw.save(tmp_path / "x", optimizer, schedule=schedule, model=model)
    path = rewritten(tmp_path / "x", CHANGES[words])
    other, into = two(lr=0.5)
    fresh = libadamw.Schedule("step", step_size=3)
    fresh.epoch()
    before = snapshot(other, into, fresh)
    with pytest.raises(ValueError) as error:
        libadamw.load(path, into, schedule=fresh, model=other)
    assert words in str(error.value)
    assert_unchanged(before, other, into, fresh)


def test_a_damaged_file(tmp_path):
    """Every length and a bit of every byte: refused, with nothing loaded."""
    model, optimizer = two()
    path = tmp_path / "x"
    libadamw.save(path, optimizer, model=model)
    right = path.read_bytes()
    before = snapshot(model, optimizer, None)
    for place in range(0, len(right), 7):
        for bytes_ in (right[:place], right[:place] + bytes([right[place] ^ 1 << place % 8]) + right[place + 1:]):
            path.write_bytes(bytes_)
            with pytest.raises((ValueError, NotImplementedError), match="libadamw: "):
                libadamw.load(path, optimizer, model=model)
    assert_unchanged(before, model, optimizer, None)


def test_another_run(tmp_path):
    model, optimizer = two()
    schedule = libadamw.Schedule("cosine", total=8)
    libadamw.save(tmp_path / "x", optimizer, schedule=schedule, model=model)
    before = snapshot(model, optimizer, None)
    with pytest.raises(ValueError, match="has a schedule, and schedule is None"):
        libadamw.load(tmp_path / "x", optimizer, model=model)
    with pytest.raises(ValueError, match="total is 8 in the text, but 9 in the schedule"):
        libadamw.load(tmp_path / "x", optimizer, schedule=libadamw.Schedule("cosine", total=9), model=model)
    with pytest.raises(ValueError, match="none of the model's"):
        libadamw.load(tmp_path / "x", optimizer, schedule=schedule, model=torch.nn.Linear(4, 2))
    with pytest.raises(ValueError, match="has no tensor 'param_groups.0.lr'"):
        libadamw.load(tmp_path / "x", optimizer, schedule=schedule)
    larger = torch.nn.Linear(5, 2)
    with pytest.raises(ValueError, match=r"has the shape \(2, 4\): the parameter here has \(2, 5\)"):
        libadamw.load(tmp_path / "x", libadamw.torch.AdamW(larger.parameters()), schedule=schedule, model=larger)
    with pytest.raises(ValueError, match="amsgrad|max_exp_avg_sq"):
        path = rewritten(tmp_path / "x", lambda t, m: t.update(
            {f"param_groups.{name}.amsgrad": _file.scalar("BOOL", True) for name in ("weight", "bias")}))
        libadamw.load(path, optimizer, schedule=schedule, model=model)
    with pytest.raises(OSError, match="no such file"):
        libadamw.load(tmp_path / "none", optimizer)
    assert_unchanged(before, model, optimizer, None)


def test_what_cannot_be_saved(tmp_path):
    path = tmp_path / "x"
    model, optimizer = two()
    libadamw.save(path, optimizer, model=model)
    right = path.read_bytes()
    with pytest.raises(TypeError, match="optimizer is a Linear"):
        libadamw.save(path, model)
    with pytest.raises(TypeError, match="no 'betas'"):
        libadamw.save(path, torch.optim.RMSprop(model.parameters()))
    with pytest.raises(TypeError, match="schedule is a dict"):
        libadamw.save(path, optimizer, schedule={})
    with pytest.raises(TypeError, match="model is a dict"):
        libadamw.save(path, optimizer, model={})
    optimizer.param_groups[0]["mine"] = object()
    with pytest.raises(TypeError, match="'mine' of group 0"):
        libadamw.save(path, optimizer, model=model)
    del optimizer.param_groups[0]["mine"]
    optimizer.state[model.bias]["exp_avg"] = torch.ones(2, dtype=torch.complex128)
    with pytest.raises(TypeError, match="'state.bias.exp_avg' is torch.complex128"):
        libadamw.save(path, optimizer, model=model)
    twice = torch.optim.AdamW([{"params": [torch.nn.Parameter(torch.ones(1))], "param_names": ["a"]},
                               {"params": [torch.nn.Parameter(torch.ones(1))], "param_names": ["a"]}])
    with pytest.raises(ValueError, match="two parameters are called 'a'"):
        libadamw.save(path, twice)
    named = torch.nn.ModuleDict({"state": torch.nn.Linear(1, 1)})
    with pytest.raises(ValueError, match="'state.weight': names that begin with 'state.'"):
        libadamw.save(path, torch.optim.AdamW(named.parameters()), model=named)
    with pytest.raises(OSError, match="no such file|cannot"):
        libadamw.save(tmp_path / "no" / "x", twice.__class__(model.parameters()))
    assert path.read_bytes() == right and os.listdir(tmp_path) == ["x"]


def test_a_zero_byte_in_a_name(tmp_path):
    optimizer = torch.optim.AdamW([("a\0b", torch.nn.Parameter(torch.ones(1)))])
    with pytest.raises(ValueError, match="has a zero byte"):
        libadamw.save(tmp_path / "x", optimizer)
    assert json.dumps(os.listdir(tmp_path)) == "[]"
