"""Mesh: devices in a grid of named axes, and tensors that lie on them in parts.

A step sees whole tensors, as on one device; how they lie is told beside it, by a layout
for each entry of its state. So no layer, loss, metric or step knows of a mesh.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias

import numpy as np

from multinet.interface.array import Shape, T
from multinet.typing import Host

#: For each axis of a tensor the axis of the mesh that it is split along, or None.
Layout: TypeAlias = tuple[str | None, ...]
# The `Backend` of the mesh; its class is written after this one.
Maker: TypeAlias = Any


class Mesh(Generic[T]):
    """Devices in a grid. The default: one device, where all is whole.

    `devices` are names in row-major order, as `Backend.devices` gives them. Each part
    of a tensor lies on the devices that share its place along the axes named in its
    layout; an axis that is split has equal parts. `index` is the number of this process
    among `count`.
    """

    index, count = 0, 1

    def __init__(
        self,
        backend: Maker,
        shape: Shape,
        names: Sequence[str],
        devices: Sequence[str],
    ) -> None:
        self.backend, self.shape = backend, tuple(shape)
        self.names, self.devices = tuple(names), tuple(devices)

    @property
    def size(self) -> int:
        """The number of devices."""
        return math.prod(self.shape)

    def along(self, name: str) -> int:
        """Return how many devices there are along an axis of the mesh."""
        return self.shape[self.names.index(name)]

    def shard(self, x: Host | T, layout: Layout) -> T:
        """Return a host array, or a tensor, as a tensor that lies as `layout` says.

        Of a host array each device gets its own part only, a copy.
        """
        given: Any = x
        return self.backend.from_numpy(x) if isinstance(x, np.ndarray) else given

    def constrain(self, x: T, layout: Layout) -> T:
        """Return x as it is, to lie as `layout` says: inside a program or outside.

        Linear, so differentiable in any way; its gradient lies as x does.
        """
        return x

    def gather(self, x: T) -> T:
        """Return x whole on each device of each process, which all have to ask."""
        return x

    def agree(self, values: Sequence[float]) -> list[float]:
        """Return the numbers that the first process has, on all, which have to ask."""
        return list(values)


@dataclass(frozen=True)
class Placement(Generic[T]):
    """How the state of a program lies on a mesh, and its batches.

    `layouts` has one for each entry of the state, before a step and after it. A batch
    is split along the axis `rows` of the mesh, None for none; one that has no equal
    parts is whole on each device.
    """

    mesh: Mesh[T]
    layouts: tuple[Layout, ...]
    rows: str | None

    def splits(self, size: int) -> bool:
        """Return whether so many rows have equal parts."""
        return self.rows is not None and size % self.mesh.along(self.rows) == 0

    def of_batch(self, shape: Shape, axis: int = 0) -> Layout:
        """Return the layout of an array whose rows are along an axis."""
        layout: list[str | None] = [None] * len(shape)
        if len(shape) > axis and self.splits(shape[axis]):
            layout[axis] = self.rows
        return tuple(layout)
