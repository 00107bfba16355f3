"""MultiHeadAttention."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

from multinet import ops
from multinet.calls import CallContext
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.arguments import positive
from multinet.layers.core import Dropout
from multinet.layers.heads import BaseHeads, both, causal_mask
from multinet.layers.positions import masked_softmax
from multinet.typing import (
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Seed,
    Shape,
    Shapes,
    Tensor,
)


class MultiHeadAttention(BaseHeads):
    """Attend with several heads: query (b, t, d), value (b, s, e) -> (b, t, d).

    Each of `num_heads` heads projects queries and keys to `key_dim`, values to
    `value_dim`, weighs the values by softmax(query key^T / sqrt(key_dim)), and all
    heads are projected to `output_shape`, by default the query's last size. Inputs of
    more axes attend over `attention_axes`, by default all between batch and features.
    `dropout` is that of the weights; `sliding_window` how far from itself a position
    sees; `use_gate` multiplies the heads by a sigmoid of the query; `flash_attention`
    asks for a framework's kernel of that name, or forbids it.

    For other arguments see `Layer`. A call takes the masks `query_mask`, `value_mask`,
    `key_mask` (b, s) and `attention_mask` (b, t, s), true where to attend, and
    `use_causal_mask=True`.

    Source: Vaswani et al., "Attention is all you need", 2017.

    >>> x = np.ones((2, 6, 16))
    >>> layers.MultiHeadAttention(4, 8)(x, x, use_causal_mask=True).shape
    (2, 6, 16)
    """

    families = ("kernel", "bias")
    _saved_as = {"gate_dense": "_gate_dense"}

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
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
        self.num_heads = positive("num_heads", num_heads)
        self.key_dim = positive("key_dim", key_dim)
        value_dim = key_dim if value_dim is None else value_dim
        self.value_dim = positive("value_dim", value_dim)
        self.output_shape = _ints("output_shape", output_shape)
        self.attention_axes = _ints("attention_axes", attention_axes)

    def _penalize(self, context: CallContext, outputs: Any) -> None:
        """Add nothing: the activity regularizer is that of the projections."""

    @property
    def query_heads(self) -> int:
        """The number of heads of the query."""
        return self.num_heads

    @property
    def factor(self) -> float:
        """1 / sqrt(key_dim)."""
        return 1 / math.sqrt(self.key_dim)

    def build(
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> None:
        """Create the projections: query, key, value and attention_output."""
        key_shape = value_shape if key_shape is None else key_shape
        if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ShapeError(
                f"{self.name} expects key and value of equal lengths, got "
                f"{tuple(key_shape)} and {tuple(value_shape)}."
            )
        heads = self.num_heads
        self.query_dense = self._projection("query", query_shape, (heads, self.key_dim))
        self.key_dense = self._projection("key", key_shape, (heads, self.key_dim))
        values = (heads, self.value_dim)
        if self.use_gate:
            self.gate_dense = self._projection(
                "gate", query_shape, values, activation="sigmoid"
            )
        self.value_dense = self._projection("value", value_shape, values)
        self.dropout_layer = Dropout(
            self.dropout, dtype=self.dtype_policy, seed=self.seed
        )
        last = self.output_shape or (query_shape[-1],)
        attended = (*query_shape[:-1], *values)
        self.output_dense = self._projection("attention_output", attended, last, 2)

    def _attention_mask(self, query: Any, value: Any, key: Any, given: Any) -> Any:
        """Return the mask of keys and pairs: a masked query attends, as in Keras."""
        return super()._attention_mask(None, value, key, given)

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
        rank = len(ops.shape(q))
        axes = self.attention_axes or tuple(range(1, rank - 2))
        axes = tuple(a if a >= 0 else rank - 1 + a for a in axes)
        if rank == 4 and axes == (1,):
            return super().attend(
                q, k, v, mask, causal=causal, training=training, scores=scores
            )
        # Other axes: the equation names each, those of the keys again.
        letters = string.ascii_letters[:rank]
        others = iter(string.ascii_letters[rank:])
        source = [next(others) if i in axes else c for i, c in enumerate(letters)]
        batch = [i for i in range(rank - 1) if i not in axes]
        joined = "".join(letters[i] for i in (*batch, *axes))
        joined += "".join(source[i] for i in axes)
        keys = "".join(source)
        if causal:
            mask = both(mask, causal_mask(ops.shape(q)[1], ops.shape(k)[1]))
        if mask is not None:
            for _ in range(len(joined) - len(ops.shape(mask))):
                mask = ops.expand_dims(mask, -2 * len(axes) - 1)
        q = ops.multiply(q, self.factor)
        logits = ops.einsum(f"{keys},{letters}->{joined}", k, q)
        last = tuple(range(len(joined) - len(axes), len(joined)))
        weights = masked_softmax(logits, mask, last)
        dropped = self.dropout_layer(weights, training=training)
        return ops.einsum(f"{joined},{keys}->{letters}", dropped, v), weights

    def compute_output_shape(  # type: ignore[override]
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> Shapes:
        """Return the output shape for the inputs' shapes."""
        return self._output_shape(query_shape, value_shape, key_shape)


def _ints(name: str, value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    found = (value,) if isinstance(value, int) else value
    whole = isinstance(found, list | tuple) and all(isinstance(n, int) for n in found)
    if not whole:
        raise ArgumentError(f"Expected {name} to be an int or ints, got {value!r}.")
    return tuple(found)
