"""What each operator of a file computes."""

from __future__ import annotations

from multinet.onnx.bodies import Table
from multinet.onnx.operators import (
    control,
    elementwise,
    normalizing,
    recurrent,
    reducing,
    shaping,
    windows,
)

__all__: list[str] = []

TABLE = Table(
    {
        **elementwise.TENSORS,
        **shaping.TENSORS,
        **reducing.TENSORS,
        **windows.TENSORS,
        **normalizing.TENSORS,
        **recurrent.TENSORS,
    },
    {
        **elementwise.MIXED,
        **shaping.MIXED,
        **reducing.MIXED,
        **normalizing.MIXED,
        **control.MIXED,
    },
)
