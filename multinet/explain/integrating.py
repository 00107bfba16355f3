"""Gradients integrated along lines: Gauss-Legendre quadrature on parts of the lines.

The gradients of a part, times the way, add up to how much the score rises there. Where
they miss it a kink is near, and the halves of the part miss less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from multinet.explain.question import Question
from multinet.typing import Host

_NARROWEST = 2.0**-14  # of a line: kinks in less than this are left as they are
_ROUNDING = 2.0**-17  # of a score in float32: no more than this is asked for


class Parts(NamedTuple):
    """Parts of lines: of which row, from where and to where on the way."""

    rows: Host
    low: Host
    high: Host

    def halves(self) -> Parts:
        """Return the first half of each part, and then the second ones."""
        middle = (self.low + self.high) / 2
        low, high = np.append(self.low, middle), np.append(middle, self.high)
        return Parts(np.tile(self.rows, 2), low, high)


class Lines:
    """The lines from baselines to the inputs, with `steps` points on each part."""

    def __init__(self, question: Question, starts: Sequence[Host], steps: int) -> None:
        self.question = question
        self.starts = [v.astype("float64") for v in starts]
        pairs = zip(self.starts, question.inputs)
        self.ways = [end.astype("float64") - start for start, end in pairs]
        places, weights = np.polynomial.legendre.leggauss(steps)
        self.places, self.weights = (places + 1) / 2, weights / 2

    def integrals(self, tolerance: float | None) -> list[Host]:
        """Return the gradients averaged on the line of each row, times the way.

        With a tolerance, parts are halved until those of a row together miss the rise
        of its score by no more, and no number of it changes by more, or by no more than
        rounding of the score may let them.
        """
        count = self.question.count
        parts = Parts(np.arange(count), np.zeros(count), np.ones(count))
        found = self._integrated(parts)
        if tolerance is None:
            return found
        total = [np.zeros(way.shape) for way in self.ways]
        size = np.abs([self._scores(parts.rows, at) for at in parts[1:]])
        left = np.maximum(tolerance, _ROUNDING * size.max(axis=0))
        while len(parts.rows):
            halves = parts.halves()
            each = self._integrated(halves)
            better = [v.reshape(2, -1, *v.shape[1:]).sum(axis=0) for v in each]
            settled = self._settled(parts, self._missed(parts, found, better), left)
            for sums, integral in zip(total, better):
                np.add.at(sums, parts.rows[settled], integral[settled])
            rest = np.tile(~settled, 2)
            parts, found = Parts(*(x[rest] for x in halves)), [v[rest] for v in each]
        return total

    def _missed(self, parts: Parts, found: list[Host], better: list[Host]) -> Host:
        """Return by how much parts miss their rise, or a number of them changed."""
        rise = self._scores(parts.rows, parts.high)
        rise -= self._scores(parts.rows, parts.low)
        flat = [v.reshape(len(v), -1) for v in better]
        changes = [
            np.abs(v - before.reshape(v.shape)).max(axis=1)
            for v, before in zip(flat, found)
        ]
        missed = np.abs(sum(v.sum(axis=1) for v in flat) - rise)
        return np.maximum(missed, np.max(changes, axis=0))

    def _settled(self, parts: Parts, missed: Host, left: Host) -> Host:
        """Return which parts are good enough, and take what they miss from `left`.

        Those of a row are all that remain of it, or else take half of what is left.
        """
        settled = parts.high - parts.low < _NARROWEST
        for row in np.unique(parts.rows):
            mine = np.flatnonzero(parts.rows == row)
            mine = mine[np.argsort(missed[mine])]
            taken = np.cumsum(missed[mine])
            room = left[row] if taken[-1] <= left[row] else left[row] / 2
            settled[mine[taken <= room]] = True
            left[row] -= missed[mine[taken <= room]].sum()
        return settled

    def _integrated(self, parts: Parts) -> list[Host]:
        """Return the integrals of parts, one row for each."""
        steps, size = len(self.places), self.question.batch_size
        total = [np.zeros((len(parts.rows), *way.shape[1:])) for way in self.ways]
        for first in range(0, steps * len(parts.rows), size):
            pairs = np.arange(first, min(first + size, steps * len(parts.rows)))
            part, place = pairs // steps, pairs % steps
            width = parts.high[part] - parts.low[part]
            rows, at = parts.rows[part], parts.low[part] + width * self.places[place]
            gradients = self.question.gradients(self._points(rows, at), rows)
            weights = width * self.weights[place]
            for sums, gradient, way in zip(total, gradients, self.ways):
                np.add.at(sums, part, _scaled(gradient * way[rows], weights))
        return total

    def _scores(self, rows: Host, at: Host) -> Host:
        return self.question.scores(self._points(rows, at), rows)

    def _points(self, rows: Host, at: Host) -> list[Host]:
        """Return the points at a share of the way of rows, in the dtypes of x."""
        return [
            (start[rows] + _scaled(way[rows], at)).astype(v.dtype)
            for start, way, v in zip(self.starts, self.ways, self.question.inputs)
        ]


def _scaled(arrays: Host, by: Host) -> Host:
    """Return rows, each times a number."""
    return arrays * by.reshape(-1, *(1,) * (arrays.ndim - 1))
