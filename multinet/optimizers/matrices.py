"""Adafactor and Muon, which treat matrices as such."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from multinet import dtypes
from multinet.checks import flag, number, whole
from multinet.errors import ArgumentError
from multinet.ops.core import as_tensor
from multinet.optimizers import rules
from multinet.optimizers.base import Optimizer, shared
from multinet.optimizers.kernels import corrected_rate
from multinet.optimizers.moments import norm
from multinet.optimizers.rules import by_weight, fraction, like, moved
from multinet.optimizers.state import Form
from multinet.registry import current
from multinet.typing import LearningRate, Numbers, Tensor
from multinet.variables import Variable


class Adafactor(Optimizer):
    """Steps by the root of a mean square that a matrix keeps as rows and columns.

    The step is relative to the size of the weight, at least `epsilon_2`; one whose root
    mean square is above `clip_threshold` is shrunk to it. The rate is at most
    1 / sqrt(step).

    Source: Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory
    cost", 2018.
    """

    slot_groups = (("row", "column", "velocity"),)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(**shared(locals()))
        self.beta_2_decay = number(beta_2_decay, "beta_2_decay", most=0)
        self.epsilon_1 = number(epsilon_1, "epsilon_1", least=0)
        self.epsilon_2 = number(epsilon_2, "epsilon_2", least=0)
        self.clip_threshold = number(clip_threshold, "clip_threshold", above=0)
        self.relative_step = flag(relative_step, "relative_step")

    def slot_form(self, variable: Variable, slot: str) -> Form | None:
        """Return the form without an axis for rows and columns.

        Vectors have an integer there that nobody uses, as in Keras's files.
        """
        shape = variable.shape
        if slot == "velocity":
            return shape, variable.dtype
        if len(shape) < 2:
            return (), "int32"
        left = shape[:-1] if slot == "row" else (*shape[:-2], shape[-1])
        return left, variable.dtype

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return params, and mean squares of rows, columns and elements."""
        f = current()
        rate, keep = self._numbers(step, learning_rate, params)

        def one(p: Any, g: Any, *values: Any) -> list[Any]:
            return self._one(f, p, g, values, rate, keep)

        return by_weight(one, params, grads, slots)

    def _one(
        self, f: Any, p: Any, g: Any, slots: Sequence[Any], rate: Any, keep: Any
    ) -> list[Any]:
        row, column, velocity = slots
        keep = like(keep, g)
        take = f.subtract(1.0, keep)
        squares = f.add(f.square(g), self.epsilon_1)

        def kept(old: Any, new: Any) -> Any:
            return f.add(f.multiply(old, keep), f.multiply(new, take))

        if len(f.shape(p)) < 2:
            velocity = kept(velocity, squares)
        else:
            last = len(f.shape(g)) - 1
            row = kept(row, f.mean(squares, (last,), False))
            column = kept(column, f.mean(squares, (last - 1,), False))
            scaled = f.divide(row, f.mean(row, (last - 1,), True))
            velocity = f.multiply(_axis(f, scaled, last), _axis(f, column, last - 1))
        change = f.divide(g, f.sqrt(velocity))
        excess = f.maximum(f.divide(_rms(f, change), self.clip_threshold), 1.0)
        length = f.multiply(f.maximum(_rms(f, p), self.epsilon_2), like(rate, p))
        p = f.subtract(p, f.multiply(f.divide(change, excess), length))
        return [p, row, column, velocity]

    def _numbers(
        self, step: Any, rate: Any, params: list[Tensor]
    ) -> tuple[Numbers, Numbers]:
        """Return the rate, at most 1 / sqrt(step), and what to keep of old means."""
        f = current()
        if not (f.is_tensor(step) or f.is_tensor(rate)):
            return min(rate, step**-0.5), f.full(
                (), 1 - step**self.beta_2_decay, "float32"
            )
        wide = dtypes.promote("float32", *map(f.dtype, params))
        t: Any = f.cast(step, wide) if f.is_tensor(step) else f.full((), step, wide)
        keep = f.negative(f.expm1(f.multiply(f.log(t), float(self.beta_2_decay))))
        return f.minimum(f.rsqrt(t), like(rate, t)), keep


def _axis(f: Any, x: Any, axis: int) -> Any:
    """Return x with an axis of size 1."""
    shape = f.shape(x)
    return f.reshape(x, (*shape[:axis], 1, *shape[axis:]))


def _rms(f: Any, x: Any) -> Any:
    return f.sqrt(f.mean(f.square(x), tuple(range(len(f.shape(x)))), False))


class Muon(Optimizer):
    """Steps of matrices by their momentum made orthogonal; AdamW for all other weights.

    These are weights of another rank than 2, embeddings unless `exclude_embeddings` is
    False, and those whose path holds a match of a regular expression in
    `exclude_layers`; their rate is `learning_rate * adam_lr_ratio`. With `rms_rate` the
    step of a matrix is as large as one of Adam; None leaves it. `muon_a`, `muon_b` and
    `muon_c` are those of `ns_steps` Newton-Schulz iterations.

    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks",
    2024; Liu et al., "Muon is scalable for LLM training", 2025.
    """

    slot_groups = (("momentum", "velocity"),)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1.0,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
    ) -> None:
        super().__init__(**shared(locals()))
        self.adam_beta_1 = fraction(adam_beta_1, "adam_beta_1")
        self.adam_beta_2 = fraction(adam_beta_2, "adam_beta_2")
        if adam_weight_decay is not None:
            number(adam_weight_decay, "adam_weight_decay", least=0)
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = number(epsilon, "epsilon", least=0)
        if isinstance(exclude_layers, str):
            raise ArgumentError(
                "Expected exclude_layers to be a list of names, got "
                f"{exclude_layers!r}."
            )
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = flag(exclude_embeddings, "exclude_embeddings")
        self.muon_a = number(muon_a, "muon_a")
        self.muon_b = number(muon_b, "muon_b")
        self.muon_c = number(muon_c, "muon_c")
        self.adam_lr_ratio = number(adam_lr_ratio, "adam_lr_ratio", least=0)
        self.momentum = number(momentum, "momentum", least=0, most=1)
        self.ns_steps = whole(ns_steps, "ns_steps", least=0)
        self.nesterov = flag(nesterov, "nesterov")
        self.rms_rate = None if rms_rate is None else number(rms_rate, "rms_rate")

    def slot_form(self, variable: Variable, slot: str) -> Form | None:
        """Return that of the weight; matrices have no velocity."""
        if slot == "velocity" and not self._by_adam(variable):
            return None
        return super().slot_form(variable, slot)

    def _by_adam(self, variable: Variable) -> bool:
        path = variable.path
        if len(variable.shape) != 2 or any(
            re.search(p, path) for p in self.exclude_layers
        ):
            return True
        return self.exclude_embeddings and "embedding" in path.lower()

    def decayed(
        self, active: list[int], params: list[Tensor], rate: Numbers
    ) -> list[Tensor]:
        """Return the weights after their decay, which matrices have another of."""
        adam = [self._by_adam(self.optimized[i]) for i in active]
        for kind, amount in (
            (False, self.weight_decay),
            (True, self.adam_weight_decay),
        ):
            if amount is not None:
                which = [
                    self._decays(i) and by is kind
                    for i, by in zip(active, adam, strict=True)
                ]
                params = rules.decay(params, which, rate, amount)
        return params

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return params, momenta and Adam's mean squares after a step."""
        f = current()
        betas = self.adam_beta_1, self.adam_beta_2
        adam_rate = corrected_rate(step, learning_rate, *betas, params)

        def one(p: Any, g: Any, m: Any, v: Any) -> tuple[Tensor, ...]:
            if v is None:
                m = f.add(g, f.multiply(m, self.momentum))
                step_of = f.add(g, f.multiply(m, self.momentum)) if self.nesterov else m
                change = self.zeropower_via_newtonschulz5(step_of, self.ns_steps)
                change = self.lr_adjust(change)
                rate = learning_rate
            else:
                m, v = moved(m, g, betas[0]), moved(v, f.square(g), betas[1])
                change = f.divide(m, f.add(f.sqrt(v), self.epsilon))
                change = f.multiply(change, float(self.adam_lr_ratio))
                rate = adam_rate
            return f.subtract(p, f.multiply(change, like(rate, p))), m, v

        return by_weight(one, params, grads, slots)

    def transpose_last_axis(self, X: Tensor) -> Tensor:
        """Return matrices transposed: their last two axes changed over."""
        X = as_tensor(X)
        rank = len(current().shape(X))
        order = (*range(rank - 2), rank - 1, rank - 2)
        return current().transpose(X, order) if rank > 1 else X

    def lr_adjust(self, x: Tensor) -> Tensor:
        """Return the step of a matrix, scaled to be as large as one of Adam."""
        x = as_tensor(x)
        if self.rms_rate is None:
            return x
        size = max(current().shape(x)[-2:]) ** 0.5
        return current().multiply(x, size * self.rms_rate)

    def zeropower_via_newtonschulz5(self, x: Tensor, steps: int) -> Tensor:
        """Return a matrix near to x with singular values near to 1."""
        f, x = current(), as_tensor(x)
        rows, columns = f.shape(x)
        if rows > columns:
            x = self.transpose_last_axis(x)
        x = f.divide(x, f.add(norm(x), 1e-7))
        for _ in range(steps):
            square = f.matmul(x, self.transpose_last_axis(x))
            fourth = f.matmul(f.multiply(square, self.muon_c), square)
            both = f.add(f.multiply(square, self.muon_b), fourth)
            x = f.add(f.multiply(x, self.muon_a), f.matmul(both, x))
        return self.transpose_last_axis(x) if rows > columns else x
