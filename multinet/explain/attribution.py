"""What an explanation is: an array of parts for each input, and what they add up to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multinet.errors import ArgumentError
from multinet.explain import plots
from multinet.explain.question import Question
from multinet.typing import Host, Tree


@dataclass(frozen=True, eq=False)
class Attribution:
    """The part that each number of the inputs has in the score of its row.

    `attributions` are arrays of float32 like x, or one like the output of the layer
    that was named. `scores` are what is explained. Methods that share out a difference
    have `baselines`, arrays from which it is counted, and `baseline_scores`; `absorbed`
    is what biases have of the scores of all rows.
    """

    method: str
    question: Question
    arrays: list[Host]
    scores: Host
    baselines: list[Host] | None = None
    baseline_scores: Host | None = None
    absorbed: float | None = None

    @property
    def attributions(self) -> Tree:
        """The arrays in the structure of x; None for inputs that are not explained."""
        return self.question.tree([v.astype("float32") for v in self.arrays])

    @property
    def missing(self) -> Host | None:
        """By how much the parts of each row miss the difference that they share.

        Of all rows together where biases absorb a part. None for methods that share out
        nothing.
        """
        if self.baseline_scores is None:
            return None
        rows = [v.reshape(len(v), -1).sum(axis=1, dtype="float64") for v in self.arrays]
        missing = np.sum(rows, axis=0) - (self.scores - self.baseline_scores)
        if self.absorbed is None:
            return missing
        return np.array([missing.sum() + self.absorbed])

    @property
    def completeness(self) -> float | None:
        """The largest of `missing`, as a number without sign; 0 is perfect."""
        missing = self.missing
        return None if missing is None else float(np.abs(missing).max())

    def saliency(self, place: int = 0) -> Host:
        """Return the parts of an input with those of its channels added.

        Channels are the last axis of inputs of three axes and more, as
        `config.image_data_format` says for pictures. `place` counts the inputs.
        """
        array, like = self.arrays[place], self.question.inputs[place]
        axis = plots.channels(like)
        same = array.ndim == like.ndim
        return array.sum(axis=axis) if same and axis is not None else array

    def plot(
        self,
        path: str | os.PathLike[str],
        kind: str | None = None,
        labels: Sequence[str] | Sequence[Sequence[str]] | None = None,
        rows: Sequence[int] | None = None,
    ) -> None:
        """Draw heat maps of rows into a file, by matplotlib.

        `kind` is "image", "series", "table" or "text"; left out, it follows from the
        number of axes and, for words, from `at`. `labels` are the names of the columns
        of a table or the channels of a series, or the words of each row of a text. Four
        rows are drawn unless `rows` says which.
        """
        if len(self.arrays) != 1:
            raise ArgumentError(
                f"There are {len(self.arrays)} inputs. Plot the arrays of "
                "`attributions` one by one, by explain.plot_heatmap."
            )
        given = self.question.inputs[0]
        if self.arrays[0].ndim < given.ndim:  # a map of places, not of the layer
            given = self.question.leaves[0]
        if self.question.path is not None and kind is None and labels is not None:
            kind = "text"
        plots.plot_heatmap(
            self.arrays[0], given, path, kind=kind, labels=labels, rows=rows
        )
