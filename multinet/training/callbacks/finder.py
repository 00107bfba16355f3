"""LearningRateFinder: the loss as the learning rate grows, in a fit that is a test."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from multinet.checks import number, one_of, whole
from multinet.errors import ArgumentError, MultinetError
from multinet.training.callbacks.base import Callback
from multinet.training.callbacks.monitor import Logs
from multinet.training.keeping import Kept
from multinet.typing import Host
from multinet.visualization.plotting import pyplot_for

_FEWEST = 3  # losses that have a slope


class LearningRateFinder(Callback):
    """Find a learning rate: a `fit` with this callback is a test that leaves no trace.

    The rate grows with each batch from `min_lr` to `max_lr`, by equal factors, or by
    equal steps in `mode` "linear", and after `steps` batches `fit` ends. Then weights,
    optimizer, metrics and random streams are as they were before. It ends early when
    the smoothed loss is `early_stop_threshold` times its least value, None for never,
    or when a loss is not finite.

    `rates` and `losses` are those of each batch, and `smoothed` the mean of the losses
    so far in which each older one counts `smoothing` times as much as the next.
    `suggestion` is a rate to train with, `plot` shows why.

    After Smith, "Cyclical Learning Rates for Training Neural Networks" (2017).

    >>> finder = LearningRateFinder()
    >>> history = model.fit(x, y, epochs=10, callbacks=finder)
    >>> model.optimizer.learning_rate = finder.suggestion()
    """

    _is_last = True  # it restores what others have left

    def __init__(
        self,
        min_lr: float = 1e-6,
        max_lr: float = 1.0,
        steps: int = 100,
        mode: str = "exponential",
        early_stop_threshold: float | None = 4.0,
        smoothing: float = 0.9,
    ) -> None:
        super().__init__()
        self.min_lr = number(min_lr, "min_lr", above=0)
        self.max_lr = number(max_lr, "max_lr", above=self.min_lr)
        self.steps = whole(steps, "steps", least=_FEWEST)
        self.mode = one_of(mode, "mode", ("exponential", "linear"))
        if early_stop_threshold is not None:
            number(early_stop_threshold, "early_stop_threshold", above=1)
        self.early_stop_threshold = early_stop_threshold
        self.smoothing = number(smoothing, "smoothing", least=0, below=1)
        self._before: Kept | None = None
        self._begin()

    def _begin(self) -> None:
        self._rates: list[float] = []
        self._losses: list[float] = []
        self._smoothed: list[float] = []
        self._sum = 0.0

    @property
    def rates(self) -> Host:
        """The learning rate of each batch: float64 of shape (batches,)."""
        return np.array(self._rates)

    @property
    def losses(self) -> Host:
        """The loss of each batch: float64 of shape (batches,)."""
        return np.array(self._losses)

    @property
    def smoothed(self) -> Host:
        """The smoothed loss after each batch: float64 of shape (batches,)."""
        return np.array(self._smoothed)

    # -- hooks -------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        """Keep what the steps will change."""
        fit = self.model._trainer.fitting
        if fit is None:
            raise MultinetError("LearningRateFinder works in fit alone.")
        fit.runner()  # makes what the model lacks yet
        self._before = Kept(self.model)
        self._begin()

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Set the rate, and start the metrics anew: the loss is to be of one batch."""
        rate = self._rate(len(self._rates))
        self.model.optimizer.learning_rate = rate
        self._rates.append(rate)
        self.model.reset_metrics()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Note the loss; end where the test is over."""
        loss = (logs or {}).get("loss")
        if loss is None:
            raise MultinetError(
                "LearningRateFinder needs the loss, and the logs have none: let "
                "train_step return it as 'loss'."
            )
        self._losses.append(float(loss))
        share = 1 - self.smoothing
        self._sum = self.smoothing * self._sum + share * float(loss)
        count = len(self._losses)
        self._smoothed.append(self._sum / (1 - self.smoothing**count))
        if count == self.steps or self._diverges():
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Let all be as before."""
        self.restore()
        done = len(self._losses)
        if done < self.steps and not self._diverges():
            warnings.warn(
                f"The fit had {done} batches, and the rate came to "
                f"{self._rates[-1]:.3g}, as it takes steps={self.steps} to come to "
                f"{self.max_lr:g}: pass more epochs to fit, or fewer steps.",
                stacklevel=2,
            )

    def restore(self) -> None:
        """Let the model be as before the test: by hand if an error ended it."""
        if self._before is not None:
            self._before.restore()
            self._before = None

    def _rate(self, i: int) -> float:
        share = i / (self.steps - 1)
        if self.mode == "linear":
            return self.min_lr + share * (self.max_lr - self.min_lr)
        return self.min_lr * (self.max_lr / self.min_lr) ** share

    def _diverges(self) -> bool:
        last = self._smoothed[-1]
        if not math.isfinite(last):
            return True
        if self.early_stop_threshold is None:
            return False
        least = min(self._smoothed)
        return last > self.early_stop_threshold * least > 0

    # -- results -----------------------------------------------------------------------

    def suggestion(self, skip_begin: int = 10, skip_end: int = 1) -> float:
        """Return the rate at which the smoothed loss falls most steeply.

        By the logarithm of the rate. The first and the last batches are skipped, where
        the loss has not settled, or diverges. `MultinetError` if the loss falls
        nowhere, or too few batches are left.
        """
        first = whole(skip_begin, "skip_begin", least=0)
        stop = len(self._losses) - whole(skip_end, "skip_end", least=0)
        rates, losses = self.rates[first:stop], self.smoothed[first:stop]
        good = np.isfinite(losses)
        rates, losses = rates[good], losses[good]
        if len(losses) < _FEWEST:
            raise MultinetError(
                f"Expected at least {_FEWEST} losses between skip_begin={first} and "
                f"skip_end={skip_end}, got {max(len(losses), 0)} of "
                f"{len(self._losses)}: fit with this callback, for more batches."
            )
        slopes = np.gradient(losses, np.log(rates))
        if slopes.min() >= 0:
            raise MultinetError(
                f"The loss falls nowhere between the rates {rates[0]:.3g} and "
                f"{rates[-1]:.3g}. Look at plot(), and try others, or more steps."
            )
        return float(rates[slopes.argmin()])

    def plot(
        self,
        suggestion: bool = True,
        axes: object | None = None,
        show: bool | None = None,
    ) -> object:
        """Plot losses by rates, with the suggestion as a point; return the axes.

        They are those of matplotlib, given or new. New ones are shown unless `show` is
        False.
        """
        if not self._losses:
            raise ArgumentError("There is nothing to plot: fit with this callback.")
        pyplot = pyplot_for("Losses are")
        new = axes is None
        plane: Any = pyplot.figure().add_subplot() if new else axes
        plane.plot(self.rates, self.losses, alpha=0.3, label="loss")
        plane.plot(self.rates, self.smoothed, label="smoothed")
        if suggestion:
            rate = self.suggestion()
            loss = self._smoothed[self._rates.index(rate)]
            plane.plot([rate], [loss], "o", label=f"suggestion: {rate:.2e}")
        if self.mode == "exponential":
            plane.set_xscale("log")
        plane.set_xlabel("learning rate")
        plane.set_ylabel("loss")
        plane.legend()
        if show if show is not None else new:
            pyplot.show()
        return plane
