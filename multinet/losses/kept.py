"""Positions that weights or masks leave out: what they hold reaches no other.

Where a weight is 0 or a mask false, targets and predictions are replaced by numbers
that are safe in any loss, before it is computed; its value there is replaced by 0. So
whatever stands there, NaN too, counts in no loss, and its gradient is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import dtypes
from multinet.losses.shapes import fits, is_one, spread
from multinet.ops.axes import axis_of
from multinet.ops.core import KEEPS, as_tensor, boolean
from multinet.registry import current
from multinet.symbolic.dims import Size
from multinet.typing import Tensor


def positions(
    sample_weight: Tensor | None, mask: Tensor | None, shape: Sequence[Size]
) -> Tensor | None:
    """Return a bool tensor of the rank of `shape`: which of its positions count.

    None if all do, or if what is given does not fit.
    """
    kept = None
    for part in (_not_zero(sample_weight), None if mask is None else boolean(mask)):
        if part is None:
            continue
        part = _of_rank(part, shape)
        if part is None:
            return None
        kept = part if kept is None else current().logical_and(kept, part)
    return kept


def _not_zero(weight: Any) -> Any:
    if weight is None or (type(weight) in KEEPS and weight != 0):
        return None
    return boolean(weight)


def _of_rank(part: Any, shape: Sequence[Size]) -> Any:
    backend = current()
    given = backend.shape(part)
    if len(given) == len(shape) + 1 and is_one(given[-1]):
        part, given = backend.squeeze(part, (len(shape),)), given[:-1]
    return spread(part, len(shape)) if fits(given, shape) else None


def both(kept: Tensor, mask: Tensor) -> Tensor:
    """Return where two masks hold, of which the second may lack last axes."""
    mask = spread(boolean(mask), len(current().shape(kept)))
    return current().logical_and(kept, mask)


def places_beside(
    axis: int | Sequence[int] | None, shape: Sequence[Size]
) -> tuple[tuple[Size, ...], tuple[int, ...]]:
    """Return the sizes of a shape without an axis, axes or (None) all, and these."""
    rank = len(shape)
    axes = range(rank) if axis is None else [axis] if isinstance(axis, int) else axis
    covered = tuple(sorted({axis_of(a, rank) for a in axes})) if rank else ()
    return tuple(n for i, n in enumerate(shape) if i not in covered), covered


def without(
    kept: Tensor, y_true: Tensor, y_pred: Tensor, reduced: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Return targets and predictions with safe numbers where positions do not count.

    `kept` has the axes of the predictions but those that are `reduced`. The numbers
    are a row of equal probabilities, and the target 1; of a label it is 0.
    """
    backend = current()
    shape = backend.shape(y_pred)
    classes = shape[reduced[-1]] if len(reduced) else 2
    share = 1.0 / max(classes, 2) if type(classes) is int else 0.5
    y_pred = fill(over(kept, len(shape), reduced), y_pred, share)
    return without_targets(kept, y_true, y_pred, reduced), y_pred


def without_targets(
    kept: Tensor, y_true: Tensor, y_pred: Tensor, reduced: Sequence[int]
) -> Tensor:
    """Return targets with safe numbers where positions do not count."""
    backend = current()
    shape, given = backend.shape(y_pred), backend.shape(y_true)
    if len(given) == len(shape):
        kept = over(kept, len(shape), reduced)
    places = backend.shape(kept)
    while len(places) > len(given) and is_one(places[-1]):
        places = places[:-1]
    if not fits(places, given):
        return y_true
    kept = spread(backend.reshape(kept, places), len(given))
    return fill(kept, y_true, 1 if given == shape else 0)


def fill(kept: Tensor, x: Tensor, number: float) -> Tensor:
    """Return `x` where positions count, and else a number of its dtype."""
    dtype = current().dtype(x)
    if not (dtypes.is_float(dtype) or dtypes.is_complex(dtype)):
        number = bool(number) if dtype == "bool" else int(number)
    return current().where(kept, x, number)


def over(kept: Tensor, rank: int, reduced: Sequence[int]) -> Tensor:
    """Return `kept` with an axis of 1 in the place of each that was reduced."""
    backend = current()
    if len(backend.shape(kept)) == rank:
        return kept
    sizes = iter(backend.shape(kept))
    shape = [1 if axis in reduced else next(sizes) for axis in range(rank)]
    return backend.reshape(kept, tuple(shape))


def only(kept: Tensor, values: Tensor) -> Tensor:
    """Return values, and 0 where they do not count."""
    return fill(kept, as_tensor(values), 0.0)
