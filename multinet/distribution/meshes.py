"""Meshes and layouts as users write them: no framework is touched until one is used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet.errors import ArgumentError, ShapeError, near
from multinet.interface import Mesh
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import Host, Tensor

_ACCELERATORS = ("gpu", "tpu")


def list_devices(device_type: str | None = None) -> list[str]:
    """Return the devices of a type, such as `["gpu:0", "gpu:1"]`, in a fixed order.

    `device_type` is "cpu", "gpu" or "tpu"; without it the accelerators, where there are
    any, else the CPUs.
    """
    known = [(*name.split(":"), name) for name in current().concrete.devices()]
    kind = None if device_type is None else device_type.lower()
    if kind is None:
        kinds = [found for found, *_ in known]
        kind = next((k for k in _ACCELERATORS if k in kinds), kinds[0])
    chosen = [(int(number), name) for found, number, name in known if found == kind]
    return [name for _, name in sorted(chosen)]


def get_device_count(device_type: str | None = None) -> int:
    """Return the number of devices of a type: see `list_devices`."""
    return len(list_devices(device_type))


class DeviceMesh:
    """Devices in a grid, whose axes have names.

    `devices` are names as `list_devices()` gives them, by default all of those, as
    many as `shape` has places.

    >>> distribution.DeviceMesh((4, 2), ("data", "model"))
    <DeviceMesh data=4, model=2>
    """

    def __init__(
        self,
        shape: Sequence[int],
        axis_names: Sequence[str],
        devices: Sequence[str] | Host | None = None,
    ) -> None:
        if not len(shape) or len(shape) != len(axis_names):
            raise ArgumentError(
                "Expected a size and a name for each axis of a mesh, got shape="
                f"{tuple(shape)} and axis_names={tuple(axis_names)}."
            )
        if len(set(axis_names)) < len(axis_names):
            names = tuple(axis_names)
            raise ArgumentError(f"Expected names that differ, got {names}.")
        named = list_devices() if devices is None else devices
        found = np.array(named).reshape(-1)
        if math.prod(shape) != found.size:
            raise ShapeError(
                f"Expected {math.prod(shape)} devices for a mesh of shape "
                f"{tuple(shape)}, got {found.size}: {', '.join(map(str, found))}. Use "
                "another shape, or name the devices."
            )
        self._shape, self._axis_names = tuple(shape), tuple(axis_names)
        self._devices = found.reshape(self._shape)
        self._meshes: dict[str, Mesh[Any]] = {}  # by the name of the backend

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of devices along each axis."""
        return self._shape

    @property
    def axis_names(self) -> tuple[str, ...]:
        """The names of the axes."""
        return self._axis_names

    @property
    def devices(self) -> Host:
        """The names of the devices, in an array of the shape."""
        return self._devices

    @property
    def backend_mesh(self) -> Mesh[Any]:
        """The mesh of the backend in use; `BackendError` where it cannot have it."""
        backend = current().concrete
        found = self._meshes.get(backend.name)
        if found is None or found.backend is not backend:
            names = [str(name) for name in self._devices.reshape(-1)]
            found = backend.mesh(self._shape, self._axis_names, names)
            self._meshes[backend.name] = found
        return found

    def along(self, name: str) -> int:
        """Return the number of devices along an axis."""
        return self._shape[self._axis_names.index(name)]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_meshes": {}}

    def __repr__(self) -> str:
        sizes = zip(self._axis_names, self._shape, strict=True)
        return f"<DeviceMesh {', '.join(f'{name}={n}' for name, n in sizes)}>"


class TensorLayout:
    """How a tensor lies on a mesh: for each axis the one it is split along, or None.

    >>> distribution.TensorLayout((None, "model"), mesh)
    <TensorLayout axes=(None, 'model')>
    """

    def __init__(
        self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None
    ) -> None:
        self._axes = tuple(axes)
        self._device_mesh: DeviceMesh | None = None
        named = [axis for axis in self._axes if axis is not None]
        if len(set(named)) < len(named):
            raise ArgumentError(
                f"Expected each axis of the mesh once at most, got {self._axes}."
            )
        if device_mesh is not None:
            self.device_mesh = device_mesh

    @property
    def axes(self) -> tuple[str | None, ...]:
        """The axis of the mesh for each axis of the tensor."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh; it is set once."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, value: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ArgumentError(
                f"{self!r} has a mesh already: {self._device_mesh}. Make a new layout."
            )
        for axis in self._axes:
            if axis is not None and axis not in value.axis_names:
                raise ArgumentError(
                    f"Expected axes of {value} in a layout, got {axis!r} of "
                    f"{self._axes}.{near(axis, value.axis_names)}"
                )
        self._device_mesh = value

    @property
    def backend_layout(self) -> tuple[str | None, ...]:
        """The axes, which every backend takes as they are."""
        return self._axes

    def fits(self, shape: Sequence[int]) -> bool:
        """Return whether a tensor of a shape has equal parts."""
        mesh = self._device_mesh
        return len(shape) == len(self._axes) and all(
            axis is None or mesh is None or n % mesh.along(axis) == 0
            for n, axis in zip(shape, self._axes, strict=True)
        )

    def refusal(self, what: str, shape: Sequence[int]) -> ShapeError:
        """Return the error of a tensor that this does not fit."""
        told = f"{what} of shape {tuple(shape)} cannot lie as {self._axes} on "
        if len(shape) != len(self._axes):
            return ShapeError(
                f"{told}{self._device_mesh}: expected a layout of {len(shape)} axes, "
                f"got {len(self._axes)}. Give an axis of the mesh, or None, for each."
            )
        assert self._device_mesh is not None
        i, axis, parts = next(
            (i, axis, self._device_mesh.along(axis))
            for i, (n, axis) in enumerate(zip(shape, self._axes, strict=True))
            if axis is not None and n % self._device_mesh.along(axis)
        )
        n = shape[i]
        return ShapeError(
            f"{told}{self._device_mesh}: its axis {i} has {n} places, which make no "
            f"{parts} equal parts. Use {-(-n // parts) * parts} places, another size "
            f"of {axis!r}, or None for this axis."
        )

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self._axes}>"


def distribute_tensor(tensor: Tensor, layout: TensorLayout) -> Tensor:
    """Return a tensor as it is, to lie on the mesh of `layout` as that says.

    Inside of a step it tells the compiler how to split what is computed: in the `call`
    of a layer, for example. Differentiable. `ShapeError` where it has no equal parts.
    """
    if isinstance(tensor, KerasTensor) or current().symbolic:
        return tensor
    mesh = layout.device_mesh
    if mesh is None:
        raise ArgumentError(f"{layout!r} has no mesh: TensorLayout(axes, device_mesh).")
    backend, x = current(), as_tensor(tensor)
    shape = tuple(backend.shape(x))
    if not layout.fits(shape):
        raise layout.refusal("A tensor", shape)
    return mesh.backend_mesh.constrain(x, layout.axes)
