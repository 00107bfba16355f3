"""Indices out of range: an error where the host knows them, NaN in a program.

Indices are -n-1, -n, -1, n-1 and n of an axis of n, all in one call of a program.
"""

import jax
import numpy as np
import pytest

import multinet
from multinet import ops
from multinet.errors import OutOfRange
from multinet.ops.weighted import embedding

N = 4
PLACES = np.array([-N - 1, -N, -1, N - 1, N], "int32")
X = np.arange(1.0, 1.0 + N * N, dtype="float32").reshape(N, N)
BACK = np.array([False, True, True, True, False])  # as NumPy counts
FRONT = np.array([False, False, False, True, False])  # of [0, n)
LEAST = np.iinfo("int32").min
SEED = 2.0 ** np.arange(5, dtype="float32")[:, None]


def tensor(x):
    return ops.convert_to_tensor(x)


def value(x):
    return ops.convert_to_numpy(x)


def rows(x, valid, fill=np.nan):
    """Return x[PLACES] by NumPy where valid, else `fill`."""
    safe = np.where(valid, PLACES, 0)
    return np.where(valid[:, None], x[safe], fill)


def along(x, i):
    return ops.take_along_axis(x, ops.broadcast_to(ops.expand_dims(i, 1), (5, N)), 0)


GATHERS = {
    "take": (lambda x, i: ops.take(x, i, axis=0), BACK),
    "take of columns": (
        lambda x, i: ops.transpose(ops.take(ops.transpose(x), i, axis=1)),
        BACK,
    ),
    "take_along_axis": (along, BACK),
    "get_item": (lambda x, i: ops.get_item(x, i), BACK),
    "embedding": (embedding, FRONT),
}


@pytest.mark.parametrize("name", GATHERS)
def test_a_gather_in_a_program_gives_nan_and_no_gradient(backend, name):
    call, valid = GATHERS[name]

    def run(x, i):
        loss = lambda x: ops.sum(ops.multiply(call(x, i), tensor(SEED)))  # noqa: E731
        return call(x, i), multinet.grad(loss)(x)

    y, gradient = multinet.jit(run)(tensor(X), tensor(PLACES))
    np.testing.assert_array_equal(value(y), rows(X, valid))
    wanted = np.zeros_like(X)
    np.add.at(wanted, PLACES[valid] % N, np.broadcast_to(SEED, (5, N))[valid])
    np.testing.assert_array_equal(value(gradient), wanted)


@pytest.mark.parametrize("name", GATHERS)
def test_integers_get_the_least_and_bools_false(backend, name):
    call, valid = GATHERS[name]

    def run(x, b, i):
        return call(x, i), call(b, i)

    whole, odd = X.astype("int32"), X % 2 == 1
    y, b = multinet.jit(run)(tensor(whole), tensor(odd), tensor(PLACES))
    np.testing.assert_array_equal(value(y), rows(whole, valid, LEAST))
    np.testing.assert_array_equal(value(b), rows(odd, valid, False))


@pytest.mark.parametrize("name", GATHERS)
def test_an_eager_gather_is_as_numpys(backend, name):
    call, valid = GATHERS[name]
    for place, fits in zip(PLACES, valid, strict=True):
        index = tensor(np.full(5, place))
        if fits:
            np.testing.assert_array_equal(value(call(tensor(X), index)), X[[place] * 5])
        else:
            with pytest.raises(OutOfRange, match=f"4., got {place} at position"):
                call(tensor(X), index)


def test_indices_of_several_axes_do_not_reach_other_rows(backend):
    run = multinet.jit(lambda x, i, j: ops.get_item(x, (i, j)))
    i, j = np.array([0, 1, 3, -5], "int32"), np.array([-5, 4, -4, 1], "int32")
    wanted = [np.nan, np.nan, X[3, 0], np.nan]
    np.testing.assert_array_equal(value(run(tensor(X), tensor(i), tensor(j))), wanted)
    with pytest.raises(OutOfRange, match="got -5 at position 3"):
        ops.get_item(tensor(X), (tensor(i), tensor(j)))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "bool"])
def test_one_hot_takes_its_classes_only(backend, dtype):
    run = multinet.jit(lambda i: ops.one_hot(i, N, dtype=dtype))
    fill = {"int32": LEAST, "bool": False}.get(dtype, np.nan)
    wanted = rows(np.eye(N), FRONT, fill).astype(dtype)
    np.testing.assert_array_equal(value(run(tensor(PLACES))), wanted)
    for place in PLACES[~FRONT]:
        with pytest.raises(OutOfRange, match=f"for 4 classes in .0, 4.*{place}"):
            ops.one_hot(tensor([0, place]), N, dtype=dtype)
    hot = value(ops.one_hot(tensor([3, 0]), N, dtype=dtype))
    np.testing.assert_array_equal(hot, np.eye(N)[[3, 0]].astype(dtype))


SEGMENTS = {
    "segment_sum": (ops.segment_sum, jax.ops.segment_sum),
    "segment_prod": (ops.segment_prod, jax.ops.segment_prod),
    "segment_max": (ops.segment_max, jax.ops.segment_max),
    "segment_min": (ops.segment_min, jax.ops.segment_min),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_a_segment_that_is_none_of_them_spoils_the_result(backend, name):
    ours, theirs = SEGMENTS[name]
    run = multinet.jit(lambda x, i: ours(x, i, N))
    good = np.array([0, 3, 3, 1], "int32")
    wanted = np.asarray(theirs(X, good, N))
    np.testing.assert_allclose(value(run(tensor(X), tensor(good))), wanted)
    np.testing.assert_allclose(value(ours(tensor(X), tensor(good), N)), wanted)
    for place in PLACES[~FRONT]:
        bad = tensor(np.array([0, place, 3, 1], "int32"))
        assert np.isnan(value(run(tensor(X), bad))).all()
        with pytest.raises(OutOfRange, match="segment_ids in .0, 4"):
            ours(tensor(X), bad, N)


def test_rows_of_no_segment_have_no_gradient(backend):
    def loss(x, i):
        return ops.sum(ops.multiply(ops.segment_sum(x, i, N), tensor(X)))

    index = np.array([0, N, 3, -1], "int32")
    got = value(multinet.jit(multinet.grad(loss))(tensor(X), tensor(index)))
    np.testing.assert_array_equal(got, X[[0, 0, 3, 0]] * [[1], [0], [1], [0]])


@pytest.mark.parametrize("mode", [None, "add", "max"])
def test_an_update_at_no_place_spoils_the_result(backend, mode):
    run = multinet.jit(lambda x, i, u: ops.scatter_update(x, i, u, mode))
    for place, valid in zip(PLACES, BACK, strict=True):
        index, row = tensor(np.array([[1], [place]], "int32")), np.full(N, 9, "float32")
        update = tensor(np.stack([row, row]))
        if not valid:
            assert np.isnan(value(run(tensor(X), index, update))).all()
            with pytest.raises(OutOfRange):
                ops.scatter_update(tensor(X), index, update, mode)
            continue
        wanted = X.copy()
        wanted[[1, place]] = 9 + X[[1, place]] if mode == "add" else 9
        wanted = np.maximum(wanted, X) if mode == "max" else wanted
        for how in (run, lambda x, i, u: ops.scatter_update(x, i, u, mode)):
            np.testing.assert_array_equal(value(how(tensor(X), index, update)), wanted)


def test_a_block_is_replaced_where_it_fits(backend):
    block = np.full((2, 1), -1.0, "float32")
    run = multinet.jit(lambda x, i, u: ops.slice_update(x, i, u))
    for start in (-5, -4, -2, -1, 2, 3, 4):
        at = np.array([start, -1], "int32")
        first = start + N if start < 0 else start
        if not 0 <= first <= N - 2:
            assert np.isnan(value(run(tensor(X), tensor(at), tensor(block)))).all()
            for given in (tensor(at), (start, -1)):
                with pytest.raises(OutOfRange, match="block of 2 for axis 0 of size 4"):
                    ops.slice_update(tensor(X), given, tensor(block))
            continue
        wanted = X.copy()
        wanted[first : first + 2, -1:] = block
        got = value(run(tensor(X), tensor(at), tensor(block)))
        np.testing.assert_array_equal(got, wanted)
        for given in (tensor(at), (start, -1)):
            got = value(ops.slice_update(tensor(X), given, tensor(block)))
            np.testing.assert_array_equal(got, wanted)


def test_unravelled_indices_are_those_of_the_shape(backend):
    run = multinet.jit(lambda i: ops.unravel_index(i, (2, 2)))
    got = np.stack([value(x) for x in run(tensor(PLACES))])
    wanted = np.stack(np.unravel_index(np.where(BACK, PLACES, 0) % N, (2, 2)))
    np.testing.assert_array_equal(got, np.where(BACK, wanted, LEAST))
    with pytest.raises(OutOfRange):
        ops.unravel_index(tensor(PLACES), (2, 2))


LABELS = {
    "logits": lambda y, p: ops.sparse_categorical_crossentropy(y, p, from_logits=True),
    "probabilities": lambda y, p: ops.sparse_categorical_crossentropy(
        y, ops.softmax(p), from_logits=False
    ),
}


@pytest.mark.parametrize("name", LABELS)
def test_a_label_of_no_class_has_a_nan_loss_and_no_gradient(backend, name):
    loss = LABELS[name]
    logits = np.log(X[[0, 1, 2, 3, 0]])

    def run(p, y):
        total = lambda p: ops.sum(loss(y, p))  # noqa: E731
        return loss(y, p), multinet.grad(total)(p)

    got, slope = map(value, multinet.jit(run)(tensor(logits), tensor(PLACES)))
    powers = np.exp(logits - logits.max(1, keepdims=True))
    p = powers / powers.sum(1, keepdims=True)
    wanted = np.where(
        FRONT, -np.log(p[np.arange(5), np.where(FRONT, PLACES, 0)]), np.nan
    )
    np.testing.assert_allclose(got, wanted, rtol=1e-5)
    hot = np.eye(N)[np.where(FRONT, PLACES, 0)]
    np.testing.assert_allclose(slope, (p - hot) * FRONT[:, None], atol=1e-6)
    with pytest.raises(OutOfRange, match="labels in .0, 4"):
        loss(tensor(PLACES), tensor(logits))
