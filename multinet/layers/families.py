"""Families of options: what a constructor says of a weight, resolved in one place."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from multinet import constraints, initializers, regularizers
from multinet.errors import ArgumentError
from multinet.tracebacks import shortening
from multinet.typing import Tensor

KINDS: dict[str, Callable[[Any], Any]] = {
    "initializer": initializers.get,
    "regularizer": regularizers.get,
    "constraint": constraints.get,
}


class _Option(NamedTuple):
    """An argument such as `kernel_initializer`, and where a call has it."""

    name: str
    place: int | None  # among the positional arguments
    default: Any
    resolve: Callable[[Any], Any]

    def given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        if self.place is not None and self.place < len(args):
            return args[self.place]
        return kwargs.get(self.name, self.default)


def resolve(cls: type) -> None:
    """Let the constructor of a class that declares `families` keep their options.

    Before its body runs, `self.kernel_initializer` and so on are the objects that its
    own arguments stand for. A subclass has its own constructor and its own families:
    what it hands to `super().__init__` is resolved there.
    """
    families = vars(cls).get("families")
    if families is None:
        return
    init = cls.__init__
    options = _options(init, families)
    for family in families:
        if not any(option.name.startswith(f"{family}_") for option in options):
            raise ArgumentError(
                f"{cls.__name__} declares the family {family!r}, but its constructor "
                f"takes no argument such as {family}_initializer. Add one, or declare "
                "the family in the class whose constructor does."
            )

    @functools.wraps(init)
    def resolving(self: Any, *args: Any, **kwargs: Any) -> None:
        for option in options:
            value = option.given(args, kwargs)
            setattr(self, option.name, option.resolve(value))
        init(self, *args, **kwargs)

    cls.__init__ = shortening(resolving)


def _options(init: Any, families: tuple[str, ...]) -> list[_Option]:
    wanted = {f"{family}_{kind}": KINDS[kind] for family in families for kind in KINDS}
    found = []
    for place, p in enumerate(list(inspect.signature(init).parameters.values())[1:]):
        if p.name in wanted:
            positional = place if p.kind is p.POSITIONAL_OR_KEYWORD else None
            default = None if p.default is p.empty else p.default
            found.append(_Option(p.name, positional, default, wanted[p.name]))
    return found


def options_of(layer: object, *families: str) -> dict[str, Any]:
    """Return a layer's options of families, under the names of the arguments."""
    names = [f"{family}_{kind}" for family in families for kind in KINDS]
    return {name: getattr(layer, name) for name in names if hasattr(layer, name)}


def weight_options(layer: object, family: str) -> dict[str, Any]:
    """Return a layer's options of a family, as `add_weight` takes them."""
    return {kind: getattr(layer, f"{family}_{kind}", None) for kind in KINDS}
