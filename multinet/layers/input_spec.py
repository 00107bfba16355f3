"""InputSpec: what a layer says of the tensors it takes, checked when it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import optree

from multinet import dtypes
from multinet.errors import ArgumentError, ShapeError
from multinet.registry import current
from multinet.symbolic.dims import public_shape
from multinet.tracebacks import shortening
from multinet.typing import Config, DType, Tensors, Tree


class InputSpec:
    """What a layer expects of an input: dtype, shape, axes; None where it is free.

    A layer has one in `input_spec`, or a tree of them for several inputs. `shape` has
    None for any size, `axes` maps axes to sizes. With `allow_last_axis_squeeze` a last
    axis of 1 may be there or not. An `optional` input may be None; one with a `name` is
    found by it where the inputs are a dict.

    >>> class Bilinear(Layer):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.input_spec = InputSpec(ndim=4, axes={-1: 3})
    """

    @shortening
    def __init__(
        self,
        dtype: DType | None = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else dtypes.standardize(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.name, self.optional = name, optional
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        try:
            self.axes = {int(axis): size for axis, size in dict(axes or {}).items()}
        except (TypeError, ValueError):
            raise ArgumentError(
                f"Expected axes as a dict from an axis to its size, got {axes!r}."
            ) from None
        most = self.ndim if self.ndim is not None else max_ndim
        if self.axes and most is not None and max(self.axes) >= most:
            raise ArgumentError(
                f"Axis {max(self.axes)} is beyond the {most} axes that there may be."
            )

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return what has this configuration."""
        return cls(**config)

    def __repr__(self) -> str:
        said = [f"{k}={v}" for k, v in vars(self).items() if v not in (None, {}, False)]
        return f"InputSpec({', '.join(said)})"

    def refusal(self, shape: tuple[Any, ...], dtype: str) -> str | None:
        """Return what is expected where an input is not that, else None."""
        rank = len(shape)
        ranks = {rank}
        if self.allow_last_axis_squeeze:
            ranks |= {rank - 1} if shape and shape[-1] == 1 else {rank + 1}
        if self.ndim is not None and self.ndim not in ranks:
            if self.shape is not None:
                return f"expected shape={self.shape}"
            return f"expected ndim={self.ndim}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"expected min_ndim={self.min_ndim}"
        if self.dtype is not None and dtype != self.dtype:
            return f"expected dtype={self.dtype}"
        for axis, size in self.axes.items():
            there = shape[axis] if -rank <= axis < rank else 0
            if size is not None and there is not None and there != size:
                return f"expected axis {axis} of size {size}"
        pairs = zip(self.shape or (), shape)
        if any(n is not None and m is not None and n != m for n, m in pairs):
            return f"expected shape={self.shape}"
        return None


def check(specs: Tree, inputs: Tensors, layer: str) -> None:
    """Raise `ShapeError` where an input of a layer is not what a spec says."""
    wanted = optree.tree_leaves(specs, none_is_leaf=True)
    given = _given(wanted, inputs, layer)
    if len(given) != len(wanted):
        raise ArgumentError(
            f"{layer} expects {len(wanted)} inputs, got {len(given)} tensors."
        )
    backend = current()
    for i, (spec, value) in enumerate(zip(wanted, given)):
        if spec is None or (value is None and spec.optional):
            continue
        if value is None or not backend.is_tensor(value):
            raise ArgumentError(
                f"{layer} expects a tensor as input {i}, got {type(value).__name__}."
            )
        shape = public_shape(backend.shape(value))
        reason = spec.refusal(shape, backend.dtype(value))
        if reason is not None:
            raise ShapeError(
                f"Input {i} of {layer} does not fit: {reason}, found shape={shape} of "
                f"{backend.dtype(value)}."
            )


def _given(wanted: list[Any], inputs: Any, layer: str) -> list[Any]:
    names: Any = [getattr(spec, "name", None) for spec in wanted]
    if isinstance(inputs, dict) and None not in names:
        missing = sorted(set(names) - set(inputs))
        if missing:
            raise ArgumentError(
                f"{layer} expects inputs named {names}, got {sorted(inputs)}: "
                f"{missing} missing."
            )
        return [inputs[name] for name in names]
    return optree.tree_leaves(inputs, none_is_leaf=True)  # type: ignore[arg-type]
