"""BackupAndRestore: a training that goes on where it was cut off."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from multinet.checks import flag, shown, whole
from multinet.errors import ArgumentError, FileError, MultinetError
from multinet.saving import atomic, backups
from multinet.training.callbacks.base import Callback
from multinet.training.callbacks.monitor import Logs
from multinet.training.callbacks.turns import Turns
from multinet.typing import Data

_LATEST, _PREVIOUS = "latest.zip", "previous.zip"


class BackupAndRestore(Callback):
    """Keep a backup of the training; a `fit` that finds one goes on from there.

    It is written after each epoch, or after every `save_freq` steps, also within an
    epoch, and holds all that the rest of the training depends on: weights, optimizer,
    metrics, random streams, the place in the data and their order, the History, and the
    state of the other callbacks. So a fit that was killed and called again, with the
    same arguments, ends as one that was not, and its History has all epochs.

    Data that are a generator are drawn up to that place again, so pass a new one, or a
    function that returns one. A fit that `max_time` has ended keeps its backup, for
    another one to go on after the last epoch.

    `double_checkpoint` keeps the backup before the last one, too, for the case that the
    last is damaged. A fit that comes to its end deletes them, unless
    `delete_checkpoint=False`. `backup_dir` is a folder for this training alone. With
    `save_before_preemption` SIGTERM ends `fit` after the step that is running, with a
    backup; then the program ends with code 143, or the handler runs that was there.
    `save_freq=False` writes no other backups.

    `FileError` for a backup that is damaged, `ShapeError` for one of another model;
    then nothing has changed.
    """

    _is_last = True

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: int | Literal["epoch", False] = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        save_before_preemption: bool = False,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ArgumentError(
                f"Expected backup_dir to be a folder, got {backup_dir!r}."
            )
        self.backup_dir = os.fspath(backup_dir)
        self._folder = atomic.local(backup_dir)
        self._path = self._folder / _LATEST
        self._previous = self._folder / _PREVIOUS
        self.double_checkpoint = flag(double_checkpoint, "double_checkpoint")
        self.delete_checkpoint = flag(delete_checkpoint, "delete_checkpoint")
        self.save_before_preemption = flag(
            save_before_preemption, "save_before_preemption"
        )
        self.save_freq: Any = save_freq
        # Batches and SIGTERM are listened to only where that was asked for.
        if save_freq is False and not save_before_preemption:
            raise ArgumentError(
                "save_freq=False writes no backup, except with "
                "save_before_preemption=True."
            )
        if save_freq is not False and save_freq != "epoch":
            self.save_freq = whole(save_freq, "save_freq, which is 'epoch' or steps,")
            self.on_train_batch_end = self._after_batch
        if save_before_preemption:
            self.on_preemption = self._before_the_end

    # -- hooks -------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        """Go on where the backup stands, if there is one."""
        self._turns = Turns(self.save_freq)
        self._preempted = False
        self._clear_parts()
        #: The backup of an epoch that has begun, until it goes on.
        self._begun: Path | None = None
        if self._path.exists() or self._previous.exists():
            used = self._restore_one()
            self._begun = used if self._fit.step else None

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Undo what others did as if all of the epoch were to come."""
        if self._begun is not None:
            self._restore(self._begun, begun=True)
            self._begun = None
        self._turns.begin(self._fit.step)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write a backup, if it is time."""
        if self.save_freq == "epoch":
            self._save()

    def on_train_end(self, logs: Logs = None) -> None:
        """Delete the backup, unless it is needed."""
        if not self.delete_checkpoint or self._preempted or self._fit.late:
            return
        for path in (self._path, self._previous):
            path.unlink(missing_ok=True)
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _after_batch(self, batch: int, logs: Logs = None) -> None:
        if self._turns.due(batch):
            self._save()

    def _before_the_end(self, logs: Logs = None) -> None:
        self._save()
        self._preempted = True

    # -- files -------------------------------------------------------------------------

    @property
    def _fit(self) -> Any:
        fit = self.model._trainer.fitting
        if fit is None:
            raise MultinetError(
                "BackupAndRestore works in fit alone. In a loop of your own, save the "
                "model, and what the loop must remember."
            )
        return fit

    def _save(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        states = {name: each.get_state() for name, each in self._others().items()}
        state = {
            "fit": self._fit.state(),
            "callbacks": {name: found for name, found in states.items() if found},
        }
        keep = self._previous if self.double_checkpoint else None
        backups.write_backup(self.model, self._path, state, keep)

    def _others(self) -> dict[str, Callback]:
        """Return the other callbacks by their classes, which are numbered."""
        found: dict[str, Callback] = {}
        for callback in self._fit.listeners.callbacks:
            if callback._is_last:
                continue
            name, number = type(callback).__name__, 1
            while name in found:
                name, number = f"{type(callback).__name__}_{number}", number + 1
            found[name] = callback
        return found

    def _clear_parts(self) -> None:
        """Remove what a killed process has left unfinished."""
        for path in self._folder.glob(f".{_LATEST}.*.part"):
            path.unlink(missing_ok=True)

    # -- going on ----------------------------------------------------------------------

    def _restore_one(self) -> Path:
        """Restore the backup, or the one before if it is damaged; return which."""
        if self._path.exists():
            try:
                self._restore(self._path)
                return self._path
            except FileError as error:
                if not self._previous.exists():
                    raise FileError(
                        f"{error} Delete {self.backup_dir} to begin anew."
                    ) from error
                warnings.warn(f"{error} The backup before it is used.", stacklevel=2)
        self._restore(self._previous)
        return self._previous

    def _restore(self, path: Path, begun: bool = False) -> None:
        """Let model and callbacks, and the fit if not `begun`, go on from a backup."""
        self._fit.runner()  # makes what the model lacks yet
        with backups.open_backup(path) as found:
            ready = found.check(self.model)
            with backups.undone(self.model):
                self._take(found.state, path, begun)
                ready.store()

    def _take(self, state: Data, path: Path, begun: bool) -> None:
        """Give the callbacks and the fit their states."""
        try:
            self._set_states(state["callbacks"])
            if not begun:
                self._fit.restore(state["fit"])
        except (LookupError, TypeError, AttributeError) as error:
            raise FileError(
                f"{path.name} does not describe this training: "
                f"{type(error).__name__}: {error}."
            ) from error

    def _set_states(self, states: Mapping[str, Data]) -> None:
        ours = self._others()
        left = sorted(set(states) - set(ours))
        new = [n for n, each in ours.items() if n not in states and each.get_state()]
        if left or new:
            warnings.warn(
                f"The callbacks are not those of the backup: {shown(left)} are left "
                f"out, and {shown(new)} begin anew.",
                stacklevel=2,
            )
        for name, state in states.items():
            if name in ours:
                ours[name].set_state(state)
