"""Ops on sparse tensors: values from dense NumPy, and which results stay sparse."""

import numpy as np
import pytest
import scipy.sparse

import multinet
from multinet import ops
from multinet.errors import BackendError
from multinet.ops.sparse_forms import RULES, is_sparse_tensor
from multinet.sparse import SparseTensor


def entries(seed, *shape):
    """Return a matrix of SciPy with entries of both signs in a third of its places."""
    rng = np.random.default_rng(seed)
    dense = rng.uniform(0.1, 0.9, shape) * rng.choice([-1, 1], shape)
    return scipy.sparse.coo_array((dense * (rng.random(shape) < 0.4)).astype("float32"))


X, Y = entries(0, 5, 4), entries(1, 5, 4)
A, B = X.toarray(), Y.toarray()
BINS = [0.2, 0.5]
W = np.random.default_rng(2).standard_normal((4, 3)).astype("float32")
NONZERO = np.where(B == 0, np.float32(3), B)


def check(got, want, sparse):
    np.testing.assert_allclose(ops.convert_to_numpy(got), want, rtol=2e-5, atol=1e-6)
    assert ops.shape(got) == np.shape(want)
    assert is_sparse_tensor(got) == sparse


SPARSE = {
    "add": lambda x, y: (ops.add(x, y), A + B),
    "subtract": lambda x, y: (ops.subtract(x, y), A - B),
    "maximum": lambda x, y: (ops.maximum(x, y), np.maximum(A, B)),
    "minimum": lambda x, y: (ops.minimum(x, y), np.minimum(A, B)),
    "multiply": lambda x, y: (ops.multiply(x, y), A * B),
    "multiply dense": lambda x, y: (ops.multiply(x, B), A * B),
    "dense multiply": lambda x, y: (ops.multiply(A[:, :1], y), A[:, :1] * B),
    "multiply number": lambda x, y: (ops.multiply(2, x), 2 * A),
    "divide dense": lambda x, y: (ops.divide(x, NONZERO), A / NONZERO),
    "divide number": lambda x, y: (ops.divide(x, 2), A / 2),
    "matmul": lambda x, y: (ops.matmul(x, ops.transpose(y)), A @ B.T),
    "reshape": lambda x, y: (ops.reshape(x, (2, -1)), A.reshape(2, -1)),
    "transpose": lambda x, y: (ops.transpose(x), A.T),
    "swapaxes": lambda x, y: (ops.swapaxes(x, 0, 1), A.T),
    "moveaxis": lambda x, y: (ops.moveaxis(x, 0, -1), A.T),
    "expand_dims": lambda x, y: (ops.expand_dims(x, 1), A[:, None]),
    "squeeze": lambda x, y: (ops.squeeze(ops.expand_dims(x, 1)), A),
    "concatenate": lambda x, y: (ops.concatenate([x, y], 1), np.hstack([A, B])),
    "cast": lambda x, y: (ops.cast(ops.multiply(x, 9), "int32"), (A * 9).astype(int)),
    "digitize": lambda x, y: (ops.digitize(x, BINS), np.digitize(A, BINS)),
    "sum": lambda x, y: (ops.sum(x), A.sum()),
    "sum rows": lambda x, y: (ops.sum(x, axis=0), A.sum(0)),
    "mean": lambda x, y: (ops.mean(x, axis=1, keepdims=True), A.mean(1, keepdims=True)),
}

DENSE = {
    "add": lambda x, y: (ops.add(x, B), A + B),
    "add number": lambda x, y: (ops.add(x, 1), A + 1),
    "maximum": lambda x, y: (ops.maximum(B, x), np.maximum(A, B)),
    "divide by sparse": lambda x, y: (
        ops.divide(1, ops.maximum(x, NONZERO**2)),
        1 / np.maximum(A, NONZERO**2),
    ),
    "matmul": lambda x, y: (ops.matmul(x, W), A @ W),
    "matmul by sparse": lambda x, y: (ops.matmul(W.T, ops.transpose(x)), W.T @ A.T),
    "matmul vector": lambda x, y: (ops.matmul(x, W[:, 0]), A @ W[:, 0]),
    "einsum": lambda x, y: (ops.einsum("ij,jk->ik", x, W), A @ W),
    "concatenate": lambda x, y: (ops.concatenate([x, B], 0), np.vstack([A, B])),
    "cos": lambda x, y: (ops.cos(x), np.cos(A)),
    "digitize": lambda x, y: (ops.digitize(x, [-0.5, 0]), np.digitize(A, [-0.5, 0])),
    "max": lambda x, y: (ops.max(x, axis=0), A.max(0)),
    "convert": lambda x, y: (ops.convert_to_tensor(x, sparse=False), A),
}


@pytest.mark.parametrize("name", SPARSE)
def test_results_that_stay_sparse(name, backend):
    x, y = ops.convert_to_tensor(X), ops.convert_to_tensor(Y)
    check(*SPARSE[name](x, y), sparse=True)


@pytest.mark.parametrize("name", DENSE)
def test_results_that_are_dense(name, backend):
    x, y = ops.convert_to_tensor(X), ops.convert_to_tensor(Y)
    check(*DENSE[name](x, y), sparse=False)


UNARY = {
    **{name: getattr(np, name) for name in "ceil expm1 floor log1p negative".split()},
    **{name: getattr(np, name) for name in "round sign sin sqrt square tanh".split()},
    "relu": lambda x: np.maximum(x, 0),
    "softsign": lambda x: x / (1 + abs(x)),
    "leaky_relu": lambda x: np.where(x < 0, 0.2 * x, x),
}


@pytest.mark.parametrize("name", UNARY)
def test_what_is_0_at_0_is_computed_at_the_entries(name, backend):
    x = scipy.sparse.coo_array(abs(A)) if name == "sqrt" else X
    got = getattr(ops, name)(ops.convert_to_tensor(x))
    check(got, UNARY[name](x.toarray()), sparse=True)


def test_each_rule_that_is_elementwise_is_0_at_0(real_backend):
    scalars = {
        "cast": ("float32",),
        "saturate_cast": ("float32",),
        "digitize": ([1.0],),
    }
    for name, rule in RULES.items():
        if rule.compute.__name__ not in ("_unary", "_linear"):
            continue
        result = multinet.operators._ops[name](ops.zeros((2,)), *scalars.get(name, ()))
        assert not ops.convert_to_numpy(result).any(), name


def test_entries_of_one_index_add_up(backend):
    indices = np.array([[1, 2], [0, 0], [1, 2]], "int32")
    values = np.array([1.0, 2.0, 3.0], "float32")
    x = SparseTensor(*map(ops.convert_to_tensor, (indices, values)), (2, 3))
    whole = np.array([[2, 0, 0], [0, 0, 4]], "float32")
    check(ops.square(x), whole**2, sparse=True)
    check(ops.matmul(x, W[:3]), whole @ W[:3], sparse=False)
    check(ops.add(x, x), 2 * whole, sparse=True)


def test_rows_are_a_sparse_tensor_too(backend):
    values = np.arange(1.0, 7.0, dtype="float32").reshape(2, 3)
    indices = ops.convert_to_tensor(np.array([[3], [1]], "int32"))
    x = SparseTensor(indices, ops.convert_to_tensor(values), (4, 3))
    whole = np.zeros((4, 3), "float32")
    whole[[3, 1]] = values
    check(ops.multiply(x, 2), 2 * whole, sparse=True)
    check(ops.add(x, ops.square(x)), whole + whole**2, sparse=True)
    check(ops.multiply(x, W), whole * W, sparse=True)
    check(ops.sum(x, axis=0), whole.sum(0), sparse=False)


INTEGERS = np.array([[0, 2, 2], [1, 3, 5]], "int32")
HOT = np.eye(6, dtype="float32")[INTEGERS]


def test_sparse_one_hot_multi_hot_and_counts(backend):
    check(ops.one_hot(INTEGERS, 6, sparse=True), HOT, sparse=True)
    check(
        ops.one_hot(INTEGERS, 6, axis=1, sparse=True), HOT.swapaxes(1, 2), sparse=True
    )
    check(ops.multi_hot(INTEGERS, 6, sparse=True), HOT.max(1), sparse=True)
    check(ops.bincount(INTEGERS, sparse=True), HOT.sum(1), sparse=True)
    weights = np.array([[1, 2, 3], [4, 5, 6]], "float32")
    want = (HOT * weights[..., None]).sum(1)
    check(ops.bincount(INTEGERS, weights, 6, sparse=True), want, sparse=True)


def test_what_is_not_stored_is_not_counted(backend):
    x = ops.convert_to_tensor(scipy.sparse.coo_array(np.array([[0, 2, 2, 1]], "int32")))
    check(ops.bincount(x), [[0, 1, 2]], sparse=True)


def test_a_quotient_has_entries_where_the_divisor_is_0_or_nan(backend):
    x = ops.convert_to_tensor(X)
    divisor = np.where(B == 0, np.float32(np.nan), B)
    divisor[0] = 0
    with np.errstate(all="ignore"):
        check(ops.divide(x, divisor), A / divisor, sparse=True)


def test_gradients_flow_through_sparse_matmul_and_entries(backend):
    x = ops.convert_to_tensor(X)
    slope = multinet.grad(lambda w: ops.sum(ops.square(ops.matmul(x, w))))(
        ops.convert_to_tensor(W)
    )
    np.testing.assert_allclose(ops.convert_to_numpy(slope), 2 * A.T @ A @ W, rtol=1e-4)

    places = ops.convert_to_tensor(np.stack(X.coords, 1).astype("int32"))

    def loss(values):
        entries = SparseTensor(places, values, X.shape, True)
        product = ops.multiply(entries, ops.convert_to_tensor(Y))
        return ops.sum(ops.convert_to_tensor(product, sparse=False))

    slope = multinet.grad(loss)(ops.convert_to_tensor(X.data))
    np.testing.assert_allclose(ops.convert_to_numpy(slope), B[X.coords], rtol=1e-5)


def test_in_a_compiled_function_values_are_the_same(real_backend):
    places = ops.convert_to_tensor(np.stack(X.coords, 1).astype("int32"))
    others = ops.convert_to_tensor(np.stack(Y.coords, 1).astype("int32"))

    def compute(values, second):
        x = SparseTensor(places, values, X.shape, True)
        y = SparseTensor(others, second, Y.shape, True)
        results = ops.add(x, y), ops.multiply(x, y), ops.divide(x, B), ops.sum(x, 0)
        results += (ops.maximum(x, y), ops.matmul(x, ops.transpose(y)))
        return [ops.convert_to_tensor(r, sparse=False) for r in results]

    values, second = ops.convert_to_tensor(X.data), ops.convert_to_tensor(Y.data)
    got = multinet.jit(compute)(values, second)
    with np.errstate(all="ignore"):
        wanted = A + B, A * B, A / B, A.sum(0), np.maximum(A, B), A @ B.T
    for one, want in zip(got, wanted, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(one), want, rtol=1e-4)


def test_symbolic_tensors_know_whether_they_are_sparse(backend):
    x, y = (multinet.KerasTensor((None, 4), sparse=True) for _ in range(2))
    dense = multinet.KerasTensor((None, 4))
    assert ops.add(x, y).sparse and not ops.add(x, dense).sparse
    assert ops.multiply(x, dense).sparse and not ops.divide(dense, x).sparse
    assert ops.concatenate([x, y]).sparse and not ops.concatenate([x, dense]).sparse
    assert ops.sum(x, axis=1).sparse and not ops.cos(x).sparse
    assert ops.matmul(x, ops.transpose(y)).sparse and not ops.matmul(x, W).sparse
    assert ops.one_hot(multinet.KerasTensor((None,), "int32"), 3, sparse=True).sparse
    assert ops.reshape(x, (-1, 2)).shape == (None, 2)


def test_a_sparse_tensor_of_another_backend_is_refused(backends):
    with multinet.use_backend("tensorflow"):
        x = ops.convert_to_tensor(X)
    with multinet.use_backend("jax"), pytest.raises(BackendError, match="tensorflow"):
        ops.sin(x)
    np.testing.assert_array_equal(ops.convert_to_numpy(x), A)
