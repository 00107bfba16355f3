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
    """Let the streams of a model go on where those of `state` stand.

    `FileError` if it is anything else; then nothing has changed.
    """
    streams = _part(state, "streams")
    ready = [
        (part, _key(_part(streams, path), "key"), _count(_part(streams, path), "count"))
        for path, part in holders.walk(model, SeedGenerator)
        if path in streams
    ]
    trainer: Any = getattr(model, "_trainer", None)
    changed = any(tuple(part.key) != key for part, key, _ in ready)
    if trainer is not None and state.get("training") is not None:
        training = _training(_part(state, "training"))
        changed |= training["draws"] != tuple(trainer.keys.draws)
        trainer.restore(training)
    if trainer is not None and changed:
        trainer.drop()  # programs, where keys are constants
    for part, key, count in ready:
        part.key, part.count = key, count


def renamed_streams(model: Holder, state: Mapping[str, Any]) -> dict[str, Data] | None:
    """Return the streams of a model like this one, by the names of the parts of this.

    The names of layers depend on what the process has made before. None if the models
    differ in the number of streams.
    """
    ours, theirs = holders.walk(model, SeedGenerator), _part(state, "streams")
    names = [path for path, _ in ours]
    if len(names) != len(theirs):
        return None
    streams = dict(zip(names, theirs.values()))
    return {"streams": streams, "training": state.get("training")}


def _training(state: Mapping[str, Any]) -> dict[str, Any]:
    orders = _part(state, "orders")
    return {
        "steps": _numbers(state, "steps"),
        "draws": _key(state, "draws"),
        "orders": {"key": _key(orders, "key"), "epoch": _count(orders, "epoch")},
    }


def _part(state: Any, name: str) -> Mapping[str, Any]:
    found = state.get(name) if isinstance(state, Mapping) else None
    if not isinstance(found, Mapping):
        raise FileError(
            f"{MEMBER} does not describe random streams: {name} is no dict."
        )
    return found


def _key(state: Mapping[str, Any], name: str) -> tuple[int, int]:
    first, second = _numbers(state, name)
    return first, second


def _numbers(state: Mapping[str, Any], name: str) -> list[int]:
    found = state.get(name)
    if not isinstance(found, list) or len(found) != 2:
        raise FileError(f"Expected two numbers as {name} in {MEMBER}, got {found!r}.")
    return [_count({name: number}, name) for number in found]


def _count(state: Mapping[str, Any], name: str) -> int:
    number = state.get(name)
    if type(number) is not int or not 0 <= number < 1 << 63:
        raise FileError(f"Expected a count as {name} in {MEMBER}, got {number!r}.")
    return number
