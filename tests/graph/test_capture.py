"""Programs as graphs: what is captured, run again, equals the program."""

import sys
from pathlib import Path

import numpy as np
import optree
import pytest

import multinet
from multinet import graph, layers, ops
from multinet.errors import ArgumentError, ShapeError, TraceError
from multinet.graph import Spec
from multinet.interface import primitives
from multinet.registry import use_backend
from multinet.scope import Capture

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "layers"))
from every_layer import made, rows, title
from graph_models import MODELS, mlp, normal
from layer_cases import SPREAD

REAL = ("numpy", "jax", "torch", "tensorflow")
NAMES = ("numpy", "torch")
#: Layers that hold weights which a call outside of training does not read.
PART = {"BatchNormalization", "ReversibleEmbedding", "SpectralNormalization"}


def arguments(layer, given):
    """Return what a layer of the tables is called on."""
    spread = type(layer).__name__ in SPREAD or "value" in layer._spec.call[:2]
    if spread and not isinstance(given, list | tuple):
        return (given, given)
    return tuple(given) if spread else (given,)


def batched(x):
    """Return the spec of an array of an unknown batch."""
    return Spec(("batch", *x.shape[1:]), x.dtype)


WEIGHTED = [row for row in rows() if not row.host and made(row).weights]


@pytest.mark.parametrize("row", WEIGHTED, ids=title)
def test_every_layer_runs_as_a_graph_on_every_backend(row):
    layer = made(row)
    args = arguments(layer, row.given)
    captured = graph.capture(layer, *optree.tree_map(batched, args))
    with Capture(step=0):
        wanted = optree.tree_leaves(layer(*args))
    for name in REAL:
        with use_backend(name):
            found = list(map(ops.convert_to_numpy, leaves(captured(*args))))
        for x, y in zip(wanted, found, strict=True):
            assert (x.dtype, x.shape) == (y.dtype, y.shape)
            if name == "numpy":
                np.testing.assert_array_equal(x, y)
            else:
                scale = np.abs(x).max()
                np.testing.assert_allclose(y, x, rtol=1e-5, atol=3e-6 * scale)


@pytest.mark.parametrize("row", WEIGHTED, ids=title)
def test_every_layer_runs_as_primitives(row):
    layer = made(row)
    args = arguments(layer, row.given)
    captured = graph.capture(layer, *optree.tree_map(batched, args), check=False)
    plain = captured.expand()
    methods = {node.op for node in plain.walk()}
    assert methods <= {*primitives(), "value_and_grad", "pullback"}
    for x, y in zip(leaves(captured(*args)), leaves(plain(*args)), strict=True):
        scale = np.abs(np.asarray(x)).max()
        np.testing.assert_allclose(y, x, rtol=1e-4, atol=1e-5 * scale)
    read = sum(v.numpy().size for _, v in captured.variables.values())
    assert plain.costs().total.parameters == read <= layer.count_params()
    if row.name not in PART:
        assert read == layer.count_params()


# -- models ----------------------------------------------------------------------------

SIZES = ((3, 7), (1, 2), (9, 11))


@pytest.mark.parametrize("make", MODELS, ids=lambda f: f.__name__)
def test_a_model_of_unknown_sizes_runs_at_any(make):
    model = make()
    captured = graph.capture(model)
    for sizes in SIZES:
        x = MODELS[make](*sizes)
        wanted = np.asarray(model(x, training=False))
        np.testing.assert_array_equal(captured(x), wanted)
        for name in REAL[2:]:
            with use_backend(name):
                found = ops.convert_to_numpy(captured(x))
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    x = MODELS[make](*SIZES[0])
    wanted = np.asarray(model(x, training=False))
    tensors = x if isinstance(x, list) else [x]
    with use_backend("jax") as chosen:
        compiled = chosen.jit(lambda *xs: (captured(_like(x, xs)),), ())
        (found,) = compiled(*map(chosen.from_numpy, tensors))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def _like(x, tensors):
    return list(tensors) if isinstance(x, list) else tensors[0]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("make", MODELS, ids=lambda f: f.__name__)
def test_a_step_of_training_is_a_graph(make, optimizer):
    multinet.set_random_seed(1)
    model, x = make(), MODELS[make](4, 6)
    y = normal(4, *model.output_shape[1:])
    model.compile(optimizer, "mse", metrics=["mae"])
    specs = [batched(each) for each in (x if isinstance(x, list) else [x])]
    if make is not mlp:
        specs = [Spec(_open(s.shape), s.dtype) for s in specs]
    captured = graph.capture_step(
        model, specs if isinstance(x, list) else specs[0], batched(y)
    )
    rate = np.float32(model.optimizer.learning_rate)
    found = {}
    for name in NAMES:
        with use_backend(name):
            result = captured.run(x, y, None, np.uint32(1), np.int32(1), rate)
            found[name] = {
                path: ops.convert_to_numpy(new) for path, new in result.updates.items()
            }
    held = {path: variable for path, (_, variable) in captured.variables.items()}
    model.train_on_batch(x, y)
    trained = {path for path, v in model.paths().items() if v.trainable}
    assert trained <= set(found["numpy"])
    for path, value in found["numpy"].items():
        # The gradient of a bias before a normalization is rounding, which Adam scales.
        loose = 1e-2 if path == "conv/bias" else 1e-5
        np.testing.assert_allclose(held[path].numpy(), value, rtol=1e-5, atol=loose)
        np.testing.assert_allclose(found["torch"][path], value, rtol=1e-4, atol=loose)


def _open(shape):
    return tuple(
        f"n{i}" if 0 < i < len(shape) - 1 or (i == 1 and len(shape) == 2) else n
        for i, n in enumerate(shape)
    )


# -- functions -------------------------------------------------------------------------

FUNCTIONS = {
    "cond": lambda x: ops.cond(ops.sum(x) > 0, lambda: x * 2, lambda: x - 1),
    "while_loop": lambda x: ops.while_loop(
        lambda i, y: i < 3, lambda i, y: (i + 1, y * y), (0, x)
    )[1],
    "scan": lambda x: ops.scan(lambda c, row: (c + row, c * row), x[0] * 0, x),
    "vmap": lambda x: multinet.vmap(lambda row: ops.sum(row * row))(x),
    "grad": lambda x: multinet.grad(lambda y: ops.sum(ops.sin(y) * y))(x),
    "grad of grad": lambda x: multinet.grad(
        lambda y: ops.sum(multinet.grad(lambda z: ops.sum(z**3))(y) * y)
    )(x),
    "vmap of grad": lambda x: multinet.vmap(
        multinet.grad(lambda row: ops.sum(ops.exp(row)))
    )(x),
    "vjp": lambda x: (lambda pair: pair[1](pair[0]))(multinet.vjp(ops.tanh, x)),
    "jvp": lambda x: multinet.jvp(lambda y: ops.tanh(y) * y, (x,), (x,)),
    "checkpoint": lambda x: multinet.grad(
        lambda y: ops.sum(multinet.checkpoint(lambda z: ops.sin(z) ** 2)(y))
    )(x),
    "custom_gradient": lambda x: multinet.grad(lambda y: ops.sum(_clipped(y)))(x),
    "draws": lambda x: x + multinet.random.normal(ops.shape(x), seed=3),
    "softmax of slices": lambda x: ops.softmax(x[:, ::2]) + 1.0,
}


@multinet.custom_gradient
def _clipped(x):
    y = ops.exp(x)
    return y, lambda upstream: upstream * ops.minimum(y, 1.0)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_control_flow_and_transforms(name):
    function, x = FUNCTIONS[name], normal(5, 4)
    captured = graph.capture(function, Spec(("batch", 4)))
    with Capture(step=0):
        wanted = leaves(function(ops.convert_to_tensor(x)))
    for x_, y in zip(wanted, leaves(captured(x)), strict=True):
        np.testing.assert_array_equal(y, x_)
    for backend in REAL[1:]:
        with use_backend(backend) as chosen:
            compiled = chosen.jit(lambda t: tuple(leaves(captured(t))), ())
            found = compiled(chosen.from_numpy(x))
            for x_, y in zip(wanted, found, strict=True):
                y = chosen.to_numpy(y)
                np.testing.assert_allclose(y, x_, rtol=1e-4, atol=1e-5)


def test_a_graph_has_layers_variables_inputs_and_text():
    model = mlp()
    captured = graph.capture(model)
    assert [x.name for x in captured.inputs] == ["x"]
    assert captured.sizes() == ["batch"]
    assert captured.layers() == ["mlp/hidden", "mlp/head"]
    assert set(captured.variables) == set(model.paths())
    assert [node.op for node in captured.nodes] == ["dense", "relu", "dense"]
    text = str(captured)
    assert "mlp(x: float32[batch, 6])" in text and "# mlp/hidden" in text
    assert "relu(" in text and "hidden/kernel: float32[6, 8]" in text
    part = captured.expand(["relu"])
    assert "relu" in {node.op for node in part.nodes}
    assert "matmul" in {node.op for node in part.nodes}
    np.testing.assert_array_equal(part(normal(2, 6)).shape, (2, 3))


class Twice(multinet.Model):
    """A subclass with a shared layer, trees of arguments and outputs, and a list."""

    def __init__(self):
        super().__init__(name="twice")
        self.shared = layers.Dense(3, name="shared")
        self.blocks = [layers.Dense(3), layers.BatchNormalization()]

    def call(self, inputs, training=False):
        y = self.shared(inputs["a"]) + self.shared(inputs["b"])
        for block in self.blocks:
            y = block(y)
        return {"y": y, "size": ops.norm(y)}


def test_a_subclass_is_built_by_the_capture(real_backend):
    model, spec = Twice(), Spec(("batch", 4))
    captured = graph.capture(model, {"a": spec, "b": spec}, training=True)
    assert set(captured.variables) <= set(model.paths())
    assert set(captured.updates) == {"blocks/1/moving_mean", "blocks/1/moving_variance"}
    x = {"a": normal(5, 4), "b": normal(5, 4)}
    with Capture(step=0):
        wanted = model(x, training=True)
    found = captured(x)
    assert set(found) == {"y", "size"}
    for name in found:
        mine, other = (ops.convert_to_numpy(tree[name]) for tree in (found, wanted))
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-6)


def test_mixed_precision_is_captured(real_backend):
    x = multinet.Input((None, 6), name="x")
    h = layers.GRU(5, name="gru", dtype="mixed_float16")(x)
    model = multinet.Model(x, layers.Dense(2, name="out")(h), name="mixed")
    captured = graph.capture(model)
    casts = [node for node in captured.walk() if node.op == "cast"]
    assert {node.outputs[0].dtype for node in casts} == {"float16", "float32"}
    data = normal(3, 7, 6)
    mine, other = (ops.convert_to_numpy(f(data)) for f in (captured, model))
    np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-3)


def test_variables_are_read_when_the_graph_runs():
    model, x = mlp(), normal(2, 6)
    captured = graph.capture(model)
    before = captured(x)
    model.set_weights([2 * w for w in model.get_weights()])
    np.testing.assert_array_equal(captured(x), model(x))
    assert not np.allclose(captured(x), before)


def test_whole_methods_are_named():
    function, spec = ops.softmax, Spec((3, 4))
    assert len(graph.capture(function, spec).nodes) == 1
    assert len(graph.capture(function, spec, whole=False).nodes) == 6
    assert len(graph.capture(function, spec, whole=["softmax"]).nodes) == 1
    with pytest.raises(ArgumentError, match="softmax"):
        graph.capture(function, spec, whole=["softmx"])


def test_arguments_that_are_no_graphs_are_refused():
    with pytest.raises(ArgumentError, match=r"Spec, a\s*tensor"):
        graph.capture(ops.relu)
    with pytest.raises(ArgumentError, match="Nothing to capture"):
        graph.capture(ops.relu, 3.0)
    with pytest.raises(ShapeError, match="names of unknown sizes"):
        Spec((2.5,))
    captured = graph.capture(ops.add, Spec((2,)), Spec((2,)))
    with pytest.raises(ArgumentError, match="was captured on arguments"):
        captured(np.ones(2, "float32"))
    with pytest.raises(ArgumentError, match="Unknown kind"):
        graph.capture_step(mlp(), normal(2, 6), kind="fit")


def test_a_program_that_takes_another_way_for_unknown_sizes_is_found():
    def program(x):
        size = ops.shape(x)[1]
        y = ops.exp(x)
        return y * (size if isinstance(size, int) else 2)

    with pytest.raises(TraceError, match="first node that differs is multiply"):
        graph.capture(program, Spec((3, "time")))
    graph.capture(program, Spec((3, 5)))
    graph.capture(program, Spec((3, "time")), check=False)


def test_a_size_that_only_values_tell_is_refused():
    captured = graph.capture(lambda x: ops.nonzero(x)[0], Spec((4,)), check=False)
    with pytest.raises(TraceError, match="only values tell"):
        captured(np.ones(4, "float32"))


def leaves(tree):
    return optree.tree_leaves(tree)
