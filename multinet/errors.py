"""The exceptions Multinet raises; each is also the built-in that Keras code catches."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "ArgumentError",
    "BackendError",
    "CheckFailed",
    "DTypeError",
    "Diverged",
    "FileError",
    "MissingPrimitive",
    "MultinetError",
    "NeverCalled",
    "NoAxis",
    "NoFile",
    "NoNorm",
    "NoValue",
    "NotFinite",
    "NotScalar",
    "NotWritten",
    "OutOfRange",
    "ShapeError",
    "TraceError",
    "UnknownOutput",
    "UnknownSize",
    "Unordered",
    "Unwritten",
    "WrongType",
    "near",
    "unknown_name",
]


_LISTED = 40  # names, as far as there are near ones


class MultinetError(Exception):
    """The base of every exception that Multinet raises on purpose."""


class ShapeError(MultinetError, ValueError):
    """Shapes that do not fit together."""


class NotScalar(ShapeError, TypeError):
    """A tensor of several elements was used as one number or condition."""


class UnknownSize(ShapeError):
    """A size that is unknown until data arrives was used as a number."""


class Unordered(ShapeError, TypeError):
    """A size that is unknown until data arrives was asked whether it is less."""


class DTypeError(MultinetError, TypeError, ValueError):
    """A dtype that is unknown, unsupported here, or would be narrowed silently."""


class ArgumentError(MultinetError, ValueError):
    """An argument outside what the function accepts."""


class UnknownOutput(ArgumentError, KeyError):
    """A name, or a key of a tree, that no output of a model has."""

    __str__ = Exception.__str__  # that of a KeyError would be quoted


class WrongType(ArgumentError, TypeError):
    """An argument of another type than the function takes."""


class Unwritten(MultinetError, NotImplementedError):
    """A method that a subclass has to write was called."""


class OutOfRange(ArgumentError, IndexError):
    """An index outside the axis that it should pick from."""


class NoAxis(ArgumentError, IndexError):
    """An axis that the tensor does not have, NumPy's `AxisError`."""


class NoNorm(ArgumentError, RuntimeError):
    """A norm that is not defined over these axes."""


class NotWritten(ArgumentError, NotImplementedError):
    """An object whose arguments are no data, and that does not say what it is."""


class FileError(MultinetError, ValueError):
    """A file that is damaged, not what it should be, or made to do harm."""


class NoFile(FileError, FileNotFoundError):
    """There is no file of that name."""


class BackendError(MultinetError, RuntimeError):
    """A backend that is unknown, not installed, broken, or given foreign tensors."""


class Diverged(MultinetError, RuntimeError):
    """A loss that is NaN or infinite, where training was to end with an error then."""


class NotFinite(MultinetError, ArithmeticError):
    """A NaN or an infinite number was made of finite ones.

    `op` made it, in the layer of the path `layer`, in a `step`, or `backward`, in its
    gradient; None where that is not known.
    """

    def __init__(
        self,
        message: str,
        op: str | None = None,
        layer: str | None = None,
        step: int | None = None,
        backward: bool = False,
    ) -> None:
        super().__init__(message)
        self.op, self.layer, self.step, self.backward = op, layer, step, backward


class CheckFailed(MultinetError, ValueError):
    """A condition of `debug.error_if` held."""


class TraceError(MultinetError, RuntimeError):
    """An operation that needs concrete values was reached while compiling."""


class NoValue(TraceError, ValueError, TypeError):
    """A symbolic tensor was used as an array, a number or a condition."""


class NeverCalled(MultinetError, AttributeError):
    """A layer was asked for symbolic tensors that no call has made."""


class MissingPrimitive(BackendError):
    """A primitive that the backend in use does not have; `primitive` is its name."""

    def __init__(self, message: str, primitive: str) -> None:
        super().__init__(message)
        self.primitive = primitive


def unknown_name(kind: str, name: object, known: Iterable[str]) -> ArgumentError:
    """Return the error for a name that is not in `known`, naming the near ones."""
    known = sorted(known)
    hint = near(name, known, 3, 0.5)
    listed = "" if hint and len(known) > _LISTED else f" Known: {', '.join(known)}."
    return ArgumentError(f"Unknown {kind} {name!r}.{hint}{listed}")


def near(name: object, known: Iterable[str], most: int = 1, like: float = 0.6) -> str:
    """Return the question whether another name was meant, "" if none is near."""
    import difflib  # not needed but for an error

    found = difflib.get_close_matches(str(name), list(known), n=most, cutoff=like)
    return f" Did you mean {' or '.join(map(repr, found))}?" if found else ""
