"""Kernels of the recurrences, forward and back, with their gradient rules.

The gates that are sigmoids stand first and their weights are halved, so that one tanh a
step serves all: sigmoid(z) = tanh(z / 2) / 2 + 1/2. Time comes first inside. A state
array has a row more than there are steps: step k reads row `k + before` and writes row
`k + after`. A training step takes a third of the time of one made of primitives.

A kernel's last argument is not for it but for the rule of its adjoint, which is linear
in the cotangents, so that its gradient is the tangent of the method: the function
`tangents(inputs, tangents, rest)` of the backend, which has the body of the method.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet_numpy.tape import Traced, rule


def _rows(x: Any) -> Any:
    """Return (b, t, n) as (t * b, n)."""
    return x.transpose(1, 0, 2).reshape(-1, x.shape[2])


def _order(reverse: bool, steps: int) -> tuple[range, int, int]:
    """Return the steps in order, and the offsets `before` and `after`."""
    return (range(steps - 1, -1, -1), 1, 0) if reverse else (range(steps), 0, 1)


def _states(state: Any, steps: int, reverse: bool) -> Any:
    states = np.empty((steps + 1, *state.shape), state.dtype)
    states[steps if reverse else 0] = state
    return states


def _idle(mask: Any, steps: int) -> Any:
    """Return for each step the rows that are masked."""
    if mask is None:
        return [()] * steps
    return [np.flatnonzero(column) for column in np.logical_not(mask).T]


def _halved(weight: Any, gates: int, m: int) -> Any:
    weight = np.array(weight)
    weight[..., : gates * m] *= 0.5
    return weight


def _squash(z: Any, width: int) -> None:
    """Make z the tanh of itself, and its first columns sigmoids of their double."""
    np.tanh(z, z)
    z = z[:, :width]
    z *= 0.5
    z += 0.5


# -- LSTM ------------------------------------------------------------------------------


def _swapped(weight: Any, m: int) -> Any:
    """Exchange the last two of four gates: i, f, g, o and i, f, o, g."""
    parts = (weight[..., : 2 * m], weight[..., 3 * m :], weight[..., 2 * m : 3 * m])
    return np.concatenate(parts, -1)


def lstm(
    x: Any,
    h: Any,
    c: Any,
    kernel: Any,
    recurrent: Any,
    bias: Any,
    mask: Any,
    reverse: bool,
    tangents: Any,
) -> tuple[Any, ...]:
    """Return ys and the last h and c; then the states, the gates and tanh(c)."""
    (b, t, _), m = x.shape, h.shape[1]
    packed = [_halved(_swapped(w, m), 3, m) for w in (kernel, recurrent, bias)]
    z = _rows(x) @ packed[0]
    z += packed[2]
    z = z.reshape(t, b, 4 * m)
    hs, cs = _states(h, t, reverse), _states(c, t, reverse)
    tcs, part = np.empty((t, b, m), z.dtype), np.empty((b, m), z.dtype)
    steps, before, after = _order(reverse, t)
    idle, inner = _idle(mask, t), np.empty((b, 4 * m), z.dtype)
    for k in steps:
        zk, c, new_c, new_h = z[k], cs[k + before], cs[k + after], hs[k + after]
        zk += np.matmul(hs[k + before], packed[1], inner)
        _squash(zk, 3 * m)
        np.multiply(zk[:, m : 2 * m], c, new_c)
        new_c += np.multiply(zk[:, :m], zk[:, 3 * m :], part)
        np.tanh(new_c, tcs[k])
        np.multiply(zk[:, 2 * m : 3 * m], tcs[k], new_h)
        if len(idle[k]):
            new_c[idle[k]] = c[idle[k]]
            new_h[idle[k]] = hs[k + before][idle[k]]
    end = 0 if reverse else t
    ys = hs[after : after + t].transpose(1, 0, 2)
    return ys, hs[end], cs[end], hs, cs, z, tcs


def lstm_adjoint(
    gy: Any,
    gh: Any,
    gc: Any,
    x: Any,
    h: Any,
    c: Any,
    kernel: Any,
    recurrent: Any,
    bias: Any,
    mask: Any,
    reverse: bool,
    tangents: Any,
    for_x: bool,
    hs: Any,
    cs: Any,
    z: Any,
    tcs: Any,
) -> tuple[Any, ...]:
    """Return the cotangents of h, c, kernel, recurrent, bias, and with `for_x` x."""
    t, b, m = tcs.shape
    dz, part = np.empty_like(z), np.empty((b, m), z.dtype)
    dh, dc = (np.zeros((b, m), z.dtype) if g is None else np.array(g) for g in (gh, gc))
    transposed = np.ascontiguousarray(_swapped(recurrent, m).T)
    steps, before, after = _order(reverse, t)
    idle, slope = _idle(mask, t), np.empty((b, 3 * m), z.dtype)
    for k in reversed(steps):
        zk, d, tc, rows = z[k], dz[k], tcs[k], idle[k]
        s, g, ds = zk[:, : 3 * m], zk[:, 3 * m :], d[:, : 3 * m]
        if gy is not None:
            dh += gy[:, k]
        kept = (dh[rows], dc[rows]) if len(rows) else None
        np.multiply(dh, tc, ds[:, 2 * m :])
        dh *= s[:, 2 * m :]
        np.subtract(1.0, np.multiply(tc, tc, part), part)
        dc += np.multiply(dh, part, part)
        np.multiply(dc, g, ds[:, :m])
        np.multiply(dc, cs[k + before], ds[:, m : 2 * m])
        np.subtract(1.0, s, slope)
        slope *= s
        ds *= slope
        np.subtract(1.0, np.multiply(g, g, part), part)
        part *= s[:, :m]
        np.multiply(dc, part, d[:, 3 * m :])
        dc *= s[:, m : 2 * m]
        if kept is not None:
            d[rows] = 0.0
        np.matmul(d, transposed, dh)
        if kept is not None:
            dh[rows], dc[rows] = kept
    dz = dz.reshape(t * b, 4 * m)
    past = hs[before : before + t].reshape(t * b, m)
    weights = (_rows(x).T @ dz, past.T @ dz, _column_sums(dz))
    found = (dh, dc, *(_swapped(w, m) for w in weights))
    if for_x:
        found = (*found, _unrolled(dz @ _swapped(kernel, m).T, b))
    return found


def _column_sums(x: Any) -> Any:
    return np.ones(len(x), x.dtype) @ x


def _unrolled(rows: Any, b: int) -> Any:
    """Return (t * b, n) as (b, t, n)."""
    return rows.reshape(-1, b, rows.shape[1]).transpose(1, 0, 2)


@rule("lstm")
def _(F, g, need, out, *inputs):
    found = F.lstm_adjoint(*g[:3], *inputs, need[0], *out[3:])
    return need[0] and found[5], *found[:5]


@rule("lstm_adjoint")
def _(F, g, need, out, *args):
    return args[11](args[3:9], _of_inputs(g, args[3:9]), args[9:11])


def _of_inputs(g: Any, inputs: Any) -> list[Any]:
    """Return the tangents `g`, where that of x is the last, in the order of inputs."""
    g = [g[5] if len(g) > 5 else None, *g[:5]]
    return [np.zeros(x.shape, x.dtype) if t is None else t for x, t in zip(inputs, g)]


# -- GRU -------------------------------------------------------------------------------


def gru(
    x: Any,
    h: Any,
    kernel: Any,
    recurrent: Any,
    bias: Any,
    recurrent_bias: Any,
    mask: Any,
    reverse: bool,
    reset_after: bool,
    tangents: Any,
) -> tuple[Any, ...]:
    """Return ys and the last h; then the states, the gates and what met the reset."""
    (b, t, _), m = x.shape, h.shape[1]
    weights = (kernel, recurrent, bias, recurrent_bias)
    kernel, recurrent, bias, recurrent_bias = (_halved(w, 2, m) for w in weights)
    a = _rows(x) @ kernel
    a += bias
    a = a.reshape(t, b, 3 * m)
    hs, resets = _states(h, t, reverse), np.empty((t, b, m), a.dtype)
    steps, before, after = _order(reverse, t)
    idle, part = _idle(mask, t), np.empty((b, m), a.dtype)
    for k in steps:
        ak, h, new, reset = a[k], hs[k + before], hs[k + after], resets[k]
        gates, g = ak[:, : 2 * m], ak[:, 2 * m :]
        if reset_after:
            u = h @ recurrent
            u += recurrent_bias
            gates += u[:, : 2 * m]
        else:
            gates += h @ recurrent[:, : 2 * m]
        _squash(gates, 2 * m)
        z, r = gates[:, :m], gates[:, m:]
        if reset_after:
            reset[:] = u[:, 2 * m :]
            g += np.multiply(r, reset, part)
        else:
            g += np.multiply(r, h, reset) @ recurrent[:, 2 * m :]
        np.tanh(g, g)
        np.subtract(h, g, new)
        new *= z
        new += g
        if len(idle[k]):
            new[idle[k]] = h[idle[k]]
    ys = hs[after : after + t].transpose(1, 0, 2)
    return ys, hs[0 if reverse else t], hs, a, resets


def gru_adjoint(
    gy: Any,
    gh: Any,
    x: Any,
    h: Any,
    kernel: Any,
    recurrent: Any,
    bias: Any,
    recurrent_bias: Any,
    mask: Any,
    reverse: bool,
    reset_after: bool,
    tangents: Any,
    for_x: bool,
    hs: Any,
    gates: Any,
    resets: Any,
) -> tuple[Any, ...]:
    """Return the cotangents of h and the weights, and with `for_x` that of x."""
    t, b, m = resets.shape
    da, part = np.empty_like(gates), np.empty((b, m), gates.dtype)
    du = np.empty_like(gates) if reset_after else da
    dh = np.zeros((b, m), gates.dtype) if gh is None else np.array(gh)
    transposed = np.ascontiguousarray(recurrent.T)
    steps, before, after = _order(reverse, t)
    idle, slope = _idle(mask, t), np.empty((b, 2 * m), gates.dtype)
    for k in reversed(steps):
        h, s, d, reset, rows = hs[k + before], gates[k], da[k], resets[k], idle[k]
        z, r, g = s[:, :m], s[:, m : 2 * m], s[:, 2 * m :]
        if gy is not None:
            dh += gy[:, k]
        kept = dh[rows] if len(rows) else None
        dg = d[:, 2 * m :]
        np.multiply(dh, np.subtract(h, g, part), d[:, :m])
        np.multiply(np.subtract(1.0, z, dg), dh, dg)
        np.subtract(1.0, np.multiply(g, g, part), part)
        dg *= part
        dh *= z
        if reset_after:
            np.multiply(dg, reset, d[:, m : 2 * m])
        else:
            inner = dg @ transposed[2 * m :]  # of r * h
            np.multiply(inner, h, d[:, m : 2 * m])
            dh += np.multiply(inner, r, inner)
        np.subtract(1.0, s[:, : 2 * m], slope)
        slope *= s[:, : 2 * m]
        d[:, : 2 * m] *= slope
        if kept is not None:
            d[rows] = 0.0
        if reset_after:
            du[k] = d
            du[k][:, 2 * m :] *= r
            dh += du[k] @ transposed
        else:
            dh += d[:, : 2 * m] @ transposed[: 2 * m]
        if kept is not None:
            dh[rows] = kept
    da, du = da.reshape(t * b, 3 * m), du.reshape(t * b, 3 * m)
    past = hs[before : before + t].reshape(t * b, m)
    if reset_after:
        dr = past.T @ du
    else:
        pieces = (past.T @ da[:, : 2 * m], resets.reshape(t * b, m).T @ da[:, 2 * m :])
        dr = np.concatenate(pieces, 1)
    found = (dh, _rows(x).T @ da, dr, _column_sums(da), _column_sums(du))
    return (*found, _unrolled(da @ kernel.T, b)) if for_x else found


@rule("gru")
def _(F, g, need, out, *inputs):
    found = F.gru_adjoint(*g[:2], *inputs, need[0], *out[2:])
    return need[0] and found[5], *found[:5]


@rule("gru_adjoint")
def _(F, g, need, out, *args):
    reset_after, tangents = args[10:12]
    inputs, rest = args[2:8], args[8:11]
    if not reset_after:  # then the last bias is of no use, and has no cotangent
        inputs, rest = args[2:7], (None, *rest)
    return tangents(inputs, _of_inputs(g, inputs), rest)


def is_single(xs: Any) -> bool:
    """Return whether the rules serve: one derivative is being recorded at most."""
    tapes = set()
    for x in xs:
        while type(x) is Traced:
            tapes.add(x.tape)
            x = x.value
    return len(tapes) < 2
