"""Layers, models, losses, metrics and steps that a program writes by itself."""

import numpy as np
from mistaken import (
    HEIGHTS,
    TRACED,
    X,
    accepted,
    fit,
    network,
    refused,
    warned,
)

from multinet import Input, Model, Sequential, layers, ops
from multinet.errors import (
    ArgumentError,
    DTypeError,
    MultinetError,
    ShapeError,
    TraceError,
)


def compiled(kind, **options):
    model = kind()
    model.compile("sgd", "mse", **options)
    return model


@refused("05f", r"M was never set up: .*super\(\).__init__\(\)", ArgumentError)
def a_forgotten_super_of_a_model():
    class M(Model):
        def __init__(self):
            self.dense = layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    M()(X)


@refused("05g", r"L was never set up: .*super\(\).__init__\(\)", ArgumentError)
def a_super_after_the_layers():
    class L(layers.Layer):
        def __init__(self):
            self.dense = layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    L()(X)


@refused("16a", "call returned None.*`return` missing", ArgumentError)
def a_model_without_return():
    class M(Model):
        def call(self, x):
            ops.multiply(x, 2)

    fit(compiled(M))


@refused("16b", "returned None.*`return` missing", ArgumentError)
def a_layer_without_return():
    class L(layers.Layer):
        def call(self, x):
            ops.multiply(x, 2)

    L()(Input((4,)))


@refused("16c", "returned None.*`return` missing", ArgumentError)
def a_layer_without_return_before_another():
    class L(layers.Layer):
        def call(self, x):
            ops.multiply(x, 2)

    Sequential([Input((4,)), L(), layers.Dense(3)])


@warned("18a", "inside the call", on=("numpy",))
def a_layer_made_in_call():
    class L(layers.Layer):
        def call(self, x):
            return layers.Dense(3)(x)

    L()(X)


@refused(
    "18b", "calls add_weight in `call`, which makes a new weight in each", ArgumentError
)
def a_weight_made_in_call():
    class L(layers.Layer):
        def call(self, x):
            return ops.multiply(x, self.add_weight(shape=(), initializer="ones"))

    L()(X)


@warned("18c", "inside the call|in `call`")
def a_layer_kept_in_call():
    class M(Model):
        def call(self, x):
            self.dense = layers.Dense(1)
            return self.dense(x)

    fit(compiled(M), y=HEIGHTS)


@refused("x09", "In the loss categorical_crossentropy", ShapeError)
def a_print_in_a_call_that_fails():
    class M(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, "softmax")

        def call(self, x):
            return self.dense(x)

    model = M()
    model.compile("sgd", "categorical_crossentropy")
    fit(model)


@refused(
    "x10",
    "Use the function of the same name in multinet.ops",
    (TraceError, TypeError),
    shows="np.abs(self.dense(x))",
    on=TRACED,
)
def numpy_in_a_call():
    class M(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            return np.abs(self.dense(x))

    fit(compiled(M))


@accepted("x10", on=("numpy",))
def numpy_in_a_call_on_numpy():
    class M(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            return np.abs(self.dense(x))

    fit(compiled(M), y=np.ones((8, 3), "float32"))


@refused("x11", "asks for the value of a tensor.*ops.where", TraceError, on=TRACED)
def an_if_in_a_compiled_call():
    fit(compiled(Asking), y=HEIGHTS)


@warned("x11", "reads the numbers of a tensor", RuntimeWarning, on=("numpy",))
def an_if_in_a_planned_call():
    fit(compiled(Asking), y=HEIGHTS)


@accepted("x11", on=("torch",))
def an_if_in_a_call():
    fit(compiled(Asking), y=HEIGHTS)


@accepted("x11")
def an_if_in_an_eager_call():
    fit(compiled(Asking, run_eagerly=True), y=HEIGHTS)


class Asking(Model):
    """A model that asks for the value of a tensor."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        if ops.sum(x) > 0:
            return self.dense(x)
        return self.dense(-x)


@refused(
    "x12", "name 'undefined_name' is not defined", NameError, shows="undefined_name"
)
def an_error_in_a_call():
    class M(Model):
        def call(self, x):
            return undefined_name(x)  # noqa: F821

    fit(compiled(M))


def squares_by_numpy(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)


@accepted("x14", on=("numpy", "jax"))
def numpy_in_a_loss():
    history = fit(network(1, loss=squares_by_numpy), y=HEIGHTS[:, None])
    assert np.isfinite(history["loss"]).all()


@refused(
    "x14",
    "A function of NumPy got a tensor",
    TraceError,
    shows="np.mean(",
    on=("torch", "tensorflow"),
)
def numpy_in_a_loss_that_is_differentiated():
    fit(network(1, loss=squares_by_numpy), y=HEIGHTS[:, None])


@refused(
    "x34", r"got shape=\(4, 3\) and, .* 'w'. Give the name by keyword", ArgumentError
)
def the_name_of_a_weight_first():
    class L(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight("w", shape=(4, 3))

        def call(self, x):
            return x

    L()(X)


@refused("x34b", "name", ArgumentError)
def the_name_of_a_weight_first_and_its_shape():
    class L(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight("w", (4, 3))

        def call(self, x):
            return x

    L()(X)


@refused("x35", "unexpected keyword argument 'name'", TypeError)
def a_constructor_without_a_name():
    class L(layers.Layer):
        def __init__(self):
            super().__init__()

    L(name="a")


@refused("x36", r"weights", AttributeError, shows="self.weights = 3")
def an_attribute_that_is_taken():
    class L(layers.Layer):
        def __init__(self):
            super().__init__()
            self.weights = 3

    L()


@refused("y17", "got (a )?float|got 0.5|gradient", ArgumentError)
def a_loss_that_returns_a_float():
    fit(network(1, loss=lambda y, p: 0.5), y=HEIGHTS)


@refused("y18", "got None.*`return` missing.*In the loss nothing", DTypeError)
def a_loss_without_return():
    def nothing(y_true, y_pred):
        ops.mean(y_pred)

    fit(network(1, loss=nothing), y=HEIGHTS)


@refused("y19", "got None.*`return` missing.*In the metric nothing", DTypeError)
def a_metric_without_return():
    def nothing(y_true, y_pred):
        ops.mean(y_pred)

    fit(network(1, metrics=[nothing]), y=HEIGHTS)


@refused("y20", "train_step to return a dict of logs, got NoneType", MultinetError)
def a_step_without_return():
    class M(Model):
        def call(self, x):
            return x

        def train_step(self, data):
            pass

    fit(compiled(M))
