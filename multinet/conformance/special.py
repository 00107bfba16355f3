"""Special values: each line of the interface's table of conventions is a test here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from multinet import dtypes, philox
from multinet.conformance.check import Mismatch, compare, expect, fetch
from multinet.conformance.probes_conversion import held
from multinet.conformance.probes_program import exact, near, pulled, single, tensor
from multinet.conformance.row import Probe
from multinet.conformance.special_edges import EDGES, wide_statistics
from multinet.interface import Backend

Anything = Backend[Any]


def _abs_at_zero(backend: Anything) -> None:
    exact(backend, backend.abs, [[0.0, -0.0, 2.0, -2.0]], [[0, 0, 1, -1]], "abs")
    if not held(backend, ("complex64",)):
        return
    zero = backend.from_numpy(np.array([0j, 3 + 4j], np.complex64))
    one = tensor(backend, np.ones(2))
    got = pulled(backend, lambda z: (backend.abs(z),), (zero,), (one,))[0]
    near(backend, got, [0, 0.6 + 0.8j], "gradient of abs at complex 0")


def _ties_of_two(backend: Anything) -> None:
    x, y = [1.0, 1.0, 2.0, 0.0], [1.0, 2.0, 1.0, 0.0]
    larger = [0.5, 0.0, 1.0, 0.5], [0.5, 1.0, 0.0, 0.5]
    exact(backend, backend.maximum, (x, y), larger, "maximum at ties")
    exact(backend, backend.minimum, (x, y), (larger[1], larger[0]), "minimum at ties")
    above = lambda x: backend.maximum(x, 1.0)  # noqa: E731
    exact(backend, above, (x,), ([0.5, 0.5, 1.0, 0.0],), "maximum with a scalar")


def _ties_of_many(backend: Anything) -> None:
    x = [[2.0, 2.0, 1.0, 2.0], [0.0, -1.0, -1.0, -1.0]]
    third = 1 / 3
    over = lambda name, axes: lambda x: getattr(backend, name)(x, axes, False)  # noqa: E731
    wanted = [[third, third, 0, third], [1, 0, 0, 0]]
    exact(backend, over("max", (1,)), (x,), (wanted,), "max at ties")
    wanted = [[0, 0, 1, 0], [0, third, third, third]]
    exact(backend, over("min", (1,)), (x,), (wanted,), "min at ties")
    wanted = [[third, third, 0, third], [0, 0, 0, 0]]
    exact(backend, over("max", (0, 1)), (x,), (wanted,), "max at ties, two axes")


def _max_pool_ties(backend: Anything) -> None:
    x = single([[1, 3, 3, 2], [3, 3, 0, 0], [5, 5, 0, 0], [5, 5, 0, 0]])
    wanted = single([[0, 1, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]])
    flat = ((0, 0), (0, 0))
    pool = lambda x: backend.max_pool(x, (2, 2), (2, 2), flat)  # noqa: E731
    image, wanted = x.reshape(1, 4, 4, 1), wanted.reshape(1, 4, 4, 1)
    exact(backend, pool, (image,), (wanted,), "max_pool at ties")
    overlapping = lambda x: backend.max_pool(x, (2,), (1,), ((1, 1),))  # noqa: E731
    row, takes = single([2, 2, 1, 1, 2]), single([2, 1, 1, 0, 2])
    shape = (1, 5, 1)
    exact(
        backend,
        overlapping,
        (row.reshape(shape),),
        (takes.reshape(shape),),
        "max_pool at ties, padded",
    )
    nan = x.copy()
    nan[0, 3] = np.nan
    got = fetch(backend, pool(tensor(backend, nan.reshape(1, 4, 4, 1))))
    compare(got, single([3, np.nan, 5, 0]).reshape(1, 2, 2, 1), "float32", what="NaN")


def _kinks_at_zero(backend: Anything) -> None:
    exact(backend, backend.relu, [[0.0, -1.0, 2.0]], [[0, 0, 1]], "relu at 0")
    leaky = lambda x: backend.leaky_relu(x, 0.2)  # noqa: E731
    exact(backend, leaky, [[0.0, -1.0, 2.0]], [[0.2, 0.2, 1]], "leaky_relu at 0")
    elu = lambda x: backend.elu(x, 1.5)  # noqa: E731
    exact(backend, elu, [[0.0, 1000.0]], [[1.5, 1]], "elu at 0 and far")
    clip = lambda x: backend.clip(x, 0.0, 1.0)  # noqa: E731
    wanted = [[0.5, 0.5, 1, 0, 0]]
    exact(backend, clip, [[0.0, 1.0, 0.5, -1.0, 2.0]], wanted, "clip at its bounds")
    softplus = [[0.5, 1, 0]]
    exact(backend, backend.softplus, [[0.0, 1000.0, -1000.0]], softplus, "softplus")


def _prod_zeros(backend: Anything) -> None:
    x = [[2.0, 0.0, 3.0], [0.0, 0.0, 5.0], [2.0, 3.0, 4.0]]
    wanted = [[0, 6, 0], [0, 0, 0], [12, 8, 6]]
    over = lambda x: backend.prod(x, (1,), False)  # noqa: E731
    exact(backend, over, (x,), (wanted,), "prod with zeros")
    total = lambda x: backend.prod(x, (0, 1), False)  # noqa: E731
    single = [[1.0, 2.0], [0.0, 4.0]], [[0, 0], [8, 0]]
    exact(backend, total, single[:1], single[1:], "prod with a zero, two axes")
    run = lambda x: backend.cumprod(x, 0)  # noqa: E731
    vector = [2.0, 0.0, 3.0, 4.0]
    exact(backend, run, (vector,), ([1, 2 + 6 + 24, 0, 0],), "cumprod with a zero")
    # Second order, where only the pair of zeros has an influence on each other.
    first = lambda x: (pulled(backend, lambda y: (over(y),), (x,), (one,))[0],)  # noqa: E731
    one = tensor(backend, np.ones(1))
    at, along = tensor(backend, [[0.0, 0.0, 5.0]]), tensor(backend, [[1.0, 2.0, 3.0]])
    got = pulled(backend, first, (at,), (along,))[0]
    near(backend, got, [[10.0, 5.0, 0.0]], "second derivative of prod with zeros")


def _power_at_zero(backend: Anything) -> None:
    x, y = [0.0, 0.0, 0.0, 0.0, 2.0], [0.0, 1.0, 2.0, 3.0, 0.0]
    wanted = [0, 1, 0, 0, 0], [0, 0, 0, 0, np.log(2)]
    exact(backend, backend.power, (x, y), wanted, "power at 0")
    square = lambda x: backend.power(x, 2)  # noqa: E731
    exact(backend, square, [[0.0, -3.0]], [[0, -6]], "power with a scalar exponent")
    nothing = lambda x: backend.power(x, 0)  # noqa: E731
    exact(backend, nothing, [[0.0, -3.0]], [[0, 0]], "power with exponent 0")


def _where_unselected(backend: Anything) -> None:
    def safe(x: Any) -> Any:
        positive = backend.less(0.0, x)
        return backend.where(positive, backend.log(x), 0.0)

    # log has slope inf at 0: the selected gradient there is 0 * inf unless it is masked
    # before it enters; where itself must hand exactly 0 to the branch.
    x, y = [1.0, 2.0, 3.0], [np.inf, np.nan, 5.0]
    mask = backend.from_numpy(np.array([True, True, False]))
    choose = lambda x, y: backend.where(mask, x, y)  # noqa: E731
    exact(backend, choose, (x, y), ([1, 1, 0], [0, 0, 1]), "where over inf and NaN")
    second = lambda x, y: backend.where(backend.logical_not(mask), y, x)  # noqa: E731
    exact(backend, second, (x, y), ([1, 1, 0], [0, 0, 1]), "where over inf and NaN")
    exact(backend, safe, [[1.0, 4.0]], [[1, 0.25]], "where over log")
    infinite = tensor(backend, [np.inf, np.inf, np.nan])
    scaled = lambda x: backend.where(mask, x, backend.multiply(infinite, 1.0))  # noqa: E731
    exact(backend, scaled, (x,), ([1, 1, 0],), "where with a constant inf")


def _nan(backend: Anything) -> None:
    x = single([[1, np.nan, 3], [np.nan, 2, np.nan], [1, 2, 3]])
    t = tensor(backend, x)
    for name in ("max", "min"):
        got = fetch(backend, getattr(backend, name)(t, (1,), False))
        wanted = getattr(np, name)(x, 1)
        compare(got, wanted, "float32", what=f"{name} of NaN")
    for name in ("maximum", "minimum"):
        got = fetch(backend, getattr(backend, name)(t, 2.0))
        compare(got, getattr(np, name)(x, 2), "float32", what=f"{name} of NaN")
        got = fetch(backend, getattr(backend, name)(2.0, t))
        compare(got, getattr(np, name)(x, 2), "float32", what=f"{name} with NaN")
    for name, wanted in (("argmax", [1, 0, 2]), ("argmin", [1, 0, 0])):
        got = fetch(backend, getattr(backend, name)(t, 1))
        compare(got, wanted, "int32", what=f"{name} finds the first NaN")
    got = fetch(backend, backend.sort(t))
    compare(got, np.sort(x, -1), "float32", what="sort puts NaN last")
    got = fetch(backend, backend.argsort(t))
    compare(got, np.argsort(x, -1, kind="stable"), "int32", what="argsort, NaN last")
    for name in ("relu", "sign", "sigmoid", "round"):
        got = fetch(backend, getattr(backend, name)(t))
        expect(bool(np.isnan(got[0, 1])), f"{name} of NaN", np.nan, got[0, 1])


def _stable(backend: Anything) -> None:
    generator = np.random.default_rng(0)
    for dtype in held(backend, ("float32", "int32", "uint8", "bool", "float16")):
        x = generator.integers(0, 2 if dtype == "bool" else 4, (3, 200)).astype(dtype)
        order = fetch(backend, backend.argsort(backend.from_numpy(x)))
        wanted = np.argsort(x, -1, kind="stable")
        compare(order, wanted, "int32", what=f"argsort of {dtype} ties")
        got = fetch(backend, backend.argmax(backend.from_numpy(x), 1))
        compare(got, np.argmax(x, 1), "int32", what=f"argmax of {dtype} ties")
        got = fetch(backend, backend.argmin(backend.from_numpy(x), 1))
        compare(got, np.argmin(x, 1), "int32", what=f"argmin of {dtype} ties")


def _rounding(backend: Anything) -> None:
    x = single([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.4999998])
    got = fetch(backend, backend.round(tensor(backend, x)))
    compare(got, [-2, -2, 0, 0, 2, 2, 3], "float32", what="round halves to even")
    fractions = tensor(backend, [-1.7, -0.2, 0.9, 1.7])
    got = fetch(backend, backend.cast(fractions, "int32"))
    compare(got, [-1, 0, 0, 1], "int32", what="float to int truncates")


def _division_signs(backend: Anything) -> None:
    x, y = np.array([7, -7, 7, -7, 6, -6]), np.array([3, 3, -3, -3, 3, 3])
    for dtype in held(backend, ("int8", "int32", "float32", "float16")):
        a, b = (backend.from_numpy(v.astype(dtypes.to_numpy(dtype))) for v in (x, y))
        quotient = fetch(backend, backend.floor_divide(a, b))
        compare(quotient, [2, -3, -3, 2, 2, -2], dtype, what=f"floor_divide, {dtype}")
        rest = fetch(backend, backend.mod(a, b))
        compare(rest, [1, 2, -2, -1, 0, 0], dtype, what=f"mod, {dtype}")
    big = backend.from_numpy(np.array([2**32 - 1, 2**31], np.uint32))
    got = fetch(backend, backend.floor_divide(big, 3))
    compare(got, [(2**32 - 1) // 3, 2**31 // 3], "uint32", what="uint32 floor_divide")


def _integers(backend: Anything) -> None:
    for dtype in held(backend):
        if not dtypes.is_integer(dtype):
            continue
        info = np.iinfo(dtype)
        x = np.array([info.max, info.min, 1, info.max // 2 + 1], dtype)
        t = backend.from_numpy(x)
        with np.errstate(over="ignore"):
            pairs: tuple[tuple[str, Callable[..., Any], Any], ...] = (
                ("add", lambda t: backend.add(t, t), x + x),
                ("subtract", lambda t: backend.subtract(0, t), np.zeros_like(x) - x),
                ("multiply", lambda t: backend.multiply(t, 3), x * x.dtype.type(3)),
                ("negative", lambda t: backend.negative(t), np.zeros_like(x) - x),
                ("right_shift", lambda t: backend.right_shift(t, 3), x >> 3),
                ("left_shift", lambda t: backend.left_shift(t, 1), x << 1),
                ("sort", lambda t: backend.sort(t), np.sort(x)),
                ("less", lambda t: backend.less(t, 1), x < 1),
                ("max", lambda t: backend.max(t, (0,), False), x.max()),
                ("abs", lambda t: backend.abs(t), np.abs(x)),
                ("sum", lambda t: backend.sum(t, (0,), False), x.sum(dtype=x.dtype)),
            )
        for name, function, wanted in pairs:
            got = fetch(backend, function(t))
            result = "bool" if name == "less" else dtype
            compare(got, wanted, result, what=f"{name} of {dtype} at its limits")


def _integer_vjp(backend: Anything) -> None:
    index = backend.from_numpy(np.array([1, 0], np.int32))
    flag = backend.from_numpy(np.array([True, False]))
    x = tensor(backend, [1.0, 2.0])

    def pick(x: Any, i: Any, b: Any) -> Any:
        return (backend.where(b, backend.take(x, i, 0), 0.0),)

    gradients = pulled(backend, pick, (x, index, flag), (tensor(backend, [3.0, 4.0]),))
    near(backend, gradients[0], [0, 3], "gradient beside integers")
    compare(fetch(backend, gradients[1]), [0, 0], "int32", what="gradient of int32")
    compare(fetch(backend, gradients[2]), [False] * 2, "bool", what="gradient of bool")


def _empty(backend: Anything) -> None:
    none = backend.full((0, 3), 1, "float32")
    total = fetch(backend, backend.sum(none, (0, 1), False))
    compare(total, 0.0, "float32", what="empty sum")
    product = fetch(backend, backend.prod(none, (0,), False))
    compare(product, np.ones(3), "float32", what="empty prod")
    got = fetch(backend, backend.any(backend.full((0,), True, "bool"), (0,), False))
    compare(got, False, "bool", what="empty any")
    got = fetch(backend, backend.all(backend.full((0,), False, "bool"), (0,), False))
    compare(got, True, "bool", what="empty all")


def _complex_gradients(backend: Anything) -> None:
    if not held(backend, ("complex64",)):
        return
    z = np.array([1 + 2j, -0.5 + 1j], np.complex64)
    ones = tensor(backend, np.ones(2))
    t = backend.from_numpy(z)

    def square_modulus(z: Any) -> Any:
        return (backend.real(backend.multiply(z, backend.conj(z))),)

    got = pulled(backend, square_modulus, (t,), (ones,))[0]
    near(backend, got, 2 * z, "gradient of |z|**2 is 2 z")
    got = pulled(backend, lambda z: (backend.imag(z),), (t,), (ones,))[0]
    near(backend, got, [1j, 1j], "gradient of imag is i")
    squares = lambda z: (backend.real(backend.multiply(z, z)),)  # noqa: E731
    got = pulled(backend, squares, (t,), (ones,))[0]
    near(backend, got, 2 * np.conj(z), "gradient of Re(z**2) is 2 conj(z)")
    exponential = lambda z: (backend.imag(backend.exp(z)),)  # noqa: E731
    got = pulled(backend, exponential, (t,), (ones,))[0]
    wanted = np.conj(-1j * np.exp(z.astype(complex)))
    near(backend, got, wanted, "gradient of Im(e**z)")


def _accurate_sums(backend: Anything) -> None:
    generator = np.random.default_rng(0)
    for shape, limit in (((4096, 16), 4e-7), ((1_000_000, 8), 3e-6)):
        x = generator.uniform(0, 1, shape).astype(np.float32)
        wanted = x.astype(np.float64).sum(0)
        runs: dict[str, Callable[..., Any]] = {
            "sum": lambda t: backend.sum(t, (0,), False),
            "sum compiled": lambda t: backend.jit(
                lambda t: (backend.sum(t, (0,), False),), ()
            )(t)[0],
            "mean": lambda t, n=float(shape[0]): backend.multiply(
                backend.mean(t, (0,), False), n
            ),
        }
        if shape[0] < 10_000:
            runs["gradient of a broadcast"] = lambda t: pulled(
                backend,
                lambda b: (backend.add(t, b),),
                (backend.full((16,), 0, "float32"),),
                (t,),
            )[0]
        t = backend.from_numpy(x)
        for name, run in runs.items():
            got = fetch(backend, run(t)).astype(np.float64)
            error = float(np.max(np.abs(got - wanted) / wanted))
            if error > limit:
                far = f"error {error:.1g}, allowed {limit:.0g}"
                raise Mismatch(f"{name} of {shape}", wanted, got, far)


def _low_floats(backend: Anything) -> None:
    for dtype in held(backend, ("float16", "bfloat16")):
        native = dtypes.to_numpy(dtype)
        x = backend.from_numpy(np.full((4096,), 0.25, native))
        got = fetch(backend, backend.sum(x, (0,), False))
        compare(got, 1024.0, dtype, what=f"sum of 4096 quarters in {dtype}")
        a = backend.from_numpy(np.full((1, 4096), 0.5, native))
        b = backend.from_numpy(np.full((4096, 1), 0.5, native))
        got = fetch(backend, backend.matmul(a, b))
        compare(got, [[1024.0]], dtype, what=f"matmul over 4096 in {dtype}")
        got = fetch(backend, backend.mean(x, (0,), False))
        compare(got, 0.25, dtype, what=f"mean in {dtype}")
        wide_statistics(backend, dtype)


def _full_float32(backend: Anything) -> None:
    # 1 + 2**-12 loses its tail in TF32 and bfloat16 products.
    a = np.full((8, 8), 1 + 2.0**-12, np.float32)
    t = backend.from_numpy(a)
    wanted = a.astype(np.float64) @ a
    got = fetch(backend, backend.matmul(t, t))
    compare(got, wanted, "float32", what="matmul in full float32", slack=0.5)
    got = fetch(backend, backend.einsum("ij,jk->ik", t, t))
    compare(got, wanted, "float32", what="einsum in full float32", slack=0.5)


def _purity(backend: Anything) -> None:
    x, updates = single([[3, 1, 2], [6, 5, 4]]), single([[9, 9, 9]])
    t, u = tensor(backend, x), tensor(backend, updates)
    place = backend.from_numpy(np.array([[0]], np.int32))
    for mode in ("set", "add", "multiply", "max", "min"):
        backend.scatter(t, place, u, mode)
        near(backend, t, x, f"the argument of scatter {mode}")
    for name in ("sort", "relu", "negative", "exp"):
        getattr(backend, name)(t)
    backend.add(t, t)
    backend.cumsum(t, 0)
    backend.flip(t, (0, 1))
    near(backend, t, x, "the argument of primitives")
    near(backend, u, updates, "the updates of scatter")


#: Known-answer vectors of Philox-4x32-10, published with Random123.
VECTORS = (
    (
        (0, 0),
        (0, 0, 0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0xA4093822, 0x299F31D0),
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)


def _philox(backend: Anything) -> None:
    for key, counter, wanted in VECTORS:
        got = philox.block(key, counter)
        expect(got == wanted, f"philox.block({key}, {counter})", wanted, got)
    key = (0xDEADBEEF, 0x12345678)
    words = [w for i in range(3) for w in philox.block(key, (i, 0, *key))]
    host = philox.words(key, 11).tolist()
    expect(host == words[:11], "philox.words", words[:11], host)
    got = fetch(backend, backend.random_bits(key, (11,), 32))
    compare(got, words[:11], "uint32", what="random_bits against the block function")
    halves = [half for w in words for half in (w & 0xFFFF, w >> 16)]
    got = fetch(backend, backend.random_bits(key, (23,), 16))
    compare(got, halves[:23], "uint16", what="random_bits of width 16")


_TABLE: dict[str, Probe] = {
    "abs at 0": _abs_at_zero,
    "ties of maximum and minimum": _ties_of_two,
    "ties of max and min over axes": _ties_of_many,
    "ties and NaN of max_pool": _max_pool_ties,
    "kinks at 0 and at bounds": _kinks_at_zero,
    "prod with zeros": _prod_zeros,
    "power at 0": _power_at_zero,
    "where over inf and NaN": _where_unselected,
    "NaN": _nan,
    **EDGES,
    "stable order": _stable,
    "rounding": _rounding,
    "signs of floor_divide and mod": _division_signs,
    "integers at their limits": _integers,
    "integers in vjp": _integer_vjp,
    "empty reductions": _empty,
    "complex gradients": _complex_gradients,
    "accurate sums": _accurate_sums,
    "low floats accumulate wider": _low_floats,
    "float32 is float32": _full_float32,
    "purity": _purity,
    "Philox known answers": _philox,
}
PROBES = tuple(_TABLE.items())
NAMES = tuple(_TABLE)
