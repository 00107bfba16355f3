"""CategoryEncoding: integers as one-hot, multi-hot or counts."""

from __future__ import annotations

from typing import Any

from multinet import ops
from multinet.errors import ArgumentError
from multinet.layers.preprocessing.encoding import (
    MODES,
    encoded,
    encoded_shape,
    mode_of,
)
from multinet.layers.preprocessing.hosting import Preparing
from multinet.typing import Shapes, Tensor


class CategoryEncoding(Preparing):
    """Encode integers 0 to `num_tokens` - 1 as vectors (num_tokens,).

    `output_mode` is "multi_hot" or "count" of the n of a sample, (b, n) -> (b,
    num_tokens), or "one_hot" for each, (b, n) -> (b, n, num_tokens), where a last axis
    of 1 goes. `count_weights`, shaped as the inputs, say how much each counts.
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.output_mode = mode_of(output_mode, MODES[1:])
        if num_tokens is None or num_tokens < 1:
            raise ArgumentError(
                f"Expected num_tokens of at least 1, got {num_tokens}. Where the "
                "integers are not known beforehand, IntegerLookup numbers them."
            )
        self.num_tokens, self.sparse = num_tokens, bool(sparse)

    def call(self, inputs: Tensor, count_weights: Tensor | None = None) -> Tensor:
        """Return the vectors."""
        if count_weights is not None and self.output_mode != "count":
            raise ArgumentError(
                f"count_weights are for output_mode='count', got {self.output_mode!r}."
            )
        if count_weights is not None:
            count_weights = ops.cast(count_weights, self.compute_dtype)
        indices = ops.cast(inputs, "int32")
        return encoded(
            indices,
            self.output_mode,
            self.num_tokens,
            self.compute_dtype,
            count_weights,
            self.sparse,
        )

    def compute_output_shape(self, input_shape: Shapes) -> Shapes:
        """Return the shape of the vectors."""
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)
