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
from multinet.typing import Tensor

#: Shape and dtype of a tensor; None for a size that depends on values.
Kind: TypeAlias = tuple[Shape, str]
# The `Backend` itself; its class is written after this one.
Own: TypeAlias = Any


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
