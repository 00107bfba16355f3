"""What attention with several heads has in common: projections and masks."""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import reduce
from typing import Any

from multinet import ops
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.arguments import positive
from multinet.layers.base import Layer
from multinet.layers.core import Dropout
from multinet.layers.einsum_dense import EinsumDense
from multinet.layers.families import options_of
from multinet.layers.positions import checked, finite, masked_softmax
from multinet.ops.core import boolean
from multinet.symbolic.dims import differ, public_shape
from multinet.typing import Seed, Size, Tensor, Tensors


class BaseHeads(Layer):
    """Projections to heads, attention under the masks of the inputs, a projection back.

    Subclasses make the projections in `build` and attend in `attend`. The inputs keep
    their masks (Keras 3.15 takes them away), so sums with them are masked too.
    """

    query_dense: EinsumDense
    key_dense: EinsumDense
    value_dense: EinsumDense
    gate_dense: EinsumDense
    output_dense: EinsumDense
    dropout_layer: Dropout

    def __init__(
        self,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        use_gate: bool = False,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.supports_masking = True
        self.dropout, self.use_bias, self.use_gate = dropout, use_bias, use_gate
        if sliding_window is not None:
            positive("sliding_window", sliding_window)
        self.sliding_window = sliding_window
        if flash_attention and dropout > 0:
            raise ArgumentError(
                f"flash_attention=True needs dropout=0, got dropout={dropout}."
            )
        self.flash_attention, self.seed = flash_attention, seed

    def _projection(
        self,
        name: str,
        shape: Any,
        sizes: Sequence[int],
        bound: int = 1,
        **options: Any,
    ) -> EinsumDense:
        """Return a built EinsumDense from the last `bound` axes to axes of `sizes`."""
        letters = iter(string.ascii_letters)
        free, summed, made = (
            "".join(next(letters) for _ in range(n))
            for n in (len(shape) - bound, bound, len(sizes))
        )
        dense = EinsumDense(
            f"{free}{summed},{summed}{made}->{free}{made}",
            output_shape=(*[None] * (len(free) - 1), *sizes),
            bias_axes=made if self.use_bias else None,
            activity_regularizer=self.activity_regularizer,
            dtype=self.dtype_policy,
            name=name,
            **options_of(self, "kernel", "bias"),
            **options,
        )
        dense.supports_masking = True  # a projection keeps positions apart
        dense.build(shape)
        return dense

    def call(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Tensor | None = None,
        value_mask: Tensor | None = None,
        key_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Tensors:
        """Return query's shape (or output_shape), and with scores (b, h, t, s) too.

        query (b, t, d), value (b, s, e), key (b, s, f), by default the value.
        `attention_mask` is true where query t may see s: (t, s), (b, t, s) or
        (b, h, t, s). Masks of the inputs, (b, t) and (b, s), are found by themselves.
        """
        if self.flash_attention and return_attention_scores:
            raise ArgumentError(
                f"{self.name} was made with flash_attention=True, which keeps no "
                "scores; leave it None to return them."
            )
        key = value if key is None else key
        masks: Any = (query_mask, value_mask, key_mask, attention_mask)
        mask = None
        if any(part is not None for part in masks):
            (query, value, key), masks = self._shown((query, value, key), masks)
            mask = self._attention_mask(*masks)
        if self.sliding_window is not None:
            t, s = ops.shape(query)[1], ops.shape(value)[1]
            mask = both(mask, _window(t, s, self.sliding_window))
        gate = self.gate_dense(query) if self.use_gate else None
        q = self.query_dense(query)  # b t h d
        k = self.key_dense(key)  # b s h d
        v = self.value_dense(value)  # b s h e
        outputs, scores = self.attend(
            q,
            k,
            v,
            mask,
            causal=use_causal_mask,
            training=bool(training),
            scores=return_attention_scores,
        )
        if gate is not None:
            outputs = ops.multiply(outputs, gate)
        outputs = self.output_dense(outputs)
        return (outputs, scores) if return_attention_scores else outputs

    def _shown(self, inputs: Any, masks: Any) -> tuple[list[Any], list[Any]]:
        """Return query, value and key without what is not finite where it is masked,
        and all masks as bool.
        """
        query, value, key = inputs
        parts = zip(masks, inputs, ("the query", "the value", "the key"))
        found = [
            None if m is None else checked(self.name, m, ops.shape(x)[:-1], of)
            for m, x, of in parts
        ]
        pairs, each = None, None
        if masks[3] is not None:
            pairs, each = self._pairs(masks[3], ops.shape(query), ops.shape(value))
        hiding = {id(m): m for m in (*found[1:], each) if m is not None}
        seen = reduce(ops.logical_and, hiding.values()) if hiding else None
        places = [(query, found[0]), (value, seen), (key, seen)]
        clean: dict[Any, Any] = {}  # once where query, value and key are the same
        for x, mask in places:
            if (id(x), id(mask)) not in clean:
                clean[id(x), id(mask)] = x if mask is None else finite(x, mask)
        return [clean[id(x), id(mask)] for x, mask in places], [*found, pairs]

    def _pairs(self, given: Any, queries: Any, values: Any) -> tuple[Any, Any]:
        """Return a mask of pairs as bool, and that of the keys (b, s) if all queries
        share it.
        """
        given = boolean(given)
        if len(queries) != 3:  # attention over other axes than one
            return given, None
        shape, (batch, t, _), s = ops.shape(given), queries, values[1]
        forms = {2: (t, s), 3: (batch, t, s), 4: (batch, self.query_heads, t, s)}
        wanted = forms.get(len(shape))
        if wanted is None or not all(map(_broadcasts, shape, wanted)):
            raise ShapeError(
                f"{self.name} expects an attention_mask that broadcasts to "
                f"{', '.join(str(public_shape(form)) for form in forms.values())}; got "
                f"{public_shape(shape)}. One of keys, (batch, keys), is "
                "mask[:, None, :], or value_mask=mask."
            )
        by_head = len(shape) == 4 and shape[1] != 1
        if by_head or shape[-2] != 1:
            return given, None
        return given, ops.reshape(given, (shape[0], shape[-1]))

    def _attention_mask(self, query: Any, value: Any, key: Any, given: Any) -> Any:
        """Return one mask, (b, t, s) or what of it is needed, or None."""
        mask, by_head = given, given is not None and len(ops.shape(given)) == 4
        for part, axis in ((query, -1), (value, -2), (key, -2)):
            if part is not None:
                spread = ops.expand_dims(part, axis)
                mask = both(mask, ops.expand_dims(spread, 1) if by_head else spread)
        return mask

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
        if mask is not None:
            for _ in range(4 - len(ops.shape(mask))):
                mask = ops.expand_dims(mask, -3)  # b h t s
        if not scores and not (training and self.dropout > 0):
            outputs = ops.dot_product_attention(
                q, k, v, mask=mask, scale=self.factor, is_causal=causal
            )
            if self.dropout > 0 and mask is not None:
                # As with dropout: a query that may see nothing gets 0.
                seen = ops.swapaxes(ops.any(mask, axis=-1, keepdims=True), 1, 2)
                outputs = ops.where(seen, outputs, 0.0)
            return outputs, None
        if causal:
            mask = both(mask, causal_mask(ops.shape(q)[1], ops.shape(k)[1]))
        logits = ops.einsum("bthd,bshd->bhts", ops.multiply(q, self.factor), k)
        weights = masked_softmax(logits, mask, (3,))
        dropped = self.dropout_layer(weights, training=training)
        return ops.einsum("bhts,bshe->bthe", dropped, v), weights

    @property
    def query_heads(self) -> int:
        """The number of heads of the query."""
        raise NotImplementedError(f"{type(self).__name__} must define query_heads.")

    @property
    def factor(self) -> float:
        """What the products of queries and keys are multiplied by."""
        raise NotImplementedError(f"{type(self).__name__} must define factor.")


def _broadcasts(size: Size, wanted: Size) -> bool:
    return not (differ(size, 1) and differ(size, wanted))


def both(mask: Tensor | None, other: Tensor) -> Tensor:
    return other if mask is None else ops.logical_and(mask, other)


def causal_mask(t: Size, s: Size) -> Tensor:
    """Return (1, t, s), true where the key is not after the query."""
    i, j = _positions(t, s)
    return ops.less_equal(j, i)


def _window(t: Any, s: Any, width: int) -> Any:
    """Return (1, t, s), true where the key is less than `width` steps away."""
    i, j = _positions(t, s)
    return ops.less(ops.abs(ops.subtract(i, j)), width)


def _positions(t: Any, s: Any) -> tuple[Any, Any]:
    i = ops.reshape(ops.arange(t, dtype="int32"), (1, t, 1))
    return i, ops.reshape(ops.arange(s, dtype="int32"), (1, 1, s))
