"""The promotion table equals JAX's, and every backend's results follow it."""

import itertools

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from multinet import dtypes, ops

WEAK = {bool: True, int: 1, float: 1.0, complex: 1j}
PAIRS = list(itertools.product(dtypes.ALL, repeat=2))
# Python numbers alone are 32 bits here, whatever JAX's x64 says.
NARROW = {"int64": "int32", "float64": "float32", "complex128": "complex64"}


@pytest.mark.parametrize("x, y", PAIRS)
def test_two_dtypes_promote_as_in_jax(x, y):
    want = jnp.promote_types(x, y)
    if {x, y} & {"uint64"} and dtypes.is_integer(x) and dtypes.is_integer(y):
        # JAX calls the join a weak float, which alone is floatx.
        want = np.dtype(NARROW.get(want.name, want.name)) if want.kind == "f" else want
    elif want == np.float64 and "float64" not in (x, y):
        want = np.dtype("float32")
    elif want == np.int64 and "int64" not in (x, y):
        want = np.dtype("int32")  # as in JAX without x64
    assert dtypes.promote(x, y) == want.name


@pytest.mark.parametrize("signed", ["int8", "int16", "int32"])
def test_uint32_with_a_signed_integer_is_int32_as_in_keras(signed, backend):
    assert keras.backend.result_type("uint32", signed) == "int32"
    assert (
        dtypes.promote("uint32", signed) == dtypes.promote(signed, "uint32") == "int32"
    )
    assert dtypes.promote("uint32", signed, "int64") == "int64"
    assert dtypes.promote("uint32", signed, "float16") == "float16"
    result = ops.subtract(ops.cast([1, 7], "uint32"), ops.cast([3, -2], signed))
    assert ops.dtype(result) == "int32"
    np.testing.assert_array_equal(ops.convert_to_numpy(result), [-2, 9])


def test_uint32_with_a_signed_integer_is_int64_where_64_bits_were_asked_for(
    backend, monkeypatch
):
    monkeypatch.setattr(dtypes, "_x64", True)
    result = ops.add(np.array([1 << 31], "uint32"), ops.cast([-1], "int32"))
    assert ops.dtype(result) == "int64"
    np.testing.assert_array_equal(ops.convert_to_numpy(result), [(1 << 31) - 1])


@pytest.mark.parametrize("kind", WEAK)
@pytest.mark.parametrize("dtype", dtypes.ALL)
def test_a_python_number_is_weak_as_in_jax(dtype, kind):
    want = (jnp.ones((), dtype) + WEAK[kind]).dtype.name
    if dtype == "bool" or dtypes.is_integer(dtype) and kind in (float, complex):
        want = NARROW.get(want, want)  # the number alone decides
    if dtype == "bool" and kind is bool:
        want = "bool"
    assert dtypes.promote(dtype, kind) == want


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "equal"])
def test_results_of_two_tensors_follow_the_table(name, backend):
    for x, y in PAIRS:
        if name == "maximum" and (dtypes.is_complex(x) or dtypes.is_complex(y)):
            continue
        tensors = (ops.ones((2,), d) for d in (x, y))
        want = "bool" if name == "equal" else dtypes.promote(x, y)
        assert ops.dtype(getattr(ops, name)(*tensors)) == want, (x, y)


def test_results_with_a_python_number_follow_the_table(backend):
    for dtype, kind in itertools.product(dtypes.ALL, WEAK):
        for name in ("add", "multiply"):
            result = getattr(ops, name)(ops.ones((2,), dtype), WEAK[kind])
            assert ops.dtype(result) == dtypes.promote(dtype, kind), (dtype, kind)
            result = getattr(ops, name)(WEAK[kind], ops.ones((2,), dtype))
            assert ops.dtype(result) == dtypes.promote(dtype, kind), (kind, dtype)


FLOATING = ("exp", "sqrt", "sin", "tanh", "mean", "std", "floor", "sigmoid", "softmax")


@pytest.mark.parametrize("name", FLOATING)
def test_functions_of_integers_give_floatx(name, backend):
    for dtype in ("bool", *dtypes.INTEGERS):
        assert ops.dtype(getattr(ops, name)(ops.ones((2,), dtype))) == "float32"
    for dtype in dtypes.FLOATS:
        assert ops.dtype(getattr(ops, name)(ops.ones((2,), dtype))) == dtype


def test_sums_of_narrow_integers_have_32_bits(backend):
    wide = {
        "bool": "int32",
        "int8": "int32",
        "int16": "int32",
        "uint8": "uint32",
        "uint16": "uint32",
    }
    for dtype in dtypes.ALL:
        want = wide.get(dtype, dtype)
        assert ops.dtype(ops.sum(ops.ones((2,), dtype))) == want
        if not dtypes.is_complex(dtype):
            assert ops.dtype(ops.prod(ops.ones((2,), dtype))) == want


def test_division_of_integers_gives_floatx(backend):
    for x, y in itertools.product(("bool", *dtypes.INTEGERS), repeat=2):
        result = ops.divide(ops.ones((2,), x), ops.ones((2,), y))
        assert ops.dtype(result) == "float32"


def test_a_number_that_does_not_fit_is_refused():
    from multinet.errors import DTypeError

    with pytest.raises(DTypeError, match="does not fit in uint8"):
        ops.add(ops.ones((2,), "uint8"), 300)
    with pytest.raises(DTypeError, match="does not fit in int32"):
        ops.convert_to_tensor([1 << 40])
