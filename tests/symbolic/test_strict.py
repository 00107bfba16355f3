"""The strict backend computes what NumPy computes, and refuses what is not promised."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multinet.conformance.strict import StrictBackend, StrictTensor, plugin
from multinet.errors import BackendError
from multinet.interface import fused, primitives


@pytest.fixture(scope="module")
def strict() -> Any:
    return StrictBackend()


def _tensor(strict: Any, *shape: int, dtype: str = "float32") -> Any:
    return strict.from_numpy(np.ones(shape, dtype))


def test_every_method_is_wrapped(strict: Any) -> None:
    methods = {*primitives(), *fused()} - {
        "program",
        "mesh",
        "common_dtype",
    }  # they call others
    assert methods <= set(vars(StrictBackend))
    assert plugin.load() is StrictBackend


def test_results_are_numpys(strict: Any) -> None:
    x = np.arange(6, dtype="float32").reshape(2, 3)
    y = strict.matmul(strict.from_numpy(x), strict.from_numpy(x.T.copy()))
    np.testing.assert_array_equal(strict.to_numpy(y), x @ x.T)
    parts = strict.split(strict.from_numpy(x), (1, 2), 1)
    assert isinstance(parts, tuple) and strict.shape(parts[1]) == (2, 2)


def test_functions_see_and_return_strict_tensors(strict: Any) -> None:
    seen = []

    def square(x: Any) -> Any:
        seen.append(x)
        return (strict.multiply(x, x),)

    x = strict.from_numpy(np.array([1.0, 2.0, 3.0], "float32"))
    outputs, pullback = strict.vjp(square, (x,))
    (gradient,) = pullback((strict.full((3,), 1.0, "float32"),))
    assert isinstance(seen[0], StrictTensor)
    np.testing.assert_array_equal(strict.to_numpy(outputs[0]), [1, 4, 9])
    np.testing.assert_array_equal(strict.to_numpy(gradient), [2, 4, 6])
    (compiled,) = strict.jit(square, ())(x)
    np.testing.assert_array_equal(strict.to_numpy(compiled), [1, 4, 9])


def test_custom_gradient_and_scan_nest(strict: Any) -> None:
    def ruled(x: Any) -> Any:
        return (strict.exp(x),), lambda g: (strict.multiply(g, 5.0),)

    x = _tensor(strict, 2)
    _, pullback = strict.vjp(strict.custom_gradient(ruled), (x,))
    (gradient,) = pullback((_tensor(strict, 2),))
    np.testing.assert_array_equal(strict.to_numpy(gradient), [5, 5])

    def step(carry: Any, xs: Any) -> Any:
        total = strict.add(carry[0], xs[0])
        return (total,), (total,)

    start, rows = _tensor(strict, 2), _tensor(strict, 3, 2)
    (last,), (totals,) = strict.scan(step, (start,), (rows,), 3, False)
    np.testing.assert_array_equal(strict.to_numpy(last), [4, 4])
    np.testing.assert_array_equal(strict.to_numpy(totals)[:, 0], [2, 3, 4])


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x + x,
        lambda x: -x,
        lambda x: x[0],
        lambda x: x.shape,
        lambda x: x.dtype,
        lambda x: x == x,
        lambda x: x < x,
        bool,
        float,
        len,
        list,
        hash,
        lambda x: np.add(x, 1),
        lambda x: np.float32(1) * x,
    ],
)
def test_tensors_can_do_nothing(strict: Any, use: Any) -> None:
    with pytest.raises((TypeError, AttributeError, BackendError)):
        use(_tensor(strict, 2))


def test_tensors_do_not_become_arrays(strict: Any) -> None:
    assert np.asarray(_tensor(strict, 2)).dtype == object
    assert not hasattr(_tensor(strict, 2), "__array__")


_BROKEN = [
    ("add", lambda s, x: (x, s.cast(x, "float64")), "one dtype"),
    ("add", lambda s, x: (1.0, 2.0), "at most one"),
    ("add", lambda s, x: (s.cast(x, "int32"), 0.5), "does not widen int32"),
    ("add", lambda s, x: (x, np.float32(1)), "a tensor"),
    ("add", lambda s, x: (x, np.ones(3, "float32")), "a tensor"),
    ("exp", lambda s, x: (np.ones(3, "float32"),), "a tensor"),
    ("sqrt", lambda s, x: (s.cast(x, "int32"),), "one of the dtypes"),
    ("where", lambda s, x: (x, x, x), "bool tensor"),
    ("sum", lambda s, x: (x, (1, 0), False), "sorted tuple"),
    ("sum", lambda s, x: (x, (-1,), False), "sorted tuple"),
    ("sum", lambda s, x: (x, [0], False), "sorted tuple"),
    ("sum", lambda s, x: (x, (2,), False), "sorted tuple"),
    ("argmax", lambda s, x: (x, -1), "axis in"),
    ("cumsum", lambda s, x: (x, np.int64(0)), "NumPy value"),
    ("transpose", lambda s, x: (x, (0,)), "permutes"),
    ("transpose", lambda s, x: (x, (0, -1)), "permutes"),
    ("reshape", lambda s, x: (x, (-1,)), "non-negative ints"),
    ("reshape", lambda s, x: (x, [6]), "non-negative ints"),
    ("reshape", lambda s, x: (x, (np.int64(6),)), "non-negative ints"),
    ("slice", lambda s, x: (x, (0, 0), (2, -1), (1, 1)), "non-negative ints"),
    ("pad", lambda s, x: (x, ((0, -1), (0, 0)), 0.0), "pairs"),
    ("take", lambda s, x: (x, s.cast(x, "uint8"), 0), "int32 or int64"),
    ("cast", lambda s, x: (x, "float"), "name of a dtype"),
    ("cast", lambda s, x: (x, np.float32), "name of a dtype"),
    ("concatenate", lambda s, x: ([x, s.cast(x, "float16")], 0), "one dtype"),
    ("concatenate", lambda s, x: ([x, np.ones((2, 3))], 0), "tensors of the backend"),
    ("concatenate", lambda s, x: ([], 0), "at least one tensor"),
    ("einsum", lambda s, x: ("ij,ij->", x, np.ones((2, 3))), "tensors"),
    ("matmul", lambda s, x: (x, s.cast(x, "float64")), "one dtype"),
    ("cond", lambda s, x: (x, None, None, (x,)), "bool tensor"),
]


@pytest.mark.parametrize(("method", "arguments", "text"), _BROKEN)
def test_broken_promises_are_named(
    strict: Any, method: str, arguments: Any, text: str
) -> None:
    args = arguments(strict, _tensor(strict, 2, 3))
    with pytest.raises(BackendError, match=f"^{method} was promised .*{text}"):
        getattr(strict, method)(*args)
