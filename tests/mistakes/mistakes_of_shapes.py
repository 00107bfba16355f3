"""Inputs of another shape than a model or layer takes."""

import numpy as np
from mistaken import LABELS, SPARSE, X, accepted, classifier, fit, refused

from multinet import Input, Model, Sequential, layers, ops
from multinet.errors import ArgumentError, DTypeError, NoAxis, ShapeError

PICTURES = np.zeros((8, 8, 8), "float32")


@refused("01a", r"'features' expects shape \(None, 4\), got \(None, 3\)", ShapeError)
def a_wrong_width_in_fit():
    fit(classifier(), X[:, :3])


@refused("01b", r"\(None, 4\), got \(None,\)", ShapeError)
def a_vector_for_rows():
    fit(classifier(), X[:, 0])


@refused("01c", r"expects 4 axes \(batch, 2 spatial and channels\), got", ShapeError)
def pictures_without_channels():
    Sequential([Input((8, 8)), layers.Conv2D(3, 3)])


@refused("01d", "is a Flatten or a pooling layer missing", ShapeError)
def a_forgotten_flatten():
    model = Sequential(
        [
            Input((8, 8, 1)),
            layers.Conv2D(4, 3),
            layers.Dense(3, "softmax", name="scores"),
        ]
    )
    model.compile("sgd", SPARSE)
    fit(model, PICTURES[..., None])


@refused("01e", "expects a last axis of 4, got shape", ShapeError)
def a_layer_on_other_data():
    layer = layers.Dense(3)
    layer(X)
    layer(X[:, :2])


@refused("01f", r"got \(4,\).*x\[None\]", ShapeError)
def one_sample_without_its_batch():
    classifier().predict(X[0], verbose=0)


@refused("01g", r"expects shape \(None, 4\), got \(8, 3\)", ShapeError)
def a_wrong_width_in_a_call():
    classifier()(X[:, :3])


@refused("01h", r"expects shape \(None, 8, 8, 1\), got \(2, 1, 8, 8\)", ShapeError)
def channels_first():
    model = Sequential([Input((8, 8, 1)), layers.Conv2D(2, 3)])
    model.predict(np.zeros((2, 1, 8, 8), "float32"), verbose=0)


@refused("01i", "window of 3 does not fit spatial sizes", ShapeError)
def a_kernel_larger_than_the_picture():
    Sequential([Input((2, 2, 1)), layers.Conv2D(3, 3)])


@refused(
    "01j", r"expects sequences of 3 axes \(batch, time, features\), got", ShapeError
)
def rows_for_sequences():
    Sequential([Input((4,)), layers.LSTM(2)])


@refused("01k", r"expects sequences .* return_sequences=True", ShapeError)
def recurrent_layers_in_a_row():
    Sequential([Input((3, 4)), layers.LSTM(2), layers.LSTM(2)])


@refused("01l", r"\(None, 4\) and \(None, 3\)", ShapeError)
def a_sum_of_unequal_shapes():
    layers.Add()([Input((4,)), Input((3,))])


@refused("01m", "shapes equal except at axis 2", ShapeError)
def a_concatenation_of_unequal_shapes():
    layers.Concatenate()([Input((4, 2)), Input((3, 2))])


@refused("01n", r"shape \(None, 4\) .*\(None, 3, 2\)", ShapeError)
def an_impossible_reshape():
    Sequential([Input((4,)), layers.Reshape((3, 2))])


@refused("01o", r"shape to be a tuple such as \(4,\), got 4", ArgumentError)
def a_number_for_a_shape():
    Input(4)  # type: ignore[arg-type]


@refused("01p", r"expects shape \(None, 32, 4\), got \(None, 4\)", ShapeError)
def a_shape_with_the_batch():
    model = Sequential([Input((32, 4)), layers.Dense(3)])
    model.compile("sgd", "mse")
    fit(model)


@refused("08a", r"same number of samples .*x.*\(8, 4\).*y.*\(7,\)", ShapeError)
def fewer_labels_than_rows():
    fit(classifier(), y=LABELS[:7])


@refused("08b", r"same number of samples .*\(8, 4\).*\(7, 4\)", ShapeError)
def inputs_of_unequal_lengths():
    one, other = Input((4,)), Input((4,))
    model = Model([one, other], layers.Add()([one, other]))
    model.compile("sgd", "mse")
    fit(model, [X, X[:7]], X)


@refused("08c", r"same number of samples .*sample_weight.*\(7,\)", ShapeError)
def fewer_weights_than_rows():
    fit(classifier(), sample_weight=np.ones(7, "float32"))


@accepted("09a")
def lists_of_numbers():
    model = classifier()
    history = fit(model, X.tolist(), LABELS.tolist())
    assert np.isfinite(history["loss"]).all()


@accepted("09b")
def labels_in_a_list():
    assert np.isfinite(fit(classifier(), y=LABELS.tolist())["loss"]).all()


@accepted("09c")
def predictions_for_a_list():
    assert classifier().predict([[1.0, 2.0, 3.0, 4.0]], verbose=0).shape == (1, 3)


@refused("09d", "Expected rectangular data, got list", ShapeError)
def predictions_for_a_ragged_list():
    classifier().predict([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0]], verbose=0)


@refused("09e", r"np\.stack", ShapeError)
def a_list_of_rows():
    fit(classifier(), list(X))


@accepted("09f")
def a_call_on_a_list():
    assert tuple(classifier()([[1.0, 2.0, 3.0, 4.0]]).shape) == (1, 3)


@refused("09g", "needs targets: pass y to fit", ArgumentError)
def no_targets():
    fit(classifier(), y=None)


@refused("x06", r"np\.stack", ShapeError)
def a_long_list_of_rows():
    fit(classifier(), list(np.zeros((2000, 4), "float32")), np.zeros(2000, "int32"))


@refused("x22", "Expected rectangular data, got list", ShapeError)
def ragged_sequences():
    model = Sequential([Input((None, 1)), layers.LSTM(2)])
    model.predict([[[1.0], [2.0]], [[1.0]]], verbose=0)


@refused("x40", "first axis of samples, got a scalar", ShapeError)
def one_label_for_all():
    fit(classifier(), y=np.array(1))


@refused("x42", "does not fit spatial sizes", ShapeError)
def pooling_to_nothing():
    Sequential(
        [
            Input((8, 8, 1)),
            layers.MaxPooling2D(2),
            layers.MaxPooling2D(2),
            layers.MaxPooling2D(3),
        ]
    )


@refused("x44", r"axis in \[-2, 2\) for a tensor of 2 axes, got 5", NoAxis)
def a_softmax_over_no_axis():
    layers.Softmax(axis=5)(X)


@refused("x30", "Encode strings", DTypeError)
def a_call_on_a_text():
    classifier()("hello")


@refused("x31", r"Expected 1 inputs \['features'\], got 0|got None", ArgumentError)
def a_call_on_nothing():
    classifier()(None)


@refused("x33", "expects a tensor of one axis or more, got 3", ShapeError)
def a_layer_on_a_number():
    layers.Dense(3)(3)


@refused("y12", r"initial states of shape \(8, 4\), got \(8, 3\)", ShapeError)
def states_of_a_wrong_width():
    state = ops.zeros((8, 3))
    layers.LSTM(4)(ops.ones((8, 2, 4)), initial_state=[state, state])


@refused("17d", r"Expected 2 inputs \['one', 'other'\], got 1", ArgumentError)
def one_of_two_inputs_in_a_call():
    two_inputs()(X)


@refused("17e", r"Expected 2 inputs \['one', 'other'\], got 1", ArgumentError)
def one_of_two_inputs_in_predict():
    two_inputs().predict(X, verbose=0)


@refused("17l", "a list of some tensors.*got one tensor", ArgumentError)
def a_sum_of_one_tensor():
    layers.Add()(Input((4,)))


@refused("17m", r"\['one', 'other'\], got \['one', 'third'\].*'other'", ArgumentError)
def a_wrong_key_of_an_input():
    two_inputs().predict({"one": X, "third": X}, verbose=0)


@refused("x38", r"named \['features'\], got \['foo'\]", ArgumentError)
def a_wrong_key_in_fit():
    fit(classifier(), {"foo": X})


@refused("y03", r"named \['features'\], got \['x'\]", ArgumentError)
def a_wrong_key_in_predict():
    classifier().predict({"x": X}, verbose=0)


def two_inputs():
    """Return a model that adds what two dense layers make."""
    one, other = Input((4,), name="one"), Input((4,), name="other")
    return Model([one, other], layers.Add()([one, layers.Dense(4)(other)]))
