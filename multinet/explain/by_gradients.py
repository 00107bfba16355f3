"""Explanations by gradients: plain, of noisy inputs, and integrated along a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from multinet.checks import number, whole
from multinet.explain.attribution import Attribution
from multinet.explain.question import Question, Target
from multinet.typing import AnyLayer, Host, Tensors, Tree


def gradients(
    model: Callable[[Tree], Tensors],
    x: Tree,
    target: Target = None,
    at: AnyLayer | str | None = None,
    times_input: bool = False,
    batch_size: int = 64,
) -> Attribution:
    """Return the gradient of each row's score by its inputs.

    `model` is called on x, whose arrays have the batch first. The score is a number of
    the output: `target` is its place, one for each row, or a function of the outputs
    that gives a number for each row; left out, it is the largest. `at` is a layer, or
    its name, whose output is explained in place of x, such as an embedding. With
    `times_input` gradients are multiplied by the inputs.

    Source: Simonyan et al., "Deep inside convolutional networks", 2014.

    >>> found = multinet.explain.gradients(model, x, target=3)
    >>> found.plot("gradients.png")
    """
    question = Question(model, x, target, at, batch_size=batch_size)
    arrays = question.gradients(question.inputs)
    if times_input:
        arrays = [g * v.astype("float64") for g, v in zip(arrays, question.inputs)]
    scores = question.scores(question.inputs)
    return Attribution("gradients", question, arrays, scores)


def smooth_gradients(
    model: Callable[[Tree], Tensors],
    x: Tree,
    target: Target = None,
    at: AnyLayer | str | None = None,
    samples: int = 32,
    noise: float = 0.15,
    seed: int = 0,
    batch_size: int = 64,
) -> Attribution:
    """Return the mean of the gradients at noisy copies of the inputs.

    `noise` is the standard deviation, as a part of what lies between the least and the
    largest number of a row. For the other arguments see `gradients`.

    Source: Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017.
    """
    samples = whole(samples, "samples")
    noise = number(noise, "noise", least=0)
    question = Question(model, x, target, at, batch_size=batch_size)
    random = np.random.default_rng(seed)
    total = [np.zeros(v.shape) for v in question.inputs]
    scales = [noise * _range(v) for v in question.inputs]
    for _ in range(samples):
        noisy = [
            (v + random.normal(size=v.shape) * scale).astype(v.dtype)
            for v, scale in zip(question.inputs, scales)
        ]
        for place, found in enumerate(question.gradients(noisy)):
            total[place] += found / samples
    scores = question.scores(question.inputs)
    return Attribution("smooth_gradients", question, total, scores)


def integrated_gradients(
    model: Callable[[Tree], Tensors],
    x: Tree,
    target: Target = None,
    baseline: Tree = None,
    steps: int = 32,
    at: AnyLayer | str | None = None,
    batch_size: int = 64,
) -> Attribution:
    """Return gradients averaged on the line from a baseline, times the way there.

    The parts of a row add up to its score less that of the baseline; by how much they
    miss it is the result's `completeness`. The mean is taken by Gauss-Legendre
    quadrature with `steps` points; a model with kinks needs more of them. `baseline`
    is a number or a tree like x, zeros if left out. For the others see `gradients`.

    Source: Sundararajan et al., "Axiomatic attribution for deep networks", 2017.

    >>> found = multinet.explain.integrated_gradients(model, x, steps=64)
    >>> found.completeness
    0.00021
    """
    steps = whole(steps, "steps")
    question = Question(model, x, target, at, batch_size=batch_size)
    starts, ends = question.starts(baseline), question.inputs
    places, weights = np.polynomial.legendre.leggauss(steps)
    places, weights = (places + 1) / 2, weights / 2
    total = [np.zeros(v.shape) for v in ends]
    several = max(1, batch_size // question.count)
    for first in range(0, steps, several):
        part = slice(first, first + several)
        points = [_between(a, b, places[part]) for a, b in zip(starts, ends)]
        rows = np.tile(np.arange(question.count), len(places[part]))
        for place, found in enumerate(question.gradients(points, rows)):
            found = found.reshape(-1, *ends[place].shape)
            total[place] += np.tensordot(weights[part], found, axes=1)
    return Attribution(
        "integrated_gradients",
        question,
        [g * way for g, way in zip(total, _ways(starts, ends))],
        question.scores(ends),
        starts,
        question.scores(starts),
    )


def _range(x: Host) -> Host:
    """Return the largest number less the least of each row."""
    axes = tuple(range(1, x.ndim))
    top, low = x.max(axis=axes, keepdims=True), x.min(axis=axes, keepdims=True)
    return (top - low).astype("float64")


def _between(start: Host, end: Host, places: Host) -> Host:
    """Return points on the lines between rows, one batch after the other."""
    start, way = start.astype("float64"), end.astype("float64") - start
    points = start + np.multiply.outer(places, way)
    return points.reshape(-1, *end.shape[1:]).astype(end.dtype)


def _ways(starts: Sequence[Host], ends: Sequence[Host]) -> list[Host]:
    return [b.astype("float64") - a.astype("float64") for a, b in zip(starts, ends)]
