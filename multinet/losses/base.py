"""Loss: the base class, the shape rules and the reductions."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

import optree

from multinet import dtype_policies, dtypes, ops
from multinet.calls import mask_of
from multinet.configurable import Configurable, arguments, as_argument
from multinet.errors import ArgumentError
from multinet.losses.kept import both, only, places_beside, positions, without
from multinet.losses.shapes import fitting, is_one, match_ranks, real, real_dtype
from multinet.names import snake_case
from multinet.objects.exports import inner
from multinet.ops.core import as_tensor, boolean, cast_tensor, in_dtype
from multinet.registry import current
from multinet.symbolic.dims import larger
from multinet.symbolic.tensor import KerasTensor, Recorded, record
from multinet.tracebacks import shortening
from multinet.typing import Config, PolicyLike, Tensor, Tree

F = TypeVar("F", bound=Callable[..., Any])

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")


def mean_last(x: Tensor) -> Tensor:
    """Return the mean over the last axis; a scalar as it is."""
    rank = len(current().shape(x))
    return current().mean(x, (rank - 1,), False) if rank else x


@shortening
def reduce_values(
    values: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: str | None = None,
) -> Tensor:
    """Return losses weighted, then reduced to a scalar (or kept, for None or "none").

    Weights have the shape of `values` or of its first axes, any of size 1: others are
    a `ShapeError`. `mask` drops values: the means are over those it keeps. What weighs
    0 or is dropped counts as 0, NaN too.
    """
    backend = current()
    values = as_tensor(values)
    dtype = real_dtype(values)
    values = real(values, dtype, "losses")
    weight, kept = None, None
    if mask is not None:
        values, mask = fitting(values, boolean(mask), "a mask")
        values = only(mask, values)
        mask = backend.cast(mask, dtype)
        kept = ops.sum(mask)
    if sample_weight is not None:
        weight = real(sample_weight, dtype, "sample_weight")
        values, weight = fitting(values, weight, "sample_weight")
        values = backend.multiply(only(boolean(weight), values), weight)
    shape = backend.shape(values)
    if reduction in (None, "none") or not shape:
        return values
    total = backend.sum(values, tuple(range(len(shape))), False)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and mask is not None:
        weight = mask if weight is None else ops.multiply(*match_ranks(weight, mask))
    if reduction == "mean_with_sample_weight" and weight is not None:
        return ops.divide_no_nan(total, ops.sum(weight))
    count = math.prod(shape)
    if kept is None:
        return backend.divide(total, larger(count, 1))
    each = count // larger(math.prod(backend.shape(mask)), 1)  # values under one of it
    return ops.divide_no_nan(total, ops.multiply(kept, as_tensor(each, dtype)))


def on_symbols(function: F) -> F:
    """Let a loss function be called on symbolic tensors: as a node of their graph."""

    @functools.wraps(function)
    @shortening
    def public(y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
        if type(y_pred) is KerasTensor or type(y_true) is KerasTensor:
            given = inspect.signature(function).bind(y_true, y_pred, *args, **kwargs)
            options = dict(list(given.arguments.items())[2:])
            loss = LossFunctionWrapper(public, reduction=None, **options)
            return loss(y_true, y_pred)
        return function(y_true, y_pred, *args, **kwargs)

    return public  # type: ignore[return-value]


class Loss(Configurable, Recorded):
    """The base of losses: subclass it and write `call(y_true, y_pred)`.

    `call` returns one value a sample (or a position); `reduction` makes a scalar of
    them: "sum_over_batch_size" (or "mean") divides the sum by their number, "sum" does
    not, "mean_with_sample_weight" divides by the weights' sum, "none" keeps them.
    It computes in `dtype`, a policy's compute dtype; by default in floatx, or wider if
    the predictions are.
    """

    _direction: str | None = "down"  # as a metric: what callbacks take for better

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: PolicyLike | None = None,
    ) -> None:
        self.name = name or snake_case(type(self).__name__)
        if reduction is not None and reduction not in REDUCTIONS:
            raise ArgumentError(
                f"Expected reduction among {REDUCTIONS} or None, got {reduction!r}."
            )
        self.reduction = reduction
        given = dtype is not None
        self._dtype = dtype_policies.get(dtype).compute_dtype if given else None

    @property
    def dtype(self) -> str | None:
        """The dtype that it computes in, None for floatx; it stays as it was made."""
        return self._dtype

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the losses before weights and reduction."""
        raise NotImplementedError(
            f"{type(self).__name__} must define call(self, y_true, y_pred)."
        )

    def valid(self, y_true: Tensor, y_pred: Tensor, values: Tensor) -> Tensor:
        """Return a mask of the values that count, or None for all."""
        return None

    @shortening
    def __call__(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
        *,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Return the reduced loss; a bool `mask` shaped like the values drops some.

        By default that is the mask of `y_pred`. What a mask or weights of 0 leave out
        reaches neither the loss nor its gradient, unless `call` returns one number for
        all. On symbolic tensors the call becomes part of their graph.
        """
        if type(y_pred) is KerasTensor or type(y_true) is KerasTensor:
            given = {} if mask is None else {"mask": mask}
            return record(self, self.__call__, (y_true, y_pred, sample_weight), given)
        if mask is None:
            mask = mask_of(y_pred)
        y_true, y_pred = self._computable(y_true, y_pred)
        if mask is None and sample_weight is None:
            values = self.call(y_true, y_pred)
        else:
            values = self._of_kept(y_true, y_pred, sample_weight, mask)
        if type(values) in (int, float):
            raise ArgumentError(
                "Expected a loss that is a tensor and depends on predictions, got "
                f"{values!r}, which has no gradient. For an output without a loss give "
                "None to compile."
            )
        valid = self.valid(y_true, y_pred, values)
        if valid is not None:
            mask = valid if mask is None else both(valid, mask)
        return reduce_values(values, sample_weight, mask, self.reduction)

    def of_trees(
        self, y_true: Tree, y_pred: Tree, sample_weight: Tree = None
    ) -> Tensor:
        """Return the reduced loss of several outputs, which `call` gets as a tree.

        `sample_weight` is one for all of them.
        """
        targets, outputs = [], []
        leaves, form = optree.tree_flatten(y_pred)
        for pair in zip(optree.tree_leaves(y_true), leaves, strict=True):
            target, output = match_ranks(*self._computable(*pair))
            targets.append(target)
            outputs.append(output)
        trees = (
            optree.tree_unflatten(form, targets),
            optree.tree_unflatten(form, outputs),
        )
        weights = optree.tree_leaves(sample_weight)
        if any(weight is not weights[0] for weight in weights):
            raise ArgumentError(
                f"The loss {self.name} takes {len(leaves)} outputs at once: give one "
                "sample_weight for all of them."
            )
        weight = weights[0] if weights else None
        return reduce_values(self._call_on_trees(*trees), weight, None, self.reduction)

    def _call_on_trees(self, y_true: Tree, y_pred: Tree) -> Tensor:
        return self.call(y_true, y_pred)

    def _computable(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """Return targets and predictions as tensors, in the dtype of the loss."""
        dtype = self.dtype
        if dtype is None:
            y_pred = as_tensor(y_pred)
            dtype = dtypes.promote(current().dtype(y_pred), dtypes.floatx())
        y_true = in_dtype(y_true, dtype)
        if self.dtype is not None and dtypes.is_float(current().dtype(y_true)):
            y_true = cast_tensor(y_true, dtype)
        return y_true, real(y_pred, dtype, "predictions")

    def _of_kept(self, y_true: Any, y_pred: Any, weight: Any, mask: Any) -> Any:
        """Return the losses, computed without what weights and mask leave out."""
        y_true, y_pred = self._paired(y_true, y_pred)
        places, covered = self._places(current().shape(y_pred))
        kept = positions(weight, mask, places)
        if kept is None or self._crosses(y_true, y_pred):
            return self.call(y_true, y_pred)
        values = self.call(*without(kept, y_true, y_pred, covered))
        if current().shape(as_tensor(values)):
            return values
        return self.call(y_true, y_pred)  # one number: it has no positions to leave out

    def _paired(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """Return targets and predictions of the ranks that `call` compares."""
        return y_true, y_pred

    def _crosses(self, y_true: Any, y_pred: Any) -> bool:
        """Return whether each target meets each prediction, as (n,) meets (n, 1)."""
        shape, other = current().shape(y_true), current().shape(y_pred)
        longer = max(shape, other, key=len)
        return abs(len(shape) - len(other)) == 1 and is_one(longer[-1])

    def _places(self, shape: Any) -> tuple[Any, Sequence[int]]:
        """Return the shape of the positions in predictions of a shape, and the axes
        that a loss covers. What a user's `call` covers is not known.
        """
        return shape, (len(shape) - 1,) if shape else ()


class FunctionLoss(Loss):
    """A loss whose `call` is a function of (y_true, y_pred, **its other arguments)."""

    function: ClassVar[Callable[..., Any]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "function" in vars(cls):
            names = list(inspect.signature(cls.function).parameters)[2:]
            cls._extra = tuple(names)

    _extra: ClassVar[tuple[str, ...]] = ()

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the losses before weights and reduction."""
        options = {name: getattr(self, name) for name in self._extra}
        return type(self).function(y_true, y_pred, **options)

    def _paired(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        shape = current().shape
        wider = len(shape(y_true)) > len(shape(y_pred))
        return match_ranks(y_true, y_pred) if wider else (y_true, y_pred)

    def _crosses(self, y_true: Any, y_pred: Any) -> bool:
        return False  # ranks are brought together

    def _places(self, shape: Any) -> tuple[Any, Sequence[int]]:
        axis = getattr(self, "axis", -1) if "axis" in self._extra else -1
        return places_beside(axis, shape)


class LossFunctionWrapper(Loss):
    """A Loss of any function of (y_true, y_pred, **kwargs)."""

    _written_as = inner("losses.losses", "LossFunctionWrapper")

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: PolicyLike | None = None,
        **kwargs: Any,
    ) -> None:
        name = name or getattr(fn, "__name__", None)
        super().__init__(name, reduction, dtype)
        self.fn, self.kwargs = fn, kwargs

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the losses before weights and reduction."""
        y_true, y_pred = match_ranks(as_tensor(y_true), as_tensor(y_pred))
        return self.fn(y_true, y_pred, **self.kwargs)

    def _call_on_trees(self, y_true: Tree, y_pred: Tree) -> Tensor:
        return self.fn(y_true, y_pred, **self.kwargs)

    def _paired(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        return match_ranks(y_true, y_pred)

    def get_config(self) -> Config:
        """Return the constructor's arguments, those of the function too."""
        extra = {name: as_argument(value) for name, value in self.kwargs.items()}
        return {**arguments(self, LossFunctionWrapper), **extra}
