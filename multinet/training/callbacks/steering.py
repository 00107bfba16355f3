"""Callbacks that steer training: LearningRateScheduler, TerminateOnNaN, averages."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

from multinet import ops
from multinet.checks import flag, shown
from multinet.errors import ArgumentError, Diverged, MultinetError
from multinet.progress import tell
from multinet.training.callbacks.base import Callback
from multinet.training.callbacks.monitor import Logs
from multinet.training.callbacks.rates import rate_of, rated, rates
from multinet.typing import Data


class LearningRateScheduler(Callback):
    """Set the learning rate at the start of each epoch to `schedule(epoch, rate)`.

    `epoch` counts from 0 and `rate` is the present one; a function of one argument
    gets the epoch alone. The rate is in the logs as "learning_rate". In a
    MultiOptimizer each optimizer has its own, "learning_rate_NAME".
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise ArgumentError(
                "Expected schedule to be a function of the epoch and the learning "
                f"rate, got {shown(schedule)}."
            )
        self.schedule, self.verbose = schedule, verbose
        self._takes_rate = _takes_two(schedule)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Set the rate."""
        for name, optimizer in rated(self.model.optimizer):
            self._set(optimizer, epoch, name.replace("_", " "))

    def _set(self, optimizer: Any, epoch: int, what: str) -> None:
        given = (epoch, rate_of(optimizer)) if self._takes_rate else (epoch,)
        found: Any = self.schedule(*given)
        rate = float(found) if _is_number(found) else math.nan
        if not (math.isfinite(rate) and rate >= 0):
            raise ArgumentError(
                f"Expected schedule to return a learning rate, which is a number of at "
                f"least 0, got {shown(found)} for epoch {epoch}."
            )
        optimizer.learning_rate = rate
        if self.verbose:
            name = type(self).__name__
            tell(f"{name} setting {what} to {rate} for epoch {epoch + 1}.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add the rate to the logs."""
        if logs is not None:
            logs.update(rates(self.model.optimizer))


def _takes_two(function: Callable[..., Any]) -> bool:
    """Return whether a function takes two arguments by position."""
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # written in C: nobody knows
        return True
    return True


def _is_number(value: Any) -> bool:
    if isinstance(value, bool | str | bytes):
        return False
    return hasattr(value, "__float__") and getattr(value, "ndim", 0) == 0


class TerminateOnNaN(Callback):
    """End training after a batch whose loss is NaN or infinite.

    With `raise_error` that is an error; else `fit` returns as if it had ended.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = flag(raise_error, "raise_error")

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        what = f"The loss of batch {batch} is {loss:g}"
        if self.raise_error:
            raise Diverged(f"{what}. TerminateOnNaN(raise_error=True) ends fit.")
        tell(f"{what}: training ends.")
        self.model.stop_training = True


class SwapEMAWeights(Callback):
    """Evaluate and predict with the averages of an optimizer with `use_ema=True`.

    The weights are as they were when that has ended. With `swap_on_epoch` they are
    swapped at the end of each epoch too, so that callbacks after this one, such as
    `ModelCheckpoint`, see the averages; the next epoch begins with the weights.

    Example:

        model.compile(Adam(use_ema=True), "mse")
        model.fit(x, y, epochs=5, callbacks=SwapEMAWeights())
        model.evaluate(x, y, callbacks=SwapEMAWeights())
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = flag(swap_on_epoch, "swap_on_epoch")
        self._weights: list[Any] = []  # while the averages are in their place

    def get_state(self) -> dict[str, Data]:
        """Return the weights, while the averages are in their place."""
        return {"weights": list(map(ops.convert_to_numpy, self._weights))}

    def set_state(self, state: dict[str, Data]) -> None:
        """Know the weights, which are in their place if there are none here."""
        self._weights = list(state["weights"])

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Train the weights themselves."""
        if self.swap_on_epoch:
            self._show(False)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Leave the averages to the callbacks that follow."""
        if self.swap_on_epoch:
            self._show(True)

    def on_train_end(self, logs: Logs = None) -> None:
        """Forget the weights: at the end of fit they became the averages."""
        self._weights = []

    def on_test_begin(self, logs: Logs = None) -> None:
        """Show the averages."""
        self._show(True)

    def on_test_end(self, logs: Logs = None) -> None:
        """Show the weights."""
        self._show(False)

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Show the averages."""
        self._show(True)

    def on_predict_end(self, logs: Logs = None) -> None:
        """Show the weights."""
        self._show(False)

    def _show(self, averages: bool) -> None:
        """Put the averages into the weights, or the weights back."""
        if averages == bool(self._weights):
            return
        optimizer = _averaging(self.model.optimizer)
        if not averages:
            for variable, x in zip(optimizer.optimized, self._weights, strict=True):
                variable.assign(x)
            self._weights = []
            return
        self._weights = [ops.copy(variable.value) for variable in optimizer.optimized]
        optimizer.finalize_variable_values(optimizer.optimized)


def _averaging(optimizer: Any) -> Any:
    """Return the optimizer that keeps averages: a loss scale is looked through."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if inner is None or not inner.use_ema:
        raise ArgumentError(
            "SwapEMAWeights needs averages: compile the model with an optimizer with "
            "use_ema=True."
        )
    if not inner.built:
        raise MultinetError("SwapEMAWeights found no averages yet: train first.")
    return inner
