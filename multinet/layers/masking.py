"""Masking: steps of a sequence that do not count."""

from __future__ import annotations

from typing import Any

from multinet import ops
from multinet.layers.base import Layer
from multinet.typing import Tensor


class Masking(Layer):
    """Mask the steps of sequences (b, t, ...) whose last axis is all `mask_value`.

    The masked steps become 0; the layers after know them by the mask (b, t).
    """

    def __init__(self, mask_value: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.mask_value = mask_value
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return inputs with the masked steps at 0."""
        shown = self.compute_mask(inputs)
        return ops.where(ops.expand_dims(shown, -1), inputs, 0)

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor | None:
        """Return where any entry of the last axis differs from `mask_value`."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)
