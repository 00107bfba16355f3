"""Data sets that are chained, split and cut into windows."""

import keras
import numpy as np
import pytest

from multinet.errors import ArgumentError, ShapeError
from multinet.utils import split_dataset, timeseries_dataset_from_array
from multinet.utils.batching import Dataset

TEN = Dataset.of(range(10))


def test_data_sets_are_chained_as_those_of_tensorflow():
    import tensorflow as tf

    other = tf.data.Dataset.range(10)
    chains = [
        lambda d: d.take(3),
        lambda d: d.take(30),
        lambda d: d.skip(7),
        lambda d: d.map(lambda x: x * 2).batch(4),
        lambda d: d.batch(4, drop_remainder=True),
        lambda d: d.batch(3).unbatch().skip(2),
        lambda d: d.repeat(2).cache().prefetch(2),
        lambda d: d.repeat().take(13),
    ]
    for chain in chains:
        ours, theirs = chain(TEN), chain(other)
        for _ in range(2):
            found = [np.asarray(x).tolist() for x in ours]
            assert found == [x.numpy().tolist() for x in theirs]
        assert ours.cardinality() == theirs.cardinality() or ours.cardinality() == -2


def test_trees_are_stacked_and_taken_apart():
    data = TEN.map(lambda x: ({"a": x}, str(x))).batch(4)
    first = next(iter(data))
    assert first[0]["a"].tolist() == [0, 1, 2, 3] and first[1].tolist() == list("0123")
    assert list(data.unbatch())[9] == ({"a": 9}, "9")


def test_a_shuffle_is_of_the_seed_and_of_the_pass():
    one, other = (TEN.shuffle(5, seed=3) for _ in range(2))
    passes = [list(one), list(one)]
    assert passes == [list(other), list(other)] and passes[0] != passes[1]
    assert sorted(passes[0]) == list(range(10)) and passes[0][0] < 5


def test_an_endless_data_set_has_no_length():
    with pytest.raises(TypeError, match="no known length"):
        len(TEN.repeat())


# -- parts -----------------------------------------------------------------------------

X = np.arange(20).reshape(10, 2)


@pytest.mark.parametrize(
    "sizes, lengths",
    [
        (dict(left_size=0.8), (8, 2)),
        (dict(right_size=3), (7, 3)),
        (dict(left_size=2, right_size=0.5), (2, 5)),
    ],
)
@pytest.mark.parametrize("kind", ["list", "dict", "array", "torch", "pipeline"])
def test_both_parts_have_their_samples_in_order(kind, sizes, lengths):
    import tensorflow as tf
    import torch
    from torch.utils.data import TensorDataset

    given = {
        "list": [X, X[:, :1]],
        "dict": {"x": X},
        "array": X,
        "torch": TensorDataset(torch.from_numpy(X)),
        "pipeline": tf.data.Dataset.from_tensor_slices(X),
    }[kind]
    left, right = split_dataset(given, **sizes)
    assert (len(left), len(right)) == lengths
    pick = {"list": lambda s: s[0], "dict": lambda s: s["x"]}.get(kind, np.asarray)
    rows = [pick(sample) for sample in (*left, *right)]
    wanted = X[: sum(lengths)]
    np.testing.assert_array_equal(np.stack(rows).reshape(-1, 2), wanted)


def test_parts_are_data_sets_for_loaders_and_batches():
    from torch.utils.data import DataLoader

    left, right = split_dataset((X, X), left_size=0.5, shuffle=True, seed=1)
    found = sorted(int(s[0][0]) for s in (*left, *right))
    assert found == X[:, 0].tolist()
    assert [int(s[0][0]) for s in left] != X[:5, 0].tolist()
    assert [len(x) for x, _ in left.batch(3)] == [3, 2]
    assert [len(x) for x, _ in DataLoader(left, batch_size=3)] == [3, 2]


@pytest.mark.parametrize(
    "given, sizes, error, said",
    [
        (X, {}, ArgumentError, "neither"),
        (X, dict(left_size=1.5), ArgumentError, "left_size"),
        (X, dict(left_size=10), ArgumentError, "none of them empty"),
        (X, dict(left_size=8, right_size=8), ArgumentError, "10 samples"),
        ([X, X[:3]], dict(left_size=2), ShapeError, "one first axis"),
        (3, dict(left_size=2), ArgumentError, "arrays or a data set"),
        (TEN.repeat(), dict(left_size=2), ArgumentError, "an end"),
    ],
)
def test_what_cannot_be_split_is_told(given, sizes, error, said):
    with pytest.raises(error, match=said):
        split_dataset(given, **sizes)


# -- windows ---------------------------------------------------------------------------


@pytest.mark.parametrize("stride, rate", [(1, 1), (3, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize("ends", [(None, None), (5, 35), (0, 12)])
@pytest.mark.parametrize("targets", [False, True])
def test_windows_are_those_of_keras(stride, rate, ends, targets):
    data = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    arguments = dict(
        sequence_length=4,
        sequence_stride=stride,
        sampling_rate=rate,
        batch_size=3,
        start_index=ends[0],
        end_index=ends[1],
    )
    goal = data[4:, 0] if targets else None
    ours = timeseries_dataset_from_array(data, goal, **arguments)
    theirs = list(keras.utils.timeseries_dataset_from_array(data, goal, **arguments))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        pairs = zip(one, other) if targets else [(one, other)]
        for a, b in pairs:
            np.testing.assert_array_equal(a, b.numpy())


def test_windows_are_shuffled_with_their_targets():
    data = np.arange(30)
    made = timeseries_dataset_from_array(data, data * 2, 3, shuffle=True, seed=2)
    (x, y), (again, _) = next(iter(made)), next(iter(made))
    np.testing.assert_array_equal(x[:, 0] * 2, y)
    assert not np.array_equal(x, again) and sorted(x[:, 0]) == list(range(28))


@pytest.mark.parametrize(
    "options, said",
    [
        (dict(start_index=-1), "start_index"),
        (dict(start_index=11), "start_index"),
        (dict(end_index=11), "end_index"),
        (dict(start_index=5, end_index=5), "end_index"),
        (dict(sampling_rate=0), "sampling_rate"),
        (dict(sequence_stride=0), "sequence_stride"),
        (dict(sequence_length=20), "at least 20 steps"),
        (dict(format="x"), "format"),
    ],
)
def test_what_makes_no_windows_is_told(options, said):
    with pytest.raises(ArgumentError, match=said):
        timeseries_dataset_from_array(
            np.arange(10), None, **({"sequence_length": 3} | options)
        )
