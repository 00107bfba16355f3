"""Probes of compilation, random bits and devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from multinet import philox
from multinet.conformance.check import compare, expect, fetch
from multinet.conformance.probes_program import near, pulled, single, tensor
from multinet.conformance.row import Array, Probe
from multinet.errors import BackendError, TraceError
from multinet.interface import Backend

Anything = Backend[Any]
KEYS = ((0, 0), (123456789, 42), (0xFFFFFFFF, 0x80000001))
SHAPES = ((), (1,), (5,), (7, 3), (4, 0, 2), (2, 3, 5), (1023,))


def _words(key: Any, shape: Any, width: int) -> Array:
    count = int(np.prod(shape))
    source = philox.words if width == 32 else philox.half_words
    return source(key, count).reshape(shape)


def _same(backend: Anything, got: Any, wanted: Array, what: str) -> None:
    compare(fetch(backend, got, what), wanted, str(wanted.dtype), what=what)


def _key(backend: Anything, key: Any) -> Any:
    return backend.from_numpy(np.array(key, np.uint32))


def _random_bits(backend: Anything) -> None:
    for width in (32, 16):
        for key in KEYS:
            for shape in SHAPES if key == KEYS[1] else SHAPES[2:4]:
                wanted = _words(key, shape, width)
                what = f"words of {key}, {shape}, width {width}"
                _same(backend, backend.random_bits(key, shape, width), wanted, what)
                bits = backend.random_bits(_key(backend, key), shape, width)
                _same(backend, bits, wanted, f"{what}, tensor key")


def _random_bits_long(backend: Anything) -> None:
    # Longer than the cache blocks that backends work in.
    for count in (8192 * 4 + 3, 100_001):
        wanted = _words(KEYS[1], (count,), 32)
        _same(
            backend,
            backend.random_bits(KEYS[1], (count,), 32),
            wanted,
            f"{count} words",
        )


def _random_bits_compiled(backend: Anything) -> None:
    for width, shape in ((32, (7, 3)), (16, (5,)), (16, (2, 3)), (32, ())):
        draw: Callable[..., Any] = backend.jit(
            lambda key, s=shape, w=width: (backend.random_bits(key, s, w),), ()
        )
        for key in KEYS:
            what = f"compiled words of {key}, {shape}, width {width}"
            wanted = _words(key, shape, width)
            _same(backend, draw(_key(backend, key))[0], wanted, what)
            argument = backend.argument(key, "uint32")
            _same(backend, draw(argument)[0], wanted, f"{what}, by argument")
        constant = backend.jit(
            lambda x, s=shape, w=width: (backend.random_bits(KEYS[1], s, w), x), ()
        )
        outputs = constant(tensor(backend, 1.0))
        what = f"compiled words of a host key, {shape}, width {width}"
        _same(backend, outputs[0], _words(KEYS[1], shape, width), what)


def _random_bits_mapped(backend: Anything) -> None:
    keys = backend.from_numpy(np.array(KEYS, np.uint32))
    for width in (32, 16):
        mapped = backend.vmap(
            lambda k, w=width: (backend.random_bits(k, (5,), w),), (0,)
        )
        wanted = np.stack([_words(key, (5,), width) for key in KEYS])
        _same(backend, mapped(keys)[0], wanted, f"words of vmapped keys, width {width}")
        compiled = backend.jit(lambda k, m=mapped: tuple(m(k)), ())
        what = f"compiled words of vmapped keys, width {width}"
        _same(backend, compiled(keys)[0], wanted, what)


def _fold_in(backend: Anything) -> None:
    for key in KEYS:
        for data in (0, 1, 77, 2**31, 2**32 - 1):
            wanted = np.array(philox.fold_in(key, data), np.uint32)
            what = f"fold_in({key}, {data})"
            _same(backend, backend.fold_in(_key(backend, key), data), wanted, what)
            number = backend.from_numpy(np.array(data, np.uint32))
            _same(backend, backend.fold_in(key, number), wanted, f"{what}, tensor data")
            both = backend.fold_in(_key(backend, key), number)
            _same(backend, both, wanted, f"{what}, both tensors")
    number = backend.from_numpy(np.array(9, np.int32))
    wanted = np.array(philox.fold_in(KEYS[1], 9), np.uint32)
    _same(
        backend, backend.fold_in(KEYS[1], number), wanted, "fold_in of an int32 tensor"
    )
    run = backend.jit(lambda k, d: (backend.fold_in(k, d),), ())
    outputs = run(_key(backend, KEYS[1]), number)
    _same(backend, outputs[0], wanted, "fold_in compiled")
    many = backend.from_numpy(np.array([9, 10], np.int32))
    mapped = backend.vmap(lambda d: (backend.fold_in(KEYS[1], d),), (0,))(many)[0]
    pairs = [philox.fold_in(KEYS[1], d) for d in (9, 10)]
    _same(backend, mapped, np.array(pairs, np.uint32), "fold_in of vmapped data")


def _jit(backend: Anything) -> None:
    calls: list[int] = []

    def function(x: Any, y: Any) -> Any:
        calls.append(1)
        return backend.add(backend.multiply(x, y), 1.0), backend.negative(y)

    compiled = backend.jit(function, ())
    x = single([1.0, -2.0, 0.5])
    for shape in ((3,), (2, 3), (3,), (3,)):
        for value in (2.0, -1.0):
            left, right = np.broadcast_to(x, shape), np.full(shape, value, np.float32)
            outputs = compiled(tensor(backend, left), tensor(backend, right))
            expect(isinstance(outputs, tuple), "outputs of jit", tuple, type(outputs))
            near(backend, outputs[0], left * right + 1, f"jit at {shape}")
            near(backend, outputs[1], -right, f"jit at {shape}, second output")
    ints = backend.from_numpy(np.array([1, 2, 3], np.int32))
    doubled = backend.jit(lambda x: (backend.add(x, x),), ())
    near(backend, doubled(ints)[0], [2, 4, 6], "jit at int32")
    near(backend, doubled(tensor(backend, x))[0], 2 * x, "jit at another dtype")


def _jit_arguments(backend: Anything) -> None:
    def function(x: Any, rate: Any, step: Any) -> Any:
        scaled = backend.multiply(x, rate)
        count = (
            backend.cast(step, "float32") if backend.is_tensor(step) else float(step)
        )
        return (backend.add(scaled, count),)

    compiled = backend.jit(function, ())
    x = single([1.0, 2.0])
    for rate, step in ((0.5, 1), (0.25, 2), (3.0, 100)):
        arguments = backend.argument(rate, "float32"), backend.argument(step, "int32")
        got = compiled(tensor(backend, x), *arguments)[0]
        near(backend, got, x * rate + step, f"jit with rate {rate}, step {step}")


def _jit_aliasing(backend: Anything) -> None:
    def function(x: Any) -> Any:
        y = backend.add(x, 1.0)
        return x, y, y, backend.reshape(y, (3, 1)), backend.stop_gradient(x)

    compiled = backend.jit(function, ())
    first = tensor(backend, [1.0, 2.0, 3.0])
    kept = compiled(first)
    compiled(tensor(backend, [7.0, 8.0, 9.0]))
    compiled(tensor(backend, [5.0, 5.0, 5.0]))
    for got, wanted in zip(kept, (1, 2, 2, 2, 1), strict=True):
        values = np.reshape(np.arange(wanted, wanted + 3), backend.shape(got))
        near(backend, got, values, "a result kept while jit runs again")
    update = backend.jit(lambda x: (backend.multiply(x, 2.0),), (0,))
    held = tensor(backend, [1.0, 2.0, 3.0])
    results = compiled(held)
    update(results[0])  # consumed: nothing else may change with it
    near(backend, held, [1, 2, 3], "an argument whose returned copy was donated")
    near(backend, results[4], [1, 2, 3], "a result beside one that was donated")
    update(results[1])
    near(backend, results[2], [2, 3, 4], "a result equal to one that was donated")


def _jit_donation(backend: Anything) -> None:
    def step(state: Any, batch: Any) -> Any:
        moved = backend.subtract(state, backend.multiply(batch, 0.5))
        return moved, backend.sum(state, (0,), False)

    compiled = backend.jit(step, (0,))
    state, wanted = tensor(backend, np.zeros(3)), np.zeros(3)
    for i in range(5):
        batch = np.arange(3) + i
        state, total = compiled(state, tensor(backend, batch))
        near(backend, total, wanted.sum(), "output beside a donated state")
        wanted = wanted - batch * 0.5
    near(backend, state, wanted, "state donated five times")
    constant = tensor(backend, [1.0, 2.0, 3.0])
    closed = backend.jit(lambda x: (backend.add(x, constant), constant), ())
    for _ in range(2):
        outputs = closed(tensor(backend, np.ones(3)))
        near(backend, outputs[0], [2, 3, 4], "jit that closes over a tensor")
        near(backend, outputs[1], [1, 2, 3], "jit that returns a closed-over tensor")


def _jit_trace_error(backend: Anything) -> None:
    seen: list[Any] = []

    def look(x: Any) -> Any:
        seen.append(backend.to_numpy(x))
        return (x,)

    try:
        backend.jit(look, ())(tensor(backend, [1.0, 2.0]))
    except TraceError:
        return
    # A backend whose jit just runs has a value to give, and it is the right one.
    expect(bool(seen), "to_numpy inside jit", "TraceError or the value", seen)
    compare(seen[0], single([1, 2]), "float32", what="to_numpy inside jit")


def _devices(backend: Anything) -> None:
    names = backend.devices()
    expect(isinstance(names, tuple) and len(names) > 0, "devices", "a tuple", names)
    for name in names:
        expect(":" in name and isinstance(name, str), "a device", "kind:number", name)
    expect(len(set(names)) == len(names), "devices", "no duplicates", names)


def _device(backend: Anything) -> None:
    for name in backend.devices():
        with backend.device(name):
            x = backend.add(tensor(backend, [1.0, 2.0]), 1.0)
        near(backend, x, [2.0, 3.0], f"tensor made on {name}")
    try:
        with backend.device("no-such-device:7"):
            backend.full((), 1.0, "float32")
    except BackendError as error:
        listed = all(name in str(error) for name in backend.devices())
        expect(listed, "the error of an unknown device", backend.devices(), error)
    else:
        expect(False, "an unknown device", "BackendError", "no error")


def _synchronize(backend: Anything) -> None:
    x = backend.matmul(*[tensor(backend, np.ones((64, 64)))] * 2)
    got = backend.synchronize(x)  # type: ignore[func-returns-value]
    expect(got is None, "synchronize", None, got)
    near(backend, x, np.full((64, 64), 64.0), "the tensor after synchronize")


def _mesh_of_one(backend: Anything) -> None:
    first = backend.devices()[0]
    mesh = backend.mesh((1, 1), ("data", "model"), (first,))
    told = (mesh.size, mesh.along("model"), mesh.index, mesh.count)
    expect(told == (1, 1, 0, 1), "size, axis, index and count", (1, 1, 0, 1), told)
    values, layout = single([[1, 2], [3, 4]]), ("data", "model")
    x = mesh.shard(values, layout)
    values[0, 0] = 9.0
    wanted = single([[1, 2], [3, 4]])
    near(backend, x, wanted, "a tensor made of a host array, a copy")
    near(backend, mesh.shard(x, ("data", None)), wanted, "a tensor on the mesh")
    near(backend, mesh.gather(x), wanted, "a tensor gathered")
    agreed = mesh.agree([3.0, 0.5])
    expect(agreed == [3.0, 0.5], "numbers agreed on", [3.0, 0.5], agreed)

    def squares(x: Any) -> Any:
        y = mesh.constrain(x, layout)
        return (backend.sum(backend.multiply(y, y), (0, 1), False),)

    for run in (squares, backend.jit(squares, ())):
        near(backend, run(x)[0], 30.0, "a sum through constrain")
    (slope,) = pulled(backend, squares, (x,), (tensor(backend, 1.0),))
    near(backend, slope, 2 * wanted, "the gradient through constrain")


def _mesh_unknown(backend: Anything) -> None:
    known = backend.devices()
    try:
        backend.mesh((1,), ("data",), ("no-such-device:7",))
    except BackendError as error:
        named = all(x in str(error) for x in ("no-such-device:7", known[0]))
        expect(named, "the error of an unknown device", "it and the known", error)
    else:
        expect(False, "a mesh of an unknown device", "BackendError", "no error")


def _mesh_of_several(backend: Anything) -> None:
    names = backend.devices()
    kind = names[0].partition(":")[0]
    alike = [name for name in names if name.startswith(f"{kind}:")][:2]
    if len(alike) < 2:
        return  # there is nothing to split on
    try:
        mesh = backend.mesh((2,), ("data",), alike)
    except BackendError:
        return  # it computes on one device at a time, and says so
    x = mesh.shard(single([[1, 2, 3], [4, 5, 6]]), ("data", None))
    total = backend.jit(lambda x: (backend.sum(x, (0,), False),), ())(x)[0]
    near(backend, total, [5, 7, 9], "a sum over an axis in parts")


PROBES: dict[str, tuple[tuple[str, Probe], ...]] = {
    "random_bits": (
        ("eager", _random_bits),
        ("long", _random_bits_long),
        ("compiled", _random_bits_compiled),
        ("mapped", _random_bits_mapped),
    ),
    "fold_in": (("keys and data", _fold_in),),
    "jit": (
        ("signatures", _jit),
        ("arguments", _jit_arguments),
        ("aliasing", _jit_aliasing),
        ("donation", _jit_donation),
        ("to_numpy inside", _jit_trace_error),
    ),
    "devices": (("names", _devices),),
    "device": (("contexts", _device),),
    "synchronize": (("returns nothing", _synchronize),),
}

#: Those of the fused method `mesh`.
MESH: tuple[tuple[str, Probe], ...] = (
    ("of one device", _mesh_of_one),
    ("unknown device", _mesh_unknown),
    ("of two devices", _mesh_of_several),
)
