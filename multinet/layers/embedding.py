"""Embedding: a row of a table for each integer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import ops
from multinet.bounds import note
from multinet.errors import OutOfRange
from multinet.layers.arguments import positive
from multinet.layers.base import Layer
from multinet.ops.weighted import embedding
from multinet.typing import (
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shape,
    Tensor,
)


class Embedding(Layer):
    """Replace each integer below `input_dim` by its row of `output_dim` trained floats.

    (...) -> (..., output_dim). With `mask_zero`, positions that hold 0 are masked: 0
    stands for padding. `weights` gives the table, (input_dim, output_dim), to begin
    with.
    """

    families = ("embeddings",)

    _unwritten = frozenset({"weights"})

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike | None = None,
        embeddings_constraint: ConstraintLike | None = None,
        mask_zero: bool = False,
        weights: Sequence[Tensor] | None = None,
        **options: Any,
    ) -> None:
        options.pop("input_length", None)  # older programs give it; it has no effect
        super().__init__(**options)
        self.input_dim = positive("input_dim", input_dim)
        self.output_dim = positive("output_dim", output_dim)
        self.mask_zero = self.supports_masking = bool(mask_zero)
        self.autocast = False
        if weights is not None:
            self.build()
            alone = isinstance(weights, list | tuple) and len(weights) == 1
            self.set_weights(weights if alone else [weights])

    def build(self, input_shape: Shape | None = None) -> None:
        """Create the table, unless `weights` gave it."""
        if self.built:
            return
        self.embeddings = self.add_family(
            "embeddings", (self.input_dim, self.output_dim)
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., output_dim) for integers (...)."""
        note(inputs, self.input_dim, f"the integers of {self.name!r}")
        try:
            rows = embedding(self.embeddings, inputs)
        except OutOfRange as error:
            raise OutOfRange(
                f"{self.name}: {error} Its input_dim is {self.input_dim}, one more "
                "than the largest integer it takes."
            ) from error
        return ops.cast(rows, self.compute_dtype)

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None = None
    ) -> Tensor | None:
        """Return where the integers are not 0, if `mask_zero`."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None
