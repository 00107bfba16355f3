"""What an object holds: its parts in order, their addresses, and whether it was edited.

A `Holder` notes its parts as its attributes are set, which gives them Keras's order: an
attribute counts from the time it first holds a part, what a list has got since comes in
the order in which it was made. Lists and dicts stay what they are; they are compared,
by identity, when somebody asks. No part knows who holds it, so a part may be shared,
copied and pickled freely, and an edit costs nobody else anything.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import is_
from typing import Any, ClassVar, Self

from multinet.calls import in_call
from multinet.tracebacks import tell_unsettable
from multinet.typing import Tree

_serials, _edits = itertools.count(), itertools.count(1)
_PLAIN = frozenset((int, float, complex, str, bytes, bool, type(None)))
_CONTAINERS = (list, tuple, dict, set)
_NONE = object()  # where an attribute is not there
Watched = tuple[Any, Any, str]
_LONG = 1000  # items; a longer list without parts is known by its length


class Mark:
    """The version of a part: it grows with each edit; `edit` names the last one.

    `toggles` counts those of `trainable`, which may be taken back.
    """

    __slots__ = ("edit", "toggles", "version")
    watched: Any = ()
    #: The number of the last edit of any mark: who finds the one that he knows need not
    #: look further. Each has its own, set last, whatever threads do at the same time.
    latest: ClassVar[int] = 0

    def __init__(self) -> None:
        self.version, self.toggles, self.edit = 0, 0, ""

    def edited(self, name: str) -> None:
        """Note an edit of the attribute `name`."""
        self.version, self.edit = self.version + 1, name
        Mark.latest = next(_edits)

    def toggled(self) -> None:
        """Note an edit of `trainable`."""
        self.edited("trainable")
        self.toggles += 1


class Part:
    """What an object may hold: a Variable, or a Holder with parts of its own."""

    _mark: Any
    _serial: int  # grows in the order in which parts are made

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a part with a version and its place in the order of making."""
        part = super().__new__(cls)
        part.__dict__.update(_serial=next(_serials), _mark=Mark())
        return part


_HELD = (Part, *_CONTAINERS)


class Index(Mark):
    """The parts of one holder in order, and the containers to look into again."""

    __slots__ = ("attributes", "loose", "names", "parts", "watched")

    def __init__(self, attributes: dict[str, Any]) -> None:
        super().__init__()
        self.attributes = attributes  # those of the holder
        # The attributes that hold containers or parts: whether there are parts now.
        self.names: dict[str, bool] = {}
        self.parts: list[Part] = []
        self.loose: list[Part] = []  # held without an attribute
        # Containers, their items then, and the attribute they are in.
        self.watched: list[Watched] = []

    def put(self, name: str, old: object, value: object) -> bool:
        """Note the attribute that was set; return whether it holds other parts."""
        before = [part for _, part in search(name, old)] if name in self.names else []
        watched: list[Watched] = []
        found = [part for _, part in search(name, value, watched)]
        if name in self.names:
            del self.names[name]
            self._scan(found)
        elif any(len(inner) != _length(then) for inner, then, _ in self.watched):
            self._scan()
        if found or watched:
            self.names[name] = bool(found)
        if watched:
            self.watched += watched
            Mark.latest = next(_edits)
        self._add(found)
        return not _same(before, found)

    def hold(self, part: Part) -> None:
        """Note a part that no attribute need hold."""
        self.loose.append(part)
        self._add([part])
        self.edited(getattr(part, "name", ""))

    def _add(self, parts: Iterable[Part]) -> None:
        known = set(map(id, self.parts))
        for part in parts:
            if id(part) not in known:
                known.add(id(part))
                self.parts.append(part)

    def _scan(self, coming: Iterable[Part] = ()) -> None:
        """Look at all attributes anew: drop what is gone, add what is new, by age.

        What is `coming` keeps the place that it has.
        """
        found = {id(part): part for part in self.loose}
        watched: list[Watched] = []  # another thread may look meanwhile
        for name in list(self.names):
            inside = list(search(name, self.attributes[name], watched))
            self.names[name] = bool(inside)
            found |= {id(part): part for _, part in inside}
        self.watched = watched
        Mark.latest = next(_edits)
        kept = {*found, *map(id, coming)}
        self.parts = [part for part in self.parts if id(part) in kept]
        self._add(sorted(found.values(), key=lambda part: part._serial))

    def changed(self) -> str:
        """Return an attribute with a container whose items are others than then."""
        for container, then, name in self.watched:
            if type(then) is int:
                if len(container) != then:
                    return name
                continue
            items = container.values() if type(container) is dict else container
            if len(items) != len(then) or not all(map(is_, items, then)):
                return name
        return ""

    def refresh(self) -> None:
        """See what containers have got and lost since."""
        name = self.changed()
        if name:
            before = _parts_of(self.watched)
            self._scan()
            if not _same(before, _parts_of(self.watched)):
                self.edited(name)

    def restore(
        self, names: Iterable[str], parts: Iterable[Part], loose: Iterable[Part]
    ) -> None:
        """Take the parts of a copy, in the order of the original."""
        self.parts, self.loose = list(parts), list(loose)
        self.names = dict.fromkeys(names, True)
        self._scan(self.parts)


class Holder(Part):
    """An object that holds others: Variables, layers, metrics, in any attribute."""

    #: Attributes that are never walked, copied or pickled, and whose change is no edit:
    #: programs, caches, locks.
    _private: ClassVar[frozenset[str]] = frozenset({"_mark", "_serial", "_found"})
    #: Attributes with parts of others: copied with them, but not owned.
    _lent: ClassVar[frozenset[str]] = frozenset()
    #: Attributes that go on by themselves, such as counters: to set one is no edit.
    _running: ClassVar[frozenset[str]] = frozenset()
    #: Attributes whose items are addressed by their own names alone.
    _by_name: ClassVar[frozenset[str]] = frozenset()
    #: Attributes whose parts have their place in a file by another one.
    _unsaved: ClassVar[frozenset[str]] = frozenset()
    #: Attributes that files have under other names.
    _saved_as: ClassVar[Mapping[str, str]] = {}
    _mark: Index

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for table in ("_private", "_lent", "_running", "_by_name", "_unsaved"):
            inherited = [getattr(base, table, frozenset()) for base in cls.__bases__]
            joined = frozenset(vars(cls).get(table, ())).union(*inherited)
            setattr(cls, table, joined)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a holder that notes its parts from the first attribute on."""
        holder = super().__new__(cls)
        holder.__dict__["_mark"] = Index(holder.__dict__)
        return holder

    def __setattr__(self, name: str, value: object) -> None:
        attributes = self.__dict__
        old = attributes.get(name, _NONE)
        try:
            object.__setattr__(self, name, value)
        except AttributeError as error:
            tell_unsettable(type(self), name, error)
            raise
        if old is value or name in self._private or name not in attributes:
            return  # what a property sets is its own affair
        plain = type(value) in _PLAIN and (old is _NONE or type(old) in _PLAIN)
        moved = not plain and self._put(name, old, value)
        if name in self._running:
            return
        if moved and old is not _NONE and in_call():
            self._replaced(name, old, value)
        if moved or (
            name[0] != "_"
            and not (plain and type(old) is type(value) and old == value)
            and not in_call()
        ):
            self._mark.edited(name)

    def _replaced(self, name: str, old: object, new: object) -> None:
        """Know that an attribute got another part in a call."""

    def _put(self, name: str, old: Any, value: Any) -> bool:
        known = name in self._mark.names
        held = isinstance(value, _HELD) and name not in self._lent
        return (held or known) and self._mark.put(name, old, value if held else None)

    def __delattr__(self, name: str) -> None:
        old = self.__dict__.get(name)
        object.__delattr__(self, name)
        if name not in self._private:
            self._put(name, old, None)
            self._mark.edited(name)

    def _kept(self) -> list[str]:
        """Return the attributes whose tensors belong to this holder."""
        left = self._private | self._lent
        return [name for name in vars(self) if name not in left]

    def __getstate__(self) -> tuple[dict[str, Any], list[Part], list[Part]]:
        """Return what a copy or a pickle keeps: all but what is private."""
        kept = {k: v for k, v in vars(self).items() if k not in self._private}
        return kept, parts(self), self._mark.loose

    def __setstate__(self, state: Tree) -> None:
        attributes, held, loose = state
        vars(self).update(attributes)
        names = [
            name
            for name, value in attributes.items()
            if name not in self._lent and isinstance(value, _HELD)
        ]
        self._mark.restore(names, held, loose)


def _length(then: Any) -> int:
    return then if type(then) is int else len(then)


def _items(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _same(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(some) == len(others) and all(map(is_, some, others))


def _parts_of(watched: Iterable[Watched]) -> list[Part]:
    snapshots = [then for _, then, _ in watched if type(then) is tuple]
    return [x for then in snapshots for x in then if isinstance(x, Part)]


def search(
    path: str,
    value: object,
    watched: list[Watched] | None = None,
    seen: frozenset[int] = frozenset(),
) -> Iterator[tuple[str, Part]]:
    """Yield the parts in a value, each with its path; note the containers met."""
    if isinstance(value, Part):
        yield path, value
    elif isinstance(value, _CONTAINERS) and id(value) not in seen:
        kinds = set(map(type, _items(value)))
        plain = not any(issubclass(kind, _HELD) for kind in kinds)
        if watched is not None and type(value) is not tuple:
            long = plain and len(value) >= _LONG
            then = len(value) if long else tuple(_items(value))
            watched.append((value, then, _top(path)))
        if not plain:
            inner = seen | {id(value)}
            for key, item in _named(value):
                yield from search(f"{path}/{key}", item, watched, inner)


def _named(container: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(container, dict):
        return list(container.items())
    if isinstance(container, set):
        return enumerate(sorted(container, key=lambda x: getattr(x, "_serial", -1)))
    return enumerate(container)


def children(holder: Holder) -> list[tuple[str, Any]]:
    """Return the parts of one holder in order, each with its first address.

    That is an attribute, with the place in a list or the key of a dict: "kernel",
    "blocks/1", "table/a".
    """
    first: dict[int, str] = {}
    for path, part in addresses(holder):
        first.setdefault(id(part), path)
    return [(first[id(part)], part) for part in parts(holder)]


def parts(holder: Holder) -> list[Any]:
    """Return the parts of one holder, in order."""
    if holder._mark.watched:
        holder._mark.refresh()
    return holder._mark.parts


def addresses(holder: Holder) -> Iterator[tuple[str, Any]]:
    """Yield the parts of one holder by every address they have."""
    index, attributes = holder._mark, vars(holder)
    index.refresh()
    reached = set()
    for name in [name for name, has_parts in index.names.items() if has_parts]:
        for path, part in search(name, attributes[name]):
            reached.add(id(part))
            own = getattr(part, "name", path) if name in holder._by_name else path
            yield own, part
    taken: set[str] = set(index.names)
    for part in index.loose:
        if id(part) not in reached:
            yield _free(getattr(part, "name", "part"), taken), part


def _free(name: str, taken: set[str]) -> str:
    numbered = (f"{name}_{i}" for i in itertools.count(1))
    found = next(n for n in itertools.chain([name], numbered) if n not in taken)
    taken.add(found)
    return found


def walk(
    root: Holder, kind: type = Part, without: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Any]]:
    """Yield what is reached from `root`, itself first, each once, at its first path.

    Depth first, in order. `without` names attributes of the root that are left out.
    """
    if isinstance(root, kind):
        yield "", root
    seen = {id(root)}
    left = set()
    if without:
        left = {id(part) for path, part in addresses(root) if _top(path) in without}
    stack = [(path, x) for path, x in reversed(children(root)) if id(x) not in left]
    while stack:
        path, part = stack.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, kind):
            yield path, part
        if isinstance(part, Holder):
            inner = children(part)
            stack.extend((f"{path}/{name}", x) for name, x in reversed(inner))


def all_addresses(root: Holder) -> Iterator[tuple[str, Any]]:
    """Yield what is reached from `root` by every path that leads there."""
    stack: list[tuple[str, Any, frozenset[int]]] = [("", root, frozenset())]
    seen: set[tuple[str, int]] = set()
    while stack:
        path, part, above = stack.pop()
        if (path, id(part)) in seen:
            continue
        seen.add((path, id(part)))
        if path:
            yield path, part
        if isinstance(part, Holder) and id(part) not in above:
            inner = above | {id(part)}
            prefix = f"{path}/" if path else ""
            found = [(f"{prefix}{n}", x, inner) for n, x in addresses(part)]
            stack.extend(reversed(found))


def _top(path: str) -> str:
    return path.partition("/")[0]


class Watch:
    """Tells whether parts are as they were when this was made."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = tuple(parts)
        self._versions = [(part._mark, part._mark.version) for part in self.parts]
        self._toggles = [part._mark.toggles for part in self.parts]
        self._seen = -1  # the edit after which all versions were looked at
        self._watching: list[tuple[Any, int]] = []  # those with containers

    def valid(self) -> bool:
        """Return whether nobody has edited a part, or what its containers hold."""
        if self._seen != Mark.latest and not self._look():
            return False
        for mark, version in self._watching:
            if mark.changed():
                mark.refresh()
                if mark.version != version:
                    return False
        return True

    def _look(self) -> bool:
        """Compare all versions; return whether they are as they were."""
        latest = Mark.latest  # an edit that comes now has another number
        if any(mark.version != version for mark, version in self._versions):
            return False
        self._watching = [pair for pair in self._versions if pair[0].watched]
        self._seen = latest
        return True

    def alike(self, other: Watch) -> bool:
        """Return whether nothing but `trainable` tells this from a later watch."""
        if not _same(self.parts, other.parts):
            return False
        pairs = zip(self._versions, self._toggles), zip(other._versions, other._toggles)
        mine, others = ([v - t for (_, v), t in pair] for pair in pairs)
        return mine == others

    def edits(self) -> list[tuple[Part, str]]:
        """Return the parts that were edited since, each with its last edit."""
        for mark, _ in self._versions:
            if mark.watched:
                mark.refresh()
        pairs = zip(self.parts, self._versions, strict=True)
        return [(part, m.edit) for part, (m, then) in pairs if m.version != then]


class Inventory(Watch):
    """What one walk from a root found; good as long as it is `valid`."""

    def __init__(
        self, root: Holder, without: frozenset[str] = frozenset(), kind: type = Part
    ) -> None:
        self.places = tuple(walk(root, kind, without))
        super().__init__(part for _, part in self.places)
        self.known: dict[str, Any] = {}  # what was derived from it


def inventory(root: Holder) -> Inventory:
    """Return the inventory of a root, made anew if something was edited."""
    found = root.__dict__.get("_found")
    if found is None or not found.valid():
        found = root.__dict__["_found"] = Inventory(root)
    return found
