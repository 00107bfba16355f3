"""What `compile` is told: optimizers, losses, metrics and outputs."""

import numpy as np
from mistaken import (
    HEIGHTS,
    LABELS,
    SPARSE,
    X,
    accepted,
    classifier,
    fit,
    network,
    refused,
    warned,
)

from multinet import Input, Model, Sequential, layers, losses, metrics, optimizers
from multinet.errors import ArgumentError, MultinetError, UnknownOutput


def plain():
    return Sequential([Input((4,)), layers.Dense(3)], name="plain")


def two_outputs(loss="mse", **options):
    inputs = Input((4,))
    outputs = [layers.Dense(1, name="a")(inputs), layers.Dense(1, name="b")(inputs)]
    model = Model(inputs, outputs)
    model.compile("sgd", loss, **options)
    return model


@refused("04a", r"plain must be compiled first: model.compile", MultinetError)
def fit_without_compile():
    fit(plain())


@refused("04b", r"plain must be compiled first: model.compile", MultinetError)
def evaluate_without_compile():
    plain().evaluate(X, LABELS, verbose=0)


@refused("04c", r"nothing to minimize: pass loss=", MultinetError)
def compile_without_a_loss():
    fit(network(loss=None))


@refused("04d", f"Unknown optimizer '{SPARSE}'.*(is a loss|loss=)", ArgumentError)
def the_loss_first():
    plain().compile(SPARSE, "sgd")


@accepted("04e")
def one_metric_that_is_no_list():
    assert "mae" in fit(network(1, metrics="mae"), y=HEIGHTS)


@refused("12c", "Unknown optimizer 'adamm'. Did you mean 'adam'", ArgumentError)
def an_unknown_optimizer():
    network(optimizer="adamm")


@refused(
    "12d",
    "Unknown loss 'mean_square_error'. Did you mean 'mean_squared_error'",
    ArgumentError,
)
def an_unknown_loss():
    fit(network(loss="mean_square_error"))


@refused("12e", "Unknown metric 'acuracy'. Did you mean 'accuracy'", ArgumentError)
def an_unknown_metric():
    fit(classifier(metrics=["acuracy"]))


@refused(
    "x05",
    f"Unknown loss 'sparse_categorical_cross_entropy'. Did you mean '{SPARSE}'",
    ArgumentError,
)
def an_unknown_loss_of_labels():
    fit(network(loss="sparse_categorical_cross_entropy"))


@refused("19a", "optimizer does not know.*compile.* new optimizer", ArgumentError)
def an_optimizer_of_another_model():
    optimizer = optimizers.SGD(0.1)
    fit(classifier(optimizer=optimizer))
    other = Sequential([Input((4,)), layers.Dense(4), layers.Dense(3, "softmax")])
    other.compile(optimizer, SPARSE)
    fit(other)


@refused("19b", "optimizer does not know.*compile.* new optimizer", ArgumentError)
def an_optimizer_of_an_equal_model():
    optimizer = optimizers.Adam(0.1)
    fit(classifier(optimizer=optimizer))
    fit(classifier(optimizer=optimizer))


@accepted("19c")
def weights_frozen_after_compile():
    model = classifier()
    model.layers[-1].trainable = False
    model.layers[-1].trainable = True
    before = model.get_weights()[0]
    fit(model)
    assert (model.get_weights()[0] != before).any()


@accepted("19d")
def the_class_of_an_optimizer():
    fit(classifier(optimizer=optimizers.SGD))


@accepted("19e")
def the_class_of_a_loss():
    history = fit(network(1, loss=losses.MeanSquaredError), y=HEIGHTS)
    assert np.isfinite(history["loss"]).all()


@accepted("19f")
def the_class_of_a_metric():
    assert any(
        "absolute" in name
        for name in fit(network(1, metrics=[metrics.MeanAbsoluteError]), y=HEIGHTS)
    )


@refused("19g", "learning_rate.*got '0.1'", ArgumentError)
def a_rate_that_is_a_text():
    optimizers.Adam("0.1")  # type: ignore[arg-type]


@refused("x02", "learning_rate.*got '0.1'", ArgumentError)
def a_rate_that_is_a_text_in_fit():
    fit(network(1, optimizer=optimizers.Adam("0.1")))  # type: ignore[arg-type]


@refused("x28", "learning_rate.*got None", ArgumentError)
def a_rate_that_is_none():
    optimizers.Adam(None)  # type: ignore[arg-type]


@refused("19h", "learning_rate", TypeError)
def a_rate_by_its_old_name():
    optimizers.Adam(lr=0.1)


@refused("19i", "learning_rate.*got -0.1", ArgumentError)
def a_negative_rate():
    optimizers.SGD(-0.1)


@accepted("25a")
def two_losses_for_one_output():
    model, other = network(1, loss=["mse", "mae"]), network(1)
    other.set_weights(model.get_weights())
    off = HEIGHTS - model.predict(X, verbose=0)[:, 0]
    total = (off**2).mean() + abs(off).mean()
    np.testing.assert_allclose(fit(model, y=HEIGHTS)["loss"][0], total, rtol=1e-5)


@accepted("25b")
def one_loss_for_two_outputs():
    history = fit(two_outputs(), y=[HEIGHTS, HEIGHTS])
    total = history["a_loss"][0] + history["b_loss"][0]
    np.testing.assert_allclose(history["loss"][0], total, rtol=1e-5)


@refused(
    "25c",
    r"2 outputs \['a', 'b'\]; y must be a list of that length or a dict",
    ArgumentError,
)
def one_target_for_two_outputs():
    fit(two_outputs(), y=HEIGHTS)


@refused("25d", "a list of 2 where a list of 3 came", ArgumentError)
def three_losses_for_two_outputs():
    fit(two_outputs(["mse", "mse", "mse"]), y=[HEIGHTS, HEIGHTS])


@refused("25e", r"'c'.*Known: a, b", UnknownOutput)
def a_wrong_key_of_a_loss():
    fit(two_outputs({"a": "mse", "c": "mse"}), y=[HEIGHTS, HEIGHTS])


@refused("25f", r"loss_weights for 2 outputs \['a', 'b'\], got 1", ArgumentError)
def too_few_weights_of_losses():
    fit(two_outputs(["mse", "mse"], loss_weights=[1.0]), y=[HEIGHTS, HEIGHTS])


@refused("y08", r"metrics for 1 outputs .*got 2", ArgumentError)
def metrics_of_two_outputs_for_one():
    fit(network(1, metrics=[["mae"], ["mse"]]), y=HEIGHTS)


@warned("x37", "do not depend on .*unused/kernel.*, so these have no gradient")
def a_layer_that_nothing_uses():
    class Unused(Model):
        def __init__(self):
            super().__init__()
            self.used, self.unused = layers.Dense(1), layers.Dense(1, name="unused")

        def call(self, x):
            self.unused(x)
            return self.used(x)

    model = Unused()
    model.compile("sgd", "mse")
    fit(model, y=HEIGHTS[:, None])
