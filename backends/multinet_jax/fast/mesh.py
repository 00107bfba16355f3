"""Several devices: arrays in parts by `jax.sharding`, and the compiled step on them.

A step is compiled once for all devices, and XLA's partitioner splits it: state comes
in and leaves as its layouts say, batches are split along their rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.sharding import NamedSharding, PartitionSpec

from multinet import dtypes
from multinet.errors import BackendError
from multinet.interface.array import Shape
from multinet.interface.mesh import Layout, Mesh
from multinet.interface.program import Tensors
from multinet.interface.step import Program
from multinet_jax.array import Array, native
from multinet_jax.fast.step import Form, Host, JaxProgram
from multinet_jax.program import device_name

#: What moves data between devices, in a program of XLA.
_COLLECTIVES = re.compile(
    r"= (.*?) (all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)"
    r"(?:-start)?\("
)


class JaxMesh(Mesh[Array]):
    """Devices of JAX in a grid."""

    def __init__(
        self, backend: Any, shape: Shape, names: Sequence[str], devices: Sequence[str]
    ) -> None:
        super().__init__(backend, shape, names, devices)
        kinds = {name.partition(":")[0] for name in devices}
        found = [d for kind in sorted(kinds) for d in _devices(kind)]
        known = {device_name(device): device for device in found}
        unknown = [name for name in devices if name not in known]
        if unknown:
            raise BackendError(
                f"JAX has no device {unknown[0]!r} for a mesh. Use some of: "
                f"{', '.join(known) or ', '.join(backend.devices())}."
            )
        grid = np.array([known[name] for name in devices]).reshape(shape)
        self.grid = jax.sharding.Mesh(grid, tuple(names))
        self.index, self.count = jax.process_index(), jax.process_count()

    def where(self, layout: Layout) -> NamedSharding:
        """Return a layout as JAX has it."""
        return NamedSharding(self.grid, PartitionSpec(*layout))

    def shard(self, x: Host | Array, layout: Layout) -> Array:
        where = self.where(layout)
        if not isinstance(x, np.ndarray):
            if isinstance(x, Tracer) or x.sharding != where:
                return self.constrain(x, layout)
            return x
        if x.dtype.name in dtypes.ALL:
            native(x.dtype.name)  # refuses 64 bits that were not asked for
        if self.count > 1:
            part = lambda place: np.array(x[place])  # noqa: E731
            return jax.make_array_from_callback(x.shape, where, part)
        return jax.device_put(np.array(x), where)

    def constrain(self, x: Array, layout: Layout) -> Array:
        where = self.where(layout)
        if isinstance(x, Tracer):
            return lax.with_sharding_constraint(x, where)
        return jax.device_put(x, where)

    def gather(self, x: Array) -> Array:
        return self.constrain(x, (None,) * x.ndim)


def _devices(kind: str) -> list[Any]:
    try:
        return jax.devices(kind)
    except RuntimeError:  # there are none of this kind
        return []


class MeshProgram(JaxProgram):
    """A step compiled by XLA for all devices of a mesh, its state donated."""

    def __init__(self, *options: Any) -> None:
        super().__init__(*options)
        assert self.placement is not None
        self.place, self.inner = self.placement, self.function
        self.function = self._laid
        self.seen: dict[int, str] = {}  # the collectives of a form, once counted

    def _laid(self, *flat: Array) -> Tensors[Array]:
        """Return what the step does, the new state lying as it came."""
        results = list(self.inner(*flat))
        for i, layout in enumerate(self.place.layouts):
            if results[i] is not flat[i]:
                results[i] = self.place.mesh.constrain(results[i], layout)
        return tuple(results)

    def copy(self, x: Array) -> Array:
        return jax.device_put(x, may_alias=False)

    def row_of(self, batch: Sequence[Host | Array], index: int) -> list[Host | Array]:
        return [self._split(x) for x in super().row_of(batch, index)]

    def rows_of(
        self, form: Form, arrays: Sequence[Host | Array], start: int, stop: int
    ) -> list[Host | Array]:
        rows = super().rows_of(form, arrays, start, stop)
        count = len(rows) - len(self.scalars)
        return [*[self._split(x, 1) for x in rows[:count]], *rows[count:]]

    def _split(self, x: Host | Array, axis: int = 0) -> Array:
        mesh: Any = self.place.mesh
        where = mesh.where(self.place.of_batch(x.shape, axis))
        if mesh.count > 1 and isinstance(x, np.ndarray):
            return jax.make_array_from_callback(x.shape, where, x.__getitem__)
        return jax.device_put(x, where)

    def one(
        self, row: Sequence[Host], scalars: Callable[[], Sequence[Host]]
    ) -> Tensors[Array]:
        return Program.one(self, row, scalars)

    def explain(self) -> dict[str, str]:
        """Return which path runs, and what moves between the devices in a step."""
        told = super().explain()
        told["collectives"] = "; ".join(
            f"{self._collectives(form)} in a step on {_rows(form)}"
            for form in reversed(self.forms.values())
        )
        return told

    def _collectives(self, form: Form) -> str:
        key = id(form)
        if key not in self.seen:
            self.seen[key] = counted(self._compiled(form))
        return self.seen[key]

    def _compiled(self, form: Form) -> str:
        """Return the text of the program of one step of a form."""
        mesh: Any = self.place.mesh
        state = [
            jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=mesh.where(layout))
            for x, layout in zip(self.held, self.place.layouts, strict=True)
        ]
        count = len(form.row) - len(self.scalars)
        rows = [
            jax.ShapeDtypeStruct(
                shape, kind, sharding=mesh.where(self.place.of_batch(shape))
            )
            for shape, kind in form.row[:count]
        ]
        scalars = [jax.ShapeDtypeStruct(*x) for x in form.row[count:]]
        step = jax.jit(form._once, donate_argnums=form.written)
        return step.lower(*state, *rows, *scalars).compile().as_text() or ""


def counted(text: str) -> str:
    """Return how many collectives a program of XLA has, of each kind."""
    found = Counter(kind for _, kind in _COLLECTIVES.findall(text))
    if not found:
        return "none"
    return ", ".join(f"{n} {kind}" for kind, n in sorted(found.items()))


def _rows(form: Form) -> str:
    shape = form.row[0][0]
    return f"{shape[0]} rows" if shape else "one number"
