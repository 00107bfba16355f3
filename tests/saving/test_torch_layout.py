"""Weights in safetensors: as torch's own modules and the reference reader have them."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from multinet import Input, Model, MultinetError, Sequential, layers, ops, saving
from multinet.saving import safetensors as ours

NUMBERS = np.random.default_rng(0)


def last(sequence):
    """Return the outputs of a recurrent module."""
    return sequence[0]


class Attention(nn.MultiheadAttention):
    def forward(self, x):
        return super().forward(x, x, x)[0]


def self_attention():
    """Return a model that attends to itself."""
    x = Input((5, 6))
    y = layers.MultiHeadAttention(2, 3, name="m")(x, x)
    return Model(x, y)


def alone(shape, layer):
    """Return a model of one layer called m."""
    return Sequential([Input(shape), layer])


FIRST = "channels_first"
LAST = {"return_sequences": True, "name": "m"}
#: The model, the module, and the shape of what the module takes (and its turn to ours).
CASES = {
    "Dense": (
        lambda: alone((4,), layers.Dense(3, name="m")),
        lambda: nn.Linear(4, 3),
    ),
    "Conv1D": (
        lambda: alone((3, 8), layers.Conv1D(4, 3, data_format=FIRST, name="m")),
        lambda: nn.Conv1d(3, 4, 3),
    ),
    "Conv2DTranspose": (
        lambda: alone(
            (4, 3, 5),
            layers.Conv2DTranspose(6, (3, 2), strides=2, data_format=FIRST, name="m"),
        ),
        lambda: nn.ConvTranspose2d(4, 6, (3, 2), stride=2),
    ),
    "DepthwiseConv2D": (
        lambda: alone(
            (4, 6, 5),
            layers.DepthwiseConv2D(
                (3, 2), depth_multiplier=2, data_format=FIRST, name="m"
            ),
        ),
        lambda: nn.Conv2d(4, 8, (3, 2), groups=4),
    ),
    "Conv2D": (
        lambda: alone(
            (4, 7, 6), layers.Conv2D(6, (3, 2), groups=2, data_format=FIRST, name="m")
        ),
        lambda: nn.Conv2d(4, 6, (3, 2), groups=2),
    ),
    "Conv3D": (
        lambda: alone((2, 5, 6, 4), layers.Conv3D(3, 2, data_format=FIRST, name="m")),
        lambda: nn.Conv3d(2, 3, 2),
    ),
    "BatchNormalization": (
        lambda: alone((4,), layers.BatchNormalization(epsilon=1e-5, name="m")),
        lambda: nn.BatchNorm1d(4).eval(),
    ),
    "LayerNormalization": (
        lambda: alone((3, 4), layers.LayerNormalization(epsilon=1e-5, name="m")),
        lambda: nn.LayerNorm(4),
    ),
    "GroupNormalization": (
        lambda: alone(
            (4, 5), layers.GroupNormalization(2, axis=1, epsilon=1e-5, name="m")
        ),
        lambda: nn.GroupNorm(2, 4),
    ),
    "LSTM": (
        lambda: alone((5, 3), layers.LSTM(4, **LAST)),
        lambda: nn.LSTM(3, 4, batch_first=True),
    ),
    "GRU": (
        lambda: alone((5, 3), layers.GRU(4, **LAST)),
        lambda: nn.GRU(3, 4, batch_first=True),
    ),
    "SimpleRNN": (
        lambda: alone((5, 3), layers.SimpleRNN(4, **LAST)),
        lambda: nn.RNN(3, 4, batch_first=True),
    ),
    "Bidirectional": (
        lambda: alone(
            (5, 3),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="m"),
        ),
        lambda: nn.LSTM(3, 4, batch_first=True, bidirectional=True),
    ),
    "MultiHeadAttention": (
        self_attention,
        lambda: Attention(6, 2, batch_first=True),
    ),
}


def shape_of(model):
    """Return the shape of a batch for a model."""
    return (2, *model.input_shape[1:])


def compute(module, x):
    """Return what a torch module makes of an array."""
    with torch.no_grad():
        found = module(torch.from_numpy(x))
    return (found[0] if isinstance(found, tuple) else found).numpy()


def randomize(model):
    """Give a model weights that differ all over."""
    values = [NUMBERS.uniform(0.1, 1, w.shape) for w in model.get_weights()]
    model.set_weights(values)


@pytest.mark.parametrize("name", CASES)
def test_a_module_of_torch_computes_the_same_with_our_weights(name, tmp_path):
    from safetensors.torch import load_file

    make, module = CASES[name]
    model, module = make(), module()
    randomize(model)
    path = tmp_path / "m.safetensors"
    model.save_weights(path, layout="torch")
    state = {k.removeprefix("_"): v for k, v in load_file(path).items()}
    state = {k.partition(".")[2]: v for k, v in state.items()}
    module.load_state_dict(state)  # strict: the same names and shapes
    x = NUMBERS.normal(size=shape_of(model)).astype("float32")
    found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, compute(module, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_we_compute_the_same_with_the_weights_of_a_module(name, real_backend):
    make, module = CASES[name]
    model, module = make(), module()
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5)
    state = {f"{_prefix(model)}{k}": v for k, v in module.state_dict().items()}
    saving.load_torch_state_dict(model, state)
    x = NUMBERS.normal(size=shape_of(model)).astype("float32")
    found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, compute(module, x), rtol=1e-5, atol=1e-5)


def _prefix(model):
    """Return the name of the layer in the layout."""
    from multinet.saving.torch_layout import rules_of

    return next(rules_of(model)).names[0].partition(".")[0] + "."


def test_an_embedding_is_the_one_of_torch(tmp_path):
    from safetensors.torch import load_file

    model = Sequential([Input((3,), dtype="int32"), layers.Embedding(7, 4, name="m")])
    model.save_weights(tmp_path / "e.safetensors", layout="torch")
    (table,) = load_file(tmp_path / "e.safetensors").values()
    found = nn.functional.embedding(torch.tensor([[1, 6, 0]]), table).numpy()
    wanted = model.predict(np.array([[1, 6, 0]]), verbose=0)
    assert np.array_equal(found, wanted)


def test_a_plan_by_shape_and_by_names():
    model = Sequential(
        [Input((4,)), layers.Dense(3, name="one"), layers.Dense(2, name="two")]
    )
    module = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    plan = saving.load_torch_state_dict(model, module.state_dict(), by_shape=True)
    assert plan == {
        "one.weight": "0.weight",
        "one.bias": "0.bias",
        "two.weight": "1.weight",
        "two.bias": "1.bias",
    }
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    saving.load_torch_state_dict(model, module.state_dict(), names=plan)
    x = NUMBERS.normal(size=(2, 4)).astype("float32")
    found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, compute(module, x), rtol=1e-5, atol=1e-6)
    with pytest.raises(MultinetError, match="one.weight: not there"):
        saving.load_torch_state_dict(model, module.state_dict())
    with pytest.raises(MultinetError, match="which .* lacks"):
        saving.load_torch_state_dict(model, {}, names={"three.weight": "x"})


def test_the_reference_reader_reads_our_file_and_we_read_its(backend, tmp_path):
    from safetensors.numpy import load_file, save_file

    model = Sequential([Input((4,)), layers.Dense(3), layers.BatchNormalization()])
    randomize(model)
    model.save_weights(tmp_path / "a.safetensors")
    found = load_file(tmp_path / "a.safetensors")
    wanted = {path: v.numpy() for path, v in model.paths().items()}
    assert set(found) == set(wanted)
    for path, array in wanted.items():
        assert found[path].dtype == array.dtype
        assert np.array_equal(found[path], array)
    other = {path: np.ascontiguousarray(a + 1) for path, a in wanted.items()}
    save_file(other, tmp_path / "b.safetensors", {"about": "them"})
    model.load_weights(tmp_path / "b.safetensors")
    for path, variable in model.paths().items():
        assert np.array_equal(variable.numpy(), wanted[path] + 1)


def test_shards_and_dtypes_are_kept(tmp_path):
    x = Input((4,))
    y = layers.Dense(64, dtype="bfloat16")(x)
    model = Model(x, layers.Dense(64)(ops.cast(y, "float32")))
    randomize(model)
    before = model.get_weights()
    path = tmp_path / "m.safetensors"
    model.save_weights(path, max_shard_size=8e-6)
    names = {p.name for p in tmp_path.iterdir()}
    assert "m.safetensors.index.json" in names and len(names) > 2
    tensors = ours.Tensors(path)
    assert {ours.dtype_of(t) for t in tensors.values()} == {"bfloat16", "float32"}
    randomize(model)
    model.load_weights(path)
    for have, want in zip(model.get_weights(), before, strict=True):
        assert have.dtype == want.dtype and np.array_equal(have, want)


def _file(path, header, data=b"\0" * 16):
    text = header if isinstance(header, bytes) else header.encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


@pytest.mark.parametrize(
    "header,words",
    [
        ('{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 12]}}', "bytes"),
        ('{"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}}', "gap"),
        ('{"a": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}}', "ends it"),
        (
            '{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}',
            "nothing names",
        ),
        ('{"a": {"dtype": "V9", "shape": [2], "data_offsets": [0, 8]}}', "describes"),
        (
            '{"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}',
            "describes",
        ),
        ('{"a": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}}', "describes"),
        ('{"a": {"dtype": "F32", "shape": 4, "data_offsets": [0, 16]}}', "describes"),
        ('{"a": {}, "a": {}}', "keys twice"),
        ("[1]", "does not describe"),
        ("{" * 500, "brackets|no JSON"),
        (b"\xff" * 30, "UTF-8"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(header, words, tmp_path):
    path = tmp_path / "m.safetensors"
    _file(path, header)
    model = alone((4,), layers.Dense(3))
    before = model.get_weights()
    with pytest.raises(MultinetError, match=words):
        model.load_weights(path)
    path.write_bytes(b"\xff" * 20)
    with pytest.raises(MultinetError, match="cut off"):
        model.load_weights(path)
    assert all(map(np.array_equal, model.get_weights(), before))


@pytest.mark.parametrize("name", ["../up.safetensors", "/x.safetensors", ["a"], 3])
def test_an_index_names_files_beside_it_alone(name, tmp_path):
    index = tmp_path / "m.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"dense.weight": name}}))
    with pytest.raises(MultinetError, match="not one beside"):
        alone((4,), layers.Dense(3)).load_weights(tmp_path / "m.safetensors")
