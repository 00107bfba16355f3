"""ModelCheckpoint: the model or its weights in files, as training goes on."""

from __future__ import annotations

import os
import string
from collections import deque
from pathlib import Path
from typing import Any, Literal

from multinet.checks import flag, shown, whole
from multinet.errors import ArgumentError
from multinet.progress import tell
from multinet.saving.model import MODEL
from multinet.training.callbacks.monitor import Logs, Monitor
from multinet.training.callbacks.turns import Turns
from multinet.typing import Data


class ModelCheckpoint(Monitor):
    """Save the model, or its weights, after each epoch or every so many batches.

    `filepath` may have fields: `{epoch}` (from 1), `{batch}`, and names in the logs,
    such as `model-{epoch:02d}-{val_loss:.2f}.keras`. `save_freq` is "epoch" or a number
    of batches; `save_weights_only` saves no more than that. With `save_best_only` a
    file is written only where `monitor` is better than it was, which `mode` and
    `initial_value_threshold` say, as in `EarlyStopping`; where the logs lack it, a
    warning comes with the file. `max_to_keep` deletes the oldest of the files that this
    callback has written. `verbose=1` prints the file that is written.

    >>> best = callbacks.ModelCheckpoint("best.keras", save_best_only=True)
    """

    _without_value = "The model is saved all the same."

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | Literal["epoch"] = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = None,
    ) -> None:
        super().__init__(monitor, mode, 0.0)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = flag(save_best_only, "save_best_only")
        self.save_weights_only = flag(save_weights_only, "save_weights_only")
        self.save_freq: Any = save_freq
        if save_freq != "epoch":
            self.save_freq = whole(save_freq, "save_freq, which is 'epoch' or batches,")
            # Batches are listened to only where that was asked for.
            self.on_train_batch_end = self._after_batch
        if max_to_keep is not None:
            whole(max_to_keep, "max_to_keep")
        self.max_to_keep = max_to_keep
        self.best = initial_value_threshold
        self._check_name()
        if self.save_best_only:
            self._needs_direction = "keep the best"

    def _check_name(self) -> None:
        name = Path(self.filepath).name
        weights = (".weights.h5", ".safetensors")
        ends = weights if self.save_weights_only else (MODEL,)
        if not name.endswith(ends):
            raise ArgumentError(
                f"Expected the name of a checkpoint to end in {' or '.join(ends)}, got "
                f"{shown(name)}. save_weights_only={self.save_weights_only}."
            )

    def on_train_begin(self, logs: Logs = None) -> None:
        """Find out which direction is better, if that matters."""
        if self.save_best_only:
            super().on_train_begin(logs)
        self._epoch, self._turns = 0, Turns(self.save_freq)
        self._written: deque[Path] = deque()

    def get_state(self) -> dict[str, Data]:
        """Return the best value, the batches that were counted and the files kept."""
        written = [str(path) for path in self._written]
        return {"best": self.best, "turns": self._turns.state(), "written": written}

    def set_state(self, state: dict[str, Data]) -> None:
        """Go on with these."""
        self.best = state["best"]
        self._turns.restore(state["turns"])
        self._written = deque(map(Path, state["written"]))

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch, whose batches are counted anew."""
        self._epoch = epoch
        self._turns.begin()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save the model, if it is time."""
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _after_batch(self, batch: int, logs: Logs = None) -> None:
        if self._turns.due(batch):
            self._save(self._epoch, batch, logs)

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        if self.save_best_only and not self._is_better(logs):
            return
        path = Path(self._name(epoch, batch, logs))
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        if self.verbose:
            tell(f"Epoch {epoch + 1}: saved {path}")
        if path not in self._written:
            self._written.append(path)
        while self.max_to_keep is not None and len(self._written) > self.max_to_keep:
            self._written.popleft().unlink(missing_ok=True)

    def _is_better(self, logs: Logs) -> bool:
        value = self.get_monitor_value(logs)
        if value is not None and not self.improves(value, self.best):
            return False
        self.best = self.best if value is None else value
        return True

    def _name(self, epoch: int, batch: int | None, logs: Logs) -> str:
        fields = {"epoch": epoch + 1, **(logs or {})}
        if batch is not None:
            fields["batch"] = batch + 1
        wanted = [name for _, name, _, _ in string.Formatter().parse(self.filepath)]
        missing = sorted({n for n in wanted if n is not None and n not in fields})
        if missing:
            raise ArgumentError(
                f"filepath {self.filepath!r} has the fields {missing}, but there are "
                f"{sorted(fields)}."
            )
        return self.filepath.format(**fields)
