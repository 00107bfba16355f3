"""The symbolic backend returns the shapes and dtypes that computing would return."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from symbolic_cases import ROWS, Row, tensor

from multinet import dtypes
from multinet.errors import DTypeError, ShapeError, TraceError
from multinet.interface import fused, primitives
from multinet.registry import get
from multinet.symbolic import Dim, SymbolicArray, SymbolicBackend, substitute

_BATCH = 7
_TRANSFORMS = """cond while_loop scan vjp jvp vmap jit checkpoint custom_gradient
value_and_grad program common_dtype argument from_numpy to_numpy is_tensor shape dtype
known devices device synchronize mesh""".split()


@pytest.fixture(scope="module")
def symbolic() -> SymbolicBackend:
    return SymbolicBackend(get("numpy"))


def _is_tensor_text(value: Any) -> bool:
    return isinstance(value, str) and value.split()[0] in dtypes.ALL


def _map(value: Any, on_tensor: Any, on_int: Any, name: bool = False) -> Any:
    """Rebuild an argument with its tensors and ints replaced."""
    if isinstance(value, (list, tuple)):
        return type(value)(_map(item, on_tensor, on_int) for item in value)
    if _is_tensor_text(value) and not name:
        return on_tensor(*tensor(value))
    return on_int(value) if type(value) is int else value


def _arguments(row: Row, on_tensor: Any, on_int: Any = lambda n: n) -> list[Any]:
    creating = ("cast", "bitcast", "full", "arange", "eye", "one_hot")
    last = len(row.args) - 1
    return [
        _map(value, on_tensor, on_int, row.method in creating and i == last)
        for i, value in enumerate(row.args)
    ]


def _specs(result: Any, backend: Any, size: int = _BATCH, batch: Any = None) -> Any:
    """Return (dtype, shape) of each tensor, the unknown size replaced by a number."""
    if isinstance(result, (list, tuple)):
        return [_specs(item, backend, size, batch) for item in result]
    shape = backend.shape(result)
    if batch is not None:
        shape = tuple(substitute(n, {batch: size}) for n in shape)
    return backend.dtype(result), tuple(shape)


def _expected(row: Row) -> Any:
    return _map(row.expected, lambda dtype, shape: (dtype, shape), lambda n: n)


def _data(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    kind = np.zeros if not dtypes.is_differentiable(dtype) else np.ones
    array = kind(shape, dtypes.to_numpy(dtype))
    if len(shape) > 1 and shape[-1] == shape[-2]:
        array = array * np.eye(shape[-1], dtype=array.dtype)
    return array


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_known_shapes(symbolic: SymbolicBackend, row: Row) -> None:
    args = _arguments(row, lambda dtype, shape: SymbolicArray(shape, dtype))
    assert _specs(getattr(symbolic, row.method)(*args), symbolic) == _expected(row)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_unknown_batch_stands_for_any_number(
    symbolic: SymbolicBackend, row: Row
) -> None:
    batch = Dim("batch")

    def swap(n: int) -> Any:
        return batch if n == _BATCH else n

    args = _arguments(
        row, lambda dtype, shape: SymbolicArray(map(swap, shape), dtype), swap
    )
    result = getattr(symbolic, row.method)(*args)
    assert _specs(result, symbolic, _BATCH, batch) == _expected(row)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_computing_gives_the_same(row: Row) -> None:
    backend = get("numpy")
    args = _arguments(row, lambda dtype, shape: backend.from_numpy(_data(dtype, shape)))
    assert _specs(getattr(backend, row.method)(*args), backend) == _expected(row)


def test_every_method_has_a_case() -> None:
    covered = {row.method for row in ROWS} | set(_TRANSFORMS)
    assert covered == set(primitives()) | set(fused())


# -- programs --------------------------------------------------------------------------


@pytest.fixture(params=["symbolic", "numpy"])
def backend(request: pytest.FixtureRequest, symbolic: SymbolicBackend) -> Any:
    return symbolic if request.param == "symbolic" else get("numpy")


def _ones(backend: Any, *shape: int) -> Any:
    return backend.full(shape, 1.0, "float32")


def test_vjp_returns_outputs_and_gradients_like_the_inputs(backend: Any) -> None:
    x, y = _ones(backend, 2, 3), _ones(backend, 3)
    outputs, pullback = backend.vjp(lambda a, b: (backend.multiply(a, b),), (x, y))
    assert _specs(outputs, backend) == [("float32", (2, 3))]
    gradients = pullback((_ones(backend, 2, 3),))
    assert _specs(gradients, backend) == [("float32", (2, 3)), ("float32", (3,))]


def test_value_and_grad_returns_auxiliary_outputs(backend: Any) -> None:
    def loss(a: Any) -> Any:
        return backend.sum(a, (0, 1), False), a

    value, auxiliary, gradients = backend.value_and_grad(loss, (_ones(backend, 2, 3),))
    assert _specs(value, backend) == ("float32", ())
    assert _specs(auxiliary, backend) == [("float32", (2, 3))]
    assert _specs(gradients, backend) == [("float32", (2, 3))]


def test_jvp_returns_tangents_like_the_outputs(backend: Any) -> None:
    x = _ones(backend, 2, 3)
    outputs, tangents = backend.jvp(
        lambda a: (backend.sum(a, (0,), False),), (x,), (x,)
    )
    assert _specs(outputs, backend) == _specs(tangents, backend) == [("float32", (3,))]


def test_vmap_strips_and_prepends_the_mapped_axis(backend: Any) -> None:
    mapped = backend.vmap(lambda a, b: (backend.matmul(a, b),), (0, None))
    result = mapped(_ones(backend, 5, 2, 3), _ones(backend, 3, 4))
    assert _specs(result, backend) == [("float32", (5, 2, 4))]


def test_scan_keeps_the_carry_and_stacks_the_outputs(backend: Any) -> None:
    def step(carry: Any, xs: Any) -> Any:
        total = backend.add(carry[0], xs[0])
        return (total,), (backend.sum(total, (0,), False),)

    carry, xs = (_ones(backend, 3),), (_ones(backend, 5, 3),)
    result = backend.scan(step, carry, xs, 5, False)
    assert _specs(result, backend) == [[("float32", (3,))], [("float32", (5,))]]


def test_cond_and_while_loop_keep_specs(backend: Any) -> None:
    x = _ones(backend, 2)
    yes = backend.full((), True, "bool")
    branches = (lambda a: (backend.add(a, 1.0),), lambda a: (a,))
    assert _specs(backend.cond(yes, *branches, (x,)), backend) == [("float32", (2,))]

    def below(a: Any) -> Any:
        return backend.less(backend.sum(a, (0,), False), 9.0)

    result = backend.while_loop(below, branches[0], (x,))
    assert _specs(result, backend) == [("float32", (2,))]


def test_functions_pass_through_jit_checkpoint_and_custom_gradient(
    backend: Any,
) -> None:
    def double(a: Any) -> Any:
        return (backend.multiply(a, 2.0),)

    def ruled(a: Any) -> Any:
        return double(a), lambda g: (g,)

    x = _ones(backend, 2, 3)
    for function in (
        backend.jit(double, ()),
        backend.checkpoint(double),
        backend.custom_gradient(ruled),
    ):
        assert _specs(function(x), backend) == [("float32", (2, 3))]


def test_unknown_length_scans(symbolic: SymbolicBackend) -> None:
    time = Dim("time")
    carry, xs = SymbolicArray((3,), "float32"), SymbolicArray((time, 3), "float32")
    after, ys = symbolic.scan(lambda c, x: (c, x), (carry,), (xs,), time, False)  # type: ignore[arg-type]
    assert after[0].shape == (3,) and ys[0].shape == (time, 3)


# -- conversion ------------------------------------------------------------------------


def test_constants_of_the_concrete_backend_are_operands(
    symbolic: SymbolicBackend,
) -> None:
    weight = get("numpy").from_numpy(np.ones((3, 4), "float32"))
    x = SymbolicArray((Dim(), 3), "float32")
    assert symbolic.matmul(x, weight).shape == (x.shape[0], 4)


def test_from_numpy_keeps_shape_and_dtype(symbolic: SymbolicBackend) -> None:
    x = symbolic.from_numpy(np.zeros((2, 3), dtypes.to_numpy("bfloat16")))
    assert (symbolic.shape(x), symbolic.dtype(x)) == ((2, 3), "bfloat16")
    assert symbolic.is_tensor(x) and not symbolic.is_tensor("x")


def test_to_numpy_explains_that_there_is_no_value(symbolic: SymbolicBackend) -> None:
    with pytest.raises(TraceError, match="traced"):
        symbolic.to_numpy(SymbolicArray((2,), "float32"))


def test_argument_has_the_shape_of_the_host_value(symbolic: SymbolicBackend) -> None:
    assert symbolic.argument((1, 2), "uint32").shape == (2,)
    assert symbolic.argument(0.1, "float32").dtype == "float32"


# -- refusals --------------------------------------------------------------------------

_REFUSED = [
    ("add", ("float32 2 3", "float32 4"), ShapeError, r"\(2, 3\) and \(4,\)"),
    ("add", ("float32 2", "int32 2"), DTypeError, "float32 and int32"),
    ("add", ("int32 2", 0.5), DTypeError, "would lose"),
    ("add", (1, 2), DTypeError, "at least one tensor"),
    ("sqrt", ("int32 2",), DTypeError, "int32"),
    ("matmul", ("float32 2 3", "float32 4 5"), ShapeError, r"\(2, 3\) and \(4, 5\)"),
    ("matmul", ("float32 3", "float32 3 5"), ShapeError, "matmul expects"),
    ("einsum", ("ij,jk->ik", "float32 2 3", "float32 4 5"), ShapeError, "one letter"),
    ("reshape", ("float32 2 3", (4, 2)), ShapeError, "product"),
    ("reshape", ("float32 2 3", (-1, 2)), ShapeError, "Resolve -1"),
    ("transpose", ("float32 2 3", (0, 0)), ShapeError, "once"),
    ("broadcast_to", ("float32 2 3", (2, 4)), ShapeError, "broadcast_to"),
    ("concatenate", (["float32 2 3", "float32 3 3"], 1), ShapeError, "axis 1"),
    ("slice", ("float32 4", (0,), (5,), (1,)), ShapeError, "stop"),
    ("take", ("float32 4", "float32 2", 0), DTypeError, "int32 or int64"),
    ("sum", ("float32 4", (1,), False), ShapeError, "axis"),
    ("max", ("float32 0", (0,), False), ShapeError, "empty"),
    ("solve", ("float32 2 3", "float32 2 1"), ShapeError, "square"),
    ("scatter", ("float32 4", "int32 2 1", "float32 3", "add"), ShapeError, "updates"),
    ("irfft", ("complex64 4", 9), ShapeError, "5 coefficients"),
    ("cast", ("complex64 4", "float32"), DTypeError, "complex to real"),
    ("bitcast", ("float32 4", "int8"), DTypeError, "32 bits"),
    (
        "conv",
        ("float32 1 5 3", "float32 2 4 8", (1,), ((0, 0),), (1,), 1),
        ShapeError,
        "4 channels",
    ),
    ("max_pool", ("float32 1 2 3", (3,), (1,), ((0, 0),)), ShapeError, "not fit"),
]


@pytest.mark.parametrize(("method", "args", "error", "text"), _REFUSED)
def test_wrong_arguments_are_refused(
    symbolic: SymbolicBackend, method: str, args: Any, error: Any, text: str
) -> None:
    row = Row(method, args, None)
    given = _arguments(row, lambda dtype, shape: SymbolicArray(shape, dtype))
    with pytest.raises(error, match=text):
        getattr(symbolic, method)(*given)


def test_wrong_shapes_are_refused_where_a_batch_is_unknown(
    symbolic: SymbolicBackend,
) -> None:
    batch = Dim()
    x = SymbolicArray((batch, 6), "float32")
    with pytest.raises(ShapeError, match="reshape keeps"):
        symbolic.reshape(x, (batch, 7))
    with pytest.raises(ShapeError, match="matmul expects"):
        symbolic.matmul(x, SymbolicArray((5, 2), "float32"))


def test_control_flow_refuses_changing_specs(symbolic: SymbolicBackend) -> None:
    x = SymbolicArray((2,), "float32")
    predicate = SymbolicArray((), "bool")
    with pytest.raises(ShapeError, match="both branches"):
        symbolic.cond(
            predicate, lambda a: (a,), lambda a: (symbolic.cast(a, "float64"),), (x,)
        )
    with pytest.raises(ShapeError, match="keep the state"):
        symbolic.while_loop(
            lambda a: predicate, lambda a: (symbolic.concatenate([a, a], 0),), (x,)
        )
    with pytest.raises(DTypeError, match="bool scalar"):
        symbolic.cond(x, lambda a: (a,), lambda a: (a,), (x,))


def test_broadcasting_assumes_the_known_size(symbolic: SymbolicBackend) -> None:
    a, b = Dim("a"), Dim("b")
    x = SymbolicArray((a, a, a), "float32")
    y = SymbolicArray((b, 3, 1), "float32")
    assert symbolic.add(x, y).shape == (a, 3, a)
