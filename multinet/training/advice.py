"""What runs, and yet is hardly meant: told once, in a warning.

Keras lets most of it pass. Each text says what is odd, where, and what is usual.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import optree

from multinet import activations, layers, losses, metrics
from multinet.names import is_ours
from multinet.training.influence import Tracing
from multinet.training.sources import ArraySource, Source
from multinet.training.task import Matched
from multinet.typing import AnyModel, Host, Tree

_PARTS = ("x", "y", "sample_weight")
#: Layers that hand on probabilities or scores as they are.
_PASSING = (layers.Dropout, layers.Flatten, layers.Reshape, layers.Permute)
_OF_TWO = (
    losses.BinaryCrossentropy,
    losses.BinaryFocalCrossentropy,
    metrics.BinaryCrossentropy,
)


def of_outputs(model: AnyModel, matched: Matched) -> None:
    """Warn of losses that do not fit the last activation of an output."""
    graph = getattr(model, "_graph", None)
    outputs: Sequence[Any] = [] if graph is None else optree.tree_leaves(graph.outputs)
    if len(outputs) != len(matched.outputs):
        return
    for i, output in enumerate(outputs):
        loss = matched.loss.losses[i] if matched.loss is not None else None
        last = _last_layer(output)
        name = model.output_names[i]
        size = matched.outputs[i].shape[-1:]
        for text in _odd(_activation(last), loss, list(size) == [1]):
            warnings.warn(text.format(output=repr(name)), stacklevel=2)


def _odd(activation: Any, loss: Any, single: bool) -> Iterator[str]:
    """Yield what is odd about an activation before a loss, `single` with one unit."""
    if activation is activations.softmax and single:
        yield (
            "The output {output} is a softmax over one unit, which is always 1. Use "
            "sigmoid for two classes."
        )
    logits = getattr(loss, "from_logits", None)
    if logits and activation in (activations.softmax, activations.sigmoid):
        yield (
            f"The loss {loss.name} expects logits, as from_logits=True says, and the "
            f"output {{output}} has a {activation.__name__} already. Leave one of them "
            "out."
        )
    if logits is False and activation is activations.linear:
        yield (
            f"The loss {loss.name} expects probabilities, and the output {{output}} "
            "has no activation. Give it a softmax or sigmoid, or the loss "
            "from_logits=True."
        )


def _last_layer(tensor: Any) -> Any:
    """Return the layer that made a symbolic output, past those that only hand on."""
    node = tensor.node
    while node is not None:
        operation = node.operation
        inner = getattr(operation, "_graph", None)
        if inner is not None:
            ends = optree.tree_leaves(inner.outputs)
            node = ends[0].node if len(ends) == 1 else None
        elif isinstance(operation, _PASSING) and node.inputs:
            node = node.inputs[0].node
        else:
            return operation
    return None


def _activation(layer: Any) -> Any:
    """Return the activation that ends a layer, None if that is not known."""
    if isinstance(layer, layers.Softmax):
        return activations.softmax
    if not is_ours(type(layer)):
        return None
    return getattr(layer, "activation", None)


def of_weights(model: AnyModel, traced: Tracing, losses: Tree) -> None:
    """Warn of weights that are used, and yet in nothing that is minimized."""
    trained = [w for w in model.trainable_weights if w.regularizer is None]
    lost = [weight.path for weight in traced.without(trained, losses)]
    if lost:
        warnings.warn(
            f"The outputs of {model.name} do not depend on {lost[:3]}"
            f"{' and more' if len(lost) > 3 else ''}, so these have no gradient and "
            "stay as they are.",
            stacklevel=2,
        )


def of_data(source: Source, matched: Matched | None, expected: Sequence[Any]) -> None:
    """Warn of targets and indices that no loss, metric or layer takes as they are."""
    if not isinstance(source, ArraySource):
        return
    for each in expected:
        values = source.leaves[each.place]
        if _is_of_floats(values) and (np.trunc(values) != values).any():
            found = values[np.trunc(values) != values].flat[0]
            warnings.warn(
                f"Expected whole numbers as {each.what}, got {found}: fractions are "
                "cut off.",
                stacklevel=2,
            )
    if matched is not None:
        for text in _of_two_classes(source, matched):
            warnings.warn(text, stacklevel=2)


def _of_two_classes(source: ArraySource, matched: Matched) -> Iterator[str]:
    """Yield what is odd about targets that are to be probabilities, or 0 and 1."""
    for i, target in enumerate(matched.targets(source.data.y)):
        if not isinstance(target, np.ndarray) or target.dtype.kind not in "iuf":
            continue
        if math.prod(target.shape[1:]) != math.prod(matched.outputs[i].shape[1:]):
            continue  # the loss says what is wrong
        loss = matched.loss.losses[i] if matched.loss is not None else None
        used = (loss, *matched.by_output.of(i))
        ours = [m for m in used if isinstance(m, _OF_TWO)]
        asked = ("accuracy", "acc")  # by a name that stands for several
        counts = [
            m for m in used if type(m) is metrics.BinaryAccuracy and m.name in asked
        ]
        if ours and (target.min() < 0 or target.max() > 1):
            yield (
                f"{ours[0].name} expects targets between 0 and 1, got "
                f"{target.min()} to {target.max()}."
            )
        elif counts and not np.isin(target, (0, 1)).all():
            yield (
                f"{counts[0].name} counts where predictions, rounded to 0 or 1, equal "
                "the targets, which here are other numbers. For a regression take "
                "another metric, such as mae."
            )


def of_nan(source: Source, kind: str) -> None:
    """Warn that a loss is NaN, and say what is in the data if that is to blame."""
    where = " of the validation" if kind == "test" else ""
    found = list(_not_finite(source)) if isinstance(source, ArraySource) else []
    remedy = (
        f"{found[0]}. Clean the data, or leave such samples out."
        if found
        else "A smaller learning rate or "
        "clipnorm often helps; multinet.debug.nan_finder() names the op that began it."
    )
    warnings.warn(f"The loss{where} is NaN. {remedy}", RuntimeWarning, stacklevel=2)


def _not_finite(source: ArraySource) -> Iterator[str]:
    for name in _PARTS:
        leaves: list[Any] = optree.tree_leaves(getattr(source.data, name))  # type: ignore[arg-type]
        for leaf in leaves:
            if _is_of_floats(leaf) and not np.isfinite(leaf).all():
                first = np.unravel_index(int((~np.isfinite(leaf)).argmax()), leaf.shape)
                yield f"{name} holds {leaf[first]} in sample {int(first[0])}"


def _is_of_floats(leaf: Host | Tree) -> bool:
    return isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f"
