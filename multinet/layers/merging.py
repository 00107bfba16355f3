"""Layers that merge a list of tensors into one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from multinet import ops
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.base import Layer
from multinet.layers.context import mask_of, set_mask
from multinet.symbolic.dims import differ, public_shape
from multinet.tracebacks import shortening
from multinet.typing import Tensor


class Merge(Layer):
    """Combine a list of tensors elementwise, lower ranks gaining axes of size 1.

    The new axes come after the batch axis. The output is masked where all inputs are.
    """

    count: int | None = None  # of inputs, if it is fixed

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """Return the result for tensors of one rank; subclasses write it."""
        raise NotImplementedError(f"{type(self).__name__} must define merge(inputs).")

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return one tensor for a list of them."""
        self._check_list(inputs)
        ranks = [len(ops.shape(x)) for x in inputs]
        aligned = [_expanded(x, max(ranks) - rank) for x, rank in zip(inputs, ranks)]
        return self.merge(aligned)

    def _check_list(self, inputs: Any) -> None:
        wrong = not isinstance(inputs, list | tuple) or not inputs
        if wrong or self.count not in (None, len(inputs)):
            got = len(inputs) if isinstance(inputs, list | tuple) else "one tensor"
            raise ArgumentError(
                f"{self.name} expects a list of {self.count or 'some'} tensors, such "
                f"as {type(self).__name__}()([x, y]); got {got}."
            )

    def _check_masks(self, inputs: Any, mask: Any) -> None:
        self._check_list(inputs)
        lists = isinstance(mask, list | tuple)
        if mask is not None and (not lists or len(mask) != len(inputs)):
            got = f"{len(mask)} of them" if lists else "no list"
            raise ArgumentError(
                f"{self.name} expects a list of masks, one or None for each of its "
                f"{len(inputs)} inputs, got {got}."
            )

    def compute_mask(
        self,
        inputs: Sequence[Tensor],
        mask: Sequence[Tensor | None] | None = None,
    ) -> Tensor | None:
        """Return where any of the masks is true; None unless all inputs have one."""
        self._check_masks(inputs, mask)
        if mask is None or any(part is None for part in mask):
            return None
        return reduce(ops.logical_or, mask)


def _expanded(x: Any, missing: int) -> Any:
    for _ in range(missing):
        x = ops.expand_dims(x, 1)
    return x


class Add(Merge):
    """The sum of the inputs.

    >>> layers.Add()([np.ones(2), np.ones(2), np.ones(2)])
    array([3., 3.], dtype=float32)
    """

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """Return x + y + ..."""
        return reduce(ops.add, inputs)


class Subtract(Merge):
    """The first input minus the second."""

    count = 2

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """Return x - y."""
        return ops.subtract(*inputs)


class Average(Merge):
    """The mean of the inputs."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """Return (x + y + ...) / their number."""
        return ops.divide(reduce(ops.add, inputs), len(inputs))


class Multiply(Merge):
    """The product of the inputs; masked factors count as 1, all masked give 0."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """Return x * y * ..."""
        masks = [mask_of(x) for x in inputs]
        shown = [_spread(mask, x) for x, mask in zip(inputs, masks)]
        factors = [
            x if mask is None else ops.where(mask, x, 1)
            for x, mask in zip(inputs, shown)
        ]
        output = reduce(ops.multiply, factors)
        if any(mask is None for mask in masks):
            return output
        output = ops.where(reduce(ops.logical_or, shown), output, 0)
        set_mask(output, reduce(ops.logical_or, masks))
        return output


class _Extremum(Merge):
    """The elementwise extremum of the inputs, masked ones left out."""

    choose: Callable[[Any, Any], Any]

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """Return the extremum; where only one of two counts, that one."""
        output, shown = inputs[0], _spread(mask_of(inputs[0]), inputs[0])
        for x in inputs[1:]:
            mask = _spread(mask_of(x), x)
            if mask is not None:
                x = ops.where(mask, x, output)
            if shown is not None:
                output = ops.where(shown, output, x)
            both = mask is not None and shown is not None
            shown = ops.logical_or(shown, mask) if both else None
            output = type(self).choose(output, x)
        if shown is not None:
            set_mask(output, ops.any(shown, axis=-1))
        return output


class Maximum(_Extremum):
    """The elementwise maximum of the inputs, masked ones left out."""

    choose = staticmethod(ops.maximum)


class Minimum(_Extremum):
    """The elementwise minimum of the inputs, masked ones left out."""

    choose = staticmethod(ops.minimum)


def _spread(mask: Any, x: Any) -> Any:
    """Return a mask in the shape of x, of which it has all axes but the last."""
    if mask is None:
        return None
    return ops.broadcast_to(ops.expand_dims(mask, -1), ops.shape(x))


class Concatenate(Merge):
    """Join the inputs along an `axis`; the other sizes must be equal.

    >>> layers.Concatenate()([np.ones((2, 3)), np.ones((2, 4))]).shape
    (2, 7)
    """

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__(**options)
        self.axis = axis

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return one tensor for a list of them."""
        self._check_list(inputs)
        return ops.concatenate(inputs, axis=self.axis)

    def compute_mask(
        self,
        inputs: Sequence[Tensor],
        mask: Sequence[Tensor | None] | None = None,
    ) -> Tensor | None:
        """Return the masks joined; an input without one counts throughout."""
        self._check_masks(inputs, mask)
        if mask is None or all(part is None for part in mask):
            return None
        masks = []
        for x, part in zip(inputs, mask):
            if part is None:
                part = ops.ones_like(x, dtype="bool")
            elif len(ops.shape(part)) < len(ops.shape(x)):
                part = _spread(part, x)
            masks.append(part)
        return ops.any(ops.concatenate(masks, axis=self.axis), axis=-1)


class Dot(Merge):
    """The products of two inputs, summed over an axis of each: (b, ...), (b, ...).

    The axes left of the first come before those of the second; a batch of scalars is
    (b, 1). `normalize` makes it the cosine of the angle.
    """

    count = 2

    def __init__(
        self, axes: int | Sequence[int], normalize: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        pair = [axes, axes] if isinstance(axes, int) else axes
        valid = isinstance(pair, list | tuple) and len(pair) == 2
        if not valid or not all(isinstance(a, int) for a in pair) or 0 in pair:
            raise ArgumentError(
                f"Expected axes to be an int or two, none the batch axis 0; got "
                f"{axes!r}."
            )
        self.axes, self.normalize = axes, normalize

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return (b, *rest of the first, *rest of the second)."""
        self._check_list(inputs)
        shapes = [ops.shape(x) for x in inputs]
        pair = [self.axes] * 2 if isinstance(self.axes, int) else self.axes
        axes = [a % len(shape) for a, shape in zip(pair, shapes)]
        sizes = [shape[a] for a, shape in zip(axes, shapes)]
        if differ(*sizes) or min(map(len, shapes)) < 2:
            raise ShapeError(
                f"{self.name} expects axes {self.axes} of one size, got shapes "
                f"{', '.join(str(public_shape(shape)) for shape in shapes)}."
            )
        if self.normalize:
            inputs = [ops.normalize(x, axis=a) for x, a in zip(inputs, axes)]
        x, y = (ops.moveaxis(x, a, -1) for x, a in zip(inputs, axes))
        rests = [ops.shape(part)[1:-1] for part in (x, y)]
        batch, width = shapes[0][0], sizes[0]
        x = ops.reshape(x, (batch, _product(rests[0]), width))
        y = ops.reshape(y, (batch, _product(rests[1]), width))
        y = ops.matmul(x, ops.swapaxes(y, 1, 2))  # b n m
        rest = (*rests[0], *rests[1])
        return ops.reshape(y, (batch, *rest) if rest else (batch, 1))

    def compute_mask(
        self,
        inputs: Sequence[Tensor],
        mask: Sequence[Tensor | None] | None = None,
    ) -> Tensor | None:
        """Return None: positions are summed or paired."""
        return None


def _product(sizes: Any) -> Any:
    return reduce(lambda n, m: n * m, sizes, 1)


@shortening
def add(inputs: Sequence[Tensor], **kwargs: Any) -> Tensor:
    """Return the sum of a list of tensors, by an `Add` layer."""
    return Add(**kwargs)(inputs)


@shortening
def subtract(inputs: Sequence[Tensor], **kwargs: Any) -> Tensor:
    """Return the first of two tensors minus the second, by a `Subtract` layer."""
    return Subtract(**kwargs)(inputs)


@shortening
def multiply(inputs: Sequence[Tensor], **kwargs: Any) -> Tensor:
    """Return the product of a list of tensors, by a `Multiply` layer."""
    return Multiply(**kwargs)(inputs)


@shortening
def average(inputs: Sequence[Tensor], **kwargs: Any) -> Tensor:
    """Return the mean of a list of tensors, by an `Average` layer."""
    return Average(**kwargs)(inputs)


@shortening
def maximum(inputs: Sequence[Tensor], **kwargs: Any) -> Tensor:
    """Return the maximum of a list of tensors, by a `Maximum` layer."""
    return Maximum(**kwargs)(inputs)


@shortening
def minimum(inputs: Sequence[Tensor], **kwargs: Any) -> Tensor:
    """Return the minimum of a list of tensors, by a `Minimum` layer."""
    return Minimum(**kwargs)(inputs)


@shortening
def concatenate(inputs: Sequence[Tensor], axis: int = -1, **kwargs: Any) -> Tensor:
    """Return a list of tensors joined along an axis, by a `Concatenate` layer."""
    return Concatenate(axis=axis, **kwargs)(inputs)


@shortening
def dot(
    inputs: Sequence[Tensor], axes: int | Sequence[int] = -1, **kwargs: Any
) -> Tensor:
    """Return the products of two tensors summed over axes, by a `Dot` layer."""
    return Dot(axes=axes, **kwargs)(inputs)
