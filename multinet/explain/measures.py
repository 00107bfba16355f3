"""How well an explanation fits: what it foretells, and whether it sees the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from multinet.checks import number, whole
from multinet.errors import ArgumentError
from multinet.explain.attribution import Attribution
from multinet.explain.plots import channels
from multinet.layers import Layer
from multinet.typing import Host, Tree


@dataclass(frozen=True, eq=False)
class Curve:
    """Scores of rows while parts of the inputs are put in or taken out.

    `fractions` (steps + 1,) are how much of each row, `scores` (rows, steps + 1) what
    the model says then.
    """

    fractions: Host
    scores: Host

    @property
    def area(self) -> Host:
        """The area below the curve of each row: the mean score on the way."""
        means = (self.scores[:, 1:] + self.scores[:, :-1]) / 2
        return means @ np.diff(self.fractions)


def insertion_curve(
    found: Attribution, steps: int = 20, baseline: Tree = None
) -> Curve:
    """Return the scores while inputs come into a baseline, the largest parts first.

    The better an explanation, the larger the area. Channels come together.

    Source: Petsiuk et al., "RISE: randomized input sampling for explanation of
    black-box models", 2018.
    """
    return _curve(found, steps, baseline, inserted=True)


def deletion_curve(found: Attribution, steps: int = 20, baseline: Tree = None) -> Curve:
    """Return the scores while a baseline replaces inputs, the largest parts first.

    The better an explanation, the smaller the area. See `insertion_curve`.
    """
    return _curve(found, steps, baseline, inserted=False)


def infidelity(
    found: Attribution, noise: float = 0.1, samples: int = 100, seed: int = 0
) -> Host:
    """Return (rows,) the mean square by which parts fail to foretell changes.

    Inputs x are changed by v, normal numbers times `noise`; an explanation e, as the
    slopes of the scores f, foretells v e, where f(x) - f(x - v) comes. It must be one
    of slopes, such as `gradients`, of the shape of the inputs: what is multiplied by
    the inputs, or their distance from a baseline, is divided by it first.

    Source: Yeh et al., "On the (in)fidelity and sensitivity of explanations", 2019.
    """
    noise = number(noise, "noise", above=0)
    question, slopes = found.question, _slopes(found)
    scores, random = question.scores(question.inputs), np.random.default_rng(seed)
    total = np.zeros(question.count)
    for _ in range(whole(samples, "samples")):
        changed, foretold = [], np.zeros(question.count)
        for x, slope in zip(question.inputs, slopes):
            less = (x - noise * random.normal(size=x.shape)).astype(x.dtype)
            way = x.astype("float64") - less.astype("float64")
            foretold += (way * slope).reshape(len(x), -1).sum(axis=1)
            changed.append(less)
        total += (foretold - (scores - question.scores(changed))) ** 2
    return total / samples


def randomization_check(
    explainer: Callable[[Layer], Attribution], model: Layer, seed: int = 0
) -> dict[str, float]:
    """Return how alike explanations stay while the weights of a model are shuffled.

    From the last layer to the first, the numbers of each weight are put into another
    order, and stay so; `explainer(model)` explains anew. The result has the rank
    correlation of the sizes of parts with the first ones, by the path of the layer. An
    explanation that stays the same does not depend on what the model has learned.
    Afterwards the weights are as they were.

    Source: Adebayo et al., "Sanity checks for saliency maps", 2018.

    >>> multinet.explain.randomization_check(
    ...     lambda model: multinet.explain.gradients(model, x, target=3), model
    ... )
    {'head': 0.71, 'conv': 0.06}
    """
    first, random = _flat(explainer(model)), np.random.default_rng(seed)
    held = {path: variable for path, variable in model.paths().items()}
    layers: dict[str, list[str]] = {}
    for path in held:
        layers.setdefault(path.rpartition("/")[0], []).append(path)
    before = {path: variable.numpy() for path, variable in held.items()}
    result: dict[str, float] = {}
    try:
        for layer in reversed(layers):
            for path in layers[layer]:
                flat = random.permutation(before[path].ravel())
                held[path].assign(flat.reshape(before[path].shape))
            result[layer] = _correlation(first, _flat(explainer(model)))
    finally:
        for path, variable in held.items():
            variable.assign(before[path])
    return result


# -- help ------------------------------------------------------------------------------


def _curve(found: Attribution, steps: int, baseline: Tree, inserted: bool) -> Curve:
    question, steps = found.question, whole(steps, "steps")
    if len(found.arrays) != 1:
        raise ArgumentError(
            f"Expected an explanation of one input, got one of {len(found.arrays)}."
        )
    x, start = question.inputs[0], question.starts(baseline)[0]
    parts = found.saliency()
    axis = channels(x) if parts.ndim < x.ndim else None
    like = x.shape if axis is None else np.delete(x.shape, axis)
    if parts.shape != tuple(like):
        raise ArgumentError(
            f"Expected parts of the shape {tuple(like)} of the inputs, got "
            f"{parts.shape}."
        )
    order = np.argsort(-parts.reshape(len(x), -1), axis=1, kind="stable")
    ranks = np.argsort(order, axis=1, kind="stable").reshape(parts.shape)
    ranks = ranks if axis is None else np.expand_dims(ranks, axis)
    size, scores = order.shape[1], []
    counts = np.round(np.linspace(0, size, steps + 1)).astype(int)
    for count in counts:
        chosen = (ranks < count) == inserted
        scores.append(question.scores([np.where(chosen, x, start)]))
    return Curve(counts / size, np.stack(scores, axis=1))


def _slopes(found: Attribution) -> list[Host]:
    """Return parts as slopes: those of a difference divided by the way."""
    inputs = found.question.inputs
    if any(a.shape != x.shape for a, x in zip(found.arrays, inputs)):
        raise ArgumentError(
            f"Expected parts of the shapes {[x.shape for x in inputs]} of the inputs, "
            f"got {[a.shape for a in found.arrays]}."
        )
    if found.baseline_scores is None:
        return found.arrays
    starts = found.baselines or [np.zeros_like(x) for x in inputs]
    ways = [x.astype("float64") - s for x, s in zip(inputs, starts)]
    return [
        np.divide(a, way, out=np.zeros_like(a), where=way != 0)
        for a, way in zip(found.arrays, ways)
    ]


def _flat(found: Attribution) -> Host:
    return np.concatenate([np.abs(each).ravel() for each in found.arrays])


def _correlation(one: Host, other: Host) -> float:
    """Return Spearman's rank correlation; 0 where all numbers are the same."""
    one, other = (_ranks(x) - (len(x) - 1) / 2 for x in (one, other))
    below = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / below) if below else 0.0


def _ranks(x: Sequence[float] | Host) -> Host:
    """Return ranks from 0; equal numbers have the mean of theirs."""
    _, places, counts = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + ends - 1) / 2)[places]
