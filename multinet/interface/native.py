"""What a backend tells of code that calls its framework's own functions.

Such code may stand in layers, losses and loops, where the library otherwise goes
through the methods of the interface alone. These hooks are in an object of their own,
`Backend.native`: they take what the library or its user holds, not only tensors, and
each has a body that serves a framework without traces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, TypeAlias

from multinet.interface.array import Shape
from multinet.interface.operands import Valued
from multinet.typing import Tensor

#: Shape and dtype of a tensor; None for a size that depends on values.
Kind: TypeAlias = tuple[Shape, str]
# The `Backend` itself; its class is written after this one.
Own: TypeAlias = Any


class Home:
    """Where a value lives, on a framework whose own code is to know of it.

    While it is `shared`, others hold it, too, and it is changed in place: by them at
    any time, and by each write to the Variable.
    """

    shared = False
    value: Tensor = None  #: The value, where the Variable does not hold it.

    def take(self, value: Tensor) -> Tensor:
        """Change to a value; return the tensor that the Variable holds, or None."""
        return value

    def read(self) -> Tensor:
        """Return the value, where `take` has returned None."""
        raise NotImplementedError

    def record(self, value: Tensor, trained: bool) -> Tensor:
        """Let user code have gradients of the value, or not; return what is held."""
        return value

    def share(self, value: Tensor) -> Tensor:
        """Return the framework's own variable that the value lives in from now on."""
        raise NotImplementedError

    def seen(self, value: Tensor, leaf: bool) -> Tensor:
        """Return a value that a step has for the Variable, as code of a user sees it.

        With `leaf` that code may ask for the gradient.
        """
        return value

    def shown(self, value: Tensor) -> Tensor:
        """Return a copy of the value with what the framework keeps beside it."""
        return value


class Native:
    """The hooks of a backend for native code, with their default bodies."""

    #: Whether `kinds` computes, so that what it gives may depend on values.
    by_values: ClassVar[bool] = True
    #: The functions of `multinet.ops` by their names, which are mostly NumPy's too: for
    #: a backend whose tensors meet functions of NumPy's that it has no rule for.
    functions: ClassVar[Mapping[str, Callable[..., Any]]] = {}

    def kinds(
        self,
        backend: Own,
        function: Callable[..., Sequence[Tensor]],
        kinds: Sequence[Kind],
        make: Callable[[Shape, str], Tensor],
    ) -> list[Kind]:
        """Return the kinds of function(*tensors) for tensors of the kinds given.

        The body runs it on tensors that `make` gives. A framework that can run a
        function on shapes alone does that instead.
        """
        tensors = [make(*kind) for kind in kinds]
        return [(tuple(backend.shape(y)), backend.dtype(y)) for y in function(*tensors)]

    def outside(self) -> AbstractContextManager[Any]:
        """Return a block whose tensors have values, although a trace is in progress."""
        return nullcontext()

    def home(self, variable: Valued) -> Home | None:
        """Return where a new Variable's value is to live, None for nowhere special."""
        return None

    def plain(self, value: Tensor) -> Tensor:
        """Return a value without what user code has it record."""
        return value

    def records(self, *inputs: Tensor) -> bool:
        """Return whether a model that gets these is in a loop of the framework's."""
        return False

    def forget_gradient(self, value: Tensor) -> None:
        """Let a value have no gradient, where the framework keeps one beside it."""
