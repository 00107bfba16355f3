"""What is no array is refused in one sentence, and never read to find that out."""

import array
import collections

import keras
import numpy as np
import pytest

import multinet
from multinet import layers
from multinet.errors import ArgumentError

X = np.arange(24, dtype="float32").reshape(8, 3)
Y = X.sum(1, keepdims=True)


class Endless:
    """A source of batches, as people write them, that has no IndexError."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        raise AssertionError("it was read")


class Batches(keras.utils.PyDataset):
    """Keras's own kind of source."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


class Again:
    """What can only be iterated over."""

    def __iter__(self):
        return iter([(X, Y)])


def torch_loader():
    import torch
    from torch.utils import data

    sets = data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return data.DataLoader(sets, batch_size=4)


def tensorflow_dataset():
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)


SOURCES = {
    "endless": Endless,
    "PyDataset": Batches,
    "iterable": Again,
    "generator": lambda: (item for item in [(X, Y)]),
    "iterator": lambda: iter([(X, Y)]),
    "function": lambda: lambda: (X, Y),
    "set": lambda: {1, 2},
    "deque": lambda: collections.deque([1.0]),
    "str": lambda: "train.csv",
    "DataLoader": torch_loader,
    "TensorDataset": lambda: torch_loader().dataset,
    "tf.data": tensorflow_dataset,
}


STREAMS = (0, 6, 8, 9)  # of the calls below


@pytest.fixture
def model():
    with multinet.use_backend("numpy"):
        model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        yield model


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_of_data_is_refused_in_one_sentence(model, kind):
    source = SOURCES[kind]()
    calls = [
        lambda: model.fit(source, verbose=0),
        lambda: model.fit(X, source, verbose=0),
        lambda: model.fit(x={"a": source}, y=Y, verbose=0),
        lambda: model.fit([source, source], Y, verbose=0),
        lambda: model.fit([[1.0], [source]], Y, verbose=0),
        lambda: model.fit(X, Y, sample_weight=source, verbose=0),
        lambda: model.fit(X, Y, validation_data=source, verbose=0),
        lambda: model.fit(X, Y, validation_data=(source, Y), verbose=0),
        lambda: model.evaluate(source, verbose=0),
        lambda: model.predict(source, verbose=0),
        lambda: model.train_on_batch(source, Y),
    ]
    taken = {
        "str": (3, 4),  # lists of strings are data, of a dtype that is refused
        # These give batches by themselves, where they stand alone.
        "generator": STREAMS,
        "iterator": STREAMS,
        "function": STREAMS,
        "PyDataset": STREAMS,
        "iterable": STREAMS,
        "DataLoader": STREAMS,
        "tf.data": STREAMS,
    }
    for i, call in enumerate(calls):
        if i in taken.get(kind, ()):
            continue
        with pytest.raises(ArgumentError, match="arrays, tensors or lists.*PyDataset"):
            call()


class Framed:
    """What a table of data looks like: it can be read by item, and is an array."""

    def __array__(self, dtype=None, copy=None):
        return X

    def __getitem__(self, index):
        raise AssertionError("it was read")


@pytest.mark.parametrize(
    "data",
    [X.tolist(), [list(map(np.float32, row)) for row in X], Framed()],
    ids=["lists", "scalars", "frame"],
)
def test_arrays_of_every_kind_are_taken(model, data):
    expected = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(data, verbose=0), expected)


def test_ranges_and_buffers_are_arrays(model):
    one = multinet.Sequential([multinet.Input((1,)), layers.Dense(1)])
    expected = one.predict(np.arange(4, dtype="float32"), verbose=0)
    for data in (range(4), array.array("f", [0, 1, 2, 3])):
        np.testing.assert_array_equal(one.predict(data, verbose=0), expected)


def test_tensors_of_every_framework_are_arrays(real_backend):
    with multinet.use_backend(real_backend.name):
        model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
        expected = model.predict(X, verbose=0)
        given = multinet.ops.convert_to_tensor(X)
        np.testing.assert_array_equal(model.predict(given, verbose=0), expected)
        weights = multinet.Variable(X)
        np.testing.assert_array_equal(model.predict(weights, verbose=0), expected)
