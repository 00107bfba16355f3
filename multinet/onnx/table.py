"""Which methods of the interface are which operators, and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from multinet.graph.expansion import Expander
from multinet.graph.recording import parameters
from multinet.interface import Backend, fused
from multinet.onnx import (
    control,
    elementwise,
    networks,
    reductions,
    shaping,
    windows,
)
from multinet.onnx.writer import Names
from multinet.typing import Tensors, Tree

RULES: dict[str, Callable[..., Names]] = {
    **elementwise.RULES,
    **shaping.RULES,
    **reductions.RULES,
    **windows.RULES,
    **networks.RULES,
    **control.RULES,
}
#: The fused methods that are operators, some of them where arguments are suitable.
WHOLE = frozenset(RULES) & frozenset(fused())
SUITS: dict[str, Callable[..., bool]] = {
    **elementwise.SUITS,
    **shaping.SUITS,
    **reductions.SUITS,
    **windows.SUITS,
    **networks.SUITS,
}


class Exportable(Expander):
    """A recorder that keeps whole what an opset has an operator for."""

    opset = 18

    def recorded_call(
        self, op: str, args: tuple[Tree, ...], kwargs: dict[str, Tree]
    ) -> Tensors:
        suits = SUITS.get(op)
        if suits is not None:
            given: Any = parameters(op).bind(*args, **kwargs).arguments
            if not suits(self.opset, **given):
                return getattr(Backend, op)(self, *args, **kwargs)
        return super().recorded_call(op, args, kwargs)


def exportable(opset: int) -> type[Exportable]:
    """Return the recorder for an opset."""
    return type("Exportable", (Exportable,), {"opset": opset})
