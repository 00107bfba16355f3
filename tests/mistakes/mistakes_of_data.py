"""Data of a kind that no model takes, or that hold what none learns from."""

import numpy as np
import pytest
from mistaken import (
    HEIGHTS,
    LABELS,
    X,
    accepted,
    classifier,
    fit,
    network,
    refused,
    warned,
)

from multinet import Input, Sequential, layers, ops, optimizers
from multinet.errors import ArgumentError, BackendError, DTypeError, OutOfRange
from multinet.registry import current

NAN = np.where(np.arange(32).reshape(8, 4) == 5, np.nan, X)


@warned("07a", "The loss is NaN. x holds nan in sample 1", RuntimeWarning)
def a_nan_in_x():
    fit(network(1), NAN, HEIGHTS)


@warned("07b", "The loss is NaN. y holds nan in sample 1", RuntimeWarning)
def a_nan_in_y():
    fit(network(1), y=np.where(LABELS == 1, np.nan, HEIGHTS))


@warned("07c", "smaller learning rate.*nan_finder", RuntimeWarning)
def a_rate_that_is_too_large():
    fit(network(1, optimizer=optimizers.SGD(1e15)), y=HEIGHTS, epochs=6)


@refused("10a", "dtype object.*Encode strings", DTypeError)
def objects():
    fit(classifier(), X.astype(object))


@refused("10b", "Encode strings", DTypeError)
def texts_as_labels():
    fit(classifier(), y=np.array(list("abcabcab")))


@refused("10c", "Encode strings", DTypeError)
def texts_as_inputs():
    fit(classifier(), X.astype(str))


@refused("10d", r"dtype datetime64\[s\]", DTypeError)
def dates():
    fit(classifier(), X.astype("datetime64[s]"))


@refused("10e", "the imaginary part would be lost", DTypeError)
def complex_numbers():
    fit(classifier(), X + 1j)


@refused("x01", "the imaginary part would be lost", DTypeError)
def complex_numbers_in_a_regression():
    fit(network(1), X.astype("complex64"), HEIGHTS)


@accepted("11a")
def double_precision():
    assert np.isfinite(fit(classifier(), X.astype("float64"))["loss"]).all()


@accepted("11b")
def integers():
    pixels = (X * 255).astype("uint8")
    assert np.isfinite(fit(classifier(), pixels)["loss"]).all()


@accepted("11c")
def booleans():
    assert np.isfinite(fit(classifier(), X > 0.5)["loss"]).all()


@warned("11d", "whole numbers as the integers of .*: fractions are cut off")
def fractions_as_indices():
    model = Sequential([Input((4,)), layers.Embedding(10, 4), layers.Flatten()])
    model.compile("sgd", "mse")
    fit(model, X * 8, np.zeros((8, 16)))


@refused(
    "11e", "Unknown dtype 'floatt'. Did you mean 'float64' or 'float32'", ArgumentError
)
def an_unknown_dtype():
    layers.Dense(3, dtype="floatt")


@accepted("11f")
def integers_and_floats():
    total = ops.add(np.arange(3, dtype="int32"), ops.ones(3))
    assert current().dtype(total) == "float32"


@refused("22a", r"in \[0, 10\), got 10 in sample", OutOfRange)
def an_index_too_large_in_predict():
    model = Sequential([Input((1,), dtype="int32"), layers.Embedding(10, 4)])
    model.predict(np.array([[10]]), verbose=0)


@refused("22b", r"in \[0, 10\), got 10 in sample", OutOfRange)
def an_index_too_large_in_fit():
    model = Sequential([Input((1,), dtype="int32"), layers.Embedding(10, 4)])
    model.compile("sgd", "mse")
    fit(model, np.array([[1], [10]]), np.zeros((2, 1, 4)))


@refused("22c", r"in \[0, 10\), got -1 in sample", OutOfRange)
def a_negative_index():
    model = Sequential([Input((1,), dtype="int32"), layers.Embedding(10, 4)])
    model.predict(np.array([[-1]]), verbose=0)


@refused("22d", r"indices in \[-3, 3\) for an axis of 3", OutOfRange)
def an_index_that_no_axis_has():
    ops.take(np.ones(3, "float32"), np.array([5]), axis=0)


@refused("22e", r"integers for 3 classes in \[0, 3\), got 5 at position 0", OutOfRange)
def a_class_that_is_none():
    ops.one_hot(np.array([5]), 3)


def batches():
    for _ in range(2):
        yield X, LABELS


@accepted("27a")
def a_generator():
    assert np.isfinite(fit(classifier(), batches(), None)["loss"]).all()


@accepted("27b")
def a_dataset_of_tensorflow():
    data = pytest.importorskip("tensorflow").data
    dataset = data.Dataset.from_tensor_slices((X, LABELS)).batch(4)
    assert np.isfinite(fit(classifier(), dataset, None)["loss"]).all()


@accepted("27c")
def a_loader_of_torch():
    torch = pytest.importorskip("torch")
    data = torch.utils.data
    dataset = data.TensorDataset(torch.tensor(X), torch.tensor(LABELS))
    loader = data.DataLoader(dataset, batch_size=4)
    assert np.isfinite(fit(classifier(), loader, None)["loss"]).all()


@accepted("27d")
def a_table_of_pandas():
    frame = pytest.importorskip("pandas").DataFrame(X)
    assert np.isfinite(fit(classifier(), frame)["loss"]).all()


@refused("27e", r"Expected 1 inputs .*got 2.* fit\(x, y\)", ArgumentError)
def data_and_labels_in_a_tuple():
    fit(classifier(), (X, X), None)


@accepted("27f")
def a_generator_in_predict():
    assert classifier().predict((x for x, _ in batches()), verbose=0).shape == (16, 3)


class Endless:
    """Batches of a program that knows their number, and never raises IndexError."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X[index * 4 : index * 4 + 4], LABELS[index * 4 : index * 4 + 4]


@refused(
    "27g",
    "Expected data as arrays.*got an Endless.*a PyDataset, a loader",
    ArgumentError,
)
def batches_without_an_end():
    fit(classifier(), Endless(), None)


@accepted("28a")
def a_tensor_of_torch_in_fit():
    torch = pytest.importorskip("torch")
    assert np.isfinite(fit(classifier(), torch.tensor(X))["loss"]).all()


@refused(
    "28b",
    "tensor of backend 'torch'.*convert_to_numpy",
    BackendError,
    on=("numpy", "jax", "tensorflow"),
)
def a_tensor_of_torch_in_an_op():
    ops.add(pytest.importorskip("torch").ones(3), ops.ones(3))


@refused(
    "28c",
    "tensor of backend 'jax'.*convert_to_numpy",
    BackendError,
    on=("numpy", "torch", "tensorflow"),
)
def a_tensor_of_jax_in_an_op():
    ops.add(pytest.importorskip("jax").numpy.ones(3), ops.ones(3))


@refused(
    "28d", "tensor of backend 'torch'", BackendError, on=("numpy", "jax", "tensorflow")
)
def a_tensor_with_a_gradient():
    ops.add(pytest.importorskip("torch").ones(3, requires_grad=True), ops.ones(3))


@accepted("x08")
def a_model_on_double_precision():
    assert current().dtype(classifier()(X.astype("float64"))) == "float32"


@accepted("x07")
def an_op_on_double_precision():
    assert np.isfinite(float(ops.mean(X.astype("float64"))))


@refused("y02", "Encode strings", DTypeError)
def texts_in_a_list():
    fit(classifier(), y=list("abcabcab"))


@accepted("x41")
def a_batch_of_one_for_batch_normalization():
    model = Sequential([Input((4,)), layers.BatchNormalization(), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert np.isfinite(fit(model, X, HEIGHTS, batch_size=1)["loss"]).all()
