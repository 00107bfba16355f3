"""What a backend tells of code that calls its framework's own functions.

Such code may stand in layers, losses and loops, where the library otherwise goes
through the methods of the interface alone. These hooks are in an object of their own,
`Backend.native`: they take what the library or its user holds, not only tensors, and
each has a body that serves a framework without traces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

from multinet.interface.array import Shape
from multinet.typing import Tensor

#: Shape and dtype of a tensor; None for a size that depends on values.
Kind: TypeAlias = tuple[Shape, str]
# The `Backend` itself; its class is written after this one.
Own: TypeAlias = Any


class Native:
    """The hooks of a backend for native code, with their default bodies."""

    def kinds(
        self,
        backend: Own,
        function: Callable[..., Sequence[Tensor]],
        kinds: Sequence[Kind],
        fill: int,
    ) -> list[Kind]:
        """Return the kinds of function(*tensors) for tensors of the kinds given.

        The body runs it on tensors full of `fill`. A framework that can run a function
        on shapes alone does that instead.
        """
        tensors = [backend.full(shape, fill, dtype) for shape, dtype in kinds]
        return [(tuple(backend.shape(y)), backend.dtype(y)) for y in function(*tensors)]

    def outside(self) -> AbstractContextManager[Any]:
        """Return a block whose tensors have values, although a trace is in progress."""
        return nullcontext()
