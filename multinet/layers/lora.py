"""LoRA: a weight that stays, and a product of two small ones that is trained."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, ClassVar

from multinet import ops
from multinet.errors import ArgumentError
from multinet.layers.arguments import positive
from multinet.layers.base import Layer
from multinet.stores import load_own, save_own
from multinet.tracebacks import shorten
from multinet.typing import AnyLayer, Host, InitializerLike, Made, Tensor
from multinet.variables import Variable


class Adapted:
    """An attribute that reads as the weight kept under it, plus the product."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: AnyLayer, owner: type | None = None) -> Made:
        if layer is None:
            return self
        weight = layer.__dict__.get(self.name)
        if weight is None:
            try:
                raise AttributeError(
                    f"{layer.name} has no {self.name} before it is built. Call it on "
                    "data, or call build(input_shape)."
                )
            except AttributeError as error:
                shorten(error)
                raise
        return layer.merged() if layer.lora_enabled else weight

    def __set__(self, layer: AnyLayer, value: object) -> None:
        layer.__dict__[self.name] = value


class Adaptable(Layer):
    """A layer whose weight W may become W + alpha / rank * A @ B.

    W (..., n) is trained no longer, A (..., rank) and B (rank, n) are. They are float32
    whatever the policy, and a file has the sum in the place of W, as Keras's has.

    Source: Hu et al., "LoRA: Low-rank adaptation of large language models", 2021.
    """

    adapted: ClassVar[str] = "kernel"
    lora_enabled = False

    def __init__(
        self,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if lora_rank is not None:
            positive("lora_rank", lora_rank)
        self.lora_rank = lora_rank
        self.lora_alpha = lora_rank if lora_alpha is None else lora_alpha

    def adapt(self) -> None:
        """Enable LoRA if the constructor was given a rank; `build` ends with it."""
        if self.lora_rank is not None:
            self._add(self.lora_rank, "he_uniform", "zeros")

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: InitializerLike = "he_uniform",
        b_initializer: InitializerLike = "zeros",
    ) -> None:
        """Train a product of `rank` in place of the weight, from now on.

        `lora_alpha`, by default the rank, scales it. An optimizer that was compiled
        before trains other weights: compile the model again.
        """
        if not self.built:
            raise ArgumentError(
                f"{self.name} is not built, so it has no weight to adapt. Call it on "
                "data or build it first, or give lora_rank to its constructor."
            )
        if self.lora_enabled:
            raise ArgumentError(
                f"{self.name} has LoRA of rank {self.lora_rank} already, and may have "
                "it once."
            )
        self._add(positive("rank", rank), a_initializer, b_initializer)
        self.lora_rank = rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha

    def _add(self, rank: int, first: InitializerLike, second: InitializerLike) -> None:
        name = self.adapted
        if getattr(self, f"{name}_constraint") is not None:
            raise ArgumentError(
                f"{self.name} has a {name}_constraint, which LoRA cannot keep to. "
                "Leave it out."
            )
        weight = self.plain
        regularizer = getattr(self, f"{name}_regularizer")
        shapes = {"a": (*weight.shape[:-1], rank), "b": (rank, weight.shape[-1])}
        for part, start in (("a", first), ("b", second)):
            added = self.add_weight(
                shapes[part],
                start,
                "float32",
                regularizer=regularizer,
                name=f"lora_{name}_{part}",
            )
            added.path = weight.path.removesuffix(weight.name) + added.name
            setattr(self, f"lora_{name}_{part}", added)
        weight.trainable = False
        self.lora_enabled = True

    @property
    def plain(self) -> Variable:
        """The weight itself."""
        return self.__dict__[self.adapted]

    @property
    def factors(self) -> tuple[Variable, Variable]:
        """The weights A and B."""
        a, b = (getattr(self, f"lora_{self.adapted}_{part}") for part in "ab")
        return a, b

    def merged(self) -> Tensor:
        """Return W + alpha / rank * A @ B in the dtype that the layer computes in."""
        a, b = self.factors
        product = ops.multiply(ops.matmul(a, b), self.lora_scale)
        return ops.cast(ops.add(self.plain, product), self.compute_dtype)

    @property
    def lora_scale(self) -> float:
        """What the product is multiplied by, alpha / rank."""
        alpha: Any = self.lora_alpha
        rank: Any = self.lora_rank
        return alpha / rank

    # -- files -------------------------------------------------------------------------

    @property
    def _written_exactly(self) -> bool:
        return not self.lora_enabled

    def _saved_variables(self) -> list[Variable]:
        if not self.lora_enabled:
            return super()._saved_variables()
        added = set(map(id, self.factors))
        return [v for v in super()._saved_variables() if id(v) not in added]

    def save_own_variables(self, store: MutableMapping[str, Tensor]) -> None:
        """Put the layer's own weights into a file, the sum in the place of W."""
        kept: Any = self._saved_variables()
        if self.lora_enabled:
            plain = self.plain
            kept = [self._sum() if v is plain else v for v in kept]
        save_own(kept, store)

    def _sum(self) -> Host:
        """Return W + alpha / rank * A @ B on the host, wherever the weights are."""
        w, (a, b) = self.plain.numpy(), (factor.numpy() for factor in self.factors)
        return (w + self.lora_scale * (a @ b)).astype(w.dtype)

    def load_own_variables(self, store: Mapping[str, Host]) -> None:
        """Take the layer's own weights from a file; the product begins at 0 again."""
        load_own(self.name, self._saved_variables(), store)
        if self.lora_enabled:
            _, b = self.factors
            b.assign(ops.zeros(b.shape, dtype=b.dtype))
