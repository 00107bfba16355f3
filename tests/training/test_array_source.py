"""Arrays as a source: the same rows as plain slices, in orders that can be resumed."""

import json
import pickle

import numpy as np
import pytest

import multinet
from multinet import philox, seeds
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.random import host as host_random
from multinet.training.clock import Keys
from multinet.training.sources import (
    ArraySource,
    HostBatch,
    Leaf,
    Orders,
    Source,
    fit_sources,
    source_of,
    steps_of,
)

X = np.arange(46, dtype=np.float32).reshape(23, 2)
Y = np.arange(23, dtype=np.int32)


def asking(steps, rows=0):
    """Return a Room that asks for so many steps, and notes what it was told."""
    told = []

    def room(batch, left):
        told.append(([x.shape for x in batch], left))
        return min(steps, left), max(rows, min(steps, left))

    room.told = told
    return room


def rows_of(chunks):
    """Return the batches of chunks one by one, as lists of leaves."""
    return [[x[i] for x in c.columns] for c in chunks for i in range(c.steps)]


def sliced(order=None, size=5):
    order = np.arange(len(X)) if order is None else order
    parts = [order[i : i + size] for i in range(0, len(order), size)]
    return [[X[part], Y[part]] for part in parts]


def assert_batches(got, wanted):
    assert len(got) == len(wanted)
    for ours, theirs in zip(got, wanted):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def shuffled(seed=3):
    multinet.utils.set_random_seed(seed)
    return ArraySource(HostBatch(X, Y), 5, Orders(Keys()), 4)


@pytest.mark.parametrize("steps", [1, 2, 3, 8])
def test_batches_are_slices(steps):
    source = ArraySource(HostBatch(X, Y), 5)
    room = asking(steps)
    chunks = list(source.chunks(0, room))
    assert_batches(rows_of(chunks), sliced())
    assert source.size == 5 and isinstance(source, Source)
    assert room.told[0] == ([(5, 2), (5,)], 4)
    assert room.told[-1] == ([(3, 2), (3,)], 1)
    assert all(np.shares_memory(c.columns[0], X) for c in chunks)


def orders_of(seed, count, size=23):
    """Return the first orders after a seed, each drawn by itself."""
    multinet.utils.set_random_seed(seed)
    key = seeds.site_key()
    numbers = range(count)
    return [host_random.permutation(philox.fold_in(key, i), size) for i in numbers]


def test_an_order_permutes_and_leaves_room():
    orders = orders_of(3, 3)
    source = shuffled(3)
    for epoch in range(3):
        chunks = list(source.chunks(epoch, asking(3, 8)))
        assert_batches(rows_of(chunks), sliced(orders[epoch]))
        assert [c.steps for c in chunks] == [3, 1, 1]
        assert chunks[0].columns[0].shape == (8, 5, 2)


def test_orders_do_not_depend_on_how_epochs_are_cut_into_fits():
    whole = orders_of(5, 5)
    multinet.utils.set_random_seed(5)
    orders, parts = Orders(Keys()), []
    for epochs in (3, 2):
        source = ArraySource(HostBatch(X), 23, orders, epochs)
        for epoch in range(epochs):
            (chunk,) = source.chunks(epoch, asking(1))
            parts.append(chunk.columns[0][0, :, 0] // 2)
    np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize("taken", [0, 1, 3, 4, 5])
@pytest.mark.parametrize("order", [True, False])
def test_state_resumes_within_an_epoch(taken, order):
    def make(seed):
        return shuffled(seed) if order else ArraySource(HostBatch(X, Y), 5)

    first = make(3)
    epochs = [rows_of(first.chunks(e, asking(2))) for e in range(3)]
    stopped = make(3)
    list(stopped.chunks(0, asking(4)))
    chunks = stopped.chunks(1, asking(1))
    for _ in range(taken):
        next(chunks)
    state = json.loads(json.dumps(stopped.state()))
    resumed = make(99)  # another seed: the state knows the orders
    resumed.restore(state)
    if taken:
        assert_batches(rows_of(resumed.chunks(1, asking(2))), epochs[1][taken:])
    else:  # no chunk of epoch 1 was asked for: the state is that of the end of epoch 0
        assert rows_of(resumed.chunks(0, asking(2))) == []
        assert_batches(rows_of(resumed.chunks(1, asking(2))), epochs[1])
    assert_batches(rows_of(resumed.chunks(2, asking(2))), epochs[2])


def test_state_resumes_in_the_next_epoch():
    first = shuffled()
    epochs = [rows_of(first.chunks(e, asking(2))) for e in range(3)]
    stopped = shuffled()
    list(stopped.chunks(0, asking(4)))
    resumed = shuffled(99)
    resumed.restore(stopped.state())
    assert_batches(rows_of(resumed.chunks(1, asking(2))), epochs[1])


def test_state_before_the_first_epoch():
    wanted = rows_of(shuffled().chunks(0, asking(2)))
    state = shuffled().state()
    resumed = shuffled(99)
    resumed.restore(state)
    assert_batches(rows_of(resumed.chunks(0, asking(2))), wanted)


@pytest.mark.parametrize(
    "other, name",
    [
        (ArraySource(HostBatch(X[:20], Y[:20]), 5), "samples"),
        (ArraySource(HostBatch(X, Y), 6), "batch_size"),
        (ArraySource(HostBatch(X, Y), 5, Orders(Keys())), "shuffle"),
    ],
)
def test_a_state_of_other_data_is_refused(other, name):
    state = ArraySource(HostBatch(X, Y), 5).state()
    with pytest.raises(ArgumentError, match=f"Expected {name}="):
        other.restore(state)


@pytest.mark.parametrize("order", [True, False])
def test_an_epoch_that_is_left_leaves_the_rest_to_the_next(order):
    def make(seed):
        return shuffled(seed) if order else ArraySource(HostBatch(X, Y), 5)

    whole = make(3)
    passes = [rows_of(whole.chunks(e, asking(2))) for e in range(2)]
    source = make(3)
    chunks = source.chunks(0, asking(1))
    for _ in range(2):
        next(chunks)
    state = json.loads(json.dumps(source.state()))
    resumed = make(99)
    resumed.restore(state)
    for one in (source, resumed):
        assert_batches(rows_of(one.chunks(1, asking(2))), passes[0][2:])
        assert_batches(rows_of(one.chunks(2, asking(2))), passes[1])


def test_an_epoch_of_the_same_number_begins_anew():
    source = ArraySource(HostBatch(X, Y), 5)
    next(source.chunks(0, asking(1)))
    assert_batches(rows_of(source.chunks(0, asking(2))), sliced())


def test_a_copy_of_orders_gives_the_same():
    multinet.utils.set_random_seed(1)
    orders = Orders(Keys())
    copied = pickle.loads(pickle.dumps(orders))
    for one in (orders, copied):
        one.begin(7, 2)
    np.testing.assert_array_equal(orders.next(), copied.next())


def test_spec_most_and_close():
    source = source_of({"b": X, "a": X.tolist()}, Y.astype(np.int64), batch_size=5)
    leaf = Leaf((None, 2), "float32")
    assert source.spec == ({"a": leaf, "b": leaf}, Leaf((None,), "int32"), None)
    assert source.most == 4
    assert ArraySource(HostBatch(X), 23).most == 1
    assert ArraySource(HostBatch(np.zeros((64, 1 << 17), np.float32)), 8).most == 2
    source.close()
    source.close()


def test_steps_of_is_the_least_that_is_known():
    source = ArraySource(HostBatch(X, Y), 5)
    assert steps_of(source, None) == 5
    assert steps_of(source, 3) == 3
    assert steps_of(source, 9) == 5
    assert steps_of(source_of(iter([(X, Y)])), None) is None


def test_weights_by_class_and_splits():
    training, held = fit_sources(
        X, Y % 2, class_weight={1: 3.0}, validation_split=0.2, batch_size=5
    )
    columns = [c.columns for c in training.chunks(0, asking(9))]
    weights = np.concatenate([c[2].reshape(-1) for c in columns])
    np.testing.assert_array_equal(weights, np.where(Y[:18] % 2, 3.0, 1.0))
    (chunk,) = held.chunks(0, asking(1))
    np.testing.assert_array_equal(chunk.columns[0][0], X[18:])
    assert len(chunk.columns) == 2


def test_validation_data_has_its_batch_size():
    _, held = fit_sources(
        X, Y, validation_data=(X, Y), validation_batch_size=4, batch_size=5
    )
    assert held.batch_size == 4
    assert fit_sources(X, Y, validation_data=(X, Y), batch_size=5)[1].batch_size == 5
    assert fit_sources(X, Y, batch_size=5)[1] is None


def test_what_is_no_data_is_refused():
    with pytest.raises(ShapeError, match="same number of samples"):
        source_of(X, Y[:3])
    with pytest.raises(DTypeError, match="become int32"):
        source_of(np.array([1 << 40]))
    with pytest.raises(ArgumentError, match="Expected data as arrays"):
        source_of("train.csv")
    with pytest.raises(ArgumentError, match="batch_size"):
        source_of(X, Y, batch_size=0)
