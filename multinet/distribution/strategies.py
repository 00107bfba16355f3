"""Distributions: how the weights and batches of models lie on a mesh."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from multinet.distribution.layouts import LayoutMap
from multinet.distribution.meshes import DeviceMesh, TensorLayout, list_devices
from multinet.distribution.present import holding
from multinet.errors import ArgumentError
from multinet.typing import AnyVariable, Host, Shape

_BATCH = "batch"


class Distribution:
    """What is common to distributions: a mesh, and its axis along which batches are
    split.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        self._device_mesh, self._batch_dim_name = device_mesh, batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str | None:
        """The axis of the mesh along which batches are split."""
        return self._batch_dim_name

    @property
    def num_model_replicas(self) -> int:
        """In how many parts a batch is split."""
        name = self._batch_dim_name
        return 1 if name is None else self._device_mesh.along(name)

    def get_data_layout(self, data_shape: Shape) -> TensorLayout:
        """Return the layout of a batch of a shape."""
        axes = [self._batch_dim_name, *[None] * (len(data_shape) - 1)]
        return TensorLayout(axes[: len(data_shape)], self._device_mesh)

    def get_variable_layout(self, variable: AnyVariable) -> TensorLayout:
        """Return the layout of a Variable: its own, or whole on each device."""
        given = variable._layout
        return given if isinstance(given, TensorLayout) else self._whole(variable.shape)

    def used_layout(self, variable: AnyVariable) -> TensorLayout:
        """Return how a Variable lies where the model computes with it."""
        return self.get_variable_layout(variable)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return the layout of a tensor between layers: None, as it comes."""
        return None

    def know(
        self, variables: Sequence[AnyVariable], places: Sequence[tuple[str, ...]]
    ) -> None:
        """Know the weights of a model with their addresses there, before a step."""

    def _whole(self, shape: Shape) -> TensorLayout:
        return TensorLayout([None] * len(shape), self._device_mesh)

    def scope(self) -> AbstractContextManager[None]:
        """Return a context in which this distribution holds."""
        return holding(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self._device_mesh}>"


class DataParallel(Distribution):
    """Batches in parts, one for each device; the weights whole on each.

    On `device_mesh`, or on a mesh of `devices`, by default of all. A mesh of several
    axes warns: batches are split along the first.

    >>> distribution.set_distribution(distribution.DataParallel())
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | Host | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if device_mesh is None:
            found = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(found),), (_BATCH,), found)
        if not isinstance(device_mesh, DeviceMesh):
            raise ArgumentError(f"Expected a DeviceMesh, got {device_mesh!r}.")
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)
        if len(device_mesh.shape) > 1:
            warnings.warn(
                f"Expected a mesh of one axis for {type(self).__name__}, got "
                f"{device_mesh}: batches are split along {self.batch_dim_name!r} "
                "alone.",
                stacklevel=2,
            )


class FullyShardedDataParallel(DataParallel):
    """Batches in parts, and every weight and slot of the optimizer too.

    A weight lies split along its longest axis that has equal parts, and is gathered
    where the model computes with it; its gradient is split as it is. So the memory of
    weights and slots falls with the number of devices. What has no such axis is whole.

    Source: Rajbhandari et al., "ZeRO: memory optimizations toward training trillion
    parameter models", 2020.
    """

    def get_variable_layout(self, variable: AnyVariable) -> TensorLayout:
        """Return the layout in which a Variable is kept."""
        given, shape = variable._layout, variable.shape
        if isinstance(given, TensorLayout) or not variable._made_trainable:
            return super().get_variable_layout(variable)
        parts = self.num_model_replicas
        whole = [i for i, n in enumerate(shape) if n >= parts and n % parts == 0]
        axes: list[str | None] = [None] * len(shape)
        if whole:
            axes[max(whole, key=lambda i: shape[i])] = self.batch_dim_name
        return TensorLayout(axes, self.device_mesh)

    def used_layout(self, variable: AnyVariable) -> TensorLayout:
        """Return how a Variable lies where the model computes with it: whole."""
        given = variable._layout
        return given if isinstance(given, TensorLayout) else self._whole(variable.shape)


class ModelParallel(Distribution):
    """Weights in parts by the rules of a `LayoutMap`, batches along an axis of it.

    `batch_dim_name` is that axis, by default the first.

    >>> mesh = distribution.DeviceMesh((4, 2), ("data", "model"))
    >>> layouts = distribution.LayoutMap(mesh)
    >>> layouts[".*dense.*kernel"] = (None, "model")
    >>> distribution.ModelParallel(layout_map=layouts, batch_dim_name="data")
    <ModelParallel on <DeviceMesh data=4, model=2>>
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if not isinstance(layout_map, LayoutMap):
            raise ArgumentError(
                f"Expected layout_map=LayoutMap(...), got {layout_map!r}."
            )
        mesh = layout_map.device_mesh
        name = batch_dim_name or mesh.axis_names[0]
        if name not in mesh.axis_names:
            raise ArgumentError(
                f"Expected batch_dim_name among {mesh.axis_names}, got {name!r}."
            )
        super().__init__(mesh, name, auto_shard_dataset)
        self.layout_map = layout_map
        #: The addresses of Variables in the models that were seen.
        self._addresses: dict[int, tuple[weakref.ref[Any], tuple[str, ...]]] = {}

    def get_variable_layout(self, variable: AnyVariable) -> TensorLayout:
        """Return the layout of a Variable, by its path or its address in a model."""
        given = variable._layout
        if isinstance(given, TensorLayout):
            return given
        for path in (variable.path, *self._places(variable)):
            found = self.layout_map[path]
            if found is not None:
                return found
        return self._whole(variable.shape)

    def _places(self, variable: AnyVariable) -> tuple[str, ...]:
        known = self._addresses.get(id(variable))
        return known[1] if known is not None and known[0]() is variable else ()

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return the layout that a rule has for a path, or None."""
        return self.layout_map[path]

    def know(
        self, variables: Sequence[AnyVariable], places: Sequence[tuple[str, ...]]
    ) -> None:
        """Know the weights of a model with their addresses there, before a step.

        Rules that match none are told.
        """
        for variable, addresses in zip(variables, places, strict=True):
            self._addresses[id(variable)] = weakref.ref(variable), addresses
        for variable in variables:
            self.get_variable_layout(variable)
        self.layout_map.tell_unused([variable.path for variable in variables])
