"""Maps of classes: which places of the maps of a layer speak for a score."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from multinet import ops
from multinet.errors import ArgumentError, ShapeError
from multinet.explain.attribution import Attribution
from multinet.explain.cutting import layers, output_of
from multinet.explain.plots import channels
from multinet.explain.question import Question, Target
from multinet.ops.core import as_tensor
from multinet.typing import AnyLayer, Host, Tensors, Tree


def grad_cam(
    model: Callable[[Tree], Tensors],
    x: Tree,
    target: Target = None,
    at: AnyLayer | str | None = None,
    resize: bool = True,
    batch_size: int = 64,
) -> Attribution:
    """Return the positive part of a layer's maps, weighted by their mean gradients.

    `at` is the layer, the last whose output has as many axes as x if left out. There
    is one number for each place, at the size of x unless `resize` is False. For the
    other arguments see `gradients`.

    Source: Selvaraju et al., "Grad-CAM: visual explanations from deep networks via
    gradient-based localization", 2017.
    """
    question, maps, slopes = _asked(model, x, target, at, batch_size)
    weights = slopes.mean(axis=_places(slopes), keepdims=True)
    return _added("grad_cam", question, maps * weights, x, resize)


def grad_cam_plus_plus(
    model: Callable[[Tree], Tensors],
    x: Tree,
    target: Target = None,
    at: AnyLayer | str | None = None,
    resize: bool = True,
    batch_size: int = 64,
) -> Attribution:
    """Return what `grad_cam` does, where places with positive gradients count alike.

    So several objects of a class show as well as one. The score is taken for the
    logarithm of what is explained, as in the paper.

    Source: Chattopadhay et al., "Grad-CAM++: generalized gradient-based visual
    explanations for deep convolutional networks", 2018.
    """
    question, maps, slopes = _asked(model, x, target, at, batch_size)
    places = _places(maps)
    sums = maps.sum(axis=places, keepdims=True)
    below = 2 * slopes**2 + sums * slopes**3
    shares = np.divide(slopes**2, below, out=np.zeros_like(below), where=below != 0)
    weights = (shares * np.maximum(slopes, 0)).sum(axis=places, keepdims=True)
    return _added("grad_cam_plus_plus", question, maps * weights, x, resize)


def _asked(
    model: Callable[[Tree], Tensors],
    x: Tree,
    target: Target,
    at: AnyLayer | str | None,
    batch_size: int,
) -> tuple[Question, Host, Host]:
    """Return the question at the layer, its maps, and the gradients by them."""
    if at is None:
        at = _last(Question(model, x, target, smooth=False, batch_size=batch_size))
    question = Question(model, x, target, at, batch_size=batch_size)
    maps = question.inputs[0].astype("float64")
    if maps.ndim < 3:
        raise ShapeError(
            f"Expected {question.path} to give places and channels, as in (batch, "
            f"height, width, channels), got the shape {maps.shape}."
        )
    return question, maps, question.gradients(question.inputs)[0]


def _last(question: Question) -> str:
    """Return the last layer whose output has as many axes as x, and several places."""
    graph, rank = question.graph(), question.leaves[0].ndim
    for path in reversed(layers(graph)):
        try:
            value = output_of(graph, path)
        except ArgumentError:  # called several times, or of no floats
            continue
        shape = value.shape
        sizes = [shape[i] for i in _places(np.empty(shape))]
        if len(shape) == rank >= 3 and all(n > 1 for n in sizes):
            return path
    raise ArgumentError(
        f"No layer gives maps of {rank} axes, as x has them. Name one, as in "
        f"at='conv': there are {layers(graph)}."
    )


def _places(maps: Host) -> tuple[int, ...]:
    """Return the axes that are places."""
    axis = channels(maps)
    return tuple(i for i in range(1, maps.ndim) if i != axis)


def _added(
    method: str, question: Question, weighted: Host, x: Tree, resize: bool
) -> Attribution:
    """Return the sum over channels where it is positive, at the size of x."""
    found = np.maximum(weighted.sum(axis=channels(weighted)), 0)
    like = question.leaves[0]
    if resize and like.ndim == weighted.ndim:
        size = [like.shape[i] for i in _places(like)]
        found = _resized(found.astype("float32"), size)
    scores = question.scores(question.inputs)
    return Attribution(method, question, [found], scores)


def _resized(maps: Host, size: list[int]) -> Host:
    """Return maps (batch, *places) at another size, linear between places."""
    if len(size) > 2:
        raise ShapeError(
            f"Maps of {len(size)} axes are not made larger. Set resize=False."
        )
    flat = maps.reshape(*maps.shape, *(1,) * (4 - maps.ndim))
    full = (*size, 1)[:2]
    large = ops.image.resize(as_tensor(flat), full, data_format="channels_last")
    return ops.convert_to_numpy(large).reshape(len(maps), *size)
