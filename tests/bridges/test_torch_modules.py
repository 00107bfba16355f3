"""A module of PyTorch as a layer computes, learns and is kept as the module itself."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import multinet as keras
from multinet import layers, saving
from multinet.errors import ArgumentError, BackendError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


@pytest.fixture(autouse=True)
def on_torch():
    torch.manual_seed(0)
    with keras.use_backend("torch"):
        yield


def net():
    """Return a module with parameters and buffers."""
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 1))


def twins(make, **options):
    """Return a module, and a layer around an equal one."""
    module = make()
    return module, layers.TorchModuleWrapper(copy.deepcopy(module), **options)


class Attends(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, query, key):
        return self.inner(query, key, key)[0]


MODULES = {
    "linear": (lambda: nn.Linear(6, 3), [(2, 5, 6)]),
    "convolution": (lambda: nn.Conv2d(3, 4, 3, stride=2), [(2, 3, 9, 9)]),
    "batch norm": (lambda: nn.BatchNorm1d(6), [(8, 6)]),
    "lstm": (lambda: nn.LSTM(6, 5, num_layers=2, batch_first=True), [(2, 4, 6)]),
    "attention": (Attends, [(2, 4, 6), (2, 3, 6)]),
    "nothing to train": (lambda: nn.ReLU(), [(2, 6)]),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("case", MODULES)
def test_outputs_and_gradients_are_those_of_the_module(case, training):
    make, shapes = MODULES[case]
    module, layer = twins(make)
    module.train(training)
    inputs = [torch.tensor(RNG.normal(size=s).astype("float32")) for s in shapes]
    expected = module(*inputs)
    outputs = layer(*inputs, training=training)
    for mine, theirs in zip(leaves(outputs), leaves(expected), strict=True):
        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-6, atol=1e-6)
    for name, value in module.state_dict().items():
        torch.testing.assert_close(layer.module.state_dict()[name], value)

    def loss(variables):
        outputs = layer(*inputs, training=training)
        return sum(keras.ops.sum(keras.ops.sin(y)) for y in leaves(outputs))

    parameters = list(module.parameters())
    total = sum(torch.sin(y).sum() for y in leaves(module(*inputs)))
    theirs = torch.autograd.grad(total, parameters) if parameters else ()
    assert len(layer.trainable_weights) == len(parameters)
    if parameters:
        mine = keras.grad(loss)(layer.trainable_weights)
        for g, wanted in zip(mine, theirs, strict=True):
            torch.testing.assert_close(g, wanted, rtol=1e-5, atol=1e-6)


def leaves(tree):
    return keras.tree.flatten(tree)


@pytest.mark.parametrize("eager", [False, True])
def test_fit_trains_as_a_loop_of_pytorch(eager):
    module, layer = twins(net)
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse", run_eagerly=eager)
    model.fit(X, Y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    for step in range(9):
        rows = slice(step % 3 * 4, step % 3 * 4 + 4)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(
            module(torch.tensor(X[rows])), torch.tensor(Y[rows])
        )
        loss.backward()
        optimizer.step()
    for name, value in module.state_dict().items():
        torch.testing.assert_close(
            layer.module.state_dict()[name], value, rtol=1e-5, atol=1e-5
        )
    module.eval()
    expected = module(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, atol=1e-5)
    if not eager:
        assert "replay" in model.explain_step()["path"]


def test_the_module_and_the_variables_are_one_memory():
    layer = layers.TorchModuleWrapper(net(), name="w")
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile("sgd", "mse")
    kernel = layer.module[3].weight
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(kernel.detach().numpy(), layer.tensors["3.weight"])
    with torch.no_grad():  # from the side of PyTorch, between two dispatches
        kernel.zero_()
        layer.module[3].bias.fill_(7.0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), np.full((12, 1), 7.0))
    model.optimizer.learning_rate = 0.0
    model.fit(X, Y, verbose=0)
    assert not kernel.any()
    layer.tensors["3.weight"].assign(np.ones((1, 8)))
    assert kernel.sum() == 8
    layer.module.load_state_dict(net().state_dict())
    np.testing.assert_array_equal(kernel.detach().numpy(), layer.tensors["3.weight"])


def test_weights_are_parameters_then_buffers_and_some_may_be_frozen():
    module = net()
    module[0].weight.requires_grad_(False)
    layer = layers.TorchModuleWrapper(module, name="w")
    trained = [v.name for v in layer.trainable_weights]
    assert trained == ["0.bias", "1.weight", "1.bias", "3.weight", "3.bias"]
    assert {v.name for v in layer.non_trainable_weights} == {
        *("0.weight", "1.running_mean", "1.running_var", "1.num_batches_tracked")
    }
    layer.trainable = False
    assert layer.trainable_weights == []
    assert [id(p) for p in layer.parameters()] == [id(p) for p in module.parameters()]


def test_shared_parameters_are_one_variable():
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    module[1].weight = module[0].weight
    layer = layers.TorchModuleWrapper(copy.deepcopy(module))
    assert [v.name for v in layer.weights] == ["0.weight", "0.bias", "1.bias"]
    layer.tensors["0.weight"].assign(np.eye(4))
    expected = X + layer.tensors["0.bias"].numpy() + layer.tensors["1.bias"].numpy()
    np.testing.assert_allclose(layer(X).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_shapes_come_from_the_module_or_are_given():
    x = keras.Input((3, None, None))
    layer = layers.TorchModuleWrapper(nn.Conv2d(3, 4, 3, stride=2, padding=1))
    assert layer(x).shape == (None, 4, None, None)
    assert layer.compute_output_shape((None, 3, 8, None)) == (None, 4, 4, None)
    lstm = layers.TorchModuleWrapper(nn.LSTM(3, 5, batch_first=True))
    outputs, (h, c) = lstm(keras.Input((None, 3)))
    assert outputs.shape == (None, None, 5) and h.shape == (1, None, 5) == c.shape
    told = layers.TorchModuleWrapper(nn.Linear(4, 8), output_shape=[None, 8])
    assert told(keras.Input((4,))).shape == (None, 8)
    before = nn.BatchNorm1d(4)
    layers.TorchModuleWrapper(before)(keras.Input((4,)))
    assert before.num_batches_tracked == 0 and not before.running_mean.any()


def test_the_mode_of_the_module_follows_training():
    layer = layers.TorchModuleWrapper(nn.Dropout(0.5))
    x = np.ones((4, 50), "float32")
    assert (layer(x, training=False).numpy() == 1).all()
    assert set(np.unique(layer(x, training=True))) == {0.0, 2.0}
    model = keras.Sequential([keras.Input((50,)), layer])
    assert (model.predict(x, verbose=0) == 1).all()


def test_under_a_policy_the_parameters_are_read_in_its_dtype():
    layer = layers.TorchModuleWrapper(nn.Linear(4, 3), dtype="mixed_bfloat16")
    assert layer(X).dtype == torch.bfloat16
    assert layer.trainable_weights[0].dtype == "float32"


def test_a_training_and_its_file_are_those_of_keras(tmp_path):
    module, layer = twins(net, name="wrapped")
    torch.save(module.state_dict(), tmp_path / "start.pt")
    program = Path(__file__).with_name("keras_torch_module.py")
    command = [sys.executable, program, tmp_path / "start.pt", tmp_path]
    subprocess.run(command, check=True, env={**os.environ, "KERAS_BACKEND": "torch"})
    theirs = np.load(tmp_path / "keras.npz")
    model = keras.Sequential([keras.Input((4,)), layer, layers.Activation("relu")])
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
    x, y = theirs["x"], theirs["y"]
    history = model.fit(x, y, batch_size=8, epochs=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], theirs["loss"], rtol=1e-5)
    np.testing.assert_allclose(model.predict(x, verbose=0), theirs["p"], atol=1e-5)
    state = {name: v.numpy() for name, v in layer.tensors.items()}
    model.load_weights(tmp_path / "keras.weights.h5")
    for name, value in state.items():
        np.testing.assert_allclose(layer.tensors[name].numpy(), value, atol=2e-5)
    np.testing.assert_allclose(model.predict(x, verbose=0), theirs["p"], atol=1e-6)


# -- kept ------------------------------------------------------------------------------


def model_of(module):
    layer = layers.TorchModuleWrapper(module, name="wrapped")
    model = keras.Sequential([keras.Input((4,)), layer, layers.Dense(1, name="d")])
    model.compile("sgd", "mse")
    return model


def test_weights_go_through_a_file_under_the_names_of_the_state(tmp_path):
    model, path = model_of(net()), tmp_path / "m.weights.h5"
    model.fit(X, Y, verbose=0)
    model.save_weights(path)
    other = model_of(net())
    other.load_weights(path)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    kept = {}
    model.layers[0].save_own_variables(kept)
    assert list(kept) == list(net().state_dict())
    with pytest.raises(ShapeError, match="same module"):
        model.layers[0].load_own_variables({"0.weight": np.ones((8, 4))})


def test_a_model_file_has_no_code_and_takes_the_module_from_the_program(tmp_path):
    model, path = model_of(net()), tmp_path / "m.keras"
    model.save(path)
    with pytest.raises(ArgumentError, match="is code: it is neither written"):
        saving.load_model(path)
    for given in (net(), net):
        again = saving.load_model(path, custom_objects={"wrapped": given})
        expected = model.predict(X, verbose=0)
        np.testing.assert_allclose(again.predict(X, verbose=0), expected, rtol=1e-6)


def test_a_pickle_in_a_configuration_is_not_opened():
    config = {"name": "p", "module": "gASVBA==", "output_shape": None}
    with pytest.raises(ArgumentError, match="a pickle is not opened"):
        layers.TorchModuleWrapper.from_config(config, safe_mode=False)


@saving.register_keras_serializable("tests_of_bridges")
class Plan(nn.Module):
    """A module that is data: its constructor's arguments."""

    def __init__(self, width):
        super().__init__()
        self.width, self.inner = width, nn.Linear(4, width)

    def forward(self, x):
        return self.inner(x)

    def get_config(self):
        return {"width": self.width}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def test_a_registered_class_with_a_configuration_is_written(tmp_path):
    model, path = model_of(Plan(3)), tmp_path / "m.keras"
    model.save(path)
    again = saving.load_model(path)
    assert again.layers[0].module.width == 3
    np.testing.assert_array_equal(model.predict(X), again.predict(X))


@pytest.mark.parametrize("how", ["copy", "pickle", "clone"])
def test_copies_have_a_module_of_their_own(how):
    model = model_of(net())
    if how == "copy":
        other = copy.deepcopy(model)
    elif how == "pickle":
        other = pickle.loads(pickle.dumps(model))
    else:
        other = keras.models.clone_model(model)
    mine, theirs = model.layers[0], other.layers[0]
    np.testing.assert_array_equal(mine.get_weights()[0], theirs.get_weights()[0])
    with torch.no_grad():
        theirs.module[0].weight.zero_()
    assert not theirs.get_weights()[0].any() and mine.get_weights()[0].any()
    other.fit(X, Y, verbose=0)
    theirs = theirs.module[1].num_batches_tracked, mine.module[1].num_batches_tracked
    assert theirs == (1, 0)


# -- errors ----------------------------------------------------------------------------


def test_what_is_no_module_is_told():
    with pytest.raises(ArgumentError, match="expects a torch.nn.Module"):
        layers.TorchModuleWrapper(lambda x: x)
    with pytest.raises(ArgumentError, match="LazyModules are not supported"):
        layers.TorchModuleWrapper(nn.Sequential(nn.LazyLinear(3)))


@pytest.mark.parametrize("backend", ["numpy", "jax", "tensorflow"])
def test_another_backend_is_refused_without_importing_the_framework(backend):
    code = (
        "import sys, multinet; from multinet.layers import TorchModuleWrapper\n"
        "try: TorchModuleWrapper(3)\n"
        "except multinet.errors.BackendError as error: print(error)\n"
        "print('torch' in sys.modules)"
    )
    if backend != "numpy":
        with keras.use_backend(backend), pytest.raises(BackendError, match=backend):
            layers.TorchModuleWrapper(nn.Linear(2, 2))
        return
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "is a layer for backend torch" in said and "False" in said


@pytest.mark.filterwarnings("error")
def test_weights_before_a_module_are_not_told_as_unused():
    parts = [layers.Dense(4), layers.TorchModuleWrapper(nn.Linear(4, 2))]
    model = keras.Sequential([keras.Input((4,)), *parts, layers.Dense(1)])
    model.compile("sgd", "mse")
    before = parts[0].kernel.numpy()
    model.fit(X, Y, verbose=0)
    assert np.abs(parts[0].kernel.numpy() - before).max() > 0
