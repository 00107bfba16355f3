"""Probes of conversion and creation: what no oracle of values can say."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet import dtypes
from multinet.conformance.check import compare, expect, fetch
from multinet.conformance.row import Array, Probe
from multinet.errors import DTypeError
from multinet.interface import Backend
from multinet.interface.signatures import ALL

Anything = Backend[Any]
SHAPES = ((2, 3), (), (0, 3))
TRACED = "traced"  # probes that stand on more than conversion, run with the primitives
#: Every backend holds these; it may refuse others with `DTypeError`.
REQUIRED = ("bool", "int32", "uint32", "float32")


def held(backend: Anything, among: tuple[str, ...] = ALL) -> tuple[str, ...]:
    """Return the dtypes, of those given, that the backend can hold."""
    found = []
    for dtype in among:
        try:
            backend.from_numpy(np.zeros(1, dtypes.to_numpy(dtype)))
        except DTypeError:
            if dtype in REQUIRED:
                raise
        else:
            found.append(dtype)
    return tuple(found)


def sample(dtype: str, shape: tuple[int, ...] = (2, 3)) -> Array:
    """Return values of a dtype, its extremes among them."""
    native = dtypes.to_numpy(dtype)
    count = int(np.prod(shape))
    if dtype == "bool":
        return (np.arange(count) % 2 == 0).reshape(shape)
    values = (np.arange(count) - count // 2 + 0.5).reshape(shape)
    if dtypes.is_complex(dtype):
        return (values + 1j * values[::-1] if shape else values + 2j).astype(native)
    if dtypes.is_integer(dtype):
        info = np.iinfo(native)
        extremes = np.array(
            [info.min, info.max, 0, 1, info.max - 1, info.min + 1], native
        )
        return np.resize(extremes, shape).astype(native)
    return np.asarray(values).astype(native)


def _round_trip(backend: Anything) -> None:
    for dtype in held(backend):
        for shape in SHAPES:
            array = sample(dtype, shape)
            got = fetch(backend, backend.from_numpy(array))
            compare(got, array, dtype, what=f"{dtype} {shape} there and back")
            expect(
                got.tobytes() == array.tobytes(), f"bits of {dtype} {shape}", array, got
            )


def _strided(backend: Anything) -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    for view in (
        array.T,
        array[::-1, ::2],
        array[:, 1],
        np.broadcast_to(array[0], (2, 4)),
    ):
        compare(fetch(backend, backend.from_numpy(view)), view, "float32")
    array.flags.writeable = False
    compare(fetch(backend, backend.from_numpy(array)), array, "float32")


def _in_does_not_alias(backend: Anything) -> None:
    # Large and aligned arrays are those that a framework would like to share.
    for shape in ((3,), (256, 256)):
        array = np.ones(shape, np.float32)
        tensor = backend.from_numpy(array)
        array[:] = 7
        values = fetch(backend, tensor)
        expect(
            bool(np.all(values == 1)), "a tensor after its source changed", 1, values
        )


def _out_does_not_alias(backend: Anything) -> None:
    for shape in ((3,), (256, 256)):
        tensor = backend.from_numpy(np.ones(shape, np.float32))
        array = backend.to_numpy(tensor)
        expect(
            array.flags.writeable, "to_numpy", "a writeable array", "a read-only one"
        )
        array[:] = 7
        values = backend.to_numpy(tensor)
        expect(bool(np.all(values == 1)), "a tensor after its copy changed", 1, values)


def _is_tensor(backend: Anything) -> None:
    tensor = backend.from_numpy(np.ones((2,), np.float32))
    expect(backend.is_tensor(tensor) is True, "is_tensor(tensor)", True, False)
    for foreign in (1, 2.5, True, None, "x", [tensor], (tensor,), object()):
        got = backend.is_tensor(foreign)
        expect(got is False, f"is_tensor({type(foreign).__name__})", False, got)


def _shape(backend: Anything) -> None:
    for shape in SHAPES:
        got = backend.shape(backend.from_numpy(np.zeros(shape, np.float32)))
        expect(type(got) is tuple, "type of shape", tuple, type(got))
        expect(got == shape, "shape", shape, got)
        kinds = {type(n) for n in got}
        expect(kinds <= {int}, "types in shape", {int}, kinds)


def _dtype(backend: Anything) -> None:
    for dtype in held(backend):
        got = backend.dtype(backend.from_numpy(np.zeros(2, dtypes.to_numpy(dtype))))
        expect(type(got) is str and got == dtype, "dtype", dtype, got)


def _seen(backend: Anything, method: str, transform: str) -> set[Any]:
    """Return what a method says inside a transform of a (4, 3) float32 tensor."""
    seen: list[Any] = []

    def look(x: Any) -> tuple[Any, ...]:
        seen.append(getattr(backend, method)(x))
        return (backend.negative(x),)

    tensor = backend.from_numpy(np.zeros((4, 3), np.float32))
    if transform == "vjp":
        backend.vjp(look, (tensor,))
    elif transform == "jvp":
        backend.jvp(look, (tensor,), (tensor,))
    else:
        wrapped = (
            backend.jit(look, ()) if transform == "jit" else backend.vmap(look, (0,))
        )
        wrapped(tensor)
    return set(seen)


def _traced(method: str, wanted: Any) -> Probe:
    def probe(backend: Anything) -> None:
        for transform in ("vjp", "jvp", "jit", "vmap"):
            value = wanted
            if method == "shape" and transform == "vmap":
                value = wanted[1:]
            got = _seen(backend, method, transform)
            expect(got == {value}, f"{method} inside {transform}", {value}, got)

    return probe


def _every_cast(backend: Anything) -> None:
    dtypes_held = held(backend)
    base = np.array([0, 1, 2, 3, 100])
    for source in dtypes_held:
        values = base.astype(dtypes.to_numpy(source))
        tensor = backend.from_numpy(values)
        for target in dtypes_held:
            if dtypes.is_complex(source) and not dtypes.is_complex(target):
                if target != "bool":
                    continue
            wanted = (
                values != 0 if target == "bool" else np.real(values.astype(complex))
            )
            got = fetch(backend, backend.cast(tensor, target))
            compare(got, wanted, target, what=f"{source} to {target}")


def _cast_wraps(backend: Anything) -> None:
    values = np.array([300, -1, 65537, -32769], np.int32)
    for target in ("uint8", "int8", "int16", "uint16", "uint32"):
        got = fetch(backend, backend.cast(backend.from_numpy(values), target))
        compare(got, values.astype(target), target, what=f"int32 to {target}")
    fractions = np.array([-1.7, -0.5, 0.5, 1.7, 2.5, 99.9], np.float32)
    got = fetch(backend, backend.cast(backend.from_numpy(fractions), "int32"))
    compare(got, np.trunc(fractions), "int32", what="float to integer truncates")


def _bitcast(backend: Anything) -> None:
    pairs = (
        ("float32", "int32"),
        ("float32", "uint32"),
        ("uint32", "float32"),
        ("int32", "uint32"),
        ("float16", "uint16"),
        ("bfloat16", "int16"),
        ("uint16", "bfloat16"),
        ("int8", "uint8"),
    )
    for source, target in pairs:
        if len(held(backend, (source, target))) < 2:
            continue
        for shape in SHAPES:
            array = (
                sample(source, shape)
                if source != "uint32"
                else np.full(shape, 0x3FC00000, np.uint32)
            )
            got = fetch(backend, backend.bitcast(backend.from_numpy(array), target))
            wanted = np.asarray(array).view(dtypes.to_numpy(target))
            same = got.tobytes() == wanted.tobytes() and got.dtype == wanted.dtype
            expect(same and got.shape == shape, f"{source} as {target}", wanted, got)


def _full(backend: Anything) -> None:
    for dtype in held(backend):
        one: Any = True if dtype == "bool" else 3
        for shape in SHAPES:
            got = fetch(backend, backend.full(shape, one, dtype))
            compare(
                got, np.full(shape, one), dtype, what=f"full({shape}, {one}, {dtype})"
            )
    values = (
        (1.5, "float32"),
        (np.inf, "float32"),
        (-7, "int8"),
        (1 - 2j, "complex64"),
    )
    for value, dtype in (*values, (2**32 - 1, "uint32"), (np.nan, "bfloat16")):
        if not held(backend, (dtype,)):
            continue
        got = fetch(backend, backend.full((2,), value, dtype))
        compare(got, np.full(2, value), dtype, what=f"full of {value}")


def _arange(backend: Anything) -> None:
    ranges: tuple[tuple[Any, ...], ...] = (
        (0, 5, 1, "int32"),
        (2, 11, 4, "int32"),
        (5, -3, -2, "int32"),
        (3, 3, 1, "int32"),
        (4, 1, 1, "float32"),
        (0, 1, 0.25, "float32"),
        (0.5, -2.0, -0.5, "float32"),
        (0, 1, 0.1, "float32"),
        (0, 6, 1, "uint8"),
        (-3, 4, 3, "int16"),
        (0, 4, 1, "bfloat16"),
        (0, 4, 0.5, "float16"),
    )
    for start, stop, step, dtype in ranges:
        if not held(backend, (dtype,)):
            continue
        count = max(0, int(np.ceil((stop - start) / step)))
        got = fetch(backend, backend.arange(start, stop, step, dtype))
        wanted = start + step * np.arange(count)
        compare(got, wanted, dtype, what=f"arange({start}, {stop}, {step}, {dtype})")


PROBES: dict[str, tuple[tuple[str, Probe], ...]] = {
    "from_numpy": (
        ("round trip", _round_trip),
        ("strides", _strided),
        ("does not alias", _in_does_not_alias),
    ),
    "to_numpy": (("round trip", _round_trip), ("does not alias", _out_does_not_alias)),
    "is_tensor": (
        ("tensors and others", _is_tensor),
        (TRACED, _traced("is_tensor", True)),
    ),
    "shape": (("eager", _shape), (TRACED, _traced("shape", (4, 3)))),
    "dtype": (("eager", _dtype), (TRACED, _traced("dtype", "float32"))),
    "bitcast": (("pairs of one width", _bitcast),),
    "full": (("all dtypes", _full),),
    "arange": (("integers and floats", _arange),),
}
CAST = (("every pair", _every_cast), ("wraps and truncates", _cast_wraps))
