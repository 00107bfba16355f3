"""Discretization: numbers as the bins that they fall in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from multinet import dtypes, ops
from multinet.configurable import own_arguments
from multinet.errors import ArgumentError
from multinet.layers.preprocessing.adapting import Batches, is_data
from multinet.layers.preprocessing.encoding import (
    encoded,
    encoded_shape,
    mode_of,
    sparse_of,
)
from multinet.layers.preprocessing.host import on_host
from multinet.layers.preprocessing.hosting import Preparing
from multinet.symbolic.spec import SymbolicArray
from multinet.typing import Config, Host, PolicyLike, Shapes, Tensor, Tree, Verbose


class Discretization(Preparing):
    """Put numbers into bins: i where they are below boundary i and no earlier one.

    The `bin_boundaries` are given, or `adapt` makes those of `num_bins` quantiles, up
    to an error of `epsilon` of the data. `output_mode` is "int", "one_hot",
    "multi_hot" or "count", as of `CategoryEncoding`.

    Source of the summaries: Greenwald and Khanna, "Space-Efficient Online Computation
    of Quantile Summaries", 2001, in a simpler form.
    """

    _reads_by_itself = True  # old files have a summary, which the boundaries replace

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: PolicyLike | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.output_mode = mode_of(output_mode)
        self.sparse = sparse_of(sparse, self.output_mode)
        if (num_bins is None) == (bin_boundaries is None):
            raise ArgumentError(
                "Expected one of num_bins and bin_boundaries, got "
                f"num_bins={num_bins} and bin_boundaries={bin_boundaries}."
            )
        if num_bins is not None and num_bins < 0:
            raise ArgumentError(f"Expected num_bins of at least 0, got {num_bins}.")
        self.bin_boundaries = None if bin_boundaries is None else list(bin_boundaries)
        self.num_bins, self.epsilon = num_bins, epsilon
        self.reset_state()

    @property
    def input_dtype(self) -> str:
        """The dtype of the numbers: floatx, whatever the bins are given in."""
        return dtypes.floatx()

    @property
    def output_dtype(self) -> str:
        """The dtype of the output: int32 for "int"."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def adapt(
        self, data: Tree, steps: int | None = None, verbose: Verbose = "auto"
    ) -> None:
        """Make the boundaries of data: an array, a tensor, or what gives batches.

        A generator, another iterable or a `Source`, of which `steps` batches are read;
        `verbose` is whether it shows a bar.
        """
        if self.num_bins is None:
            raise ArgumentError(
                f"{self.name} was made with bin_boundaries, so it cannot adapt. Give "
                "num_bins instead."
            )
        self.reset_state()
        if is_data(data, lists=False):
            self.update_state(data)
        else:
            for batch in Batches(data, steps, self.name, verbose):
                self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Tensor) -> None:
        """Summarize a batch."""
        values = on_host(data, self.name).astype(np.float32)
        summary = summarized(values, self.epsilon)
        both = np.concatenate((summary, self.summary), axis=1)
        order = np.argsort(both[0])
        self.summary = compressed(both[:, order], self.epsilon)

    def finalize_state(self) -> None:
        """Make the boundaries of the summary."""
        if self.num_bins is not None:
            found = compressed(self.summary, 1.0 / self.num_bins)[0, :-1]
            self.bin_boundaries = found.tolist()

    def reset_state(self) -> None:
        """Forget what was summarized."""
        self.summary = np.empty((2, 0), np.float32)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the bins, or what the mode makes of them."""
        boundaries = self.bin_boundaries
        if boundaries is None:
            if not isinstance(inputs, SymbolicArray):
                raise ArgumentError(f"{self.name} has no boundaries: call adapt first.")
            boundaries = [0.0] * (max(self.num_bins or 1, 1) - 1)
        bins = ops.digitize(inputs, np.asarray(boundaries, self.input_dtype))
        depth = len(boundaries) + 1
        mode, dtype = self.output_mode, self.output_dtype
        return encoded(bins, mode, depth, dtype, sparse=self.sparse)

    def compute_output_shape(self, input_shape: Shapes) -> Shapes:
        """Return the shape of the bins, or of what the mode makes of them."""
        if len(input_shape) == 0 and self.output_mode != "int":
            return (self._depth(),)
        return encoded_shape(input_shape, self.output_mode, self._depth())

    def _depth(self) -> int:
        known = self.bin_boundaries
        return self.num_bins or 1 if known is None else len(known) + 1

    def get_config(self) -> Config:
        """Return the arguments of the constructor, with the boundaries of `adapt`."""
        return {**own_arguments(self), "dtype": self.compute_dtype}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return a layer of this configuration, with the boundaries that it has."""
        given = dict(config)
        found = None
        if given.get("num_bins") is not None:
            found = given.pop("bin_boundaries", None)
        layer = super().from_config(given)
        if found is not None:
            layer.bin_boundaries = list(found)
        return layer

    def load_own_variables(self, store: Mapping[str, Host]) -> None:
        """Take nothing: the boundaries are in the configuration."""


def summarized(values: Host, epsilon: float) -> Host:
    """Return numbers and their weights, (2, n), that stand for many values."""
    values = np.sort(values.ravel())
    step = max(values.size * epsilon, 1)
    values = values[int(step - 1) :: int(step)]
    return np.stack([values, np.full_like(values, 1) * step])


def compressed(summary: Host, epsilon: float) -> Host:
    """Return a summary of 1 / `epsilon` numbers, or the same if it has no more."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    total = summary[1].cumsum()
    share = total / total[-1]
    values = np.interp(shares, share, summary[0])
    total = np.interp(shares, share, total)
    return np.stack((values, np.diff(total, prepend=0))).astype(np.float32)
