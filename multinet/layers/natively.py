"""A layer whose `call` uses functions of the framework, while shapes are computed.

These take no stand-ins. So a `call` that fails on them runs once more on tensors of the
framework, the innermost layer first: what is around keeps its exact sizes. Masks,
losses, weights, writes and draws come out as if there had been one run.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, NoReturn

import optree

from multinet.calls import CallContext, mask_of
from multinet.layers.context import set_mask
from multinet.layers.policy import casting
from multinet.numpy_calls import explain_numpy
from multinet.registry import current
from multinet.streams import Entry
from multinet.symbolic.native import rerun
from multinet.typing import AnyLayer, Tensors, Tree


def on_numbers(
    layer: AnyLayer,
    error: Exception,
    context: CallContext,
    given: tuple[tuple[Tree, ...], dict[str, Tree]],
    before: tuple[int, Entry | None],
) -> Tensors:
    """Return the stand-ins for what `call` gives, which raised `error` on stand-ins.

    `before` are how many losses there were, and where the draws stood. Raise the error,
    or that of this run, if numbers do not help.
    """
    if not current().symbolic:
        raise error
    count, draws = before
    leaves: list[Any] = optree.tree_leaves(given)  # type: ignore[arg-type]
    masks = list(map(mask_of, leaves))
    casts = layer._mixed or context.casts is not None

    def run(args: Any, kwargs: Any, masks: Any) -> Any:
        with CallContext(context.training) as inner:
            inner.path.extend(context.path)
            tensors: list[Any] = optree.tree_leaves((args, kwargs))  # type: ignore[arg-type]
            for leaf, mask in zip(tensors, masks):
                set_mask(leaf, mask)
            with casting(layer) if casts else nullcontext():
                outputs = layer.call(*args, **kwargs)
            found = list(map(mask_of, optree.tree_leaves(outputs)))
            return outputs, dict(enumerate(found)), inner.losses

    try:
        outputs, found, losses = rerun(error, run, *given, masks, draws=draws)
    except Exception as second:
        _tell(second)
    for leaf, mask in zip(optree.tree_leaves(outputs), found.values()):
        set_mask(leaf, mask)
    context.losses[count:] = losses
    layer.__dict__["_is_native"] = True
    return outputs


def _tell(error: Exception) -> NoReturn:
    """Raise an error, in better words where NumPy or Python asked for a value."""
    explain_numpy(error)
    raise error
