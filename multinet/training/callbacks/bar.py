"""ProgbarLogger: the progress of fit, evaluate and predict as Keras shows it."""

from __future__ import annotations

from typing import Any

from multinet.training.callbacks.base import Callback
from multinet.training.callbacks.monitor import Logs
from multinet.utils.progbar import Progbar


class ProgbarLogger(Callback):
    """Shows a bar of Keras's kind, in place of the usual one of `fit`.

    It looks at each batch. `verbose` of fit says how: 1 is a bar, 2 a line an epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bar: Progbar | None = None
        self._seen, self._fits = 0, False

    def on_train_begin(self, logs: Logs = None) -> None:
        """Know that validation belongs to a fit, and shows nothing."""
        self._fits = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Know that the fit is over."""
        self._fits = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Show the number of the epoch, if there are several."""
        self._begin()
        epochs = self.params.get("epochs", 1)
        if self._verbose() and epochs > 1:
            print(f"Epoch {epoch + 1}/{epochs}")

    def on_test_begin(self, logs: Logs = None) -> None:
        """Begin a bar of evaluate."""
        if not self._fits:
            self._begin()

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Begin a bar of predict."""
        self._begin()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Show a step of training."""
        self._step(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Show a step of evaluate."""
        if not self._fits:
            self._step(batch, logs)

    def on_predict_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Show a step of predict."""
        self._step(batch, None)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Show the logs of the epoch."""
        self._end(logs)

    def on_test_end(self, logs: Logs = None) -> None:
        """Show the logs of evaluate."""
        if not self._fits:
            self._end(logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        """End the bar of predict."""
        self._end(None)

    def _verbose(self) -> int:
        verbose = self.params.get("verbose", 1)
        return 1 if verbose == "auto" else int(verbose or 0)

    def _begin(self) -> None:
        self._seen = 0
        self._bar = Progbar(
            self.params.get("steps"), verbose=self._verbose(), stateless_metrics=()
        )

    def _step(self, batch: int, logs: Logs) -> None:
        self._seen = batch + 1
        if self._bar is not None and self._verbose() == 1:
            values = list((logs or {}).items())
            self._bar.update(self._seen, values, finalize=False)

    def _end(self, logs: Logs) -> None:
        if self._bar is not None:
            self._bar.target = self._seen or self._bar.target
            if self._bar.target is not None:
                values = list((logs or {}).items())
                self._bar.update(self._bar.target, values, finalize=True)
