"""GroupQueryAttention."""

from __future__ import annotations

import math
from typing import Any

from multinet import ops
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.arguments import positive
from multinet.layers.core import Dropout
from multinet.layers.heads import BaseHeads
from multinet.names import unique_name
from multinet.typing import (
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Seed,
    Shape,
    Shapes,
    Tensor,
)


class GroupQueryAttention(BaseHeads):
    """Attend with `num_query_heads`, groups of which share a key and value head.

    query (b, t, d), value (b, s, e) -> (b, t, d).

    Source: Ainslie et al., "GQA", 2023.
    """

    families = ("kernel", "bias")
    _class_in_files = "GroupedQueryAttention"  # as Keras calls it inside
    _saved_as = {
        f"{part}_dense": f"_{part}_dense"
        for part in ("query", "key", "value", "gate", "output")
    }

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike | None = None,
        bias_regularizer: RegularizerLike | None = None,
        activity_regularizer: RegularizerLike | None = None,
        kernel_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
        use_gate: bool = False,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        options["name"] = options.get("name") or unique_name("grouped_query_attention")
        super().__init__(
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            activity_regularizer=activity_regularizer,
            use_gate=use_gate,
            seed=seed,
            **options,
        )
        self.head_dim = positive("head_dim", head_dim)
        self.num_query_heads = positive("num_query_heads", num_query_heads)
        served = positive("num_key_value_heads", num_key_value_heads)
        if num_query_heads % served:
            raise ArgumentError(
                f"Expected num_query_heads to be a multiple of num_key_value_heads, "
                f"got {num_query_heads} and {served}."
            )
        self.num_key_value_heads = served

    @property
    def query_heads(self) -> int:
        """The number of heads of the query."""
        return self.num_query_heads

    @property
    def factor(self) -> float:
        """1 / sqrt(head_dim)."""
        return 1 / math.sqrt(self.head_dim)

    def build(
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> None:
        """Create the projections: query, key, value and attention_output."""
        key_shape = value_shape if key_shape is None else key_shape
        if len(query_shape) != 3 or len(value_shape) != 3:
            raise ShapeError(
                f"{self.name} expects inputs (batch, length, features), got "
                f"{tuple(query_shape)} and {tuple(value_shape)}."
            )
        queries = (self.num_query_heads, self.head_dim)
        served = (self.num_key_value_heads, self.head_dim)
        self.query_dense = self._projection("query", query_shape, queries)
        self.key_dense = self._projection("key", key_shape, served)
        if self.use_gate:
            self.gate_dense = self._projection(
                "gate", query_shape, queries, activation="sigmoid"
            )
        self.value_dense = self._projection("value", value_shape, served)
        self.dropout_layer = Dropout(
            self.dropout, dtype=self.dtype_policy, seed=self.seed
        )
        attended, last = (*query_shape[:-1], *queries), query_shape[-1:]
        self.output_dense = self._projection("attention_output", attended, last, 2)

    def attend(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor | None,
        *,
        causal: bool,
        training: bool,
        scores: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the attended values, and the scores if asked for, else None."""
        group = self.num_query_heads // self.num_key_value_heads
        if group > 1:
            k, v = ops.repeat(k, group, axis=2), ops.repeat(v, group, axis=2)
        return super().attend(
            q, k, v, mask, causal=causal, training=training, scores=scores
        )

    def compute_output_shape(  # type: ignore[override]
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> Shapes:
        """Return the output shape for the inputs' shapes."""
        return self._output_shape(query_shape, value_shape, key_shape)
