"""KerasTensor: made by hand, asked for its shape, and passed through layers and ops."""

import keras
import numpy as np
import pytest

import multinet
from multinet import KerasTensor, layers, losses, metrics, ops
from multinet.errors import ShapeError, TraceError


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (((None, 3),), {}),
        (((2, 3), "int32"), {"name": "mine"}),
        (([4, None],), {"dtype": "bool"}),
        (((),), {"dtype": None}),
        (((np.int64(2), 5), np.float64), {"record_history": False}),
    ],
)
def test_it_has_what_keras_gives_it(arguments, options):
    ours, theirs = (
        KerasTensor(*arguments, **options),
        keras.KerasTensor(*arguments, **options),
    )
    for name in ("shape", "dtype", "ndim", "sparse", "ragged", "record_history"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.rank == len(theirs.shape)
    if "name" in options:
        assert ours.name == "mine"
    else:
        assert ours.name.startswith("keras_tensor")


def test_inputs_and_results_are_keras_tensors():
    x = multinet.Input((3,), name="data")
    for tensor in (x, layers.Dense(2)(x), ops.exp(x), x + 1):
        assert isinstance(tensor, KerasTensor)
        assert multinet.backend.is_keras_tensor(tensor)
        assert multinet.utils.is_keras_tensor(tensor)
    assert x.name == "data" and x.shape == (None, 3)
    assert not multinet.backend.is_keras_tensor(np.ones(2))


@pytest.mark.parametrize(
    "use",
    [
        lambda lib, x: lib.layers.Dense(7)(x),
        lambda lib, x: lib.layers.Conv1D(4, 3, strides=2)(x),
        lambda lib, x: lib.layers.LSTM(5)(x),
        lambda lib, x: lib.layers.Flatten()(lib.layers.Dense(2)(x)),
        lambda lib, x: lib.ops.mean(x, axis=1),
        lambda lib, x: lib.ops.matmul(x, lib.ops.transpose(x, (0, 2, 1))),
        lambda lib, x: lib.ops.cast(x, "int32"),
        lambda lib, x: x[:, 0] * 2.0 > 1.0,
        lambda lib, x: x.reshape((-1, 2, 3)),
        lambda lib, x: x[:, :1].squeeze(1),
        lambda lib, x: round(x, 1),
    ],
)
@pytest.mark.parametrize("shape", [(None, 6, 3), (2, 6, 3)])
def test_layers_and_ops_on_it_have_the_shapes_of_keras(use, shape):
    ours = use(multinet, KerasTensor(shape))
    theirs = use(keras, keras.KerasTensor(shape))
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    assert len(ops.shape(ours)) == len(theirs.shape)
    assert ops.shape(ours) == theirs.shape  # unknown sizes equal None


def test_output_specs_of_tensors_made_by_hand():
    layer = layers.Dense(4)
    spec = layer.compute_output_spec(KerasTensor((None, 3)))
    assert isinstance(spec, KerasTensor) and spec.shape == (None, 4)
    x = KerasTensor((None, 5))
    same = KerasTensor((ops.shape(x)[0], 2))  # sizes known to be equal stay so
    assert ops.concatenate([x, same], 1).shape == (None, 7)


def test_a_model_may_begin_at_one(real_backend):
    x = KerasTensor((None, 3), name="x")
    model = multinet.Model(x, layers.Dense(2, kernel_initializer="ones")(x * 2.0))
    data = np.arange(6, dtype="float32").reshape(2, 3)
    np.testing.assert_allclose(
        model.predict(data, verbose=0), np.repeat(data.sum(1, keepdims=True) * 2, 2, 1)
    )


def test_without_history_nothing_is_recorded():
    x = KerasTensor((None, 3), record_history=False)
    layer = layers.Dense(2)
    y = layer(x)
    assert y.shape == (None, 2) and y.node is None and not y.record_history
    with pytest.raises(multinet.MultinetError):
        _ = layer.output


@pytest.mark.parametrize(
    "shape", [None, 3, "ab", (-1, 2), (2.0,), ("3",), (True, 2), {1: 2}, (None, -4)]
)
def test_a_bad_shape_is_refused(shape):
    with pytest.raises(ShapeError, match="Expected a shape of ints.*got"):
        KerasTensor(shape)


def test_it_may_be_declared_sparse_or_ragged():
    x = KerasTensor((2,), sparse=True)
    assert (x.sparse, x.ragged, x.ragged_rank, x.row_splits_dtype) == (
        *(True, False, None, None),
    )
    x = KerasTensor((None, None), ragged=True)
    assert (x.ragged, x.ragged_rank, x.row_splits_dtype) == (True, 1, "int32")
    assert not ops.add(x, 1.0).ragged
    with pytest.raises(ValueError, match="sparse=True and ragged=True"):
        KerasTensor((2,), sparse=True, ragged=True)


def test_its_history_is_the_call_that_made_it():
    x = multinet.Input((4,))
    layer = layers.Dense(2)
    first, y = layer(x), layer(x)
    assert (first._keras_history.operation, y._keras_history) == (layer, (layer, 1, 0))
    low, high = ops.split(y, 2, axis=1)
    assert low._keras_history[1:] == (0, 0) and high._keras_history.tensor_index == 1
    assert not hasattr(KerasTensor((2,)), "_keras_history")


def test_bad_dtypes_and_changes_are_refused():
    with pytest.raises(ValueError, match="Did you mean 'float32'"):
        KerasTensor((2,), dtype="float33")
    for name, value in {"shape": (3,), "sparse": True, "ragged": True}.items():
        with pytest.raises(AttributeError):
            setattr(KerasTensor((2,)), name, value)


@pytest.mark.parametrize("use", [np.array, bool, float, int, len, range])
@pytest.mark.parametrize("kind", [ValueError, TypeError, TraceError])
def test_it_has_no_value(use, kind):
    with pytest.raises(kind, match="<KerasTensor shape=\\(3,\\), .* has no value"):
        use(KerasTensor((3,)))


class Asking(layers.Layer):
    """A layer that asks for sizes as programs do."""

    def call(self, inputs):
        self.answers = [
            inputs.shape[1] == 2,
            inputs.shape[1] != 2,
            ops.shape(inputs)[1] in (1, 2),
            inputs.shape == (4, 2),
            ops.shape(inputs) == (4, 2),
        ]
        return inputs


def test_layers_ask_for_unknown_sizes_without_an_error(real_backend):
    layer = Asking()
    layer(KerasTensor((None, None)))
    assert layer.answers == [False, True, False, False, False]
    layer(np.ones((4, 2), "float32"))
    assert layer.answers == [True, False, True, True, True]


def test_an_order_of_unknown_sizes_tells_what_to_do():
    class Ordering(layers.Layer):
        def call(self, inputs):
            return inputs if inputs.shape[1] > 2 else -inputs

    with pytest.raises(TypeError, match="unknown until data arrives"):
        Ordering()(KerasTensor((None, None)))


def test_losses_trust_a_last_axis_that_may_be_one():
    class Loss(layers.Layer):
        def call(self, y_true, y_pred, name):
            return getattr(losses, name)(y_true, y_pred)

    labels, y = KerasTensor((8, None), "int32"), KerasTensor((8, 3))
    assert Loss()(labels, y, "sparse_categorical_crossentropy").shape == (8,)
    wide = KerasTensor((8, 5, None))
    assert Loss()(KerasTensor((8, 5)), wide, "mean_squared_error").shape == (8,)


def test_a_metric_is_not_guessed_from_an_unknown_size():
    with pytest.raises(ShapeError, match="Name one"):
        metrics.resolve("accuracy", None, (None, 1), (None, None))
