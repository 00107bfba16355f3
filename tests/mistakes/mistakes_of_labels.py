"""Targets that do not fit the loss, the metric or the last layer."""

import numpy as np
from mistaken import (
    BINARY,
    HEIGHTS,
    LABELS,
    ONE_HOT,
    SPARSE,
    X,
    accepted,
    classifier,
    fit,
    network,
    refused,
    warned,
)

from multinet import layers, losses, metrics, ops
from multinet.errors import DTypeError, OutOfRange, ShapeError

CROSS = "categorical_crossentropy"
BINARY_CROSS = "binary_crossentropy"


@refused("02a", f"use sparse_{CROSS}.*In the loss {CROSS}", ShapeError)
def labels_for_a_one_hot_loss():
    fit(classifier(CROSS))


@refused("02b", f"use sparse_{CROSS}.*In the loss {CROSS}", ShapeError)
def labels_in_a_column_for_a_one_hot_loss():
    fit(classifier(CROSS), y=LABELS[:, None])


@refused("02c", f"one-hot targets use {CROSS}.*In the loss {SPARSE}", ShapeError)
def one_hot_targets_for_a_loss_of_labels():
    fit(classifier(), y=ONE_HOT)


@refused("02d", f"labels need a sparse loss.*In the loss {BINARY_CROSS}", ShapeError)
def labels_for_a_binary_loss_of_three():
    fit(classifier(BINARY_CROSS))


@refused("02e", r"\(8, 3\), got \(8,\).*In the loss mean_squared_error", ShapeError)
def one_number_for_three_outputs():
    fit(network(), y=HEIGHTS)


@refused("02f", r"\(8, 1\), got \(8, 3\).*In the loss mean_squared_error", ShapeError)
def three_numbers_for_one_output():
    fit(network(1), y=ONE_HOT)


@warned("02g", "softmax over one unit, which is always 1. Use sigmoid")
def a_softmax_of_one_unit():
    fit(network(1, "softmax", BINARY_CROSS), y=BINARY)


@refused("02h", r"\(8, 3\), got \(8, 2\)", ShapeError)
def two_numbers_for_three_outputs():
    fit(network(), y=X[:, :2])


@refused("03a", r"labels of the 3 classes of 'last' in \[0, 3\), got 3", OutOfRange)
def a_label_too_large():
    fit(classifier(), y=LABELS + (LABELS == 2))


@refused("03b", r"in \[0, 3\), got 300 in sample 0", OutOfRange)
def a_label_far_too_large():
    fit(classifier(), y=LABELS + 300)


@refused("03c", r"in \[0, 3\), got 3 in sample 2", OutOfRange)
def labels_from_one():
    fit(classifier(metrics=["accuracy"]), y=LABELS + 1)


@refused("03d", r"in \[0, 3\), got -1 in sample 0", OutOfRange)
def a_negative_label():
    fit(classifier(), y=LABELS - 1)


@warned("03e", "whole numbers as labels of the 3 classes of 'last', got 0.5: fractions")
def labels_with_fractions():
    fit(classifier(), y=LABELS * 0.5)


@warned("03f", "binary_crossentropy expects targets between 0 and 1, got 0.0 to 2.0")
def a_binary_label_of_two():
    fit(network(1, "sigmoid", BINARY_CROSS), y=BINARY * 2)


@refused("03g", r"in \[0, 3\), got 3", OutOfRange)
def a_label_too_large_in_evaluate():
    classifier().evaluate(X, LABELS + 1, verbose=0)


@warned("13a", "from_logits")
def probabilities_for_a_loss_of_logits():
    fit(classifier(losses.SparseCategoricalCrossentropy(from_logits=True)))


@warned("13b", "from_logits")
def logits_for_a_loss_of_probabilities():
    fit(network(3, None, SPARSE))


@warned("13c", "from_logits")
def a_sigmoid_for_a_loss_of_logits():
    loss = losses.BinaryCrossentropy(from_logits=True)
    fit(network(1, "sigmoid", loss), y=BINARY)


@refused("14a", "In the metric auc", ShapeError)
def an_area_under_the_curve_of_labels():
    fit(classifier(metrics=[metrics.AUC(name="auc")]))


@refused("14b", r"\(8, 3\), got \(8,\).*In the metric categorical_accuracy", ShapeError)
def labels_for_a_one_hot_metric():
    fit(classifier(metrics=["categorical_accuracy"]))


@refused("14c", "In the metric sparse_categorical_accuracy", ShapeError)
def one_hot_targets_for_a_metric_of_labels():
    fit(classifier(CROSS, metrics=["sparse_categorical_accuracy"]), y=ONE_HOT)


@warned("14d", "For a regression take another metric, such as mae")
def the_accuracy_of_a_regression():
    fit(network(1, metrics=["accuracy"]), y=HEIGHTS)


@refused("14e", "In the metric precision", ShapeError)
def the_precision_of_labels():
    fit(classifier(metrics=[metrics.Precision(name="precision")]))


@accepted("14f")
def the_accuracy_of_two_classes():
    history = fit(network(1, "sigmoid", BINARY_CROSS, metrics=["accuracy"]), y=BINARY)
    assert history["accuracy"][0] * 8 == round(history["accuracy"][0] * 8)


@refused("x15", "In the metric recall", ShapeError)
def the_recall_of_labels():
    fit(classifier(metrics=[metrics.Recall(name="recall")]))


@accepted("x16")
def numbers_for_a_column():
    model = network(1)
    expected = ((model.predict(X, verbose=0)[:, 0] - HEIGHTS) ** 2).mean()
    np.testing.assert_allclose(fit(model, y=HEIGHTS)["loss"][0], expected, rtol=1e-5)


@accepted("x17")
def the_function_of_a_loss_on_a_column():
    found = losses.mean_squared_error(HEIGHTS, HEIGHTS[:, None])
    np.testing.assert_allclose(ops.convert_to_numpy(found), np.zeros(8))


@accepted("x18")
def the_object_of_a_loss_on_a_column():
    assert float(losses.MeanSquaredError()(HEIGHTS, HEIGHTS[:, None])) == 0


@refused("x19", r"\(8, 1\), got \(8, 2\)", ShapeError)
def two_numbers_for_one_output():
    fit(network(1), y=X[:, :2])


@refused("x20", r"\(8, 1\), got \(8, 3\)", ShapeError)
def three_numbers_for_a_metric_of_one():
    fit(network(1, metrics=["mae"]), y=ONE_HOT)


@refused("x21", r"\(8, 1\), got \(8, 3\)", ShapeError)
def three_numbers_for_a_binary_loss_of_one():
    fit(network(1, "sigmoid", BINARY_CROSS, metrics=["accuracy"]), y=ONE_HOT)


@accepted("x13")
def a_loss_of_one_number_a_batch():
    model = network(1, loss=lambda y, p: ops.mean(ops.square(y - p)))
    fit(model, y=HEIGHTS[:, None])


@accepted("y10")
def integer_targets_of_a_regression():
    assert np.isfinite(fit(network(1), y=LABELS)["loss"]).all()


@refused("y11", "become int32, but int64 values reach", DTypeError)
def labels_beyond_int32():
    fit(classifier(), y=LABELS.astype("int64") + 2**40)


@accepted("y07")
def weights_in_a_column():
    fit(classifier(), sample_weight=np.ones((8, 1), "float32"))


@warned("29m", "softmax over an axis of size 1 is 1 everywhere")
def a_softmax_over_one():
    layers.Softmax()(ops.ones((2, 1)))
