"""Generators as a source: what they yield, in order, and no more than was asked for."""

import json
import traceback

import numpy as np
import pytest

import multinet
from multinet import ops
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.training.sources import (
    ArraySource,
    GeneratorSource,
    HostBatch,
    Leaf,
    Source,
    source_of,
    validation_source,
    warn_if_short,
)

SIZES = (4, 4, 4, 2, 2, 4)


def batch(i, size=4):
    x = np.full((size, 3), i, np.float32)
    return x, x[:, :1] * 2


class Counted:
    """Batches of the sizes, and how many were drawn."""

    def __init__(self, sizes=SIZES):
        self.drawn = 0
        self.iterator = (self.note(i, size) for i, size in enumerate(sizes))

    def note(self, i, size):
        self.drawn += 1
        return batch(i, size)


def asking(steps, rows=0):
    return lambda batch, left: (steps, max(steps, rows))


def host(x):
    return x if isinstance(x, np.ndarray) else ops.convert_to_numpy(x)


def rows_of(chunks):
    return [[host(x)[i] for x in c.columns] for c in chunks for i in range(c.steps)]


def assert_rows(got, wanted):
    assert len(got) == len(wanted)
    for ours, theirs in zip(got, wanted):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype


WANTED = [batch(i, size) for i, size in enumerate(SIZES)]


@pytest.mark.parametrize(
    "steps, lengths", [(1, [1] * 6), (2, [2, 1, 2, 1]), (9, [3, 2, 1])]
)
def test_batches_of_one_shape_share_a_chunk(steps, lengths):
    source = GeneratorSource(Counted().iterator)
    chunks = list(source.chunks(0, asking(steps, 8 if steps > 1 else 1)))
    assert [c.steps for c in chunks] == lengths
    assert_rows(rows_of(chunks), WANTED)
    assert isinstance(source, Source) and source.size is None
    assert source.spec == (Leaf((None, 3), "float32"), Leaf((None, 1), "float32"), None)


def test_no_more_is_drawn_than_is_asked_for():
    counted = Counted((4,) * 9)
    source = GeneratorSource(counted.iterator)
    assert counted.drawn == 1
    chunks = source.chunks(0, asking(3))
    assert counted.drawn == 1
    next(chunks)
    assert counted.drawn == 3
    next(chunks)
    assert counted.drawn == 6
    del chunks
    next(source.chunks(1, asking(1)))  # goes on
    assert counted.drawn == 7


def test_a_generator_goes_on_and_does_not_start_again():
    source = GeneratorSource(Counted((4,) * 5).iterator)
    got = []
    for epoch in range(2):
        chunks = source.chunks(epoch, asking(2))
        got += rows_of([next(chunks)])
    got += rows_of(source.chunks(2, asking(2)))
    assert_rows(got, [batch(i) for i in range(5)])
    assert list(source.chunks(3, asking(2))) == []


def test_a_function_gives_each_epoch_anew_and_its_generators_are_closed():
    closed = []

    def make():
        try:
            for i in range(3):
                yield batch(i)
        finally:
            closed.append(len(closed))

    source = GeneratorSource(make)
    for epoch in range(2):
        assert_rows(
            rows_of(source.chunks(epoch, asking(2))), [batch(i) for i in range(3)]
        )
    next(source.chunks(2, asking(1)))
    assert len(closed) == 2
    source.close()
    source.close()
    assert len(closed) == 3


def test_close_leaves_the_generator_of_the_user():
    generator = (batch(i) for i in range(3))
    source = GeneratorSource(generator)
    rows_of([next(source.chunks(0, asking(2)))])
    source.close()
    source.close()
    np.testing.assert_array_equal(next(generator)[0], batch(2)[0])


def test_one_array_that_is_filled_again_and_again():
    def fill():
        x = np.empty((2, 2), np.float32)
        for i in range(5):
            x[:] = i
            yield x

    for steps in (1, 3, 9):
        chunks, seen = GeneratorSource(fill()).chunks(0, asking(steps)), []
        for chunk in chunks:  # used before the next is asked for
            seen += [float(x[0, 0]) for x in chunk.columns[0][: chunk.steps]]
        assert seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "given, wanted",
    [
        ([[1, 2], [3, 4]], [np.array([[1, 2], [3, 4]], np.int32)]),
        ((np.ones((2, 1)),), [np.ones((2, 1), np.float32)]),
        (({"b": [1.0], "a": [True]}, [2]), [[True], np.float32([1]), np.int32([2])]),
        ((np.ones(2), None, np.zeros(2)), [np.float32([1, 1]), np.float32([0, 0])]),
        ((([1.5], [2]), [3]), [np.float32([1.5]), np.int32([2]), np.int32([3])]),
    ],
)
def test_trees_lists_and_dtypes(given, wanted):
    (chunk,) = GeneratorSource(iter([given])).chunks(0, asking(1))
    assert_rows(rows_of([chunk]), [[np.asarray(x) for x in wanted]])


def test_iterators_of_pairs():
    x, y = np.zeros((3, 4, 2), np.float32), np.ones((3, 4), np.float32)
    got = rows_of(GeneratorSource(zip(x, y)).chunks(0, asking(2)))
    assert_rows(got, [[x[i], y[i]] for i in range(3)])


# -- tensors ---------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_tensors_stay_on_the_device(real_backend, steps, monkeypatch):
    def tensors():
        for i in range(5):
            x, y = batch(i)
            yield ops.convert_to_tensor(x), y

    source = GeneratorSource(tensors())
    if real_backend.name != "numpy":
        refuse = lambda x: pytest.fail("went through the host")  # noqa: E731
        monkeypatch.setattr(real_backend, "to_numpy", refuse)
    chunks = list(source.chunks(0, asking(steps, 6)))
    monkeypatch.undo()
    assert source.most <= (1024 if real_backend.name == "numpy" else 32)
    for chunk in chunks:
        assert real_backend.is_tensor(chunk.columns[0])
        assert isinstance(chunk.columns[1], np.ndarray)
        assert real_backend.shape(chunk.columns[0])[0] >= chunk.steps
    assert_rows(rows_of(chunks), [batch(i) for i in range(5)])


def test_tensors_get_the_dtypes_of_data(real_backend):
    kinds = {"float64": "float32", "float16": "float32", "int64": "int32"}
    kinds |= {"uint8": "int32", "bool": "bool", "int32": "int32"}
    values = np.array([[0.0], [1.0]])
    given = {k: ops.cast(ops.convert_to_tensor(values, "float32"), k) for k in kinds}
    source = GeneratorSource(iter([given]))
    assert {k: leaf.dtype for k, leaf in source.spec[0].items()} == kinds


def test_tensors_of_another_backend_go_through_the_host():
    with multinet.use_backend("torch"):
        x = ops.convert_to_tensor(np.ones((2, 2), np.float32))
    with multinet.use_backend("jax"):
        (chunk,) = GeneratorSource(iter([x])).chunks(0, asking(1))
        np.testing.assert_array_equal(chunk.columns[0], np.ones((1, 2, 2)))


# -- positions -------------------------------------------------------------------------


@pytest.mark.parametrize("taken", [0, 1, 2, 3])
@pytest.mark.parametrize("function", [True, False])
def test_state_resumes_within_an_epoch(taken, function):
    def make():
        return Counted().iterator

    source = GeneratorSource(make if function else make())
    if function:
        list(source.chunks(0, asking(4)))
    chunks = source.chunks(1, asking(2))
    done = sum([next(chunks).steps for _ in range(taken)])
    state = json.loads(json.dumps(source.state()))
    resumed = GeneratorSource(make if function else make())
    resumed.restore(state)
    if function and not taken:
        assert rows_of(resumed.chunks(0, asking(9))) == []
    assert_rows(rows_of(resumed.chunks(1, asking(9))), WANTED[done:])
    if function:
        assert_rows(rows_of(resumed.chunks(2, asking(9))), WANTED)


def test_a_batch_that_waits_is_not_lost():
    source = GeneratorSource(Counted().iterator)
    next(source.chunks(0, asking(9)))  # drew the first of 2 samples, which waits
    resumed = GeneratorSource(Counted().iterator)
    resumed.restore(source.state())
    assert_rows(rows_of(resumed.chunks(0, asking(9))), WANTED[3:])
    assert_rows(rows_of(source.chunks(1, asking(9))), WANTED[3:])


class Knowing:
    """An iterator that knows its position."""

    def __init__(self):
        self.place, self.drawn = 0, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.place == len(SIZES):
            raise StopIteration
        self.place, self.drawn = self.place + 1, self.drawn + 1
        return WANTED[self.place - 1]

    def state(self):
        return {"place": self.place}

    def restore(self, state):
        self.place = state["place"]


@pytest.mark.parametrize("steps", [1, 2, 9])
@pytest.mark.parametrize("function", [True, False])
def test_an_iterator_that_knows_its_position_is_asked(steps, function):
    source = GeneratorSource(Knowing if function else Knowing())
    chunks, done = source.chunks(0, asking(steps)), 0
    for _ in range(2):
        done += next(chunks).steps
        state = json.loads(json.dumps(source.state()))
        assert state["iterator"] == {"place": done}
        own = Knowing()
        resumed = GeneratorSource((lambda own=own: own) if function else own)
        resumed.restore(state)
        assert_rows(rows_of(resumed.chunks(0, asking(2))), WANTED[done:])
        assert own.drawn == 1 + len(SIZES) - done  # none to be dropped


def test_what_cannot_be_restored_is_refused():
    source = GeneratorSource(Counted().iterator)
    list(source.chunks(0, asking(2)))
    with pytest.raises(ArgumentError, match="more than 6 batches.*one of 2"):
        GeneratorSource(Counted((4, 4)).iterator).restore(source.state())
    with pytest.raises(ArgumentError, match="cannot go back"):
        source.restore(GeneratorSource(Counted().iterator).state())


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3, 9])
def test_an_error_of_the_generator_comes_out_after_the_batches_before_it(steps):
    def fails():
        yield batch(0)
        yield batch(1)
        raise LookupError("no such file")

    got = []
    with pytest.raises(LookupError, match="^'?no such file'?$") as caught:
        for chunk in GeneratorSource(fails()).chunks(0, asking(steps)):
            got += rows_of([chunk])
    assert_rows(got, [batch(0), batch(1)])
    assert caught.value.__cause__ is None
    assert "fails" in [f.name for f in traceback.extract_tb(caught.tb)]


X = np.ones((2, 3), np.float32)


@pytest.mark.parametrize(
    "second, error, text",
    [
        (X, ArgumentError, "Expected .x, y, sample_weight. as in the first batch"),
        ((X[:, 0], X), ShapeError, "Expected an array of 2 axes"),
        ((X > 0, X), DTypeError, "Expected float32, .* got bool"),
        ((X, X[:1]), ShapeError, "same number of samples"),
        ((X, X, X, X), ArgumentError, "Expected a tuple .* got one of 4"),
        ([X, X], ArgumentError, "Expected a tuple .* got a list"),
        ((X[:0], X[:0]), ShapeError, "Expected at least one sample"),
        ((X, np.float32(1)), ShapeError, "got a scalar"),
        ((X, np.array(1.0)), ShapeError, "got a scalar"),
        ((X, X[:, None]), ShapeError, "Expected an array of 2 axes"),
        ((X,), ArgumentError, "as in the first batch"),
        ((X, "a"), ArgumentError, "Expected data as arrays"),
        ((X, np.array([1 << 40, 1])), DTypeError, "become int32"),
        ((None, X), ArgumentError, "Expected x to be data, got None"),
    ],
)
@pytest.mark.parametrize("steps", [1, 4])
def test_a_batch_that_does_not_fit_is_named(second, error, text, steps):
    chunks = GeneratorSource(iter([(X, X), second])).chunks(0, asking(steps))
    assert next(chunks).steps == 1
    with pytest.raises(error, match=f"Batch 2 of the data: .*{text}"):
        next(chunks)


def test_shapes_that_a_model_may_take_are_not_judged():
    got = rows_of(GeneratorSource(iter([X, X[:, :2]])).chunks(0, asking(4)))
    assert_rows(got, [[X], [X[:, :2]]])


def test_what_belongs_to_arrays_is_refused_beside_a_source():
    for name, value in {
        "y": X,
        "sample_weight": X,
        "batch_size": 3,
        "class_weight": {0: 1.0},
    }.items():
        for given in (iter([X]), lambda: iter([X]), ArraySource(HostBatch(X), 1)):
            with pytest.raises(ArgumentError, match=f"Expected {name}=None where x is"):
                source_of(given, **{name: value})


def test_a_source_is_taken_as_it_is():
    source = ArraySource(HostBatch(X), 1)
    assert source_of(source, shuffle=True) is source
    assert validation_source(source) is source
    assert isinstance(validation_source(iter([X])), GeneratorSource)


def test_what_is_no_generator_is_refused():
    with pytest.raises(ArgumentError, match="at least one batch"):
        source_of(iter([]))
    with pytest.raises(ArgumentError, match="function that returns a new generator"):
        source_of(lambda: (X, X))


def test_a_short_epoch_is_warned_of():
    with pytest.warns(UserWarning, match="3 batches were expected .* 2 came"):
        warn_if_short(2, 3)
    with pytest.warns(UserWarning, match="at least 1 batch was"):
        warn_if_short(0, None)
