"""The names that objects get where nobody names them."""

from __future__ import annotations

import re


def snake_case(name: str) -> str:
    """Return a class name as Keras writes it in lower case.

    >>> snake_case("MeanSquaredError"), snake_case("RMSprop"), snake_case("R2Score")
    ('mean_squared_error', 'rm_sprop', 'r2_score')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


_counts: dict[str, int] = {}


def unique_name(prefix: str) -> str:
    """Return `prefix`, then `prefix_1`, `prefix_2`, ...: a new name at each call."""
    count = _counts.get(prefix, 0)
    _counts[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix


def next_number(prefix: str) -> int:
    """Return how many names of `prefix` there are, counting one more."""
    _counts[prefix] = _counts.get(prefix, 0) + 1
    return _counts[prefix]


def restart() -> None:
    """Forget the names given so far."""
    _counts.clear()


def is_ours(thing: object) -> bool:
    """Return whether a class or function is of the library, not of the program.

    What `exec` made without a `__name__` around it is of no module at all.
    """
    module = getattr(thing, "__module__", None) or ""
    return module.partition(".")[0] == __name__.partition(".")[0]
