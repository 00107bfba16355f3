"""Metric: Variables that accumulate over batches, and the means built on it."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import optree

from multinet import absent, dtype_policies, dtypes, holders, initializers, ops
from multinet.calls import Within, mask_of
from multinet.configurable import Configurable, arguments, as_argument
from multinet.losses.kept import only, places_beside, positions, without_targets
from multinet.losses.shapes import fits, match_ranks, misfit, real, spread
from multinet.moving import Movable
from multinet.names import is_ours, snake_case, unique_name
from multinet.ops.core import (
    KEEPS,
    as_tensor,
    boolean,
    cast_tensor,
    floating,
    in_dtype,
)
from multinet.registry import current
from multinet.stateless import pure
from multinet.tracebacks import shortening
from multinet.typing import Config, DType, InitializerLike, PolicyLike, Tensor, Tensors
from multinet.variables import Variable


@absent.watch
class Metric(Configurable, Movable):
    """The base of metrics: subclass with `update_state` and `result`.

    State lives in Variables made by `add_variable`, written by `assign` only, so that
    it also works inside a compiled step. `reset_state` sets them back.

    A class that sets `_direction` to "up" or "down" tells callbacks such as
    `EarlyStopping` whether more of it is better, or less.
    """

    _doors = Configurable._doors | {
        "add_variable",
        "add_weight",
        "build",
        "reset_state",
        "result",
        "stateless_reset_state",
        "stateless_result",
        "stateless_update_state",
        "update_state",
    }

    _direction: str | None = None
    _label: str | None = None  # in the logs, where its name alone would not do

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "result" in vars(cls) and not is_ours(cls):
            cls.result = _settling(cls.result)

    def __init__(
        self, dtype: PolicyLike | None = None, name: str | None = None
    ) -> None:
        self.name = name or unique_name(snake_case(type(self).__name__))
        policy = dtype_policies.get(dtypes.floatx() if dtype is None else dtype)
        self._dtype = policy.compute_dtype
        self._starts: list[tuple[Variable, Callable[..., Any]]] = []

    @property
    def dtype(self) -> str:
        """The dtype that it computes in; it stays as it was made."""
        return self._dtype

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: InitializerLike | None = None,
        dtype: DType | None = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Return a new Variable of this metric, zeros by default."""
        start = initializers.get("zeros" if initializer is None else initializer)
        with Within(self):
            variable = Variable(
                start,
                tuple(shape),
                dtype or self.dtype,
                trainable=False,
                autocast=False,
                aggregation=aggregation,
                name=name or "variable",
            )
        self._starts.append((variable, start))
        self._mark.hold(variable)
        return variable

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: InitializerLike | None = None,
        dtype: DType | None = None,
        name: str | None = None,
    ) -> Variable:
        """Return a new Variable of this metric: another name of `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """The Variables of this metric, then those of the metrics that it holds."""
        made = [variable for variable, _ in self._starts]
        known = set(map(id, made))
        held = [v for v in holders.parts(self) if isinstance(v, Variable)]
        made += [v for v in held if id(v) not in known]
        return made + [v for part in self._inner() for v in part.variables]

    def _inner(self) -> list[Metric]:
        return [part for part in holders.parts(self) if isinstance(part, Metric)]

    def reset_state(self) -> None:
        """Set every Variable to its initial value."""
        for variable, start in self._starts:
            variable.assign(start(variable.shape, dtype=variable.dtype))
        for part in self._inner():
            part.reset_state()

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Accumulate a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state.")

    def result(self) -> Tensors:
        """Return the value over the batches since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} must define result(self).")

    def stateless_update_state(
        self, metric_variables: Sequence[Tensor], *args: Any, **kwargs: Any
    ) -> list[Tensor]:
        """Return the values that `variables` have after a batch, from those given.

        A pure function: the Variables stay as they are.
        """

        def update() -> None:
            self.update_state(*args, **kwargs)

        return pure(self.name, self.variables, metric_variables, update)[1]

    def stateless_result(self, metric_variables: Sequence[Tensor]) -> Tensors:
        """Return the value for these values of `variables`."""
        return pure(self.name, self.variables, metric_variables, self.result)[0]

    def stateless_reset_state(self) -> list[Tensor]:
        """Return the values that `variables` begin with."""
        return pure(self.name, self.variables, self.variables, self.reset_state)[1]

    @shortening
    def __call__(self, *args: Any, **kwargs: Any) -> Tensors:
        """Accumulate a batch and return the value so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


def _settling(result: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `result` that gives the values of Variables, which go on changing."""

    @functools.wraps(result)
    def settled(*args: Any, **kwargs: Any) -> Any:
        return optree.tree_map(_value_of, result(*args, **kwargs))

    return settled


def _value_of(leaf: Any) -> Any:
    return as_tensor(leaf) if isinstance(leaf, Variable) else leaf


def samplewise(
    values: Tensor, sample_weight: Tensor, dtype: str, reduce: Callable[..., Any]
) -> tuple[Tensor, Tensor]:
    """Return one weighted value a sample, and the weights (None without any).

    Axes that the weights do not have are reduced before, the others after weighting.
    Weights of 0 give 0, whatever is weighted.
    """
    backend = current()
    values = real(values, dtype, "values")
    weight = sample_weight
    if weight is not None:
        is_number = type(weight) in KEEPS
        weight = real(weight, dtype, "sample_weight")
        values, weight = match_ranks(values, weight)
        rank = len(backend.shape(weight))
        values = _reduce_from(values, rank, reduce)
        if not fits(backend.shape(weight), backend.shape(values)):
            raise misfit("sample_weight", weight, values)
        weight = backend.broadcast_to(weight, backend.shape(values))
        if not is_number:
            values = only(boolean(weight), values)
        values = backend.multiply(values, weight)
        weight = _reduce_from(weight, 1, reduce) if rank > 1 else weight
    return _reduce_from(values, 1, reduce), weight


def masked(sample_weight: Tensor | None, y_pred: Tensor) -> Tensor | None:
    """Return weights that are 0 where the mask of predictions is false, if any has."""
    mask = mask_of(y_pred)
    if mask is None:
        return sample_weight
    if sample_weight is None:
        return ops.cast(mask, dtypes.floatx())
    weight = floating(sample_weight)
    rank = max(len(current().shape(x)) for x in (weight, mask))
    return ops.multiply(spread(weight, rank), spread(boolean(mask), rank))


def _reduce_from(x: Any, first: int, reduce: Callable[..., Any]) -> Any:
    rank = len(current().shape(x))
    return reduce(x, tuple(range(first, rank)), False) if rank > first else x


def divide_no_nan(x: Tensor, y: Tensor) -> Tensor:
    """Return x / y, and 0 where y is 0."""
    nothing = ops.equal(y, 0)
    return ops.where(nothing, 0.0, ops.divide(x, ops.where(nothing, 1.0, y)))


def total_of(x: Tensor) -> Tensor:
    """Return the sum of all elements."""
    rank = len(current().shape(x))
    return current().sum(x, tuple(range(rank)), False) if rank else x


class Sum(Metric):
    """The (weighted) sum of values."""

    def __init__(
        self, name: str | None = "sum", dtype: PolicyLike | None = None
    ) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")

    def update_state(self, values: Tensor, sample_weight: Tensor | None = None) -> None:
        """Accumulate values of any shape."""
        values, _ = samplewise(values, sample_weight, self.dtype, current().sum)
        self.total.assign(current().add(as_tensor(self.total), total_of(values)))

    def result(self) -> Tensor:
        """Return the sum so far."""
        return as_tensor(self.total)


class Mean(Metric):
    """The (weighted) mean of values; the total and count are float32 or wider.

    >>> mean = metrics.Mean()
    >>> mean.update_state([1.0, 3.0], sample_weight=[1.0, 3.0])
    >>> float(mean.result())
    2.5
    """

    def __init__(
        self, name: str | None = "mean", dtype: PolicyLike | None = None
    ) -> None:
        super().__init__(dtype, name)
        wide = dtypes.promote(self.dtype, "float32")
        self.total = self.add_variable(dtype=wide, name="total")
        self.count = self.add_variable(dtype=wide, name="count")

    def update_state(self, values: Tensor, sample_weight: Tensor | None = None) -> None:
        """Accumulate values (samples, ...): each sample counts by its mean."""
        backend, dtype = current(), self.total.dtype
        if sample_weight is None:
            values = real(values, dtype, "values")
            shape = backend.shape(values)
            total = total_of(values)
            # The mean of samples' means: axes after the first are of one size for all.
            inner, count = math.prod(shape[1:]), (shape[0] if shape else 1)
            total = backend.divide(total, inner) if len(shape) > 1 else total
        else:
            values, weight = samplewise(values, sample_weight, dtype, backend.mean)
            total, count = total_of(values), total_of(weight)
        self.total.assign(backend.add(as_tensor(self.total), total))
        self.count.assign(backend.add(as_tensor(self.count), count))

    def result(self) -> Tensor:
        """Return the mean so far, 0 before the first value."""
        mean = divide_no_nan(as_tensor(self.total), as_tensor(self.count))
        return cast_tensor(mean, self.dtype)


class MeanMetricWrapper(Mean):
    """The mean of a function of (y_true, y_pred, **kwargs) over samples."""

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: PolicyLike | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name or unique_name("mean_metric_wrapper"), dtype)
        self.fn, self.kwargs = fn, kwargs

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return what is averaged."""
        return self.fn(y_true, y_pred, **self.kwargs)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:  # type: ignore[override]
        """Accumulate the function of a batch, where the mask of `y_pred` holds."""
        weight = masked(sample_weight, y_pred)
        y_pred, y_true = (in_dtype(y, self.dtype) for y in (y_pred, y_true))
        if dtypes.is_float(current().dtype(y_pred)):
            y_pred = cast_tensor(y_pred, self.dtype)
        if weight is not None:
            y_true = self._without_targets(y_true, y_pred, weight)
        values = as_tensor(self.values(y_true, y_pred))
        if sample_weight is None and not current().shape(values):
            weight = None  # one number: it has no positions to leave out
        super().update_state(values, weight)

    def _without_targets(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        """Return targets without those that weigh 0; a user's function gets all."""
        return y_true

    def get_config(self) -> Config:
        """Return the constructor's arguments, those of the function too."""
        extra = {name: as_argument(value) for name, value in self.kwargs.items()}
        return {**arguments(self, MeanMetricWrapper), **extra}


class FunctionMetric(MeanMetricWrapper):
    """A mean of one fixed function, whose other arguments are attributes."""

    function: ClassVar[Callable[..., Any]]
    _extra: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "function" in vars(cls):
            names = list(inspect.signature(cls.function).parameters)[2:]
            cls._extra = tuple(names)

    def __init__(
        self, name: str | None = None, dtype: PolicyLike | None = None
    ) -> None:
        super().__init__(type(self).function, name, dtype)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return what is averaged."""
        options = {n: getattr(self, n) for n in self._extra if hasattr(self, n)}
        return type(self).function(y_true, y_pred, **options)

    def _without_targets(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        axis = getattr(self, "axis", -1) if "axis" in self._extra else -1
        places, covered = places_beside(axis, current().shape(y_pred))
        kept = positions(weight, None, places)
        if kept is None:
            return y_true
        return without_targets(kept, y_true, y_pred, covered)


def log_name(metric: Metric) -> str:
    """Return a metric's name in the logs of the model that it was compiled for."""
    return getattr(metric, "_label", None) or metric.name
