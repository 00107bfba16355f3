"""What an optimizer is given: options, and the step and rate of an update."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from multinet.checks import flag, number, whole
from multinet.errors import ArgumentError
from multinet.registry import current
from multinet.scope import active_scope
from multinet.typing import Numbers, Tensor
from multinet.variables import Variable

if TYPE_CHECKING:  # which imports this module
    from multinet.optimizers.base import Optimizer


def check_options(optimizer: Optimizer) -> None:
    """Refuse options of every optimizer that are not what they must be."""
    clips = {
        "clipnorm": optimizer.clipnorm,
        "clipvalue": optimizer.clipvalue,
        "global_clipnorm": optimizer.global_clipnorm,
    }
    given = {name: value for name, value in clips.items() if value is not None}
    if len(given) > 1:
        raise ArgumentError(f"Expected at most one way of clipping, got {given}.")
    for name, value in given.items():
        number(value, name, above=0, hint=" None does not clip.")
    if optimizer.gradient_accumulation_steps is not None:
        steps = optimizer.gradient_accumulation_steps
        whole(steps, "gradient_accumulation_steps", least=2)
    if optimizer.weight_decay is not None:
        number(optimizer.weight_decay, "weight_decay", least=0)
    if optimizer.loss_scale_factor is not None:
        number(optimizer.loss_scale_factor, "loss_scale_factor", above=0)
    flag(optimizer.use_ema, "use_ema")
    number(optimizer.ema_momentum, "ema_momentum", least=0, most=1)
    if optimizer.ema_overwrite_frequency is not None:
        whole(optimizer.ema_overwrite_frequency, "ema_overwrite_frequency")


class Given:
    """The step and rate for `apply`, which may be called several times."""

    def __init__(self, step: Numbers, rate: Numbers) -> None:
        self.step, self.rate, self.applied = step, rate, 0
        self.counts = False  # whether `iterations` is to follow inside the step

    def next(self) -> tuple[Numbers, Numbers]:
        """Return the step and rate of the next update."""
        step, done = self.step, self.applied
        self.applied += 1
        if done == 0:
            return step, self.rate
        later = step + done if isinstance(step, int) else current().add(step, done)
        return later, self.rate


def to_consume(variables: Iterable[Variable]) -> list[Tensor]:
    """Return the values for an update that may overwrite them."""
    scope, copy = active_scope(), current().copy
    plain = current().native.plain
    values = [plain(v.__multinet_tensor__()) for v in variables]
    return values if scope is not None and scope.owns else [copy(x) for x in values]
