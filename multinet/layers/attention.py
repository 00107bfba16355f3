"""Attention and AdditiveAttention: one head, no projections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import ops, random
from multinet.errors import ArgumentError
from multinet.layers.base import Layer
from multinet.layers.heads import both, causal_mask
from multinet.layers.positions import checked, finite
from multinet.layers.signatures import is_shape
from multinet.typing import Seed, Shape, Tensor, Tensors


class Attention(Layer):
    """Weigh values by how well their keys fit each query, called on a list.

    [query (b, t, d), value (b, s, e), key (b, s, d)] -> (b, t, e); the key is the value
    by default. `score_mode` "dot" multiplies query and key, times a scale with
    `use_scale`; "concat" sums tanh(query + key), times a weight.

    Source: Luong et al., "Effective approaches to attention", 2015.
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if score_mode not in ("dot", "concat"):
            raise ArgumentError(
                f"Expected score_mode to be 'dot' or 'concat', got {score_mode!r}."
            )
        self.use_scale, self.score_mode = use_scale, score_mode
        self.dropout, self.seed = dropout, seed
        self.scale = self.concat_score_weight = None
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Create the scale and the weight of the scores, if wanted."""
        self._check(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(
                (), "ones", name="concat_score_weight"
            )

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Return how well each key fits each query: (b, t, s)."""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return scores if self.scale is None else ops.multiply(scores, self.scale)
        pairs = _pairs(query, key)
        if self.scale is not None:
            pairs = ops.multiply(pairs, self.scale)
        total = ops.sum(ops.tanh(pairs), axis=-1)
        return ops.multiply(total, self.concat_score_weight)

    def call(
        self,
        inputs: Sequence[Tensor],
        mask: Sequence[Tensor | None] | None = None,
        training: bool | None = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Tensors:
        """Return (b, t, e), and with scores (b, t, s) too.

        `mask` lists those of query (b, t) and value (b, s), or None for either.
        """
        self._check(inputs)
        inputs, (query_mask, value_mask) = self._shown(inputs, mask)
        query, value, key = inputs
        scores = self.scores(query, key)
        shown = None if value_mask is None else ops.expand_dims(value_mask, -2)
        if use_causal_mask:
            shown = both(shown, causal_mask(*ops.shape(scores)[-2:]))
        if shown is not None:
            far = 65504.0 if ops.dtype(scores) == "float16" else 1e9
            scores = ops.where(shown, scores, ops.subtract(scores, far))
        weights = ops.softmax(scores, axis=-1)  # b t s
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        outputs = ops.matmul(weights, value)
        if query_mask is not None:
            outputs = ops.where(ops.expand_dims(query_mask, -1), outputs, 0.0)
        return (outputs, weights) if return_attention_scores else outputs

    def _shown(self, inputs: Any, mask: Any) -> tuple[list[Any], list[Any]]:
        """Return query, value and key without what is not finite where it is masked,
        and the masks of query and value.
        """
        query, value, key = *inputs[:2], inputs[-1]
        if mask is None:
            return [query, value, key], [None, None]
        if not isinstance(mask, list | tuple) or len(mask) not in (2, 3):
            got = len(mask) if isinstance(mask, list | tuple) else "one tensor"
            raise ArgumentError(
                f"{self.name} expects masks as a list, that of the query and that of "
                f"the value, with None for either; got {got}."
            )
        masks = [
            None if m is None else checked(self.name, m, ops.shape(x)[:-1], of)
            for m, x, of in zip(mask, (query, value), ("the query", "the value"))
        ]
        if masks[0] is not None:
            query = finite(query, masks[0])
        if masks[1] is not None:
            same = key is value
            value = finite(value, masks[1])
            key = value if same else finite(key, masks[1])
        return [query, value, key], masks

    def _check(self, inputs: Any) -> None:
        several = isinstance(inputs, list | tuple) and not is_shape(inputs)
        if not several or len(inputs) not in (2, 3):
            raise ArgumentError(
                f"{self.name} expects a list, [query, value] or [query, value, key]."
            )

    def compute_mask(
        self,
        inputs: Sequence[Tensor],
        mask: Sequence[Tensor | None] | None = None,
    ) -> Tensor | None:
        """Return the query's mask."""
        return None if mask is None else mask[0]


class AdditiveAttention(Attention):
    """Weigh values by the sum of tanh(query + key), times a scale for each feature.

    [query (b, t, d), value (b, s, d), key (b, s, d)] -> (b, t, d).

    Source: Bahdanau, Cho and Bengio, "Neural machine translation", 2015.
    """

    _decided = frozenset({"score_mode"})

    def __init__(
        self, use_scale: bool = True, dropout: float = 0.0, **options: Any
    ) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **options)

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Create the scale, (d,), if wanted."""
        self._check(input_shape)
        if self.use_scale:
            size = input_shape[0][-1]
            self.scale = self.add_weight((size,), "glorot_uniform", name="scale")

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Return how well each key fits each query: (b, t, s)."""
        terms = ops.tanh(_pairs(query, key))
        if self.scale is not None:
            terms = ops.multiply(terms, self.scale)
        return ops.sum(terms, axis=-1)


def _pairs(query: Any, key: Any) -> Any:
    """Return the sums of each query and key: (b, t, d), (b, s, d) -> (b, t, s, d)."""
    return ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))
