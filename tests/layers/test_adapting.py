"""What `adapt` takes, and what it shows."""

import numpy as np
import pytest

import multinet
from multinet import layers
from multinet.errors import ArgumentError
from multinet.training.sources import ArraySource, GeneratorSource, HostBatch

X = np.random.default_rng(0).normal(3, 2, (30, 2)).astype("float32")


class Numbered:
    """Batches by number, without an end of their own."""

    def __init__(self, x):
        self.x = x

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return self.x[10 * i : 10 * i + 10], np.ones(10)


def batches(x=X):
    return (x[i : i + 8] for i in range(0, 30, 8))


STREAMS = {
    "generator": batches,
    "function": lambda x: lambda: batches(x),
    "list": lambda x: list(batches(x)),
    "with labels": lambda x: ((part, np.ones(len(part))) for part in batches(x)),
    "by number": Numbered,
    "arrays as a source": lambda x: ArraySource(HostBatch(x, x[:, 0]), 8),
    "generator as a source": lambda x: GeneratorSource(
        batches(x), raw=x.dtype.kind == "U"
    ),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_each_stream_gives_the_statistics_of_the_whole(kind):
    whole, layer = layers.Normalization(), layers.Normalization()
    whole.adapt(X)
    layer.adapt(STREAMS[kind](X))
    for a, b in zip(whole.get_weights(), layer.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-6)


#: To a layer with a vocabulary a list is data.
OF_TOKENS = [kind for kind in STREAMS if kind != "list"]


@pytest.mark.parametrize("kind", OF_TOKENS)
def test_each_stream_makes_the_vocabulary_of_the_whole(kind):
    whole, layer = layers.IntegerLookup(), layers.IntegerLookup()
    numbers = X.astype("int32")
    whole.adapt(numbers)
    layer.adapt(STREAMS[kind](numbers))
    assert layer.get_vocabulary() == whole.get_vocabulary()
    assert len(layer.get_vocabulary()) > 5


@pytest.mark.parametrize("kind", OF_TOKENS)
def test_each_stream_of_texts_makes_the_vocabulary_of_the_whole(kind):
    whole, layer = layers.StringLookup(), layers.StringLookup()
    texts = np.char.add("t", X.astype("int32").astype(str))
    whole.adapt(texts)
    layer.adapt(STREAMS[kind](texts))
    assert layer.get_vocabulary() == whole.get_vocabulary()


def test_tensors_of_the_backend_are_data(real_backend):
    layer = layers.Normalization()
    layer.adapt(multinet.ops.convert_to_tensor(X))
    np.testing.assert_allclose(layer.get_weights()[0], X.mean(0), rtol=1e-6)


def test_a_stream_says_how_far_it_is(capsys):
    layers.Normalization(name="ages").adapt(list(batches()), verbose=2)
    line = capsys.readouterr().out
    assert line.startswith("Adapt ages - 4 steps - ")
    layers.Normalization().adapt(list(batches()), verbose=0)
    layers.Normalization().adapt(X, verbose=2)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("data", [{"a": X}, iter(()), []])
def test_what_gives_no_batches_is_refused(data):
    with pytest.raises((ArgumentError, ValueError)):
        layers.Discretization(num_bins=2).adapt(data)
