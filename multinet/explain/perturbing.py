"""Explanations by trying: without a window, and in the company of any other inputs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from multinet.checks import whole
from multinet.errors import ArgumentError, ShapeError
from multinet.explain.attribution import Attribution
from multinet.explain.plots import channels
from multinet.explain.question import Question, Target
from multinet.typing import AnyLayer, Host, Tensors, Tree

_EXACT = 10  # players of whom every company is tried, 1024 of them


def occlusion(
    model: Callable[[Tree], Tensors],
    x: Tree,
    target: Target = None,
    window: int | Sequence[int] = 1,
    strides: int | Sequence[int] | None = None,
    baseline: Tree = None,
    at: AnyLayer | str | None = None,
    batch_size: int = 64,
) -> Attribution:
    """Return by how much a score falls where a window is as in a baseline.

    `window` and `strides` have a number for each axis after the batch; channels, the
    last of two or more, are covered together unless they have one. Strides are those
    of the window if left out. A place under several windows has the mean of them.
    Inputs of integers are explained too. For the other arguments see `gradients`.

    Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks",
    2014.
    """
    question = Question(model, x, target, at, smooth=False, batch_size=batch_size)
    starts, inputs = question.starts(baseline), question.inputs
    scores = question.scores(inputs)
    arrays = []
    for place, array in enumerate(inputs):
        total, count = np.zeros(array.shape), np.zeros(array.shape)
        for covered in _windows(array, window, strides):
            tried = list(inputs)
            tried[place] = np.where(covered, starts[place], array)
            falls = scores - question.scores(tried)
            total += covered * falls.reshape(-1, *(1,) * (array.ndim - 1))
            count += covered
        arrays.append(np.divide(total, count, out=total, where=count > 0))
    return Attribution("occlusion", question, arrays, scores)


def shapley_values(
    model: Callable[[Tree], Tensors],
    x: Tree,
    target: Target = None,
    baseline: Tree = None,
    samples: int | None = None,
    groups: Tree = None,
    at: AnyLayer | str | None = None,
    seed: int = 0,
    batch_size: int = 64,
) -> Attribution:
    """Return the Shapley values of the inputs: their mean gain in any company.

    Inputs that are out of the game are as in the baseline. `groups` are arrays of
    integers, of the shape of a row of each input: equal numbers play as one, and share
    their gain. All numbers of a row play by themselves if left out, but for channels,
    the last of two or more axes, which play together. Gains are averaged over `samples`
    random orders and their reverses; left out, over all orders of up to 10 players, and
    over 64 of more. The values of a row add up to its score less that of the baseline,
    however many orders are tried. For the other arguments see `gradients`.

    Source: Castro et al., "Polynomial calculation of the Shapley value based on
    sampling", 2009.
    """
    question = Question(model, x, target, at, smooth=False, batch_size=batch_size)
    starts = question.starts(baseline)
    players, count = _players(question, groups)
    game = _Game(question, starts, players, count)
    if samples is None and count <= _EXACT:
        values = game.exact()
    else:
        values = game.sampled(
            whole(64 if samples is None else samples, "samples"), seed
        )
    arrays = []
    for array, each in zip(question.inputs, players):
        sizes = np.bincount(np.concatenate([p.ravel() for p in players]))
        shared = values[:, each] / sizes[each]
        arrays.append(shared.reshape(array.shape))
    return Attribution(
        "shapley_values",
        question,
        arrays,
        question.scores(question.inputs),
        starts,
        question.scores(starts),
    )


class _Game:
    """The scores of companies of players: those in it have inputs, others baselines."""

    def __init__(
        self, question: Question, starts: list[Host], players: list[Host], count: int
    ) -> None:
        self.question, self.starts = question, starts
        self.players, self.count = players, count

    def scores(self, companies: Host) -> Host:
        """Return (companies, rows) scores; a company is a row of bools."""
        size = self.question.count
        arrays = []
        for start, array, each in zip(self.starts, self.question.inputs, self.players):
            chosen = companies[:, each][:, None]
            arrays.append(np.where(chosen, array, start).reshape(-1, *array.shape[1:]))
        rows = np.tile(np.arange(size), len(companies))
        return self.question.scores(arrays, rows).reshape(-1, size)

    def exact(self) -> Host:
        """Return (rows, players) values, from the scores of all companies."""
        n = self.count
        companies = np.array(list(itertools.product((False, True), repeat=n)))
        scores = self.scores(companies)
        sizes, values = companies.sum(axis=1), np.zeros((n, self.question.count))
        for player in range(n):
            within = companies[:, player]
            without = within.nonzero()[0] - 2 ** (n - 1 - player)
            chance = [
                math.factorial(k) * math.factorial(n - k - 1) / math.factorial(n)
                for k in sizes[without]
            ]
            values[player] = np.array(chance) @ (scores[within] - scores[without])
        return values.T

    def sampled(self, samples: int, seed: int) -> Host:
        """Return (rows, players) values, from random orders and their reverses."""
        random = np.random.default_rng(seed)
        values = np.zeros((self.count, self.question.count))
        for _ in range(samples):
            order = random.permutation(self.count)
            for each in (order, order[::-1]):
                joined = np.zeros((self.count + 1, self.count), bool)
                for k, player in enumerate(each):
                    joined[k + 1 :, player] = True
                values[each] += np.diff(self.scores(joined), axis=0)
        return values.T / (2 * samples)


def _windows(
    array: Host, window: int | Sequence[int], strides: int | Sequence[int] | None
) -> list[Host]:
    """Return masks of the shape of a row, one for each place of the window."""
    shape = array.shape[1:]
    sizes = _for_axes(array, window, "window")
    steps = sizes if strides is None else _for_axes(array, strides, "strides")
    starts = [
        range(0, max(n - size, 0) + step, step) if n else range(0)
        for n, size, step in zip(shape, sizes, steps)
    ]
    masks = []
    for corner in itertools.product(*starts):
        mask = np.zeros(shape, bool)
        mask[tuple(slice(i, i + size) for i, size in zip(corner, sizes))] = True
        if mask.any():
            masks.append(mask)
    return masks


def _for_axes(array: Host, sizes: int | Sequence[int], name: str) -> list[int]:
    """Return a size for each axis after the batch."""
    rank, axis = array.ndim - 1, channels(array)
    given = sizes if isinstance(sizes, tuple | list) else None
    if given is None or (axis is not None and len(given) == rank - 1):
        places = [i for i in range(rank) if axis is None or i != axis - 1]
        numbers = [sizes] * len(places) if given is None else given
        filled = list(array.shape[1:])
        for place, size in zip(places, numbers):
            filled[place] = size
        given = filled
    if len(given) != rank:
        raise ShapeError(
            f"Expected {name} to have a number for each of the {rank} axes after the "
            f"batch, or for each but the channels, got {sizes!r}."
        )
    return [whole(size, name) for size in given]


def _players(question: Question, groups: Tree) -> tuple[list[Host], int]:
    """Return which player has each number of a row, from 0, and how many there are."""
    players, count = [], 0
    for place, array in enumerate(question.inputs):
        shape, axis = array.shape[1:], channels(array)
        if groups is None:
            sizes = [1 if axis == i + 1 else n for i, n in enumerate(shape)]
            own = np.arange(math.prod(sizes)).reshape(sizes) + count
            each = np.broadcast_to(own, shape)
        else:
            each = _grouped(question, groups, place, shape)
        players.append(each)
        count = max(count, int(each.max(initial=-1)) + 1)
    if groups is not None:  # any integers will do
        flat = np.concatenate([each.ravel() for each in players])
        names, numbers = np.unique(flat, return_inverse=True)
        ends = np.cumsum([each.size for each in players])[:-1]
        parts = np.split(numbers, ends)
        players = [part.reshape(each.shape) for part, each in zip(parts, players)]
        count = len(names)
    return players, count


def _grouped(question: Question, groups: Tree, place: int, shape: tuple) -> Host:
    given = groups if isinstance(groups, tuple | list) else [groups]
    if isinstance(groups, dict):
        given = [groups[key] for key in sorted(groups)]
    arrays = [np.asarray(each) for each in given]
    if len(arrays) != len(question.inputs):
        arrays = [np.asarray(groups)]
    if len(arrays) != len(question.inputs) or arrays[place].dtype.kind not in "iu":
        raise ArgumentError(
            f"Expected groups to be {len(question.inputs)} arrays of integers, got "
            f"{groups!r}."
        )
    try:
        return np.broadcast_to(arrays[place], shape)
    except ValueError:
        raise ShapeError(
            f"Expected groups that broadcast to a row of shape {shape}, got "
            f"{arrays[place].shape}."
        ) from None
