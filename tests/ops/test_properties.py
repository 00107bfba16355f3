"""What the table of cases cannot say: errors, questions, unknown sizes, tricks."""

import inspect
import math

import numpy as np
import pytest

from multinet import Variable, ops, use_backend
from multinet.errors import ArgumentError, BackendError, DTypeError, ShapeError
from multinet.ops.core import PUBLIC
from multinet.symbolic.tensor import KerasTensor


def value(x):
    return ops.convert_to_numpy(x)


def test_every_op_has_a_docstring_a_name_and_a_signature():
    for name, function in PUBLIC.items():
        assert function.__doc__, name
        assert inspect.signature(function) is not None


def test_questions_about_tensors(backend):
    x = ops.ones((2, 3), "int8")
    assert ops.shape(x) == (2, 3) and ops.ndim(x) == 2 and ops.size(x) == 6
    assert ops.dtype(x) == "int8" and ops.is_tensor(x) and not ops.is_tensor([1])
    assert ops.shape(np.zeros((4,))) == (4,) and ops.dtype(1.0) == "float32"
    assert value(x).dtype == np.int8
    assert value(ops.empty_like(x)).shape == (2, 3)


def test_variables_are_tensors_to_ops(backend):
    x = Variable(np.ones((2, 2), "float32"))
    np.testing.assert_array_equal(value(ops.add(x, x)), 2 * np.ones((2, 2)))


def test_a_tensor_of_another_backend_is_refused():
    with use_backend("torch"):
        x = ops.ones((2,))
    with use_backend("jax"), pytest.raises(BackendError, match="'torch'.*'jax'"):
        ops.exp(x)
    np.testing.assert_array_equal(value(x), [1, 1])


ERRORS = {
    "add": (ShapeError, lambda: ops.add(ops.ones((2, 3)), ops.ones((4,)))),
    "where": (ShapeError, lambda: ops.where(ops.ones((2,)), ops.ones((3,)), 0)),
    "matmul": (ShapeError, lambda: ops.matmul(ops.ones((2, 3)), ops.ones((2, 3)))),
    "reshape": (ShapeError, lambda: ops.reshape(ops.ones((2, 3)), (4, -1))),
    "concatenate": (
        ShapeError,
        lambda: ops.concatenate([ops.ones((2, 3)), ops.ones((2, 4))], 0),
    ),
    "stack": (ShapeError, lambda: ops.stack([ops.ones((2,)), ops.ones((3,))])),
    "sum": (ArgumentError, lambda: ops.sum(ops.ones((2,)), 1)),
    "transpose": (ArgumentError, lambda: ops.transpose(ops.ones((2, 3)), (0, 0))),
    "subtract": (DTypeError, lambda: ops.subtract([True], [False])),
    "bitwise_and": (DTypeError, lambda: ops.bitwise_and(1.0, 2.0)),
    "take": (DTypeError, lambda: ops.take(ops.ones((2,)), [0.5])),
    "max": (ShapeError, lambda: ops.max(ops.ones((0, 2)))),
    "einsum": (ShapeError, lambda: ops.einsum("ij,jk", ops.ones((2, 3)), ops.eye(2))),
    "conv": (ShapeError, lambda: ops.conv(ops.ones((1, 5, 3)), ops.ones((2, 2, 4)))),
    "inv": (ShapeError, lambda: ops.inv(ops.ones((2, 3)))),
    "convert": (DTypeError, lambda: ops.convert_to_tensor(["a"])),
}


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_arguments_are_explained(name, backend):
    kind, call = ERRORS[name]
    with pytest.raises(kind):
        call()


# Results for a batch of unknown size, as users see them; 8 stands in to execute.
UNKNOWN = {
    "reshape": (lambda x: ops.reshape(x, (-1, 3)), (None, 3)),
    "flatten": (lambda x: ops.reshape(x, (ops.shape(x)[0], -1)), (None, 96)),
    "sum": (lambda x: ops.sum(x, 0), (6, 4, 4)),
    "mean": (lambda x: ops.mean(x, (1, 2)), (None, 4)),
    "std": (lambda x: ops.std(x, axis=0), (6, 4, 4)),
    "softmax": (lambda x: ops.softmax(x, (1, 2)), (None, 6, 4, 4)),
    "first": (lambda x: x[0], (6, 4, 4)),
    "last": (lambda x: x[:, -1], (None, 4, 4)),
    "tail": (lambda x: x[1:], (None, 6, 4, 4)),
    "concatenate": (lambda x: ops.concatenate([x, x], 0), (None, 6, 4, 4)),
    "matmul": (lambda x: ops.matmul(x, ops.ones((4, 5))), (None, 6, 4, 5)),
    "einsum": (lambda x: ops.einsum("bhwc,cd->bhwd", x, ops.eye(4)), (None, 6, 4, 4)),
    "tensordot": (lambda x: ops.tensordot(x, ops.ones((4, 2)), 1), (None, 6, 4, 2)),
    "conv": (lambda x: ops.conv(x, ops.ones((3, 3, 4, 2)), 2, "same"), (None, 3, 2, 2)),
    "max_pool": (lambda x: ops.max_pool(x, 2), (None, 3, 2, 4)),
    "pad": (lambda x: ops.pad(x, [[0, 0], [1, 1], [0, 0], [0, 0]]), (None, 8, 4, 4)),
    "one_hot": (lambda x: ops.one_hot(ops.argmax(x, -1), 4), (None, 6, 4, 4)),
    "where": (lambda x: ops.where(x > 0, x, 0), (None, 6, 4, 4)),
    "repeat": (lambda x: ops.repeat(x, 2, 0), (None, 6, 4, 4)),
    "flip": (lambda x: ops.flip(x), (None, 6, 4, 4)),
    "arange": (lambda x: x[:, 0, 0, 0] + ops.arange(ops.shape(x)[0]), (None,)),
    "broadcast": (
        lambda x: ops.broadcast_to(ops.ones((4,)), (ops.shape(x)[0], 4)),
        (None, 4),
    ),
    "take": (lambda x: ops.take(x, [0, 2], 1), (None, 2, 4, 4)),
    "sort": (lambda x: ops.sort(x, 0), (None, 6, 4, 4)),
    "layer_norm": (lambda x: ops.layer_normalization(x), (None, 6, 4, 4)),
    "variance": (lambda x: ops.moments(x, (0, 1))[1], (4, 4)),
    "roll": (lambda x: ops.roll(x, 1, 0), (None, 6, 4, 4)),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_batch_gives_the_shape_that_data_have(name):
    function, want = UNKNOWN[name]
    x = KerasTensor((None, 6, 4, 4), "float32")
    symbolic = function(x)
    assert isinstance(symbolic, KerasTensor)
    assert symbolic.shape == want
    with use_backend("jax"):
        executed = ops.shape(function(ops.ones((8, 6, 4, 4))))
    assert all(s is None or s == e for s, e in zip(symbolic.shape, executed))
    assert len(executed) == len(want)


@pytest.mark.parametrize("strides", [1, 2, 3])
def test_same_padding_of_unknown_sizes_is_the_ceiling(strides):
    x = KerasTensor((None, None, None, 3), "float32")
    y = ops.conv(x, ops.ones((3, 3, 3, 2)), strides, "same")
    assert y.shape == (None, None, None, 2)
    height = ops.shape(y)[1]
    assert height == -(-ops.shape(x)[1] // strides)


def test_saturate_cast_takes_the_nearest_bound(backend):
    x = np.array([-math.inf, -3e9, 0.5, 3e9, math.inf], "float32")
    low, high = -(2**31), 2**31 - 1
    np.testing.assert_array_equal(
        value(ops.saturate_cast(x, "int32")), [low, low, 0, high, high]
    )
    np.testing.assert_array_equal(
        value(ops.saturate_cast([-5, 300], "uint8")), [0, 255]
    )


def test_eigenvalues_belong_to_their_vectors(backend):
    x = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
    w, v = (value(part) for part in ops.eig(x))
    np.testing.assert_allclose(x @ v, v * w, atol=1e-4)


def test_argpartition_splits_at_kth(backend):
    x = np.random.default_rng(0).normal(size=(3, 9)).astype("float32")
    order = value(ops.argpartition(x, 4))
    ranked = np.take_along_axis(x, order, -1)
    assert (ranked[:, :4] <= ranked[:, 4:5]).all()
    assert (ranked[:, 5:] >= ranked[:, 4:5]).all()


@pytest.mark.parametrize(
    "function, at, want",
    [
        (lambda x: ops.norm(ops.normalize(x)), [3.0, 4.0], [0.0, 0.0]),
        (lambda x: ops.sum(ops.cbrt(x)), [8.0, -8.0], [1 / 12, 1 / 12]),
        (lambda x: ops.sum(ops.sinc(x)), [0.0, 1.0], [0.0, -1.0]),
        (lambda x: ops.sum(ops.divide_no_nan(1.0, x)), [0.0, 2.0], [0.0, -0.25]),
        (lambda x: ops.sum(ops.cdist(x[None], x[None])), [1.0, 2.0], [0.0, 0.0]),
        (lambda x: ops.sum(ops.hypot(x, 4.0)), [3.0, 0.0], [0.6, 0.0]),
    ],
)
def test_gradients_of_ops_with_tricks_are_finite(function, at, want, real_backend):
    point = ops.convert_to_tensor(np.asarray(at, "float32"))
    _, pullback = real_backend.vjp(lambda x: (function(x),), (point,))
    gradient = value(pullback((ops.ones(()),))[0])
    np.testing.assert_allclose(gradient, want, atol=1e-5)
