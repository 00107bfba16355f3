"""EarlyStopping and ReduceLROnPlateau."""

from __future__ import annotations

from typing import Any

from multinet.checks import flag, number, whole
from multinet.progress import tell
from multinet.training.callbacks.monitor import Logs, Monitor
from multinet.training.callbacks.rates import rate_of, rated, rates
from multinet.typing import Data

_STOPPING = ("wait", "stopped_epoch", "best_epoch", "best", "best_weights")
_PLATEAU = ("wait", "cooldown_counter", "best")


class EarlyStopping(Monitor):
    """Stop training when a monitored quantity has stopped improving.

    `monitor` is its name in the logs. `mode` is "min", "max" or "auto": then the metric
    or loss says what is better. Improvement means by more than `min_delta`, at first
    over `baseline`, if given; `patience` epochs without it end the training, and
    `restore_best_weights` goes back to those of the best epoch. Epochs before
    `start_from_epoch` are not watched. `verbose=1` prints what happens.

    >>> stop = callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = whole(patience, "patience", least=0)
        self.verbose = verbose
        self.baseline = None if baseline is None else number(baseline, "baseline")
        self.restore_best_weights = flag(restore_best_weights, "restore_best_weights")
        self.start_from_epoch = whole(start_from_epoch, "start_from_epoch", least=0)
        if self.restore_best_weights:
            self._needs_direction = "restore the best weights"

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget earlier trainings."""
        super().on_train_begin(logs)
        self.wait, self.stopped_epoch, self.best_epoch = 0, 0, 0
        self.best: float | None = None
        self.best_weights: list[Any] | None = None

    def get_state(self) -> dict[str, Data]:
        """Return the best value, its weights if they are kept, and the counters."""
        return {name: getattr(self, name) for name in _STOPPING}

    def set_state(self, state: dict[str, Data]) -> None:
        """Go on with these."""
        vars(self).update({name: state[name] for name in _STOPPING})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare with the best so far; stop when patience is over."""
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.improves(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Restore the best weights if asked to."""
        if self.stopped_epoch and self.verbose:
            tell(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                tell(f"Restoring the weights of epoch {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(Monitor):
    """Multiply the learning rate by `factor` when a quantity has stopped improving.

    That is after `patience` epochs in which `monitor` did not improve by more than
    `min_delta`; then `cooldown` epochs pass before it counts again. The rate stays at
    `min_lr` or above. `mode` and `verbose` are those of `EarlyStopping`. In a
    MultiOptimizer each rate is lowered.

    >>> lower = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=2, min_lr=1e-5)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.factor = number(factor, "factor", least=0, below=1)
        self.patience = whole(patience, "patience", least=0)
        self.verbose = verbose
        self.cooldown = whole(cooldown, "cooldown", least=0)
        self.min_lr = number(min_lr, "min_lr", least=0)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget earlier trainings."""
        super().on_train_begin(logs)
        self.wait, self.cooldown_counter = 0, 0
        self.best: float | None = None

    def get_state(self) -> dict[str, Data]:
        """Return the best value and the counters; the rate is the optimizer's."""
        return {name: getattr(self, name) for name in _PLATEAU}

    def set_state(self, state: dict[str, Data]) -> None:
        """Go on with these."""
        vars(self).update({name: state[name] for name in _PLATEAU})

    def in_cooldown(self) -> bool:
        """Return whether the rate was lowered so lately that epochs do not count."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare with the best so far; lower the rate when patience is over."""
        if logs is not None:
            logs.update(rates(self.model.optimizer))
        value = self.get_monitor_value(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(value, self.best):
            self.best, self.wait = value, 0
            return
        if self.in_cooldown():
            return
        self.wait += 1
        if self.wait >= self.patience and self._lowered(epoch):
            self.cooldown_counter, self.wait = self.cooldown, 0

    def _lowered(self, epoch: int) -> bool:
        """Lower each rate that may be lower, and return whether there was one."""
        high = [
            (name.replace("_", " "), optimizer, rate_of(optimizer))
            for name, optimizer in rated(self.model.optimizer)
            if rate_of(optimizer) > self.min_lr
        ]
        for what, optimizer, rate in high:
            lower = max(rate * self.factor, self.min_lr)
            optimizer.learning_rate = lower
            if self.verbose:
                name, when = type(self).__name__, f"after epoch {epoch + 1}"
                tell(f"{name} reducing {what} to {lower:g} {when}.")
        return bool(high)
