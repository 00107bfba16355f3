"""The models of the examples as graphs: run on every backend, counted, and as files."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from conftest import REAL

import multinet
from multinet import graph, onnx
from multinet.errors import NotWritten
from multinet.graph import Spec
from multinet.interface import primitives
from multinet.registry import use_backend

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "examples"))
import digits
import forecast
import graph_network
import languages
import pronunciation
import recommendation
import sentiment
import speech
import tabular
import transfer
import vae
import wgan_gp
import writer


def normal(n, *shape):
    return np.random.default_rng(n).normal(size=(n, *shape)).astype("float32")


def words(n, length, most):
    found = np.random.default_rng(n).integers(0, most, (n, length))
    return found.astype("int32")


def after_texts(model):
    """Return what a model of texts does after the layer that works on the host."""
    return multinet.Sequential(
        [multinet.Input((None,), dtype="int32"), *model.layers[1:]]
    )


def two_towers():
    model = recommendation.TwoTowers(20, words(6, 4, 20))
    model(words(2, 5, 20))
    return model


TEXTS = np.array(["one or two", "and one more", "so it goes"])
EDGES = np.array([[0, 1, 1, 2, 3, 3, 0], [1, 0, 2, 1, 0, 3, 3]])

#: A model, and data of a batch for each of its inputs.
EXAMPLES = {
    "digits, mlp": (digits.mlp, lambda n: [normal(n, 8, 8, 1)]),
    "digits, cnn": (digits.cnn, lambda n: [normal(n, 8, 8, 1)]),
    "forecast": (
        lambda: forecast.network(2.0),
        lambda n: [normal(n, forecast.PAST // forecast.EACH, 1)],
    ),
    "graph_network": (
        lambda: graph_network.network(EDGES),
        lambda n: [np.eye(4, dtype="float32")],
    ),
    "languages": (
        lambda: after_texts(languages.network(TEXTS, 3)),
        lambda n: [words(n, languages.LONGEST, 9)],
    ),
    "pronunciation": (
        lambda: pronunciation.network(11)[0],
        lambda n: [
            words(n, pronunciation.LONGEST, 9),
            words(n, pronunciation.LONGEST, 11),
        ],
    ),
    "recommendation": (two_towers, lambda n: [words(n, 5, 20)]),
    "sentiment": (
        lambda: after_texts(sentiment.network(TEXTS)),
        lambda n: [words(n, 60, 9)],
    ),
    "speech": (lambda: speech.network(3), lambda n: [normal(n, speech.LENGTH)]),
    "tabular": (lambda: tabular.perceptron(normal(9, 6)), lambda n: [normal(n, 6)]),
    "transfer": (lambda: transfer.network((8, 8, 1)), lambda n: [normal(n, 8, 8, 1)]),
    "vae": (lambda: vae.autoencoder(16)[0], lambda n: [normal(n, 16)]),
    "gan, generator": (
        lambda: wgan_gp.WassersteinGan(16).generator,
        lambda n: [normal(n, wgan_gp.LATENT)],
    ),
    "gan, critic": (
        lambda: wgan_gp.WassersteinGan(16).critic,
        lambda n: [normal(n, 16)],
    ),
    "writer": (
        lambda: writer.transformer(12),
        lambda n: [words(n, writer.CONTEXT, 12)],
    ),
}
BATCHES = (3, 1, 9, 2)
#: Whose layers count or draw: that is not read where nothing is trained.
COUNTERS = {"digits, cnn", "tabular", "vae"}


def dense(*sizes):
    """Return the operations of a row through dense layers of some sizes."""
    return sum(2 * n * m + m for n, m in zip(sizes, sizes[1:]))


def convolution(pixels, channels, units):
    return pixels * units * (2 * 3 * 3 * channels + 1)


RELU, GELU, SOFTMAX, SIGMOID = 2, 5, 5, 1  # operations for each element
#: Operations for each row of a batch.
CLOSED = {
    "digits, mlp": dense(64, 256, 128, 10) + RELU * (256 + 128) + SOFTMAX * 10,
    "transfer": convolution(64, 1, 16)
    + convolution(64, 16, 32)
    + GELU * 64 * (16 + 32)
    + 16 * 32 * (4 + 1)  # a mean of four
    + dense(512, 5)
    + SOFTMAX * 5,
    "vae": dense(16, 256, 128, 2)
    + dense(2, 128, 256, 16)
    + GELU * 2 * (128 + 256)
    + SIGMOID * 16,
    "gan, generator": dense(16, 128, 128, 16) + GELU * 256 + SIGMOID * 16,
    "gan, critic": dense(16, 128, 128, 1) + GELU * 256,
}
#: What is compiled in the usual run too.
SAMPLE = {"digits, cnn", "forecast", "graph_network"}


def example(name):
    """Return a model of an example, its data, and its graph of an unknown batch."""
    make, data = EXAMPLES[name]
    model = make()
    x = data(2)[0]
    specs = [Spec(("batch", *x.shape[1:]), x.dtype)] if name == "recommendation" else []
    return model, data, graph.capture(model, *specs, check=False)


def called(model, tensors):
    """Return what a model or its graph gives for a list of inputs."""
    return model(tensors[0] if len(tensors) == 1 else list(tensors))


def runs():
    """Yield each example with each backend; what takes long to compile is marked."""
    for name in EXAMPLES:
        for backend in REAL:
            quick = backend in ("numpy", "torch") or name in SAMPLE
            yield pytest.param(name, backend, marks=() if quick else pytest.mark.long)


@pytest.mark.parametrize(("name", "backend"), list(runs()))
def test_the_model_of_an_example_is_a_graph_on_every_backend(name, backend):
    model, data, captured = example(name)
    wanted = np.asarray(called(model, data(3)))
    with use_backend(backend) as chosen:
        compiled = chosen.jit(lambda *xs: (called(captured, xs),), ())
        (found,) = compiled(*map(chosen.from_numpy, data(3)))
        found = chosen.to_numpy(found)
    if backend == "numpy":
        np.testing.assert_array_equal(found, wanted)
    room = 1e-5 * np.abs(wanted).max()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=room)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_model_of_an_example_is_counted(name):
    model, _, captured = example(name)
    costs, plain = captured.costs(), captured.expand()
    assert not costs.uncounted
    assert {node.op for node in plain.walk()} <= set(primitives())
    assert costs.total.parameters <= model.count_params()
    if name not in COUNTERS:
        assert costs.total.parameters == model.count_params()
    sizes = {size: 7 for size in captured.sizes()}
    assert costs.total.at(**sizes).flops > 0
    if name in CLOSED:
        assert costs.total.at(batch=7).flops == 7 * CLOSED[name]


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "speech"])
def test_the_model_of_an_example_is_the_same_file_from_two_backends(name, tmp_path):
    model, data, captured = example(name)
    paths = {backend: tmp_path / f"{backend}.onnx" for backend in ("numpy", "torch")}
    for backend, path in paths.items():
        with use_backend(backend):
            onnx.export(captured, path, check=False)
    one, other = (path.read_bytes() for path in paths.values())
    assert one == other
    session = onnxruntime.InferenceSession(one, providers=["CPUExecutionProvider"])
    for batch in BATCHES:
        arrays = data(batch)
        given = {x.name: a for x, a in zip(session.get_inputs(), arrays, strict=True)}
        (found,) = session.run(None, given)
        wanted = np.asarray(called(model, arrays))
        room = 1e-5 * np.abs(wanted).max()
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=room)


def test_what_has_no_operator_is_refused_by_name(tmp_path):
    _, _, captured = example("speech")
    with pytest.raises(NotWritten, match="rfft"):
        onnx.export(captured, tmp_path / "speech.onnx")
