"""Where each Variable lies, and what a program is told of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from multinet.distribution.meshes import TensorLayout
from multinet.distribution.present import distribution
from multinet.interface import Placement
from multinet.ops.core import as_tensor, host, numpy_backend
from multinet.registry import current, use_backend
from multinet.typing import AnyVariable, Host, Tensor

# The one that holds, or held when something was made.
Plan = Any


def layout_of(variable: AnyVariable, plan: Plan = None) -> TensorLayout | None:
    """Return how a Variable is to lie on the mesh; None where nobody set one.

    A slot lies as its weight where they have one shape, else whole. `ShapeError` for a
    Variable without equal parts.
    """
    plan = plan or distribution()
    if plan is None:
        return None
    return _checked(variable, plan, _asked(variable, plan, plan.get_variable_layout))


def _used(variable: AnyVariable, plan: Plan) -> TensorLayout:
    ask = getattr(plan, "used_layout", plan.get_variable_layout)
    return _checked(variable, plan, _asked(variable, plan, ask))


def _asked(variable: AnyVariable, plan: Plan, ask: Callable[..., Any]) -> TensorLayout:
    like = variable._layout
    if like is None or isinstance(like, TensorLayout):
        return ask(variable)
    if like.shape == variable.shape:
        return _asked(like, plan, ask)
    return TensorLayout([None] * len(variable.shape), plan.device_mesh)


def _checked(variable: AnyVariable, plan: Plan, layout: TensorLayout) -> TensorLayout:
    if layout.device_mesh is not plan.device_mesh:
        layout = TensorLayout(layout.axes, plan.device_mesh)
    if not layout.fits(variable.shape):
        raise layout.refusal(f"{variable.path!r}", variable.shape)
    return layout


def placed(variable: AnyVariable, value: Host | Tensor, plan: Plan = None) -> Tensor:
    """Return an array of the host, or a tensor, lying as a Variable is to lie."""
    plan = plan or distribution()
    layout = layout_of(variable, plan)
    if layout is None or variable.owner().symbolic:
        return as_tensor(value)
    with use_backend.scoped(variable.owner()):
        return plan.device_mesh.backend_mesh.shard(value, layout.axes)


def made(variable: AnyVariable, make: Callable[[], Any], plan: Plan = None) -> Tensor:
    """Return the first value of a Variable, of which a device gets its part only.

    `make` is an initializer of the library: run on the host, its values are the same.
    """
    plan = distribution() or plan
    if plan is None:
        return as_tensor(make())
    with use_backend.scoped(numpy_backend()):
        array = np.asarray(host(make()))
    return placed(variable, array, plan)


def used(variable: AnyVariable, value: Tensor) -> Tensor:
    """Return the value of a Variable as the model computes with it.

    Its gradient lies as the Variable is kept.
    """
    plan = distribution()
    if plan is None or current().symbolic:
        return value
    kept, wanted = layout_of(variable, plan), _used(variable, plan)
    assert kept is not None
    if kept.axes == wanted.axes:
        return value
    mesh = plan.device_mesh.backend_mesh
    return mesh.constrain(mesh.constrain(value, kept.axes), wanted.axes)


def placement_of(variables: Sequence[AnyVariable]) -> Placement[Any] | None:
    """Return how a program with these Variables lies; None on one device."""
    plan = distribution()
    if plan is None:
        return None
    mesh = plan.device_mesh.backend_mesh
    if mesh.size == 1:
        return None
    layouts = [layout_of(variable, plan) for variable in variables]
    axes = tuple(layout.axes for layout in layouts if layout is not None)
    return Placement(mesh, axes, plan.batch_dim_name)


def explanation(placement: Placement[Any], names: Sequence[str]) -> dict[str, str]:
    """Return what there is to tell of a placement of Variables with these paths."""
    mesh = placement.mesh
    grid = ", ".join(f"{n}={size}" for n, size in zip(mesh.names, mesh.shape))
    pairs = zip(names, placement.layouts, strict=True)
    split = [f"{n} {axes}" for n, axes in pairs if any(axes)]
    shown = f": {', '.join(split[:_SHOWN])}" if split else ""
    rest = f" and {len(split) - _SHOWN} more" if len(split) > _SHOWN else ""
    rows, text = placement.rows, "whole on each device"
    if rows is not None:
        parts = mesh.along(rows)
        text = (
            f"in {parts} parts along {rows!r}; those whose rows make no {parts} equal "
            "parts are whole on each device"
        )
    return {
        "mesh": f"{grid}: {', '.join(mesh.devices)}",
        "layouts": f"{len(split)} of {len(names)} in parts{shown}{rest}",
        "batches": text,
    }


_SHOWN = 4  # Variables in parts that are named
