"""SpectralNormalization: a layer whose kernel stretches no vector."""

from __future__ import annotations

from typing import Any

from multinet import initializers, ops
from multinet.errors import ArgumentError
from multinet.layers.arguments import positive
from multinet.layers.base import Layer
from multinet.layers.wrapper import Wrapper
from multinet.typing import Shape, Tensor
from multinet.variables import Variable


class SpectralNormalization(Wrapper):
    """Divide the kernel of a layer by its largest singular value, while training.

    The kernel, or the embeddings, are seen as a matrix (..., last axis). The singular
    value is found by `power_iterations` steps of power iteration, which go on from
    call to call; the weight itself is set, and its gradient is that of the layer, as
    it is set: not through the division.

    Source: Miyato et al., "Spectral normalization for generative adversarial networks",
    2018.
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **options: Any) -> None:
        super().__init__(layer, **options)
        self.power_iterations = positive("power_iterations", power_iterations)

    def build(self, input_shape: Shape) -> None:
        """Build the layer, and create the vector of the iteration, (1, last axis)."""
        super().build(input_shape)
        names = ("kernel", "embeddings")
        weights = [getattr(self.layer, name, None) for name in names]
        found = next((w for w in weights if isinstance(w, Variable)), None)
        if found is None:
            raise ArgumentError(
                f"{self.name} expects a layer with a weight named kernel or "
                f"embeddings, without LoRA, got {self.layer!r}."
            )
        self.kernel = found
        self.vector_u = self.add_weight(
            (1, found.shape[-1]),
            initializers.TruncatedNormal(stddev=0.02),
            found.dtype,
            trainable=False,
            name="vector_u",
        )

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Return what the layer makes of inputs, in their dtype."""
        if training:
            vector, kernel = map(ops.stop_gradient, self.normalized_weights())
            self.vector_u.assign(vector)
            before = self.kernel.uncast()
            nothing = ops.subtract(before, ops.stop_gradient(before))
            self.kernel.assign(ops.add(kernel, nothing))
        return ops.cast(self.layer(inputs), ops.dtype(inputs))

    def normalized_weights(self) -> tuple[Tensor, Tensor]:
        """Return the vector after `power_iterations`, and the kernel of norm 1.

        A kernel of zeros stays, as does the vector then.
        """
        kernel, u = self.kernel, self.vector_u
        w = ops.reshape(kernel, (-1, kernel.shape[-1]))
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(w)))
            u = ops.normalize(ops.matmul(v, w))
        empty = ops.all(ops.equal(w, 0))
        u = ops.where(empty, self.vector_u, u)
        sigma = ops.matmul(ops.matmul(v, w), ops.transpose(u))  # 1 1
        sigma = ops.where(empty, 1.0, sigma)
        scaled = ops.reshape(ops.divide(w, sigma), kernel.shape)
        return ops.cast(u, self.vector_u.dtype), ops.cast(scaled, kernel.dtype)
