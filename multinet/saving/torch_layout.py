"""Weights under the names and in the layout of the modules of torch.

Kernels of `Linear` are transposed, those of convolutions have their sizes last, gates
of `LSTM` and `GRU` come in that order, projections of attention are stacked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from multinet import holders
from multinet.errors import ArgumentError
from multinet.holders import Holder
from multinet.typing import AnyLayer, Host
from multinet.variables import Variable

Arrays = Sequence[Host]


class Rule(NamedTuple):
    """Some Variables and the arrays of a module that they are."""

    names: tuple[str, ...]
    variables: tuple[Variable, ...]
    shapes: tuple[tuple[int, ...], ...]  # of the module's arrays
    there: Callable[..., Arrays]
    back: Callable[..., Arrays]


def rules_of(model: Holder) -> Iterator[Rule]:
    """Yield a rule for all weights of a model, with the names of modules' attributes.

    A layer that torch does not have keeps its weights as they are, under their names.
    """
    done: set[int] = set()
    layers = [(path, part) for path, part in holders.walk(model) if _is_layer(part)]
    for path, layer in layers:
        make = next((_RULES[c.__name__] for c in _classes(layer)), _plain)
        for rule in make(layer):
            if not done.isdisjoint(map(id, rule.variables)):
                continue
            done.update(map(id, rule.variables))
            prefix = f"{path.replace('/', '.')}." if path else ""
            yield rule._replace(names=tuple(prefix + name for name in rule.names))


def _is_layer(part: Any) -> bool:
    return hasattr(part, "load_own_variables") and hasattr(part, "trainable")


def _classes(layer: Any) -> Iterator[type]:
    return (cls for cls in type(layer).__mro__ if cls.__name__ in _RULES)


def _one(
    name: str,
    variable: Variable | None,
    there: Callable[[Host], Host] = lambda x: x,
    back: Callable[[Host], Host] = lambda x: x,
) -> Iterator[Rule]:
    """Yield the rule of one Variable and one array, if the layer has it."""
    if variable is not None:
        shape = there(np.broadcast_to(np.float32(0), variable.shape)).shape
        yield Rule(
            (name,), (variable,), (shape,), lambda x: [there(x)], lambda x: [back(x)]
        )


def _plain(layer: AnyLayer) -> Iterator[Rule]:
    taken: dict[str, int] = {}
    for variable in layer._own():
        number = taken[variable.name] = taken.get(variable.name, -1) + 1
        name = f"{variable.name}_{number}" if number else variable.name
        yield from _one(name, variable)


def _optional(layer: Any, name: str) -> Any:
    return getattr(layer, name, None)


def _turned(x: Host) -> Host:
    return x.T


def _linear(layer: AnyLayer) -> Iterator[Rule]:
    yield from _one("weight", layer.kernel, _turned, _turned)
    yield from _one("bias", _optional(layer, "bias"))


def _convolution(layer: AnyLayer) -> Iterator[Rule]:
    # (sizes..., in, out) is (out, in, sizes...) there.
    rank = len(layer.kernel.shape)
    there = (rank - 1, rank - 2, *range(rank - 2))
    back = (*range(2, rank), 1, 0)
    yield from _one(
        "weight",
        layer.kernel,
        lambda x: x.transpose(there),
        lambda x: x.transpose(back),
    )
    yield from _one("bias", _optional(layer, "bias"))


def _depthwise(layer: AnyLayer) -> Iterator[Rule]:
    # (sizes..., c, m) is that of c groups there: (c * m, 1, sizes...).
    *window, channels, multiplier = layer.kernel.shape
    rank = len(window)
    there = (rank, rank + 1, *range(rank))
    back = (*range(2, rank + 2), 0, 1)
    yield from _one(
        "weight",
        layer.kernel,
        lambda x: x.transpose(there).reshape(channels * multiplier, 1, *window),
        lambda x: x.reshape(channels, multiplier, *window).transpose(back),
    )
    yield from _one("bias", _optional(layer, "bias"))


def _scaled(layer: AnyLayer) -> Iterator[Rule]:
    scale = _optional(layer, "gamma")
    yield from _one("weight", scale if scale is not None else _optional(layer, "scale"))
    yield from _one("bias", _optional(layer, "beta"))


def _batch_normalization(layer: AnyLayer) -> Iterator[Rule]:
    yield from _scaled(layer)
    yield from _one("running_mean", layer.moving_mean)
    yield from _one("running_var", layer.moving_variance)
    yield Rule(
        ("num_batches_tracked",),
        (),
        ((),),
        lambda: [np.array(0, np.int64)],
        lambda count: [],
    )


def _embedding(layer: AnyLayer) -> Iterator[Rule]:
    yield from _one("weight", layer.embeddings)


# -- recurrence ------------------------------------------------------------------------


def _recurrent(layer: AnyLayer, suffix: str = "") -> Iterator[Rule]:
    """Yield the rules of LSTM, GRU and SimpleRNN: one bias here is two there."""
    cell = layer.cell
    gates = _gates(layer)
    yield from _one(f"weight_ih_l0{suffix}", cell.kernel, gates, _ungated(gates))
    yield from _one(
        f"weight_hh_l0{suffix}", cell.recurrent_kernel, gates, _ungated(gates)
    )
    bias = _optional(cell, "bias")
    if bias is None:
        return
    names = (f"bias_ih_l0{suffix}", f"bias_hh_l0{suffix}")
    shape = bias.shape[-1:]
    if len(bias.shape) == 2:  # GRU: one for the input, one for the state
        yield Rule(
            names,
            (bias,),
            (shape, shape),
            lambda b: [gates(b[0][None])[:, 0], gates(b[1][None])[:, 0]],
            lambda i, h: [
                np.stack(
                    [_ungated(gates)(i[:, None])[0], _ungated(gates)(h[:, None])[0]]
                )
            ],
        )
    else:
        yield Rule(
            names,
            (bias,),
            (shape, shape),
            lambda b: [b, np.zeros_like(b)],
            lambda i, h: [i + h],
        )


def _gates(layer: Any) -> Callable[[Host], Host]:
    """Return what turns a kernel (n, gates) into (gates, n) in torch's order."""
    kind = next(c.__name__ for c in _classes(layer))
    if kind != "GRU":
        return _turned
    if not layer.reset_after:
        raise ArgumentError(
            f"{layer.name} is a GRU with reset_after=False, which torch does not have."
        )

    def reset_first(kernel: Host) -> Host:
        update, reset, new = np.split(kernel.T, 3)
        return np.concatenate([reset, update, new])

    return reset_first


def _ungated(gates: Callable[[Host], Host]) -> Callable[[Host], Host]:
    """Return the inverse; swapping two gates is its own."""
    return lambda weight: gates(weight.T).T


def _bidirectional(layer: AnyLayer) -> Iterator[Rule]:
    for part, suffix in ((layer.forward_layer, ""), (layer.backward_layer, "_reverse")):
        kinds = {cls.__name__ for cls in type(part).__mro__}
        if not kinds & {"LSTM", "GRU", "SimpleRNN"}:
            return
        yield from _recurrent(part, suffix)


# -- attention -------------------------------------------------------------------------


def _attention(layer: AnyLayer) -> Iterator[Rule]:
    """Yield the rules of `nn.MultiheadAttention`; heads are columns there."""
    parts = [layer.query_dense, layer.key_dense, layer.value_dense]
    kernels, output = [p.kernel for p in parts], layer.output_dense
    widths = {int(np.prod(k.shape[1:])) for k in kernels}
    fits = len(output.kernel.shape) == 3 and widths == {kernels[0].shape[0]}
    if not fits or _optional(layer, "gate_dense"):
        return
    (width,) = widths
    yield _projections(kernels, width)
    biases = [_optional(p, "bias") for p in parts]
    if biases[0] is not None:
        inner = biases[0].shape
        yield Rule(
            ("in_proj_bias",),
            tuple(biases),
            ((3 * width,),),
            lambda *b: [np.concatenate([x.reshape(-1) for x in b])],
            lambda b: [x.reshape(inner) for x in np.split(b, 3)],
        )
    last = output.kernel.shape
    yield from _one(
        "out_proj.weight",
        output.kernel,
        lambda k: k.reshape(-1, last[-1]).T,
        lambda w: w.T.reshape(last),
    )
    yield from _one("out_proj.bias", _optional(output, "bias"))


def _projections(kernels: Sequence[Variable], width: int) -> Rule:
    """Return the rule of the kernels (n, heads, size) of query, key and value."""
    shapes = [k.shape for k in kernels]

    def flat(*given: Host) -> list[Host]:
        return [k.reshape(len(k), -1).T for k in given]

    def heads(*given: Host) -> list[Host]:
        return [w.T.reshape(shape) for w, shape in zip(given, shapes)]

    sizes = [shape[0] for shape in shapes]
    if len(set(sizes)) > 1:
        names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
        there = tuple((width, size) for size in sizes)
        return Rule(names, tuple(kernels), there, flat, heads)
    return Rule(
        ("in_proj_weight",),
        tuple(kernels),
        ((3 * width, sizes[0]),),
        lambda *k: [np.concatenate(flat(*k))],
        lambda w: heads(*np.split(w, 3)),
    )


_RULES: dict[str, Callable[[AnyLayer], Iterator[Rule]]] = {
    "Dense": _linear,
    "Conv1D": _convolution,
    "Conv2D": _convolution,
    "Conv3D": _convolution,
    "Conv1DTranspose": _convolution,
    "Conv2DTranspose": _convolution,
    "Conv3DTranspose": _convolution,
    "DepthwiseConv1D": _depthwise,
    "DepthwiseConv2D": _depthwise,
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _scaled,
    "GroupNormalization": _scaled,
    "RMSNormalization": _scaled,
    "Embedding": _embedding,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "SimpleRNN": _recurrent,
    "Bidirectional": _bidirectional,
    "MultiHeadAttention": _attention,
}
