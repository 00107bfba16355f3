"""Control flow and transforms: values against plain Python, gradients by hand."""

import numpy as np
import pytest

from multinet import ops
from multinet.errors import ArgumentError, DTypeError, ShapeError


def close(x, y, tolerance=1e-6):
    np.testing.assert_allclose(ops.convert_to_numpy(x), y, rtol=tolerance)


def test_cond_runs_the_branch_that_holds(backend):
    x = ops.convert_to_tensor(3.0)
    for sign, want in ((1.0, {"y": 4.0}), (-1.0, {"y": 2.0})):
        result = ops.cond(
            ops.greater(ops.multiply(x, sign), 0),
            lambda: {"y": ops.add(x, 1)},
            lambda: {"y": ops.subtract(x, 1)},
        )
        close(result["y"], want["y"])


def test_switch_takes_the_nearest_branch(backend):
    branches = [lambda x, k=k: ops.add(x, k) for k in range(3)]
    for index, want in ((-4, 0), (0, 0), (1, 1), (2, 2), (9, 2)):
        close(ops.switch(ops.convert_to_tensor(index), branches, ops.zeros(())), want)
        close(ops.switch(index, branches, ops.zeros(())), want)


def test_while_loop_repeats_while_the_condition_holds(backend):
    i, total = ops.while_loop(
        lambda i, total: ops.less(i, 5),
        lambda i, total: (ops.add(i, 1), ops.add(total, i)),
        (0, 0),
    )
    close(i, 5)
    close(total, 10)
    single = ops.while_loop(lambda x: ops.less(x, 9.0), lambda x: ops.add(x, 4), 1.0)
    close(single, 9.0)
    state = ops.while_loop(
        lambda x: ops.less(x, 100), lambda x: (ops.add(x, 1),), (0,), 7
    )
    close(state[0], 7)


def test_while_loop_refuses_a_state_that_changes(backend):
    with pytest.raises(DTypeError, match="dtypes to stay"):
        ops.while_loop(lambda x: ops.less(x, 3), lambda x: ops.add(x, 0.5), 1)
    with pytest.raises(ShapeError, match="shapes to stay"):
        ops.while_loop(
            lambda x: ops.less(ops.sum(x), 3.0),
            lambda x: ops.concatenate([x, x]),
            ops.ones((2,)),
        )
    with pytest.raises(ArgumentError, match="expects the body to return"):
        ops.while_loop(lambda x, y: ops.less(x, 3), lambda x, y: (x,), (1, 2))


def test_fori_loop_counts_and_differentiates(real_backend):
    def cube(x):
        return (ops.fori_loop(0, 3, lambda i, y: ops.multiply(y, x), ops.ones(())),)

    (value,), pullback = real_backend.vjp(cube, (ops.convert_to_tensor(2.0),))
    close(value, 8.0)
    close(pullback((ops.ones(()),))[0], 12.0)


def test_fori_loop_accepts_tensor_bounds(backend):
    n = ops.convert_to_tensor(4)
    close(ops.fori_loop(0, n, lambda i, y: ops.add(y, i), 0), 6)
    close(ops.fori_loop(3, 3, lambda i, y: ops.add(y, i), 5), 5)


def test_scan_carries_and_stacks(backend):
    xs = {"a": np.arange(4, dtype="float32")}

    def step(carry, x):
        total = ops.add(carry, x["a"])
        return total, (total, None)

    carry, (ys, nothing) = ops.scan(step, 0.0, xs)
    close(carry, 6.0)
    close(ys, [0, 1, 3, 6])
    assert nothing is None
    _, (ys, _) = ops.scan(step, 0.0, xs, reverse=True)
    close(ys, [6, 6, 5, 3])
    carry, ys = ops.scan(lambda c, x: (ops.multiply(c, 2), c), 1, length=3)
    close(carry, 8)
    close(ys, [1, 2, 4])


def test_map_and_vectorized_map_apply_to_rows(backend):
    x = np.arange(6, dtype="float32").reshape(3, 2)
    close(ops.map(lambda row: ops.sum(row), x), x.sum(1))
    close(ops.vectorized_map(lambda row: ops.sum(row), x), x.sum(1))
    both = ops.vectorized_map(lambda pair: ops.add(pair[0], pair[1]), (x, x))
    close(both, 2 * x)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan_combines_all_prefixes(size, reverse, backend):
    x = np.random.default_rng(size).uniform(0.5, 1.5, (2, size)).astype("float32")
    result = ops.associative_scan(ops.multiply, x, reverse, axis=1)
    turned = x[:, ::-1] if reverse else x
    want = np.cumprod(turned, 1)
    close(result, want[:, ::-1] if reverse else want, 1e-5)


def test_associative_scan_keeps_the_order_of_the_operands(backend):
    matrices = np.random.default_rng(3).normal(size=(5, 2, 2)).astype("float32")
    want = [matrices[0]]
    for matrix in matrices[1:]:
        want.append(want[-1] @ matrix)
    close(ops.associative_scan(ops.matmul, matrices), np.stack(want), 1e-4)


def test_custom_gradient_replaces_the_gradient(real_backend):
    @ops.custom_gradient
    def twice(x):
        """Return x, with gradient 2."""
        return x, lambda upstream: ops.multiply(upstream, 2.0)

    assert twice.__name__ == "twice"
    function = lambda x: (ops.sum(twice(x)),)  # noqa: E731
    _, pullback = real_backend.vjp(function, (ops.ones((3,)),))
    close(pullback((ops.ones(()),))[0], [2, 2, 2])


def test_jvp_is_the_directional_derivative(real_backend):
    x, direction = ops.convert_to_tensor([1.0, 2.0]), ops.convert_to_tensor([1.0, 0.5])
    value, slope = ops.jvp(lambda x: ops.square(x), (x,), (direction,))
    close(value, [1, 4])
    close(slope, [2, 2])
    value, slope, extra = ops.jvp(
        lambda x: (ops.square(x), ops.sum(x)), (x,), (direction,), has_aux=True
    )
    close(extra, 3)
