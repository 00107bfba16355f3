"""Where an object's arrays stand in a file: Keras's names for the parts of a model.

A second naming of what `holders` finds. An attribute with a layer gives its own name;
of a list, tuple or dict the items are called by their classes and numbered, nested ones
`container`. Models keep their layers under `layers`. Attributes are visited in
alphabetical order, those with an underscore last, and the first path to an object is
its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from multinet.errors import MultinetError
from multinet.holders import Holder
from multinet.names import is_ours, snake_case

Layout: TypeAlias = Literal["keras", "torch"]
"""`keras`: `model.paths()`, arrays as they are. `torch`: as modules have them."""

DEFAULT: Layout = "keras"

_CONTAINERS = (list, tuple, dict)
#: What a property that is not ready raises.
_NOT_READY = (MultinetError, AttributeError, LookupError, TypeError, ValueError)


class Place(NamedTuple):
    """A part of a model that has a state of its own, and its path: "" for the model."""

    path: str
    part: Any


def places(root: Holder) -> list[Place]:
    """Return the layers, models and optimizers in a model, each at its path in a file.

    The model comes first, and a part before those inside of it.
    """
    return list(_Walk().of(root, ""))


def places_and_aliases(root: Holder) -> tuple[list[Place], dict[str, list[str]]]:
    """Return what `places` does, and by path the other paths to the same part."""
    walk = _Walk()
    found = list(walk.of(root, ""))
    return found, walk.aliases


def aliases_of(path: str, aliases: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the other paths of a part: its own, and those of a part around it."""
    names = path.split("/")
    for count in range(len(names), 0, -1):
        inner = "".join(f"/{name}" for name in names[count:])
        for other in aliases.get("/".join(names[:count]), ()):
            yield other + inner


class _Walk:
    def __init__(self) -> None:
        self.seen: dict[int, str] = {}
        self.aliases: dict[str, list[str]] = {}

    def of(self, part: Holder, path: str) -> Iterator[Place]:
        """Yield a part and those inside."""
        first = self.seen.setdefault(id(part), path)
        if first != path:
            self.aliases.setdefault(first, []).append(path)
            return
        if hasattr(part, "save_own_variables"):
            yield Place(path, part)
        for name, value in _attributes(part):
            inner = f"{path}/{name}" if path else name
            if isinstance(value, Holder):
                yield from self.of(value, inner)
            elif isinstance(value, _CONTAINERS):
                yield from self.inside(value, inner, frozenset())

    def inside(
        self, container: Any, path: str, above: frozenset[int]
    ) -> Iterator[Place]:
        """Yield what a list, tuple or dict holds, at any depth."""
        if id(container) in above:
            return
        counts: dict[str, int] = {}
        items = container.values() if isinstance(container, dict) else container
        for item in items:
            if isinstance(item, Holder):
                yield from self.of(item, f"{path}/{_count(class_of(item), counts)}")
            elif isinstance(item, _CONTAINERS):
                inner = f"{path}/{_count('container', counts)}"
                yield from self.inside(item, inner, above | {id(container)})


def class_of(part: object) -> str:
    """Return the name of a part's class as a file has it."""
    name = vars(type(part)).get("_class_in_files", type(part).__name__)
    if name == "Model" and is_functional(part):
        name = "Functional"
    return snake_case(name)


def is_functional(part: object) -> bool:
    """Return whether a part is a model made of symbolic inputs and outputs."""
    return not hasattr(part, "_stack") and getattr(part, "_graph", None) is not None


def _count(name: str, counts: dict[str, int]) -> str:
    number = counts[name] = counts.get(name, -1) + 1
    return f"{name}_{number}" if number else name


def _attributes(part: Holder) -> Iterator[tuple[str, Any]]:
    """Yield the attributes that hold parts, in the order of a file."""
    names = part._saved_as
    values = {
        names.get(name, name): vars(part)[name]
        for name, holds in part._mark.names.items()
        if holds and name not in part._unsaved
    }
    for name in _properties(type(part)):
        try:
            value = getattr(part, name)
        except _NOT_READY:
            continue
        if isinstance(value, (Holder, *_CONTAINERS)):
            values[name] = value
    if getattr(part, "_is_model", False):
        layers: Any = part
        if hasattr(part, "_stack") or is_functional(part):
            yield "layers", layers.layers
        else:
            values["layers"] = layers.layers
    for name in sorted(values, key=_order):
        yield name, values[name]


def _order(name: str) -> str:
    return f"~{name}" if name.startswith("_") else name


def _properties(cls: type) -> Iterable[str]:
    """Return the names of the properties that classes of the program define."""
    own = [base for base in cls.__mro__ if not is_ours(base)]
    found = {n for base in own for n, x in vars(base).items() if type(x) is property}
    return [name for name in found if not _is_taken(cls, name)]


def _is_taken(cls: type, name: str) -> bool:
    """Return whether a class of ours has an attribute of this name, too."""
    ours = [base for base in cls.__mro__ if is_ours(base)]
    return any(name in vars(base) for base in ours)
