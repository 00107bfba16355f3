"""The best of one ratio of the counts where another is at least a number."""

from __future__ import annotations

from typing import Any

from multinet import ops
from multinet.checks import number, whole
from multinet.config import epsilon
from multinet.metrics.base import divide_no_nan
from multinet.metrics.confusion import Ratio
from multinet.typing import PolicyLike, Tensor

_LABELS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
# The two counts whose sum a ratio divides the first of them by.
_SENSITIVITY, _SPECIFICITY = ("tp", "fn"), ("tn", "fp")
_PRECISION, _RECALL = ("tp", "fp"), ("tp", "fn")


class _BestWhere(Ratio):
    """The best `wanted` at thresholds where `bound` is at least a number, or 0.

    There are `num_thresholds`, evenly in [0, 1]; a single one is 0.5. `class_id` looks
    at one class only.
    """

    counted = tuple(zip(("tp", "fp", "tn", "fn"), _LABELS))
    wanted: tuple[str, str]
    bound: tuple[str, str]
    _direction = "up"

    def __init__(
        self,
        least: float,
        num_thresholds: int,
        class_id: int | None,
        name: str | None,
        dtype: PolicyLike | None,
    ) -> None:
        self.num_thresholds = whole(num_thresholds, "num_thresholds")
        steps = num_thresholds - 1
        inner = [i / steps for i in range(1, steps)] if steps else [0.5]
        super().__init__(
            [0.0, *inner, 1.0] if steps else inner, None, class_id, name, dtype
        )
        if steps:
            self._limits[0] = -epsilon()  # takes all as positive, those of 0 too
        self._least = least

    def result(self) -> Tensor:
        """Return the best ratio; 0 where no threshold serves."""
        bound, wanted = (self._ratio(*keys) for keys in (self.bound, self.wanted))
        fits = ops.greater_equal(bound, self._least)
        return ops.max(ops.where(fits, wanted, ops.zeros_like(wanted)))

    def _ratio(self, first: str, second: str) -> Any:
        count = self.total(first)
        return divide_no_nan(count, ops.add(count, self.total(second)))


class SensitivityAtSpecificity(_BestWhere):
    """The highest sensitivity where the specificity is at least `specificity`.

    There are `num_thresholds`, evenly in [0, 1]; a single one is 0.5. `class_id` looks
    at one class only. 0 where no threshold serves.
    """

    wanted, bound = _SENSITIVITY, _SPECIFICITY

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        self.specificity = number(specificity, "specificity", least=0, most=1)
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_BestWhere):
    """The highest specificity where the sensitivity is at least `sensitivity`.

    There are `num_thresholds`, evenly in [0, 1]; a single one is 0.5. `class_id` looks
    at one class only. 0 where no threshold serves.
    """

    wanted, bound = _SPECIFICITY, _SENSITIVITY

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        self.sensitivity = number(sensitivity, "sensitivity", least=0, most=1)
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_BestWhere):
    """The highest precision where the recall is at least `recall`.

    There are `num_thresholds`, evenly in [0, 1]; a single one is 0.5. `class_id` looks
    at one class only. 0 where no threshold serves.
    """

    wanted, bound = _PRECISION, _RECALL

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        self.recall = number(recall, "recall", least=0, most=1)
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_BestWhere):
    """The highest recall where the precision is at least `precision`.

    There are `num_thresholds`, evenly in [0, 1]; a single one is 0.5. `class_id` looks
    at one class only. 0 where no threshold serves.
    """

    wanted, bound = _RECALL, _PRECISION

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        self.precision = number(precision, "precision", least=0, most=1)
        super().__init__(precision, num_thresholds, class_id, name, dtype)
