"""Explanations by gradients: plain, of noisy inputs, and integrated along a line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from multinet.checks import number, whole
from multinet.explain.attribution import Attribution
from multinet.explain.integrating import Lines
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
    tolerance: float | None = None,
) -> Attribution:
    """Return gradients averaged on the line from a baseline, times the way there.

    The parts of a row add up to its score less that of the baseline; by how much they
    miss it is the result's `completeness`. The mean is taken by Gauss-Legendre
    quadrature with `steps` points, which is too few for models with kinks: with a
    `tolerance` the line is halved, and the halves again, until no row misses more.
    `baseline` is a number or a tree like x, zeros if left out. For the others see
    `gradients`.

    Source: Sundararajan et al., "Axiomatic attribution for deep networks", 2017.

    >>> found = multinet.explain.integrated_gradients(model, x, tolerance=1e-4)
    >>> found.completeness
    0.000021
    """
    steps = whole(steps, "steps")
    if tolerance is not None:
        tolerance = number(tolerance, "tolerance", above=0)
    question = Question(model, x, target, at, batch_size=batch_size)
    starts = question.starts(baseline)
    return Attribution(
        "integrated_gradients",
        question,
        Lines(question, starts, steps).integrals(tolerance),
        question.scores(question.inputs),
        starts,
        question.scores(starts),
    )


def _range(x: Host) -> Host:
    """Return the largest number less the least of each row."""
    axes = tuple(range(1, x.ndim))
    top, low = x.max(axis=axes, keepdims=True), x.min(axis=axes, keepdims=True)
    return (top - low).astype("float64")
