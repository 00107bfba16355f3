"""What an object writes to a file and takes from one: its Variables, by number."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from multinet.errors import ShapeError
from multinet.variables import Variable


def save_own(variables: Sequence[Variable], store: MutableMapping[str, Any]) -> None:
    """Put Variables into a file under the numbers of their places."""
    for i, variable in enumerate(variables):
        store[str(i)] = variable


def load_own(
    owner: str, variables: Sequence[Variable], store: Mapping[str, Any]
) -> None:
    """Give Variables the arrays that `save_own` put into a file.

    A store whose class says `gives_away` makes each array anew and forgets it; what
    others give is copied where a backend would keep it.
    """
    if len(store) != len(variables):
        raise ShapeError(
            f"{owner} has {len(variables)} variables, the file {len(store)} for it."
        )
    gives_away = getattr(store, "gives_away", False)
    for i, variable in enumerate(variables):
        value = store[str(i)]
        variable._assign(value) if gives_away else variable.assign(value)
