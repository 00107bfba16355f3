"""Sizes that stay unknown until data arrives, and exact arithmetic on them.

A `Dim` is a polynomial with integer coefficients over atoms; an atom is an unknown
size, a floor division that does not come out even, or the smaller of two sizes. So
equal expressions mostly have one form: `(d * 2) // 2` is `d`, `d - d` is the int 0,
`d // 2 * 2 + d % 2` is `d`. Unknown sizes are taken to be at least 1.

A Dim compares as the `None` that users see for it: it equals `None` and no number, and
has no order, so a program asks `shape[1] == 2` or `shape == (None, 3)` without care.
Two Dims are equal if their expressions are, and hash as expressions, so that they work
in sets and as keys. Library code asks `same` or `differ`, since what is not equal for
certain may yet be equal.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, NoReturn, TypeAlias, TypeVar

from multinet.errors import ShapeError, UnknownSize, Unordered

# An int or a `Dim`: to a checker it fits where the waist takes ints.
AnySize: TypeAlias = Any

V = TypeVar("V")

_serials = count()


@dataclass(frozen=True, slots=True)
class _Unknown:
    """An unknown size: an atom that equals only itself."""

    name: str
    serial: int

    def order(self) -> tuple[Any, ...]:
        return (0, self.serial)

    def __repr__(self) -> str:
        return self.name

    def resolve(self, values: Mapping[Dim, int]) -> Size:
        own = Dim.__new__(Dim)._set({(self,): 1})
        return values.get(own, own)


@dataclass(frozen=True, slots=True)
class _Floor:
    """A floor division that is not exact."""

    over: Size
    by: Size

    def order(self) -> tuple[Any, ...]:
        return (1, repr(self))

    def __repr__(self) -> str:
        return f"{_enclosed(self.over)} // {_enclosed(self.by)}"

    def resolve(self, values: Mapping[Dim, int]) -> Size:
        return substitute(self.over, values) // substitute(self.by, values)


@dataclass(frozen=True, slots=True)
class _Smaller:
    """The smaller of two sizes of which nobody knows which it is."""

    one: Size
    other: Size

    def order(self) -> tuple[Any, ...]:
        return (2, repr(self))

    def __repr__(self) -> str:
        return f"min({self.one!r}, {self.other!r})"

    def resolve(self, values: Mapping[Dim, int]) -> Size:
        return smaller(substitute(self.one, values), substitute(self.other, values))


_Atom = _Unknown | _Floor | _Smaller
_Product = tuple[_Atom, ...]  # sorted; () is the constant term


class Dim:
    """A size that is unknown until data arrives; `Dim()` is a new unknown.

    >>> d = Dim("batch")
    >>> (d * 2) // 2 == d, d - d, public_shape((d, 3))
    (True, 0, (None, 3))
    """

    __slots__ = ("_hash", "_terms")
    __array_ufunc__ = None  # NumPy integers on the left leave the arithmetic to us

    def __init__(self, name: str | None = None) -> None:
        serial = next(_serials)
        self._set({(_Unknown(name or f"d{serial}", serial),): 1})

    def _set(self, terms: dict[_Product, int]) -> Dim:
        self._terms = terms
        self._hash = hash(frozenset(terms.items()))
        return self

    # -- arithmetic --------------------------------------------------------------------

    def __add__(self, other: object) -> AnySize:
        terms = _terms(other)
        if terms is None:
            return NotImplemented
        total = dict(self._terms)
        for product, factor in terms.items():
            total[product] = total.get(product, 0) + factor
        return _size(total)

    def __mul__(self, other: object) -> AnySize:
        terms = _terms(other)
        if terms is None:
            return NotImplemented
        total: dict[_Product, int] = {}
        for x, m in self._terms.items():
            for y, n in terms.items():
                product = tuple(sorted(x + y, key=lambda atom: atom.order()))
                total[product] = total.get(product, 0) + m * n
        return _size(total)

    def __floordiv__(self, other: object) -> AnySize:
        return NotImplemented if _terms(other) is None else _floor_divide(self, other)

    def __rfloordiv__(self, other: object) -> AnySize:
        return NotImplemented if _terms(other) is None else _floor_divide(other, self)

    def __mod__(self, other: object) -> AnySize:
        return NotImplemented if _terms(other) is None else self - self // other * other

    def __rmod__(self, other: object) -> AnySize:
        return NotImplemented if _terms(other) is None else other - other // self * self

    def __neg__(self) -> AnySize:
        return _size({product: -factor for product, factor in self._terms.items()})

    def __sub__(self, other: object) -> AnySize:
        return NotImplemented if _terms(other) is None else self + other * -1  # type: ignore[operator]

    def __rsub__(self, other: object) -> AnySize:
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    # -- identity ----------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Dim):
            return self._terms == other._terms
        return True if other is None else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __copy__(self) -> Dim:
        return self

    def __deepcopy__(self, memo: object) -> Dim:
        return self

    def __repr__(self) -> str:
        text = " + ".join(_show(item) for item in self._terms.items())
        return text.replace(" + -", " - ")

    def __reduce__(self) -> tuple[Any, ...]:
        return _size, (self._terms,)  # hashes of strings do not outlive a process

    # -- what needs a value ------------------------------------------------------------

    def _refuse(self, wanted: str, kind: type[ShapeError] = ShapeError) -> NoReturn:
        raise kind(
            f"The size {self!r} is unknown until data arrives, and was {wanted}. "
            "Give it in Input(shape=...), or compute on ops.shape(x) instead."
        )

    def __lt__(self, other: object) -> bool:
        self._refuse(f"compared with {other!r}", Unordered)

    __le__ = __gt__ = __ge__ = __lt__

    def __bool__(self) -> bool:
        self._refuse("used as a condition")

    def __index__(self) -> int:
        self._refuse("used as an integer", UnknownSize)

    __int__ = __index__

    def __float__(self) -> float:
        self._refuse("used as a float")

    def __truediv__(self, other: object) -> AnySize:
        self._refuse("divided with /; sizes divide with //, tensors with ops.divide")

    __rtruediv__ = __truediv__


Size = int | Dim


def same(a: Size, b: Size) -> bool:
    """Return whether two sizes are certain to be equal; never raises."""
    if isinstance(a, Dim) or isinstance(b, Dim):
        return isinstance(a, Dim) and isinstance(b, Dim) and a == b
    return a == b


def same_shape(a: Iterable[Size], b: Iterable[Size]) -> bool:
    """Return whether two shapes are certain to be equal; never raises."""
    a, b = tuple(a), tuple(b)
    return len(a) == len(b) and all(map(same, a, b))


def differ(a: Size, b: Size) -> bool:
    """Return whether two sizes cannot be equal, whatever the unknown ones are."""
    difference = a - b
    if not isinstance(difference, Dim):
        return difference != 0
    terms = dict(difference._terms)
    constant = terms.pop((), 0)
    if constant % math.gcd(*terms.values()):
        return True
    positive = all(isinstance(atom, _Unknown) for product in terms for atom in product)
    signs = {factor > 0 for factor in (*terms.values(), constant) if factor}
    return positive and len(signs) == 1  # a sum of positive terms is never 0


def smaller(a: Size, b: Size) -> Size:
    """Return the smaller of two sizes, whichever that will be.

    >>> d = Dim("d")
    >>> smaller(d, d + 1), smaller(d, 5), smaller(3, 5)
    (d, min(5, d), 3)
    """
    difference = a - b
    if not isinstance(difference, Dim):
        return a if difference <= 0 else b
    terms = dict(difference._terms)
    least = terms.pop((), 0) + sum(terms.values())  # where all unknown sizes are 1
    if all(isinstance(atom, _Unknown) for product in terms for atom in product):
        if least >= 0 and min(terms.values()) > 0:
            return b
        if least <= 0 and max(terms.values()) < 0:
            return a
    return _size({(_Smaller(*sorted((a, b), key=repr)),): 1})


def larger(a: Size, b: Size) -> Size:
    """Return the larger of two sizes, whichever that will be."""
    return a + b - smaller(a, b)


def substitute(size: Size, values: Mapping[Dim, int]) -> Size:
    """Return a size with unknowns replaced by the numbers given for them."""
    if not isinstance(size, Dim):
        return size
    total: Size = 0
    for product, factor in size._terms.items():
        term: Size = factor
        for atom in product:
            term = term * atom.resolve(values)
        total = total + term
    return total


def unknowns(size: Size) -> list[Dim]:
    """Return the unknown sizes that a size is made of, each once."""
    found: dict[Dim, None] = {}
    for product in size._terms if isinstance(size, Dim) else ():
        for atom in product:
            parts = _parts(atom)
            found |= dict.fromkeys(d for part in parts for d in unknowns(part))
            if isinstance(atom, _Unknown):
                found[_dim(_size({(atom,): 1}))] = None
    return list(found)


def evaluated(
    size: Size, known: Callable[[Size], V], apply: Callable[[str, V, V], V]
) -> V:
    """Return a size as another arithmetic computes it.

    `known` gives what stands for an int or an unknown size, and `apply` what stands for
    the "add", "multiply", "floor_divide" or "minimum" of two.
    """
    if not isinstance(size, Dim):
        return known(size)

    def value(atom: _Atom) -> V:
        if isinstance(atom, _Unknown):
            return known(_size({(atom,): 1}))
        kind = "floor_divide" if isinstance(atom, _Floor) else "minimum"
        one, other = (evaluated(part, known, apply) for part in _parts(atom))
        return apply(kind, one, other)

    terms = []
    for product, factor in size._terms.items():
        parts = [value(atom) for atom in product]
        parts += [known(factor)] if factor != 1 or not parts else []
        terms.append(functools.reduce(functools.partial(apply, "multiply"), parts))
    return functools.reduce(functools.partial(apply, "add"), terms)


def _parts(atom: _Atom) -> list[Size]:
    """Return the sizes that an atom is made of."""
    if isinstance(atom, _Floor):
        return [atom.over, atom.by]
    return [atom.one, atom.other] if isinstance(atom, _Smaller) else []


def public_shape(shape: Iterable[Size]) -> tuple[int | None, ...]:
    """Return a shape as users see it, with None for every unknown size."""
    return tuple(None if isinstance(size, Dim) else size for size in shape)


def _terms(value: object) -> dict[_Product, int] | None:
    if isinstance(value, Dim):
        return value._terms
    if isinstance(value, float) or not hasattr(value, "__index__"):
        return None
    return {(): operator.index(value)}  # type: ignore[arg-type]


def _size(terms: dict[_Product, int]) -> Size:
    terms = {product: factor for product, factor in terms.items() if factor}
    if not terms or terms.keys() == {()}:
        return terms.get((), 0)
    order = sorted(terms, key=lambda p: (-len(p), [atom.order() for atom in p]))
    return Dim.__new__(Dim)._set({product: terms[product] for product in order})


def _floor_divide(x: Any, y: Any) -> Size:
    if not isinstance(y, Dim):
        y = operator.index(y)
        if y == 0:
            raise ShapeError(f"The size {x!r} was divided by 0.")
        return _by_number(x, y) if y > 0 else _by_number(-x, -y)
    over, (by, *more) = _terms(x) or {}, y._terms.items()
    if x is y or (isinstance(x, Dim) and x == y):
        return 1
    if not more:
        parts = [_exact(item, by) for item in over.items()]
        if all(part is not None for part in parts):
            return _size(dict(part for part in parts if part is not None))
    return _size({(_Floor(_size(over), y),): 1})


def _exact(
    item: tuple[_Product, int], by: tuple[_Product, int]
) -> tuple[_Product, int] | None:
    """Return one term divided by another, or None where that leaves a remainder."""
    rest = list(item[0])
    for atom in by[0]:
        if atom not in rest:
            return None
        rest.remove(atom)
    return None if item[1] % by[1] else (tuple(rest), item[1] // by[1])


def _by_number(x: Dim, n: int) -> Size:
    """Return x // n for n > 0: whole multiples of n outside, one floor for the rest."""
    whole, rest = {}, {}
    for product, factor in x._terms.items():
        cut = -(-factor // n) if product and factor < 0 else factor // n
        whole[product], rest[product] = cut, factor - cut * n
    outside, inside = _size(whole), _size(rest)
    if not isinstance(inside, Dim):
        return outside + inside // n
    (lead, sign), *more = inside._terms.items()
    if sign < 0:  # floor(-x / n) is -ceil(x / n), which has the positive form
        return outside - _by_number(_dim(-inside + (n - 1)), n)
    constant = inside._terms.get((), 0)
    only = len(inside._terms) == 1 + bool(constant) and len(lead) == 1 and sign == 1
    inner = lead[0]
    if only and isinstance(inner, _Floor) and isinstance(inner.by, int):
        # (x // a + c) // n is (x + a * c) // (a * n)
        return outside + (inner.over + inner.by * constant) // (inner.by * n)
    return outside + _size({(_Floor(inside, n),): 1})


def _dim(size: Size) -> Dim:
    assert isinstance(size, Dim)
    return size


def _enclosed(size: Size) -> str:
    text = repr(size)
    return f"({text})" if " " in text else text


def _show(item: tuple[_Product, int]) -> str:
    product, factor = item
    if len(product) == 1 and factor == 1:
        return repr(product[0])
    parts = [
        f"({atom})" if isinstance(atom, _Floor) else repr(atom) for atom in product
    ]
    return " * ".join(parts if factor == 1 and parts else [str(factor), *parts])
