"""History and EarlyStopping."""

from __future__ import annotations

import math
import warnings
from typing import Any

from multinet.errors import ArgumentError
from multinet.training.callbacks.base import Callback


class History(Callback):
    """Records the logs of each epoch: `history.history["loss"]` is a list of floats."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Start anew."""
        self.history, self.epoch = {}, []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Append the logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class EarlyStopping(Callback):
    """Stop training when a monitored quantity has stopped improving.

    `mode` is min, max or auto (max for accuracies and the like). Improvement means by
    more than `min_delta`; `patience` epochs without it end the training. Epochs before
    `start_from_epoch` are not watched.
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
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"Expected mode auto, min or max, got {mode!r}.")
        self.monitor, self.patience, self.verbose = monitor, patience, verbose
        self.min_delta, self.baseline = abs(min_delta), baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        rising = ("acc", "auc", "precision", "recall", "f1", "r2")
        up = mode == "max" or mode == "auto" and any(r in monitor for r in rising)
        self.sign = 1.0 if up else -1.0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Forget earlier trainings."""
        self.wait, self.stopped_epoch, self.best_epoch = 0, 0, 0
        self.best: float | None = None
        self.best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compare with the best so far; stop when patience is over."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"EarlyStopping watches {self.monitor!r}, but the epoch logged "
                f"{sorted(logs or {})}. It will not stop.",
                stacklevel=2,
            )
            return
        if epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._improves(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _improves(self, value: float, reference: float | None) -> bool:
        if math.isnan(value):
            return False
        return reference is None or self.sign * (value - reference) > self.min_delta

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Restore the best weights if asked to."""
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of epoch {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class LambdaCallback(Callback):
    """A callback made of functions, given by hook: `LambdaCallback(on_epoch_end=f)`."""

    def __init__(self, **hooks: Any) -> None:
        super().__init__()
        known = [name for name in dir(Callback) if name.startswith("on_")]
        unknown = sorted(set(hooks) - set(known))
        if unknown:
            raise ArgumentError(f"Unknown hooks {unknown}. There are: {known}.")
        # A class of its own, so that CallbackList sees which hooks are overridden.
        methods = {name: staticmethod(function) for name, function in hooks.items()}
        own: Any = type("LambdaCallback", (LambdaCallback,), methods)
        self.__class__ = own
