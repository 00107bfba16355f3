"""What constructors check of their arguments, and how they hand them on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

from multinet import config, random
from multinet.errors import ArgumentError, WrongType
from multinet.typing import Seed


def arguments(names: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a constructor, given its `locals()` on the first line."""
    given = {k: v for k, v in names.items() if k not in ("self", "__class__")}
    return {**given.pop("options"), **given}


def positive(name: str, value: object) -> int:
    """Return a positive integer."""
    if not _is_integer(value) or value <= 0:
        kind = ArgumentError if _is_integer(value) else WrongType
        raise kind(f"Expected {name} to be a positive integer, got {value!r}.")
    return value


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def fraction(name: str, value: object) -> float:
    """Return a number from 0 to 1."""
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ArgumentError(f"Expected {name} to be within [0, 1], got {value!r}.")
    return value


def sizes(name: str, value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """Return `rank` positive integers, given as one for all or as a sequence."""
    given: Any = value if isinstance(value, list | tuple) else [value] * rank
    integers = all(map(_is_integer, given))
    values = tuple(given)
    if len(values) != rank or not integers or min(values) <= 0:
        kind = ArgumentError if integers else WrongType
        raise kind(
            f"Expected {name} to be a positive integer or {rank} of them, "
            f"got {value!r}."
        )
    return values


def padding_of(value: str, allowed: Sequence[str] = ("valid", "same")) -> str:
    """Return the padding in lower case; an error lists those allowed."""
    if not isinstance(value, str) or value.lower() not in allowed:
        raise ArgumentError(
            f"Expected padding to be {' or '.join(allowed)}, got {value!r}."
        )
    return value.lower()


def data_format_of(value: str | None) -> str:
    """Return channels_last or channels_first; None is what `config` says."""
    return config.standardize_data_format(value)


def generator_of(seed: Seed) -> random.SeedGenerator:
    """Return the generator of a seed, which may be one already."""
    given = isinstance(seed, random.SeedGenerator)
    return seed if given else random.SeedGenerator(seed)
