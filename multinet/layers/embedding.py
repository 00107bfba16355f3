"""Embedding: a row of a table for each integer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import ops
from multinet.bounds import note
from multinet.errors import OutOfRange
from multinet.layers.arguments import positive
from multinet.layers.context import set_mask
from multinet.layers.lora import Adaptable, Adapted
from multinet.ops.weighted import embedding
from multinet.typing import (
    ConstraintLike,
    DType,
    InitializerLike,
    RegularizerLike,
    Shape,
    Tensor,
)


class Embedding(Adaptable):
    """Replace each integer below `input_dim` by its row of `output_dim` trained floats.

    (...) -> (..., output_dim). With `mask_zero`, positions that hold 0 are masked: 0
    stands for padding. `weights` gives the table, (input_dim, output_dim), to begin
    with; else `embeddings_initializer` does (see `Layer`). `lora_rank` and `lora_alpha`
    are those of `Dense`.

    >>> layers.Embedding(1000, 16)(np.array([[4, 8, 0], [2, 0, 0]])).shape
    (2, 3, 16)
    """

    families = ("embeddings",)
    adapted = "embeddings"
    embeddings: Any = Adapted()
    embeddings_initializer: Any

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
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **options: Any,
    ) -> None:
        options.pop("input_length", None)  # older programs give it; it has no effect
        super().__init__(lora_rank=lora_rank, lora_alpha=lora_alpha, **options)
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
        self.adapt()

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., output_dim) for integers (...)."""
        note(inputs, self.input_dim, f"the integers of {self.name!r}")
        try:
            rows = embedding(self.plain, inputs)
        except OutOfRange as error:
            raise OutOfRange(
                f"{self.name}: {error} Its input_dim is {self.input_dim}, one more "
                "than the largest integer it takes."
            ) from error
        if self.lora_enabled:  # of these rows alone: the table may be large
            a, b = self.factors
            added = ops.matmul(embedding(a, inputs), b)
            rows = ops.add(rows, ops.multiply(added, self.lora_scale))
        return ops.cast(rows, self.compute_dtype)

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor | None:
        """Return where the integers are not 0, if `mask_zero`."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None


class ReversibleEmbedding(Embedding):
    """An embedding that also turns vectors into a score for each integer.

    With `reverse=True` a call returns inputs @ table^T, (..., output_dim) ->
    (..., input_dim), or with `tie_weights=False` inputs @ a kernel of its own. It is
    computed in `reverse_dtype`, by default that of the layer; `logit_soft_cap` keeps
    scores within ±cap, by cap * tanh(scores / cap).

    Source: Press and Wolf, "Using the output embedding to improve language models",
    2017.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike | None = None,
        embeddings_constraint: ConstraintLike | None = None,
        mask_zero: bool = False,
        reverse_dtype: DType | None = None,
        logit_soft_cap: float | None = None,
        **options: Any,
    ) -> None:
        self.tie_weights = bool(tie_weights)
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **options,
        )
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Shape | None = None) -> None:
        """Create the table, and unless tied the kernel (output_dim, input_dim)."""
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                (self.output_dim, self.input_dim),
                self.embeddings_initializer,
                name="reverse_embeddings",
            )

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        """Return (..., output_dim) for integers; `reverse`, (..., input_dim) for it."""
        if reverse:
            return self._scores(inputs)
        rows = super().call(inputs)
        set_mask(rows, super().compute_mask(inputs))
        return rows

    def _scores(self, vectors: Any) -> Any:
        tied = self.tie_weights
        kernel = ops.transpose(self.embeddings) if tied else self.reverse_embeddings
        dtype = self.reverse_dtype or self.compute_dtype
        scores = ops.matmul(ops.cast(vectors, dtype), ops.cast(kernel, dtype))
        cap = self.logit_soft_cap
        if cap is None:
            return scores
        return ops.multiply(ops.tanh(ops.divide(scores, cap)), cap)

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor | None:
        """Return None: `call` gives the rows their mask, and the scores have none."""
        return None

    def compute_output_shape(self, input_shape: Shape, reverse: bool = False) -> Shape:
        """Return (..., output_dim), or with `reverse` (..., input_dim)."""
        if reverse:
            return (*input_shape[:-1], self.input_dim)
        return (*input_shape, self.output_dim)
