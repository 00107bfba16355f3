"""Recurrences: weights are (directions, gates * size, n), as in the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from multinet import ops
from multinet.onnx.operators.shaping import cut
from multinet.onnx.values import sizes_of
from multinet.registry import current
from multinet.typing import Tensor

_DEFAULTS = {
    "LSTM": ["sigmoid", "tanh", "tanh"],
    "GRU": ["sigmoid", "tanh"],
    "RNN": ["tanh"],
}


def _matrix(w: Tensor, direction: int, order: tuple[int, ...]) -> Tensor:
    """Return the weights (gates * size, n) of a direction as (n, gates * size)."""
    return ops.transpose(_ordered(_row(w, direction), order))


def _row(x: Tensor, direction: int) -> Tensor:
    return ops.squeeze(cut(x, 0, direction, direction + 1), 0)


def _ordered(w: Tensor, order: tuple[int, ...]) -> Tensor:
    """Return gates, along the first axis, in another order."""
    if order == tuple(range(len(order))):
        return w
    parts = ops.split(w, len(order), axis=0)
    return ops.concatenate([parts[i] for i in order], axis=0)


def _halves(
    b: Any, direction: int, order: tuple[int, ...], size: int
) -> tuple[Any, Any]:
    """Return the biases of input and state; where a row has one, it is their sum."""
    if b is None:
        return None, None
    row, width = _row(b, direction), len(order) * size
    if sizes_of(row)[0] == width:
        return _ordered(row, order), None
    return tuple(
        _ordered(cut(row, 0, start, start + width), order) for start in (0, width)
    )  # type: ignore[return-value]


def _mask(lengths: Any, x: Tensor) -> Any:
    if lengths is None:
        return None
    steps = ops.arange(sizes_of(x)[1], dtype=ops.dtype(lengths))
    return ops.less(steps, ops.expand_dims(lengths, -1))


def _usual(call: Any, count: int) -> None:
    """Refuse what no recurrence here has."""
    wanted = _DEFAULTS[call.operator] * count
    given = [name.lower() for name in call.get("activations", wanted)]
    if given != wanted:
        raise call.refused(f"the activations {given}")
    for option in ("clip", "input_forget"):
        if call.get(option):
            raise call.refused(option)


def _run(
    call: Any, x: Tensor, w: Tensor, lengths: Any, states: list[Any], one: Any
) -> list[Tensor]:
    """Run `one` in each direction; return every step, and the last states."""
    count, size = sizes_of(w)[0], call.get("hidden_size")
    _usual(call, count)
    first = call.get("layout", 0)
    x = x if first else ops.transpose(x, (1, 0, 2))  # b t n
    mask, batch = _mask(lengths, x), sizes_of(x)[0]
    ys, lasts = [], []
    for k in range(count):
        backwards = k == 1 or call.get("direction", "forward") == "reverse"
        begun = [
            current().full((batch, size), 0.0, ops.dtype(x))
            if state is None
            else ops.squeeze(cut(state, 1 if first else 0, k, k + 1), 1 if first else 0)
            for state in states
        ]
        y, *last = one(x, begun, k, mask, backwards)
        if mask is not None:
            y = ops.where(ops.expand_dims(mask, -1), y, ops.zeros_like(y))
        ys.append(y)
        lasts.append(last)
    every = ops.stack(ys, 2 if first else 1)  # b t d m, or b d t m
    every = every if first else ops.transpose(every, (2, 1, 0, 3))
    return [every, *(ops.stack(h, 1 if first else 0) for h in zip(*lasts))]


def _lstm(
    call: Any,
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Any = None,
    lengths: Any = None,
    h: Any = None,
    c: Any = None,
    peepholes: Any = None,
) -> list[Tensor]:
    if peepholes is not None:
        raise call.refused("peepholes")
    order, size = (0, 2, 3, 1), call.get("hidden_size")  # i o f c to i f c o

    def one(x: Any, states: Any, k: int, mask: Any, backwards: bool) -> Any:
        bias, other = _halves(b, k, order, size)
        bias = bias if other is None else ops.add(bias, other)
        h, c = states
        kernel, recurrent = _matrix(w, k, order), _matrix(r, k, order)
        return current().lstm(x, h, c, kernel, recurrent, bias, mask, backwards)

    return _run(call, x, w, lengths, [h, c], one)


def _gru(
    call: Any,
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Any = None,
    lengths: Any = None,
    h: Any = None,
) -> list[Tensor]:
    order, size = (0, 1, 2), call.get("hidden_size")
    after = bool(call.get("linear_before_reset", 0))

    def one(x: Any, states: Any, k: int, mask: Any, backwards: bool) -> Any:
        bias, other = _halves(b, k, order, size)
        if not after and other is not None:
            bias, other = ops.add(bias, other), None
        kernel, recurrent = _matrix(w, k, order), _matrix(r, k, order)
        return current().gru(
            x, states[0], kernel, recurrent, bias, other, mask, backwards, after
        )

    return _run(call, x, w, lengths, [h], one)


def _rnn(
    call: Any,
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Any = None,
    lengths: Any = None,
    h: Any = None,
) -> list[Tensor]:
    size = call.get("hidden_size")

    def one(x: Any, states: Any, k: int, mask: Any, backwards: bool) -> Any:
        bias, other = _halves(b, k, (0,), size)
        z = ops.matmul(x, _matrix(w, k, (0,)))
        for part in (bias, other):
            z = z if part is None else ops.add(z, part)
        recurrent = _matrix(r, k, (0,))
        rows = [ops.transpose(z, (1, 0, 2))]
        if mask is not None:
            rows.append(ops.expand_dims(ops.transpose(mask), -1))

        def step(h: Any, row: Any) -> Any:
            new = ops.tanh(ops.add(row[0], ops.matmul(h, recurrent)))
            new = new if mask is None else ops.where(row[1], new, h)
            return new, new

        last, ys = ops.scan(step, states[0], rows, reverse=backwards)
        return ops.transpose(ys, (1, 0, 2)), last

    return _run(call, x, w, lengths, [h], one)


TENSORS: dict[str, Callable[..., Any]] = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}
