"""Patterns: parts by address, as `encoder/*`."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from multinet.holders import Holder, all_addresses
from multinet.typing import AnyVariable


def find(
    root: Holder, patterns: Sequence[str], wanted: Callable[[Any], bool]
) -> list[Any]:
    """Return the parts of `root` that are wanted and match one of the patterns.

    A pattern that matches nothing warns, with the addresses that are near.
    """
    places = [(path, part) for path, part in all_addresses(root) if wanted(part)]
    found: dict[int, Any] = {}
    for pattern in patterns:
        matching = [
            part
            for address, part in places
            if matches(pattern, (address, getattr(part, "path", "")))
        ]
        if not matching:
            warn_of_nothing(pattern, [address for address, _ in places], stacklevel=4)
        found |= {id(part): part for part in matching}
    return list(found.values())


def addresses_of(root: Holder, parts: Sequence[Any]) -> list[tuple[str, ...]]:
    """Return, for each of the parts, all addresses that it has in `root`."""
    found: dict[int, list[str]] = {id(part): [] for part in parts}
    for address, part in all_addresses(root):
        if id(part) in found:
            found[id(part)].append(address)
    return [tuple(found[id(part)]) for part in parts]


def matches(pattern: str, addresses: Iterable[str]) -> bool:
    """Return whether a pattern is one of the addresses, `*` standing for any text."""
    return any(fnmatchcase(address, pattern) for address in addresses)


def is_called(variable: AnyVariable, places: Sequence[str], name: str) -> bool:
    """Return whether a name is that of a Variable, or a pattern of its addresses.

    A name is a regular expression that is searched in `variable.name`; with `/` or `*`
    it is a pattern, of `places` and of `variable.path`.
    """
    if "/" not in name and "*" not in name:
        return re.search(name, variable.name) is not None
    return matches(name, (variable.path, *places))


def warn_of_nothing(pattern: str, known: Sequence[str], stacklevel: int) -> None:
    """Warn that a pattern matches none of the known addresses."""
    near = difflib.get_close_matches(pattern, known, n=3, cutoff=0.4) or known[:3]
    warnings.warn(
        f"The pattern {pattern!r} matches nothing. There are, for example: "
        f"{', '.join(near) or 'no weights yet: build the model first'}.",
        stacklevel=stacklevel,
    )
