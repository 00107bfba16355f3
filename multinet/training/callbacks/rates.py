"""The learning rates of an optimizer, which may be several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from multinet import ops

RATE = "learning_rate"


def rated(optimizer: object) -> Iterator[tuple[str, Any]]:
    """Yield each optimizer that has a learning rate, and what logs call that.

    It is "learning_rate", or of those in a MultiOptimizer "learning_rate_NAME".
    """
    inner: Any = getattr(optimizer, "optimizers", None)
    if inner is None:
        if getattr(optimizer, RATE, None) is not None:
            yield RATE, optimizer
        return
    taken: set[str] = set()
    for each in inner:
        name, count = f"{RATE}_{each.name}", 1
        while name in taken:
            name, count = f"{RATE}_{each.name}_{count}", count + 1
        taken.add(name)
        yield name, each


def rates(optimizer: object) -> dict[str, float]:
    """Return the learning rates by their names in logs."""
    return {name: rate_of(each) for name, each in rated(optimizer)}


def rate_of(optimizer: object) -> float:
    """Return the learning rate of one optimizer."""
    return float(ops.convert_to_numpy(getattr(optimizer, RATE)))
