"""Probes of fused methods that no oracle of one call describes."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from multinet import dtypes, philox
from multinet.conformance.check import compare, expect, fetch
from multinet.conformance.probes_conversion import held
from multinet.conformance.probes_program import near, single, tensor
from multinet.conformance.row import Array, Probe
from multinet.interface import Backend

Anything = Backend[Any]
KEYS = ((5, 77), (0xFFFFFFFF, 0x80000001))
SHAPES = ((5,), (7, 3), (), (0, 2))


def _copy(backend: Anything) -> None:
    x = tensor(backend, [1.0, 2.0, 3.0])
    double = backend.jit(lambda x: (backend.multiply(x, 2.0),), (0,))
    kept = backend.copy(x)
    double(x)
    near(backend, kept, [1.0, 2.0, 3.0], "a copy after its source was consumed")


def _common_dtype(backend: Anything) -> None:
    for name in held(backend):
        x, y = (tensor(backend, [1, 2], name) for _ in range(2))
        found = backend.common_dtype(x, y)
        expect(found in (name, None), "common_dtype", name, found)
    x, y = tensor(backend, [1.0, 2.0]), tensor(backend, [1, 2], "int32")
    expect(backend.common_dtype(x, x) == "float32", "common_dtype", "float32", "other")
    for pair in ((x, y), (x, 1.0), (1.0, x), (None, None)):
        found = backend.common_dtype(*pair)
        expect(found is None, "common_dtype of others", None, found)


def _argument(backend: Anything) -> None:
    run = backend.jit(lambda x, a: (backend.multiply(x, a),), ())
    x = tensor(backend, [1.0, 2.0])
    for value in (0.5, 3.0):
        got = run(x, backend.argument(value, "float32"))[0]
        near(backend, got, single([1, 2]) * value, f"argument {value}")


def _value_and_grad(backend: Anything) -> None:
    x, y = single([1.0, -2.0, 0.5]), single([3.0, 0.25, -1.5])
    count = tensor(backend, 7, "int32")

    def loss(x: Any, y: Any, n: Any) -> Any:
        product = backend.multiply(backend.multiply(x, x), y)
        return backend.sum(product, (0,), False), product, backend.add(n, 1)

    def run(x: Any, y: Any, n: Any) -> Any:
        value, auxiliary, gradients = backend.value_and_grad(loss, (x, y, n))
        return (value, *auxiliary, *gradients)

    wanted = (np.sum(x * x * y), x * x * y, 8, 2 * x * y, x * x, 0)
    for function in (run, backend.jit(run, ())):
        outputs = function(tensor(backend, x), tensor(backend, y), count)
        for i, (got, value) in enumerate(zip(outputs, wanted, strict=True)):
            near(backend, got, value, f"output {i} of value_and_grad")

    def nested(x: Any, y: Any) -> Any:
        gradients = backend.value_and_grad(lambda a, b: loss(a, b, count)[:1], (x, y))[
            2
        ]
        return (backend.sum(backend.square(gradients[0]), (0,), False),)

    outer = backend.value_and_grad(nested, (tensor(backend, x), tensor(backend, y)))
    near(backend, outer[2][0], 8 * x * y * y, "gradient of a gradient, for x")
    near(backend, outer[2][1], 8 * x * x * y, "gradient of a gradient, for y")


def _draws(backend: Anything, draw: Any, key: Any) -> list[Any]:
    """Return a draw eager by host key, by tensor key, and compiled."""
    tensor_key = backend.from_numpy(np.array(key, np.uint32))
    compiled = backend.jit(lambda k: (draw(k),), ())
    return [
        draw(key),
        draw(tensor_key),
        compiled(tensor_key)[0],
        compiled(backend.argument(key, "uint32"))[0],
    ]


def _uniform_words(key: Any, shape: Any) -> Array:
    return philox.words(key, int(np.prod(shape))).reshape(shape)


def _random_uniform(backend: Anything) -> None:
    for key in KEYS:
        for shape in SHAPES:
            wanted = (_uniform_words(key, shape) >> 8) * 2.0**-24
            for got in _draws(
                backend, lambda k, s=shape: backend.random_uniform(k, s), key
            ):
                array = fetch(backend, got)
                compare(array, wanted, "float32", what="uniform")
                same = np.array_equal(array, wanted)
                expect(same, f"bits of uniforms {shape}", wanted, array)


def _random_normal(backend: Anything) -> None:
    for key in KEYS:
        for shape in SHAPES:
            v = ((_uniform_words(key, shape) >> 9) + 0.5) * 2.0**-22 - 1
            wanted = np.sqrt(2) * special.erfinv(v)
            for got in _draws(
                backend, lambda k, s=shape: backend.random_normal(k, s), key
            ):
                compare(fetch(backend, got), wanted, "float32", what="normal", slack=3)


def _dropout_mask(backend: Anything) -> None:
    for key in KEYS:
        for shape in SHAPES:
            for rate in (0.0, 0.25, 0.5, 0.9, 0.99999):
                threshold = min(round(rate * 65536), 65535)
                count = int(np.prod(shape))
                lanes = philox.half_words(key, count).astype(np.int64).reshape(shape)
                what = f"dropout mask {shape}, rate {rate}"
                draw = lambda k, s=shape, r=rate: backend.dropout_mask(k, s, r)  # noqa: E731
                kinds = _draws(backend, draw, key) if rate == 0.25 else [draw(key)]
                for got in kinds:
                    compare(fetch(backend, got), lanes >= threshold, "bool", what=what)


def _eye(backend: Anything) -> None:
    for dtype in held(backend):
        got = fetch(backend, backend.eye(2, 3, 1, dtype))
        compare(got, np.eye(2, 3, 1), dtype, what=f"eye in {dtype}")
    for rows, columns, offset in (
        (3, 3, 0),
        (3, 2, -1),
        (2, 3, 7),
        (0, 2, 0),
        (1, 1, 0),
    ):
        got = fetch(backend, backend.eye(rows, columns, offset, "float32"))
        wanted = np.eye(rows, columns, offset)
        compare(got, wanted, "float32", what=f"eye({rows}, {columns}, {offset})")


def _one_hot(backend: Anything) -> None:
    labels = np.array([[0, 2], [2, 1]])
    for source in held(backend):
        if not dtypes.is_integer(source):
            continue
        index = backend.from_numpy(labels.astype(source))
        got = fetch(backend, backend.one_hot(index, 3, "float32"))
        wanted = labels[..., None] == np.arange(3)
        compare(got, wanted, "float32", what=f"one_hot of {source}")
    small = backend.from_numpy(np.array([0, 255], np.int32))
    got = fetch(backend, backend.one_hot(backend.cast(small, "int32"), 300, "bool"))
    compare(got, np.eye(300)[[0, 255]], "bool", what="one_hot of 300 classes")
    scalar = backend.from_numpy(np.array(1, np.int32))
    got = fetch(backend, backend.one_hot(scalar, 2, "int32"))
    compare(got, [0, 1], "int32", what="one_hot of 0-d")


def _lists(seed: int) -> list[Array]:
    generator = np.random.default_rng(seed)
    shapes: tuple[tuple[int, ...], ...] = ((3, 2), (), (4,), (1, 1))
    return [generator.uniform(-1, 1, s).astype(np.float32) for s in shapes]


def _tensors(backend: Anything, arrays: list[Array]) -> list[Any]:
    return [backend.from_numpy(a) for a in arrays]


def _decay(backend: Anything) -> None:
    params = _lists(1)
    for rate in (0.1, tensor(backend, 0.025)):
        got = backend.decay_update(_tensors(backend, params), rate)
        kept = 0.9 if isinstance(rate, float) else 0.975
        _all_near(backend, got, [p * np.float64(kept) for p in params], "decayed")


def _sgd(backend: Anything) -> None:
    for momentum, nesterov in ((0.0, False), (0.9, False), (0.9, True)):
        params, slots = _lists(1), [np.zeros_like(p) for p in _lists(1)]
        wanted = [p.astype(np.float64) for p in params]
        velocities = [v.astype(np.float64) for v in slots]
        native = _tensors(backend, params)
        kept = _tensors(backend, slots) if momentum else []
        for step in range(3):
            rate: Any = (0.1, 0.05, tensor(backend, 0.025))[step]
            gradients = _lists(10 + step)
            native, kept = backend.sgd_update(
                native, _tensors(backend, gradients), kept, rate, momentum, nesterov
            )
            rate = (0.1, 0.05, 0.025)[step]
            for i, g in enumerate(gradients):
                velocities[i] = momentum * velocities[i] - rate * g
                change = velocities[i]
                if nesterov:
                    change = momentum * velocities[i] - rate * g
                wanted[i] = wanted[i] + change
        what = f"sgd, momentum {momentum}, nesterov {nesterov}"
        _all_near(backend, native, wanted, f"params of {what}")
        expected = velocities if momentum else []
        _all_near(backend, kept, expected, f"velocities of {what}")


def _all_near(backend: Anything, got: Any, wanted: Any, what: str) -> None:
    expect(isinstance(got, list), what, "a list", type(got))
    expect(len(got) == len(wanted), f"number of {what}", len(wanted), len(got))
    for x, y in zip(got, wanted, strict=True):
        near(backend, x, y, what)


def _near_together(
    backend: Anything, got: list[Any], wanted: list[Array], what: str
) -> None:
    # By the largest element of all: the one mean of a scalar may nearly cancel, and a
    # kernel that holds beta_1 in float32 (torch's on CUDA) is then 1.6e-5 of it off.
    arrays = [fetch(backend, x, what) for x in got]
    for x, y in zip(arrays, wanted, strict=True):
        expect(x.shape == y.shape, f"shape of {what}", y.shape, x.shape)
    flat, whole = (np.concatenate([x.ravel() for x in xs]) for xs in (arrays, wanted))
    compare(flat, whole, str(flat.dtype), what=what, floor=1.0, slack=4)


def _adam(backend: Anything, compiled: bool) -> None:
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-7
    params = _lists(1)
    count = len(params)
    wanted = [p.astype(np.float64) for p in params]
    means = [np.zeros(p.shape) for p in params]
    variances = [np.zeros(p.shape) for p in params]
    state = tuple(_tensors(backend, [*params, *(np.zeros_like(p) for p in params * 2)]))

    def update(*values: Any) -> Any:
        state, grads = values[: 3 * count], values[3 * count : 4 * count]
        step, rate = values[4 * count :]
        lists = [list(state[i * count : (i + 1) * count]) for i in range(3)]
        new = backend.adam_update(
            lists[0],
            list(grads),
            lists[1],
            lists[2],
            step,
            rate,
            beta_1,
            beta_2,
            epsilon,
        )
        return tuple(x for values in new for x in values)

    run = backend.jit(update, tuple(range(3 * count))) if compiled else update
    for step in range(1, 6):
        gradients, rate = _lists(20 + step), 0.01 * step
        arguments: tuple[Any, Any] = (step, rate)
        if compiled:
            arguments = (
                backend.argument(step, "int32"),
                backend.argument(rate, "float32"),
            )
        state = run(*state, *_tensors(backend, gradients), *arguments)
        scale = rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        for i, g in enumerate(gradients):
            wide = g.astype(np.float64)
            means[i] += (wide - means[i]) * (1 - beta_1)
            variances[i] += (wide * wide - variances[i]) * (1 - beta_2)
            wanted[i] = wanted[i] - scale * means[i] / (np.sqrt(variances[i]) + epsilon)
    for i, values in enumerate((wanted, means, variances)):
        tensors = list(state[i * count : (i + 1) * count])
        _near_together(backend, tensors, values, "Adam after five steps")


def _adam_small(backend: Anything) -> None:
    # Gradients near epsilon show where epsilon stands in the formula.
    gradient, epsilon = 1e-6, 1e-7
    zero = [tensor(backend, [0.0])]
    new = backend.adam_update(
        [tensor(backend, [0.0])],
        [tensor(backend, [gradient])],
        zero,
        [tensor(backend, [0.0])],
        1,
        1.0,
        0.9,
        0.999,
        epsilon,
    )
    root = np.sqrt(0.001) * gradient
    wanted = -np.sqrt(0.001) / 0.1 * 0.1 * gradient / (root + epsilon)
    near(backend, new[0][0], [wanted], "Adam with a gradient near epsilon")


PROBES: dict[str, tuple[tuple[str, Probe], ...]] = {
    "copy": (("memory of its own", _copy),),
    "argument": (("through jit", _argument),),
    "common_dtype": (("pairs", _common_dtype),),
    "value_and_grad": (("values and gradients", _value_and_grad),),
    "random_uniform": (("equal bit for bit", _random_uniform),),
    "random_normal": (("of the words", _random_normal),),
    "dropout_mask": (("equal bit for bit", _dropout_mask),),
    "eye": (("all dtypes", _eye),),
    "one_hot": (("integers", _one_hot),),
    "decay_update": (("two rates", _decay),),
    "sgd_update": (("three steps", _sgd),),
    "adam_update": (
        ("five steps", lambda backend: _adam(backend, False)),
        ("five steps, compiled", lambda backend: _adam(backend, True)),
        ("small gradients", _adam_small),
    ),
}
