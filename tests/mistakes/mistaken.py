"""What a row of the mistakes is: a short program, and what it must be told.

The number of a row is the one that it has in the list of what first users of Multinet
did wrong, or did as they had learnt it elsewhere. A row is `refused`, with an error;
`warned` of; or `accepted`, where its own assertions say what must come out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from multinet import Input, Sequential, layers

X = np.random.default_rng(0).random((8, 4), "float32")
LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1], "int32")
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
BINARY = (LABELS == 1).astype("float32")
HEIGHTS = X.sum(1)
SPARSE = "sparse_categorical_crossentropy"

#: Where programs become graphs before they run, and where each op runs at once.
TRACED = ("jax", "tensorflow")
EAGER = ("numpy", "torch")


@dataclass(frozen=True)
class Row:
    """A mistake: what it is told, in an error of a class or in a warning of one."""

    number: str
    run: Callable[[], object]
    said: str | None = None
    error: type[Exception] = ValueError
    warning: type[Warning] | None = None
    shows: str | None = None  # a line of the program, beside the one that calls
    on: tuple[str, ...] | None = None


ROWS: list[Row] = []


def refused(number: str, said: str, error: type[Exception], **options: Any):
    """Add a row that must end in an error of this class with this in its text."""

    def add(run: Callable[[], object]) -> Callable[[], object]:
        ROWS.append(Row(number, run, said, error, **options))
        return run

    return add


def warned(
    number: str, said: str, warning: type[Warning] = UserWarning, **options: Any
):
    """Add a row that must be warned of, and then go on."""

    def add(run: Callable[[], object]) -> Callable[[], object]:
        ROWS.append(Row(number, run, said, warning=warning, **options))
        return run

    return add


def accepted(number: str, **options: Any):
    """Add a row that is no mistake: it ends without an error or a warning."""

    def add(run: Callable[[], object]) -> Callable[[], object]:
        ROWS.append(Row(number, run, **options))
        return run

    return add


def network(units: int = 3, activation: Any = None, loss: Any = "mse", **options: Any):
    """Return a compiled model of one layer on four features."""
    model = Sequential(
        [Input((4,), name="features"), layers.Dense(units, activation, name="last")]
    )
    model.compile(options.pop("optimizer", "sgd"), loss, **options)
    return model


def classifier(loss: Any = SPARSE, **options: Any):
    """Return a compiled model that tells three classes apart."""
    return network(3, "softmax", loss, **options)


def fit(
    model: Any, x: Any = X, y: Any = LABELS, **options: Any
) -> dict[str, list[float]]:
    """Fit quietly, and return the history."""
    return model.fit(x, y, verbose=0, **options).history
