"""What tests import from `keras.src.testing`, and the small functions among it."""

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from . import case, devices, shapes, texts

Cases = list[dict[str, Any]]


def named_product(*args: Iterable[dict[str, Any]], **kwargs: Iterable[Any]) -> Cases:
    """Return each combination of parameters, with a `testcase_name`."""
    axes = [list(axis) for axis in args]
    axes += [
        [{"testcase_name": _label(value), key: value} for value in values]
        for key, values in kwargs.items()
    ]
    # The first axis varies fastest.
    return [_merged(combination) for combination in itertools.product(*reversed(axes))]


def _label(value: Any) -> str:
    return str(getattr(value, "__name__", value)).lower()


def _merged(combination: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in reversed(combination):
        name = merged.get("testcase_name")
        merged.update(part)
        if name is not None:
            merged["testcase_name"] = f"{name}_{part['testcase_name']}"
    return merged


def get_test_data(
    train_samples: int,
    test_samples: int,
    input_shape: Iterable[int],
    num_classes: int,
    random_seed: int | None = None,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return classes that can be told apart: a random centre each, and unit noise."""
    if random_seed is not None:
        np.random.seed(random_seed)
    shape = tuple(input_shape)
    centres = 2 * num_classes * np.random.random((num_classes, *shape))

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.random.permutation(np.arange(count) % num_classes)
        x = centres[y] + np.random.normal(size=(count, *shape))
        return x.astype("float32"), y.astype("int64")

    return draw(train_samples), draw(test_samples)


NAMES: dict[str, Any] = {
    **devices.QUESTIONS,
    "TestCase": case.TestCase,
    "create_eager_tensors": shapes.create_eager_tensors,
    "create_keras_tensors": shapes.create_keras_tensors,
    "is_shape": shapes.is_shape,
    "map_shapes": shapes.map_shapes,
    "dumps": texts.dumps,
    "loads": texts.loads,
    "to_json_with_tuples": texts.dumps,
    "from_json_with_tuples": texts.loads,
    "named_product": named_product,
    "get_test_data": get_test_data,
}
