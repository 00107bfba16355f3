"""The doors of ops: the same as the general path, and the same words for bad calls."""

import inspect

import ml_dtypes
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import MultinetError
from multinet.ops.core import PUBLIC
from multinet.ops.weighted import dense, embedding, gru, lstm
from multinet.registry import use_backend
from multinet.scope import Scope

X = np.linspace(-2, 2, 8, dtype="float32").reshape(2, 4)
Y = np.linspace(1, 3, 8, dtype="float32").reshape(2, 4)
POSITIVE = np.linspace(0.1, 0.9, 8, dtype="float32").reshape(2, 4)
ABOVE_1 = Y
INTEGERS = np.array([[5, 3, 9, 12], [6, 10, 7, 1]], "int32")
SHIFTS = np.array([[1, 2, 0, 3], [2, 1, 1, 0]], "int32")
MASK = X > 0
COMPLEX = (X + 1j * Y).astype("complex64")
FIVE = ("numpy", "jax", "torch", "tensorflow", "strict")


def softmax(x, axis=-1):
    powers = np.exp(x.astype("float64") - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype("float64")))


#: Calls that a door takes: the op, its arguments, and what NumPy makes of them.
READY = [
    *[
        (name, (X, Y), getattr(np, name))
        for name in """add subtract multiply divide maximum minimum floor_divide mod
        arctan2 logaddexp equal not_equal less less_equal greater
        greater_equal""".split()
    ],
    ("power", (POSITIVE, X), np.power),
    ("add", (X, 2.5), np.add),
    ("multiply", (2, X), np.multiply),
    ("less", (INTEGERS, INTEGERS.T.reshape(2, 4)), np.less),
    ("logical_and", (MASK, X > 1), np.logical_and),
    ("logical_or", (MASK, X > 1), np.logical_or),
    ("bitwise_and", (INTEGERS, SHIFTS), np.bitwise_and),
    ("bitwise_or", (INTEGERS, SHIFTS), np.bitwise_or),
    ("bitwise_xor", (INTEGERS, SHIFTS), np.bitwise_xor),
    ("bitwise_left_shift", (INTEGERS, SHIFTS), np.left_shift),
    ("bitwise_right_shift", (INTEGERS, SHIFTS), np.right_shift),
    *[
        (name, (POSITIVE,), getattr(np, name))
        for name in """sqrt exp log sin cos tanh expm1 log1p tan arcsin arccos arctan
        sinh cosh arcsinh arctanh floor ceil negative abs square""".split()
    ],
    ("arccosh", (ABOVE_1,), np.arccosh),
    ("sigmoid", (X,), sigmoid),
    ("rsqrt", (POSITIVE,), lambda x: 1 / np.sqrt(x.astype("float64"))),
    *[(name, (X,), getattr(np, name)) for name in ("isnan", "isfinite", "isinf")],
    ("relu", (X,), lambda x: np.maximum(x, 0)),
    ("silu", (X,), lambda x: x * sigmoid(x)),
    ("softplus", (X,), lambda x: np.log1p(np.exp(x.astype("float64")))),
    ("softmax", (X,), softmax),
    ("softmax", (X, 0), softmax),
    ("log_softmax", (X, -2), lambda x, axis: np.log(softmax(x, axis))),
    *[
        (
            name,
            (X, axis, keepdims),
            lambda x, a, k, f=name: getattr(np, f)(x, a, keepdims=k),
        )
        for name in ("sum", "mean", "max", "min", "amax", "amin")
        for axis, keepdims in ((None, False), (-1, False), (0, True), ((0, 1), True))
    ],
    ("any", (MASK, -1), np.any),
    ("all", (MASK, 0), np.all),
    ("logsumexp", (X, -1), lambda x, a: np.log(np.exp(x.astype("float64")).sum(a))),
    ("argmax", (X, -1), np.argmax),
    ("argmin", (X, 0), np.argmin),
    ("cumsum", (X, -1), np.cumsum),
    ("cumprod", (X, 1), np.cumprod),
    ("reshape", (X, (4, 2)), np.reshape),
    ("reshape", (X, (2, -1, 2)), np.reshape),
    ("transpose", (X, (1, 0)), np.transpose),
    ("transpose", (X,), np.transpose),
    ("expand_dims", (X, -1), np.expand_dims),
    ("squeeze", (X[:, None], 1), np.squeeze),
    ("broadcast_to", (X, (3, 2, 4)), np.broadcast_to),
    ("concatenate", ([X, Y], -1), np.concatenate),
    ("stack", ((X, Y), -1), np.stack),
    ("where", (MASK, X, Y), np.where),
    ("where", (MASK, X, 0.5), np.where),
    ("take", (X, np.array([[3, -1], [0, -4]], "int32"), -1), np.take),
    ("cast", (X, "int32"), lambda x, d: x.astype(d)),
    ("cast", (X, "bool"), lambda x, d: x.astype(d)),
    ("convert_to_tensor", (X,), lambda x: x),
    ("matmul", (X, Y.T.copy()), np.matmul),
    ("matmul", (np.stack([X, X]), Y.T.copy()), np.matmul),
    ("erf", (X,), None),
    ("erfinv", (POSITIVE,), None),
]


def tensors(tree):
    """Return the arrays of arguments as tensors."""
    if isinstance(tree, list | tuple):
        return type(tree)(map(tensors, tree))
    return ops.convert_to_tensor(tree) if isinstance(tree, np.ndarray) else tree


def given(name, args):
    """Return the arguments of a call with the defaults of the rest."""
    bound = inspect.signature(getattr(ops, name)).bind(*args)
    bound.apply_defaults()
    return bound.args


def close(found, wanted):
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), wanted, rtol=2e-5, atol=2e-6
    )


@pytest.mark.parametrize(
    ("name", "args", "reference"), READY, ids=lambda x: x if type(x) is str else ""
)
def test_a_ready_call_goes_through_the_door_and_gives_the_same(
    backend, name, args, reference
):
    op, args_ = getattr(ops, name), tensors(args)
    through = op.door(*given(name, args_))
    general = op.__wrapped__(*args_)
    assert through is not None
    assert ops.dtype(through) == ops.dtype(general)
    assert ops.shape(through) == ops.shape(general)
    close(through, ops.convert_to_numpy(general))
    close(op(*args_), ops.convert_to_numpy(general))
    if reference is not None:
        close(op(*args_), reference(*args))


def test_every_door_is_tried_here():
    behind = {name for name, op in PUBLIC.items() if hasattr(op, "door")}
    aliases = {
        name for name, op in PUBLIC.items() if op.__name__ != name
    }  # swish is silu
    assert behind - aliases - {"dense"} == {name for name, _, _ in READY}


# -- calls that the general path answers -----------------------------------------------


def variable(x):
    return multinet.Variable(x, dtype=x.dtype.name)


ODD = [
    ("add", lambda: (X, variable(Y)), X + Y),
    ("add", lambda: (X, Y), X + Y),
    ("add", lambda: (tensors(INTEGERS), tensors(X)), INTEGERS + X),
    ("add", lambda: (tensors(MASK), tensors(MASK)), MASK | MASK),
    ("multiply", lambda: (tensors(INTEGERS), 0.5), INTEGERS * 0.5),
    ("matmul", lambda: (tensors(X), variable(Y.T.copy())), X @ Y.T),
    ("matmul", lambda: (tensors(X[0]), tensors(Y.T.copy())), X[0] @ Y.T),
    ("matmul", lambda: (tensors(INTEGERS), tensors(Y.T.copy())), INTEGERS @ Y.T),
    ("where", lambda: (X > 0, X, 0), np.where(X > 0, X, 0)),
    ("where", lambda: (tensors(INTEGERS), tensors(X), tensors(INTEGERS)), X),
    ("sum", lambda: (X, np.int64(-1)), X.sum(-1)),
    ("sum", lambda: (X, [0, -1]), X.sum()),
    ("sum", lambda: (tensors(MASK), 0), MASK.sum(0)),
    ("mean", lambda: (tensors(INTEGERS), 0), INTEGERS.mean(0)),
    ("max", lambda: (tensors(X), -1, False, 1.0), np.maximum(X.max(-1), 1)),
    ("argmax", lambda: (tensors(X), None), X.argmax()),
    ("cumsum", lambda: (tensors(INTEGERS), 0, "float32"), INTEGERS.cumsum(0)),
    ("reshape", lambda: (X, [4, -1]), X.reshape(4, -1)),
    ("reshape", lambda: (tensors(X), (np.int64(4), None)), X.reshape(4, -1)),
    ("reshape", lambda: (tensors(X), 8), X.reshape(8)),
    ("transpose", lambda: (tensors(X), [-1, 0]), X.T),
    ("expand_dims", lambda: (tensors(X), (0, -1)), X[None, ..., None]),
    ("expand_dims", lambda: (tensors(X), np.int64(1)), X[:, None]),
    ("concatenate", lambda: ([tensors(X), variable(Y)], 0), np.concatenate([X, Y])),
    ("concatenate", lambda: ([tensors(X), tensors(INTEGERS)], 1), None),
    ("concatenate", lambda: ([tensors(X), tensors(Y)], None), None),
    ("concatenate", lambda: (tensors(X), 0), X.reshape(8)),
    ("stack", lambda: ([tensors(X), 1.0 * Y], 1), np.stack([X, Y], 1)),
    ("take", lambda: (tensors(X), [0, -1], 1), X[:, [0, -1]]),
    ("take", lambda: (tensors(X), np.array([1, -1]), np.int64(1)), X[:, [1, -1]]),
    ("take", lambda: (tensors(X), tensors(np.array([1, 3], "uint8")), 1), X[:, [1, 3]]),
    ("take", lambda: (tensors(X), -1, None), X[-1, -1]),
    ("softmax", lambda: (tensors(INTEGERS), np.int64(0)), softmax(INTEGERS, 0)),
    ("softmax", lambda: (variable(X), (0, 1)), softmax(X.reshape(8)).reshape(2, 4)),
    ("cast", lambda: (tensors(COMPLEX), "float32"), X),
    ("cast", lambda: (X, np.int32), X.astype("int32")),
    ("negative", lambda: (variable(X),), -X),
    ("exp", lambda: (tensors(INTEGERS),), np.exp(INTEGERS)),
    ("floor", lambda: (tensors(INTEGERS),), INTEGERS),
]


@pytest.mark.parametrize(
    ("name", "args", "wanted"), ODD, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(ODD)]
)
def test_other_calls_are_answered_by_the_general_path(backend, name, args, wanted):
    op = getattr(ops, name)
    found = op(*args())
    if wanted is None:
        wanted = ops.convert_to_numpy(op.__wrapped__(*args()))
        parts = [X, INTEGERS] if name == "concatenate" and wanted.ndim == 2 else [X, Y]
        axis = 1 if wanted.ndim == 2 else None
        np.testing.assert_allclose(wanted, np.concatenate(parts, axis))
    close(found, np.where(X != 0, wanted, 0) if name == "where" else wanted)


def test_arguments_go_by_name_as_well(backend):
    x = tensors(X)
    close(ops.sum(x=x, axis=-1, keepdims=True), X.sum(-1, keepdims=True))
    close(ops.take(x, axis=1, indices=tensors(np.array([0, 2], "int32"))), X[:, [0, 2]])
    close(ops.concatenate(axis=-1, xs=[x, x]), np.concatenate([X, X], -1))
    with pytest.raises(TypeError, match="sum.*missing"):
        ops.sum()
    with pytest.raises(TypeError, match="unexpected keyword argument 'axes'"):
        ops.sum(x, axes=1)


def test_low_floats_go_through_as_well(backend):
    x = tensors(X.astype(ml_dtypes.bfloat16))
    assert ops.dtype(ops.add(x, x)) == ops.dtype(ops.softmax(x)) == "bfloat16"
    close(ops.cast(ops.add(x, 1.0), "float32"), (X.astype(ml_dtypes.bfloat16) + 1))


# -- calls that are wrong --------------------------------------------------------------

WRONG = [
    ("add", (X, X.T)),
    ("where", (MASK, X, X.T)),
    ("where", (MASK.T, X, Y)),
    ("matmul", (X, X)),
    ("matmul", (X, np.float32(1))),
    ("matmul", (np.ones((2, 3, 4), "float32"), np.ones((5, 4, 2), "float32"))),
    ("sum", (X, 2)),
    ("sum", (X, (0, 0))),
    ("max", (X[:0], 0)),
    ("argmax", (X, -3)),
    ("cumsum", (X, 2)),
    ("reshape", (X, (3, 3))),
    ("reshape", (X, (3, -1))),
    ("reshape", (X, (-1, -1))),
    ("transpose", (X, (0, 0))),
    ("transpose", (X, (0, 2))),
    ("expand_dims", (X, 4)),
    ("squeeze", (X, 0)),
    ("broadcast_to", (X, (2, 5))),
    ("broadcast_to", (X, (4,))),
    ("concatenate", ([X, X[0]], 0)),
    ("concatenate", ([X, np.zeros((0,), "float32")], 0)),
    ("concatenate", ([X, X.T], 0)),
    ("concatenate", ([X, X], 2)),
    ("stack", ([X, X.T], 0)),
    ("stack", ([X, X], 3)),
    ("stack", ([], 0)),
    ("take", (X, X, 0)),
    ("take", (X, INTEGERS, 2)),
    ("softmax", (X, 2)),
    ("cast", (X, "float31")),
    ("bitwise_and", (X, X)),
    ("floor", (COMPLEX,)),
    ("subtract", (MASK, MASK)),
]


@pytest.mark.parametrize(
    ("name", "args"), WRONG, ids=[f"{n}-{i}" for i, (n, _) in enumerate(WRONG)]
)
def test_wrong_calls_meet_the_same_words_on_every_backend(name, args):
    texts = set()
    for backend in FIVE:
        with use_backend(backend):
            with pytest.raises(MultinetError) as raised:
                getattr(ops, name)(*tensors(args))
            texts.add((type(raised.value), str(raised.value)))
    assert len(texts) == 1


# -- symbolic calls, compiled calls ----------------------------------------------------


def test_symbolic_calls_are_recorded_as_nodes_of_the_public_op(backend):
    x = multinet.KerasTensor((None, 4))
    y = ops.add(x, tensors(X[0]))
    assert y.node.operation.function is ops.add
    assert ops.reshape(x, (-1, 2)).shape == (None, 2)
    assert ops.concatenate([x, x], -1).shape == (None, 8)


def test_doors_serve_compiled_functions_and_gradients(real_backend):
    def compute(x):
        y = ops.where(ops.less(x, 0.0), ops.multiply(x, 2.0), ops.square(x))
        return ops.sum(ops.softmax(ops.matmul(y, ops.transpose(y)), -1)[:, 0])

    x = tensors(X)
    close(multinet.jit(compute)(x), ops.convert_to_numpy(compute(x)))
    slope = ops.convert_to_numpy(multinet.grad(compute)(x))
    step = np.zeros_like(X)
    step[1, 2] = 1e-2
    ends = [ops.convert_to_numpy(compute(tensors(X + s * step))) for s in (1, -1)]
    np.testing.assert_allclose(slope[1, 2], (ends[0] - ends[1]) / 2e-2, atol=2e-3)


# -- what layers with weights compute --------------------------------------------------


def test_dense_is_the_product_in_the_dtype_of_the_kernel(backend):
    kernel, bias = Y.T.copy(), np.array([1, -1], "float32")
    wanted = X @ kernel + bias
    for make in (tensors, variable):
        close(dense(tensors(X), make(kernel), make(bias)), wanted)
        close(dense(X, make(kernel)), X @ kernel)
    close(dense(tensors(INTEGERS), variable(kernel), bias), INTEGERS @ kernel + bias)
    many = np.stack([X, Y])
    close(dense(tensors(many), tensors(kernel), tensors(bias)), many @ kernel + bias)
    assert ops.dtype(dense(tensors(INTEGERS), tensors(kernel))) == "float32"


def test_dense_reads_the_value_that_a_step_gives_a_variable(backend):
    kernel, other = variable(Y.T.copy()), tensors(X.T.copy())
    with Scope([kernel], [other]):
        close(dense(tensors(X), kernel), X @ X.T)
    close(dense(tensors(X), kernel), X @ Y.T)
    kernel.assign(X.T)
    close(dense(tensors(X), kernel), X @ X.T)


def test_dense_of_another_width_says_so(backend):
    with pytest.raises(MultinetError, match="got shapes .2, 4. and .3, 2."):
        dense(tensors(X), tensors(np.ones((3, 2), "float32")))
    layer = layers.Dense(3)
    layer.build((None, 5))
    with pytest.raises(MultinetError, match="expects a last axis of 5.*other data"):
        layer(tensors(X))


def test_dense_of_a_variable_of_another_backend_says_so():
    with use_backend("numpy"):
        kernel = variable(Y.T.copy())
    with use_backend("torch"), pytest.raises(MultinetError, match="lives on backend"):
        dense(tensors(X), kernel)


def test_embedding_takes_rows_by_any_integers(backend):
    table, places = variable(X), [1, 0, 1]
    for kind in ("int32", "uint8", "float32"):
        close(embedding(table, tensors(np.array(places, kind))), X[places])


def test_recurrences_are_those_of_the_layers(backend):
    x = np.linspace(-1, 1, 24, dtype="float32").reshape(2, 3, 4)
    zero = np.zeros((2, 5), "float32")
    layer = layers.LSTM(5, return_sequences=True)
    ys = layer(tensors(x))
    kernel, recurrent, bias = layer.weights
    found, h, c = lstm(x, zero, zero, kernel, recurrent, bias)
    close(found, ops.convert_to_numpy(ys))
    close(h, ops.convert_to_numpy(ys)[:, -1])
    layer = layers.GRU(5, return_sequences=True, reset_after=False)
    ys = layer(tensors(x))
    found, h = gru(x, zero, *layer.weights, reset_after=False)
    close(found, ops.convert_to_numpy(ys))
