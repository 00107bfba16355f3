"""What each mistake is told, the same on every backend."""

import warnings
from typing import Any

import numpy as np
import pytest

from multinet import Input, Model, Sequential, layers, metrics, ops

X = np.ones((32, 4), "float32")
ONE_HOT = np.eye(3, dtype="float32")[np.zeros(32, "int32")]
LABELS = np.zeros(32, "int32")
LOSS = "sparse_categorical_crossentropy"


def classifier(loss: Any = LOSS, **options):
    model = Sequential([Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", loss, **options)
    return model


def nothing(y_true, y_pred):
    """A function whose `return` was forgotten."""


class Forgot(layers.Layer):
    """A layer whose constructor forgot that of its base."""

    def __init__(self):
        self.size = 3

    def call(self, x):
        return x


class Returnless(layers.Layer):
    """A layer whose `return` was forgotten."""

    def call(self, x):
        ops.multiply(x, 2)


class Growing(layers.Layer):
    """A layer that makes a weight in each call."""

    def call(self, x):
        return ops.multiply(x, self.add_weight((), "ones"))


class Unfitting(layers.Layer):
    """A layer whose `build` asks for what no call tells."""

    def build(self, x_shape, rate):
        pass

    def call(self, x, y):
        return ops.add(x, y)


class ForgottenModel(Model):
    """A model whose constructor forgot that of its base."""

    def __init__(self):
        self.dense = layers.Dense(3)

    def call(self, x):
        return self.dense(x)


class ReturnlessModel(Model):
    """A model whose `return` was forgotten."""

    def call(self, x):
        ops.multiply(x, 2)


def fit(model, y=LABELS, **options):
    model.fit(X, y, verbose=0, **options)


def fit_returnless():
    model = ReturnlessModel()
    model.compile("sgd", "mse")
    fit(model)


def compile_forgotten():
    ForgottenModel().compile("sgd", "mse")


TABLE = {
    "a loss without return": (
        lambda: fit(classifier(nothing)),
        "got None. If a function made it, is a `return` missing.*In the loss nothing",
    ),
    "a metric without return": (
        lambda: fit(classifier(metrics=[nothing])),
        "got None. If a function made it, is a `return` missing.*In the metric nothing",
    ),
    "the loss is named": (
        lambda: fit(classifier("categorical_crossentropy")),
        "use sparse_categorical_crossentropy.*In the loss categorical_crossentropy",
    ),
    "the metric is named": (
        lambda: fit(classifier(metrics=["categorical_accuracy"])),
        r"got \(32,\).*In the metric categorical_accuracy",
    ),
    "the validation is named": (
        lambda: fit(classifier(), validation_data=(X[:, :3], LABELS)),
        r"expects shape \(None, 4\), got \(32, 3\).*In the validation",
    ),
    "the loss of a validation is named": (
        lambda: fit(classifier(), validation_data=(X, ONE_HOT)),
        f"use categorical_crossentropy.*In the loss {LOSS}.*In the validation",
    ),
    "a layer that forgot super().__init__()": (
        lambda: Forgot()(X),
        r"Forgot was never set up: .*super\(\).__init__\(\)",
    ),
    "a model that forgot super().__init__()": (
        compile_forgotten,
        r"ForgottenModel was never set up: .*super\(\).__init__\(\)",
    ),
    "a weight in call": (
        lambda: Growing()(ops.ones((2, 3))),
        "calls add_weight in `call`, which makes a new weight in each",
    ),
    "build asks for what no call tells": (
        lambda: Unfitting()(ops.ones((2, 3)), ops.ones((2, 3))),
        "Unfitting.build takes 'rate', which is no shape .* x_shape, y_shape",
    ),
    "add_weight as in Keras 2": (
        lambda: layers.Layer().add_weight("kernel", shape=(3, 4)),
        r"got shape=\(3, 4\) and, .* 'kernel'. Give the name by keyword",
    ),
    "attention on one tensor": (
        lambda: layers.AdditiveAttention()(ops.ones((1, 2, 2))),
        r"additive_attention.* expects a list, \[query, value\]",
    ),
    "blocks of one pixel": (
        lambda: ops.depth_to_space(ops.ones((1, 2, 2, 4)), 1),
        "block_size as an int of at least 2, got 1",
    ),
    "a layer without return": (
        lambda: Sequential([Input((4,)), Returnless(), layers.Dense(2)]),
        "Returnless 'returnless.*' returned None.*`return` missing",
    ),
    "a model without return": (fit_returnless, "call returned None.*`return` missing"),
    "layers that are no list": (
        lambda: Sequential(layers.Dense(3), layers.Dense(4)),  # type: ignore[arg-type]
        r"as one list: Sequential\(\[Dense",
    ),
    "a class instead of a layer": (
        lambda: Sequential([layers.Dense]),
        r"the class Dense: make one of it, Dense\(...\)",
    ),
    "a prediction of no rows": (
        lambda: classifier().predict(X[:0], verbose=0),
        "at least one sample",
    ),
    "texts": (
        lambda: fit(classifier(), np.array(["a"] * 32)),
        "Encode strings and objects as integers first",
    ),
    "wrong weights": (
        lambda: classifier().set_weights([np.ones((4, 3)), np.ones(4)]),
        r"dense.*/bias.* \(3,\) got \(4,\)",
    ),
}


@pytest.mark.parametrize("mistake", TABLE)
def test_a_mistake_is_told(mistake, backend):
    make, sentence = TABLE[mistake]
    with pytest.raises((ValueError, TypeError)) as raised:
        make()
    told = " ".join([str(raised.value), *getattr(raised.value, "__notes__", ())])
    # `re` finds the sentence in the error and the notes of where it arose.
    with pytest.raises(AssertionError, match=f"(?s){sentence}"):
        raise AssertionError(told)


def test_the_class_of_a_metric_is_made_one(backend):
    model = classifier("categorical_crossentropy", metrics=[metrics.Precision])
    history = model.fit(X, ONE_HOT, verbose=0).history
    assert any(name.startswith("precision") for name in history)


class MakesALayer(layers.Layer):
    """A layer that makes another in each call."""

    def call(self, x):
        return layers.Dense(3)(x)


class MakesItOnce(layers.Layer):
    """A layer that makes another in its first call, and keeps it."""

    dense = None

    def call(self, x):
        if self.dense is None:
            self.dense = layers.Dense(3)
        return self.dense(x)


def test_the_shape_of_an_input_as_in_keras_2(backend):
    with pytest.warns(UserWarning, match="it is shape= now"):
        layer = layers.InputLayer(input_shape=(2, 3), batch_size=4)
    assert layer.batch_shape == (4, 2, 3)
    with pytest.raises(ValueError, match=r"unknown arguments \['size'\]"):
        layers.InputLayer(shape=(2, 3), size=4)


def test_a_layer_that_is_made_in_a_call_is_warned_of(backend):
    with pytest.warns(UserWarning, match="gets its weights inside the call of 'makes"):
        MakesALayer()(ops.ones((2, 4)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MakesItOnce()(ops.ones((2, 4)))
