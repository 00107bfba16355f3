"""Programs captured on unknown sizes, run on data: the values are those of the program.

Code that is right for shapes may take a wrong number where a size is unknown.
"""

import sys
from pathlib import Path

import numpy as np
import optree
import pytest

from multinet import graph, layers, losses, ops
from multinet.scope import Capture
from multinet.symbolic import Dim, larger, smaller, substitute

sys.path.insert(0, str(Path(__file__).parent.parent / "ops"))
from cases import ARRAYS, EXPRESSIONS, evaluate, names_in
from test_cases import needs_values
from test_unknown_sizes import WEIGHTS

#: Ops that refuse where they must know a size, by words of the error.
REFUSED = {
    "correlate(": "was compared",
    "unstack(": "needs num=",
    "cross(s": "needs num=",
    "vander(": "as an integer",
    "view_as_complex(": "a last axis of 2",
    "scatter(three": "indices",
    "scatter(pairs": "indices",
    "dot_product_attention(q, kv, kv": "the last axis",
    "unfold(": "height and width",
    "fold(unfold": "height and width",
    "unique(pairs, axis=0": "sizes of the others",
    "image.gaussian_blur(": "channels that is known",
    "image.sobel_edges(": "channels that is known",
    "image.ssim(": "channels that is known",
    "ctc_decode(speech, times, 'beam": "known sizes",
}
#: Grouped convolutions: how many groups there are is told by the channels.
UNKNOWN_CHANNELS = ("conv(img, k2g",)

WITH_ARRAYS = [e for e in EXPRESSIONS if names_in(e) and not needs_values(e)]


def spec(name, axes):
    """Return the spec of an array; equal sizes of its first axes are one unknown."""
    array = ops.convert_to_tensor(ARRAYS[name])
    shape = list(array.shape)
    for axis in range(0 if name in WEIGHTS else len(shape))[:axes]:
        shape[axis] = f"n{shape[axis]}"
    return graph.Spec(shape, ops.dtype(array))


@pytest.mark.parametrize("axes", [1, 9], ids=["first", "every"])
@pytest.mark.parametrize("expression", WITH_ARRAYS)
def test_an_op_of_unknown_sizes_has_the_values_that_data_give(expression, axes):
    names = sorted(names_in(expression))
    data = [ARRAYS[name] for name in names]

    def program(*xs):
        return evaluate(expression, ops, {**ARRAYS, **dict(zip(names, xs))})

    specs = [spec(name, axes) for name in names]
    try:
        captured = graph.capture(program, *specs, check=False)
    except Exception as error:
        words = [text for e, text in REFUSED.items() if expression.startswith(e)]
        assert words and words[0] in str(error), error
        return
    if axes == 9 and expression.startswith(UNKNOWN_CHANNELS):
        return
    with Capture(step=0):
        wanted = optree.tree_leaves(program(*data))
    found = optree.tree_leaves(captured(*data))
    for x, y in zip(wanted, found, strict=True):
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        np.testing.assert_allclose(y, x, rtol=2e-5, atol=1e-5)


X = np.random.default_rng(3).normal(size=(4, 9, 6)).astype("float32")
IMAGES = np.random.default_rng(4).uniform(size=(3, 7, 10, 2)).astype("float32")
SERIES = graph.Spec(("batch", "time", 6))
PICTURES = graph.Spec(("batch", "height", "width", 2))

SERIES_PROGRAMS = {
    "a head": lambda x: x[:, :5],
    "a head that is longer": lambda x: x[:, :50],
    "a tail": lambda x: x[:, -3:],
    "a middle": lambda x: x[:, 2:-2],
    "the last": lambda x: x[:, -1],
    "backwards": lambda x: x[:, ::-2],
    "backwards from a place": lambda x: x[:, 6:1:-2],
    "backwards to a place": lambda x: x[:, :3:-1],
    "split at places from the end": lambda x: ops.split(x, [2, -3], 1),
    "a median": lambda x: ops.median(x, 1),
    "quantiles": lambda x: ops.quantile(x, [0.1, 0.5, 0.95], 1),
    "a nearest quantile": lambda x: ops.quantile(x, 0.4, 1, "nearest"),
    "a lower quantile": lambda x: ops.quantile(x, 0.3, 1, "lower"),
    "a midpoint": lambda x: ops.quantile(x, 0.37, 1, "midpoint"),
    "a size as a number": lambda x: (
        ops.sum(x, 1) / ops.cast(ops.shape(x)[1], "float32")
    ),
    "prefixes": lambda x: ops.associative_scan(ops.add, x, axis=1),
    "a mean of the sizes": lambda x: ops.ones((2,)) * ops.shape(x)[1],
    "reflected": lambda x: ops.pad(x, [(0, 0), (2, 3), (0, 0)], "reflect"),
    "a diagonal": lambda x: ops.diagonal(x, 1, 1, 2),
    "a pseudo-inverse": lambda x: ops.pinv(x),
    "rolled": lambda x: ops.roll(x, 4, 1),
}
IMAGE_PROGRAMS = {
    "bilinear": lambda x: ops.image.resize(x, (5, 9)),
    "nearest": lambda x: ops.image.resize(x, (5, 9), "nearest"),
    "antialiased": lambda x: ops.image.resize(x, (4, 4), "bicubic", antialias=True),
    "cropped": lambda x: ops.image.resize(x, (4, 8), crop_to_aspect_ratio=True),
    "padded": lambda x: ops.image.resize(x, (8, 5), pad_to_aspect_ratio=True),
    "adaptive": lambda x: ops.adaptive_average_pool(x, (3, 4)),
    "adaptive maxima": lambda x: ops.adaptive_max_pool(x, (3, 4)),
}
PADDED = [(k, s) for k in (1, 2, 3, 5) for s in (1, 2, 3, 4)]


@pytest.mark.parametrize("name", SERIES_PROGRAMS)
def test_series_of_unknown_length(name):
    captured = graph.capture(SERIES_PROGRAMS[name], SERIES)
    equal(SERIES_PROGRAMS[name](ops.convert_to_tensor(X)), captured(X))


@pytest.mark.parametrize("name", IMAGE_PROGRAMS)
def test_images_of_unknown_size(name):
    captured = graph.capture(IMAGE_PROGRAMS[name], PICTURES)
    equal(IMAGE_PROGRAMS[name](ops.convert_to_tensor(IMAGES)), captured(IMAGES))


@pytest.mark.parametrize("kernel, stride", PADDED)
@pytest.mark.parametrize("kind", ["conv", "max_pool", "average_pool", "depthwise"])
def test_same_padding_with_strides(kind, kernel, stride):
    weights = np.random.default_rng(1).normal(size=(kernel, kernel, 2, 3))
    weights = weights.astype("float32")

    def program(x):
        if kind == "conv":
            return ops.conv(x, weights, stride, "same")
        if kind == "depthwise":
            return ops.depthwise_conv(x, weights, stride, "same")
        return getattr(ops, kind)(x, kernel, stride, "same")

    captured = graph.capture(program, PICTURES, check=False)
    for height, width in ((7, 10), (8, 9), (5, 6), (1, 11), (12, 3)):
        x = np.random.default_rng(height).normal(size=(2, height, width, 2))
        x = x.astype("float32")
        equal(program(ops.convert_to_tensor(x)), captured(x))
    rows = captured.outputs[0].shape[1]
    assert not isinstance(rows, int)
    assert repr(rows) in ("height", f"(height + {stride - 1}) // {stride}")


def test_time_distributed_sees_step_after_step_in_training():
    layer = layers.TimeDistributed(layers.BatchNormalization(momentum=0.5))
    layer.build((None, None, 6))
    captured = graph.capture(layer, SERIES, training=True)
    with Capture(step=0) as scope:
        wanted = layer(X, training=True)
    outputs, updates = captured.run(X)
    np.testing.assert_array_equal(outputs, wanted)
    held = {path: variable for path, (_, variable) in captured.variables.items()}
    assert len(updates) == 2
    for path, value in updates.items():
        np.testing.assert_array_equal(value, scope.values[id(held[path])])


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
@pytest.mark.parametrize(
    "name", ["MeanSquaredError", "Huber", "CategoricalCrossentropy", "Poisson"]
)
def test_losses_of_an_unknown_batch(name, reduction):
    loss = getattr(losses, name)(reduction=reduction)
    like = graph.Spec(("batch", "classes"))
    captured = graph.capture(loss, like, like)
    y = np.random.default_rng(2).uniform(0.1, 0.9, (5, 4)).astype("float32")
    equal(loss(y, y[::-1].copy()), captured(y, y[::-1].copy()))


def test_the_smaller_of_sizes():
    d, e = Dim("d"), Dim("e")
    assert (smaller(3, 5), larger(3, 5)) == (3, 5)
    assert smaller(d, d + 2) == d and larger(d, d + 2) == d + 2
    assert smaller(d, 1) == 1 and larger(d, 0) == d
    assert smaller(d, 5) == smaller(5, d) and repr(smaller(d, 5)) == "min(5, d)"
    for m, n in ((2, 7), (7, 2), (5, 5)):
        values = {d: m, e: n}
        assert substitute(smaller(d, e), values) == min(m, n)
        assert substitute(larger(d * 2, e + 3), values) == max(2 * m, n + 3)
        assert substitute(smaller(d - 3, 0) // 2, values) == min(m - 3, 0) // 2


def equal(wanted, found):
    for x, y in zip(optree.tree_leaves(wanted), optree.tree_leaves(found), strict=True):
        assert x.shape == y.shape
        np.testing.assert_allclose(y, x, rtol=1e-5, atol=1e-6)
