"""Heat maps: a file for each kind of input, and what they refuse."""

import numpy as np
import pytest
from explained_models import normal
from matplotlib import image

from multinet import explain, ops
from multinet.errors import ArgumentError, ShapeError

KINDS = {
    "image": (normal(2, 6, 6, 3), None),
    "series": (normal(2, 9, 2), ["one", "other"]),
    "table": (normal(2, 4), ["age", "height", "weight", "pulse"]),
    "text": (normal(2, 5, 3), ["a good film", "not so bad at all"]),
}


def squares(x):
    return ops.sum(ops.reshape(ops.sign(x) * x**2, (ops.shape(x)[0], -1)), axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_drawn_in_red_and_blue(kind, tmp_path):
    x, labels = KINDS[kind]
    found = explain.gradients(squares, x, times_input=True)
    found.plot(tmp_path / "map.png", kind=kind, labels=labels)
    red, green, blue = np.moveaxis(image.imread(tmp_path / "map.png")[..., :3], -1, 0)
    assert np.any(red > blue + 0.3) and np.any(blue > red + 0.3)
    assert np.any(green > 0.9)


def test_rows_are_chosen(tmp_path):
    x = normal(9, 4)
    found = explain.gradients(squares, x)
    heights = []
    for rows in (None, [8], range(9)):
        found.plot(tmp_path / "map.png", rows=rows)
        heights.append(image.imread(tmp_path / "map.png").shape[0])
    assert heights[0] == 4 * heights[1] and heights[2] == 9 * heights[1]


def test_what_cannot_be_drawn_is_told(tmp_path):
    found = explain.gradients(squares, normal(2, 4))
    with pytest.raises(ArgumentError, match="Expected 4 labels, got 2"):
        found.plot(tmp_path / "map.png", labels=["a", "b"])
    with pytest.raises(ArgumentError, match="the words of each row"):
        found.plot(tmp_path / "map.png", kind="text")
    with pytest.raises(ArgumentError, match=r"rows within 2, got \[2\]"):
        found.plot(tmp_path / "map.png", rows=[2])
    with pytest.raises(ShapeError, match="2 to 4 axes"):
        explain.gradients(squares, normal(2, 2, 2, 2, 2)).plot(tmp_path / "map.png")
    two = explain.gradients(lambda xs: squares(xs[0] * xs[1]), [normal(2, 4)] * 2)
    with pytest.raises(ArgumentError, match="There are 2 inputs"):
        two.plot(tmp_path / "map.png")
