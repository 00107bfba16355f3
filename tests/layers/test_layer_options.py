"""Wrong options and shapes of normalization, merging, reshaping, activation layers."""

import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, MultinetError, ShapeError

A, B = np.ones((2, 3, 4), "float32"), np.ones((2, 5, 4), "float32")

OPTIONS = [
    (lambda: layers.LayerNormalization("last"), "axis"),
    (lambda: layers.GroupNormalization(0), "groups"),
    (lambda: layers.ReLU(negative_slope=-1.0), "negative_slope"),
    (lambda: layers.ReLU(max_value=-1.0), "max_value"),
    (lambda: layers.LeakyReLU(None), "negative_slope"),
    (lambda: layers.Dot(0), "axes"),
    (lambda: layers.Dot((1, 2, 3)), "axes"),
    (lambda: layers.Permute((0, 1)), "dims"),
    (lambda: layers.RepeatVector(0), "n to be"),
    (lambda: layers.ZeroPadding1D((1, 2, 3)), "padding"),
    (lambda: layers.ZeroPadding2D(-1), "padding"),
    (lambda: layers.Cropping2D((1, "2")), "cropping"),
    (lambda: layers.UpSampling2D(0), "size"),
    (lambda: layers.UpSampling2D(interpolation="cubic"), "interpolation"),
    (lambda: layers.EinsumDense("abc,cd", 3), "equation"),
    (lambda: layers.EinsumDense("...a,ab->b...", 3), "equation"),
    (lambda: layers.EinsumDense("ab,bc->ac", 3, bias_axes="z")(A[0]), "bias_axes"),
    (lambda: layers.Add()(A), "list of"),
    (lambda: layers.Subtract()([A, A, A]), "list of 2"),
]
SHAPES = [
    (lambda: layers.LayerNormalization(3)(A), "axis=3"),
    (lambda: layers.GroupNormalization(3)(A), "do not divide"),
    (lambda: layers.Add()([A, B]), "(2, 3, 4)"),
    (lambda: layers.Concatenate()([A, B]), "concatenate"),
    (lambda: layers.Dot(1)([A, B]), "one size"),
    (lambda: layers.Permute((1, 2))(A[0]), "expects 3 axes"),
    (lambda: layers.RepeatVector(2)(A), "expects 2 axes"),
    (lambda: layers.Cropping1D((1, 2))(A), "leaves nothing"),
    (lambda: layers.EinsumDense("ab,bc->ac", 3)(A), "does not fit"),
    (lambda: layers.EinsumDense("abc,cd->abd", (4, 2))(A), "axis 'b'"),
    (lambda: layers.PReLU(shared_axes=[3])(A), "shared_axes"),
    (lambda: layers.Softmax()(A, mask=np.ones(3, bool)), "broadcasts"),
]


@pytest.mark.parametrize("make, word", OPTIONS)
def test_wrong_options_are_explained(make, word):
    with pytest.raises(ArgumentError, match=word):
        make()


@pytest.mark.parametrize("make, word", SHAPES)
def test_wrong_shapes_are_explained(make, word):
    with pytest.raises(ShapeError) as caught:
        make()
    notes = getattr(caught.value, "__notes__", [])
    assert word in "\n".join([str(caught.value), *notes])


def test_an_einsum_layer_built_on_other_data_says_so():
    layer = layers.EinsumDense("abc,cd->abd", (None, 2))
    layer(A)
    with pytest.raises(MultinetError, match="other data"):
        layer(np.ones((2, 3, 5), "float32"))


FUNCTIONS = ["add", "subtract", "multiply", "average", "maximum", "minimum"]


@pytest.mark.parametrize("name", [*FUNCTIONS, "concatenate", "dot"])
def test_a_function_does_what_its_layer_does(backend, name):
    rng = np.random.default_rng(0)
    pair = [rng.normal(size=(2, 3, 4)).astype("float32") for _ in range(2)]
    layer = getattr(layers, name.capitalize())
    options = {"concatenate": {"axis": 1}, "dot": {"axes": 2}}.get(name, {})
    mine = ops.convert_to_numpy(getattr(layers, name)(pair, **options))
    wanted = ops.convert_to_numpy(layer(**options)(pair))
    np.testing.assert_array_equal(mine, wanted)
    symbols = [multinet.Input((3, 4)) for _ in range(2)]
    named = getattr(layers, name)(symbols, name=f"my_{name}", **options)
    assert named.node.operation.name == f"my_{name}"


def test_normalization_of_half_precision_is_accurate(backend):
    rng = np.random.default_rng(0)
    x = (100 + rng.normal(size=(4, 64))).astype("float16")
    wide = x.astype("float64")
    expected = (wide - wide.mean(1, keepdims=True)) / np.sqrt(
        wide.var(1, keepdims=True) + 1e-3
    )
    for layer in (
        layers.LayerNormalization(dtype="float16"),
        layers.GroupNormalization(1, dtype="float16"),
    ):
        out = layer(x)
        assert backend.dtype(out) == "float16"
        np.testing.assert_allclose(ops.convert_to_numpy(out), expected, atol=0.05)
