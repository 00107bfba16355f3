"""Where the random streams of a model stand, and its count of steps, as data.

Keras has no place for these in a file, so they are in a member of their own, which it
passes over. A model that was read goes on with the numbers that the saved one draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multinet import holders
from multinet.errors import FileError
from multinet.holders import Holder
from multinet.seeds import SeedGenerator
from multinet.typing import Data

MEMBER = "multinet.json"


def streams_of(model: Holder) -> dict[str, Data]:
    """Return the streams of a model and of its training."""
    streams = {
        path: {"key": [int(word) for word in part.key], "count": part.count}
        for path, part in holders.walk(model, SeedGenerator)
    }
    trainer = getattr(model, "_trainer", None)
    training = None if trainer is None else trainer.state()
    return {"streams": streams, "training": training}


def set_streams(model: Holder, state: Data) -> None:
    """Let the streams of a model go on where those of `state` stand."""
    if not isinstance(state, Mapping) or not isinstance(state.get("streams"), Mapping):
        raise FileError(f"{MEMBER} does not describe random streams.")
    streams, training = state["streams"], state.get("training")
    ready = [
        (part, _key(streams[path]["key"]), _count(streams[path]["count"]))
        for path, part in holders.walk(model, SeedGenerator)
        if path in streams
    ]
    trainer: Any = getattr(model, "_trainer", None)
    if trainer is not None and training is not None:
        orders = training["orders"]
        checked = {
            "steps": [_count(n) for n in training["steps"]],
            "draws": _key(training["draws"]),
            "orders": {"key": _key(orders["key"]), "epoch": _count(orders["epoch"])},
        }
        trainer.restore(checked)
    for part, key, count in ready:
        part.key, part.count = key, count


def _key(words: Any) -> tuple[int, int]:
    if not isinstance(words, list) or len(words) != 2:
        raise FileError(f"Expected the two words of a key in {MEMBER}, got {words!r}.")
    first, second = map(_count, words)
    return first, second


def _count(number: Any) -> int:
    if type(number) is not int or not 0 <= number < 1 << 63:
        raise FileError(f"Expected a count in {MEMBER}, got {number!r}.")
    return number
