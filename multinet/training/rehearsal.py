"""A rehearsal of fit: one batch of each of its phases, of which nothing is kept."""

from __future__ import annotations

from multinet.progress import Reporter
from multinet.tracebacks import noting
from multinet.training.callbacks.several import CallbackList
from multinet.training.interrupts import Interrupts
from multinet.training.keeping import kept
from multinet.training.loop import Pass, Trains
from multinet.training.sources import Source, peek

_PHASES = {"train": "training", "test": "validation"}


def rehearse(
    trainer: Trains, source: Source, validation: Source | None, epoch: int
) -> tuple[Source, Source | None]:
    """Run a step of training and one of validation; return the sources to go on with.

    The model is as before, and the sources give all of their batches. What a step
    raises comes out as it is, with a note.
    """
    coming = _one_step(trainer, "train", source, epoch)
    if validation is None:
        return coming, None
    try:
        return coming, _one_step(trainer, "test", validation, 0)
    except BaseException:
        if coming is not source:
            coming.close()
        raise


def _one_step(trainer: Trains, kind: str, source: Source, epoch: int) -> Source:
    with noting(f"In the sanity check, on the first batch of {_PHASES[kind]}."):
        runner = trainer.runner(kind, source)  # made before the data are begun with
        one, coming = peek(source, epoch)
        if one is None:  # fit itself says so
            return coming
        try:
            with kept(trainer.model), Interrupts() as guard:
                runner.reset()
                silent, nobody = Reporter(0, 1, ""), CallbackList()
                Pass(trainer, runner, one, 1, nobody, silent, guard).epoch(epoch)
        except BaseException:
            if coming is not source:
                coming.close()
            raise
        return coming
