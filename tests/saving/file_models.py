"""Models to be saved, written once for Multinet and Keras, and data to train them."""

import numpy as np

MODELS = {}


def model(*shapes, targets):
    """Add a model: its inputs' shapes without the batch, and those of its targets."""

    def add(function):
        MODELS[function.__name__] = (function, shapes, targets)
        return function

    return add


def data(name, count=8):
    """Return inputs and targets for a model: lists, or an array if there is one."""
    _, shapes, targets = MODELS[name]
    numbers = np.random.default_rng(len(name))
    x = [_values(numbers, count, shape) for shape in shapes]
    y = [_values(numbers, count, shape) for shape in targets]
    return x if len(x) > 1 else x[0], y if len(y) > 1 else y[0]


def _values(numbers, count, shape):
    if isinstance(shape, dict):
        return {key: _values(numbers, count, inner) for key, inner in shape.items()}
    if isinstance(shape, int):  # integers below 9, so many a sample
        return numbers.integers(1, 9, (count, shape)).astype("int32")
    return numbers.normal(size=(count, *shape)).astype("float32")


def trained(K, name):
    """Return a model of a library that has been trained for two steps."""
    K.utils.clear_session()
    K.utils.set_random_seed(1)
    made = MODELS[name][0](K)
    _fit(made, name)
    return made


def report(K, model, name):
    """Return all variables of a model and its outputs, and again after an epoch more.

    Arrays by name, in float64, which holds every other float.
    """
    to_numpy = K.ops.convert_to_numpy
    lists = {"weights": model.weights, "optimizer": model.optimizer.variables}
    found = {
        f"{label}|{place} {variable.path}": np.asarray(to_numpy(variable), "float64")
        for label, variables in lists.items()
        for place, variable in enumerate(variables)
    }
    before = _outputs(model, name)
    logs = _fit(model, name).history
    later = {
        "outputs before": before,
        "logs after": {key: values[0] for key, values in logs.items()},
        "metrics after": {v.path: to_numpy(v) for v in model.metrics_variables},
        "outputs after": _outputs(model, name),
    }
    for label, arrays in later.items():
        for key, value in arrays.items():
            found[f"{label}|{key}"] = np.asarray(value, "float64")
    return found


def _fit(model, name):
    x, y = data(name)
    return model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)


def _outputs(model, name):
    found = model.predict(data(name)[0], verbose=0)
    if not isinstance(found, dict):
        found = dict(enumerate(found if isinstance(found, list) else [found]))
    return found


@model((6,), (4,), targets=[(2,), (1,)])
def two_inputs_and_outputs_with_shared_layers(K):
    a, b = K.Input((6,), name="a"), K.Input((4,), name="b")
    shared = K.layers.Dense(5, activation="tanh", name="shared")
    left = shared(K.layers.Dense(5)(a))
    right = shared(K.layers.Dense(5)(b))
    joined = K.layers.Concatenate()([left, right, K.ops.multiply(left, 2.0)])
    joined = K.layers.BatchNormalization()(joined)
    first = K.layers.Dense(2, name="first")(joined)
    second = K.layers.Dense(1, name="second")(joined[:, 2:9])
    made = K.Model([a, b], [first, second])
    made.compile(
        K.optimizers.Adam(1e-2, amsgrad=True),
        loss={"first": "mse", "second": K.losses.LogCosh()},
        loss_weights={"first": 1.0, "second": 0.3},
        metrics={"first": ["mae"]},
    )
    return made


@model((7, 3), targets=[(2,)])
def recurrent_layers_in_a_row(K):
    made = K.Sequential(
        [
            K.Input((7, 3)),
            K.layers.Bidirectional(K.layers.LSTM(4, return_sequences=True)),
            K.layers.TimeDistributed(K.layers.Dense(3)),
            K.layers.GRU(4, return_sequences=True, reset_after=False),
            K.layers.RNN(
                [K.layers.LSTMCell(3), K.layers.GRUCell(2)], return_sequences=True
            ),
            K.layers.SimpleRNN(3),
            K.layers.Dense(2),
        ]
    )
    # With a small epsilon rounding noise would decide the steps.
    rule = K.optimizers.RMSprop(1e-2, momentum=0.5, epsilon=1e-3, centered=True)
    made.compile(rule, "mse")
    return made


@model((8, 8, 3), targets=[(2,)])
def convolutions_with_a_shortcut(K):
    x = K.Input((8, 8, 3))
    y = K.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    z = K.layers.Conv2D(4, 3, padding="same", use_bias=False)(y)
    y = K.layers.Add()([y, K.layers.BatchNormalization()(z)])
    y = K.layers.MaxPooling2D()(K.layers.ReLU()(y))
    y = K.layers.GlobalAveragePooling2D()(y)
    made = K.Model(x, K.layers.Dense(2, kernel_regularizer="l2")(y))
    schedule = K.optimizers.schedules.ExponentialDecay(0.05, 4, 0.5)
    made.compile(K.optimizers.SGD(schedule, momentum=0.9, nesterov=True), "mse")
    return made


@model(5, targets=[(3,)])
def nested_models_called_twice(K):
    inner_in = K.Input((5, 4))
    attended = K.layers.MultiHeadAttention(2, 3)(inner_in, inner_in)
    inner_out = K.layers.LayerNormalization()(K.layers.Add()([inner_in, attended]))
    inner = K.Model(inner_in, inner_out, name="inner")
    tail = K.Sequential(
        [K.layers.Dense(4, activation="gelu"), K.layers.Dense(4)], name="tail"
    )
    x = K.Input((5,), dtype="int32")
    y = K.layers.Embedding(10, 4)(x)
    y = inner(tail(inner(y)))
    y = K.layers.Flatten()(tail(y))
    made = K.Model(x, K.layers.Dense(3)(y))
    made.compile(K.optimizers.AdamW(1e-2, weight_decay=0.01), "mse")
    return made


@model(6, targets=[(1,)])
def a_mask_and_lstm(K):
    x = K.Input((6,), dtype="int32")
    y = K.layers.Embedding(10, 4, mask_zero=True)(x)
    y = K.layers.LSTM(3)(y)
    made = K.Model(x, K.layers.Dense(1)(y))
    made.compile(K.optimizers.Lion(1e-3), "mae")
    return made


@model((6,), targets=[(2,)])
def frozen_parts(K):
    base = K.Sequential(
        [K.Input((6,)), K.layers.Dense(5), K.layers.BatchNormalization()], name="base"
    )
    base.trainable = False
    x = K.Input((6,))
    head = K.layers.Dense(4, activation="relu")
    y = head(base(x, training=False))
    made = K.Model(x, K.layers.Dense(2)(y))
    made.compile(K.optimizers.Adagrad(0.1), "mse")
    return made


@model((4, 6), targets=[(2,)])
def normalizations(K):
    x = K.Input((4, 6))
    y = K.layers.GroupNormalization(3)(x)
    y = K.layers.RMSNormalization()(K.layers.LayerNormalization(axis=[1, 2])(y))
    y = K.layers.EinsumDense("abc,cd->abd", (4, 3), bias_axes="d")(y)
    y = K.layers.PReLU()(y)
    y = K.layers.UnitNormalization()(K.layers.Flatten()(y))
    made = K.Model(x, K.layers.Dense(2)(y))
    made.compile(K.optimizers.Adadelta(1.0), "mse")
    return made


@model((6,), targets=[(2,)])
def weights_in_half_precision(K):
    x = K.Input((6,))
    y = K.layers.Dense(5, dtype="mixed_bfloat16")(x)
    y = K.layers.Dense(4, dtype="bfloat16")(y)
    made = K.Model(x, K.layers.Dense(2, dtype="float32")(y))
    made.compile(K.optimizers.Adamax(1e-2), "mse")
    return made


def own_classes(K):
    """Return classes of a program, registered under `tests>`."""
    register = K.saving.register_keras_serializable("tests")

    @register
    class Scale(K.layers.Layer):
        def __init__(self, start=1.0, **options):
            super().__init__(**options)
            self.start = start

        def build(self, input_shape):
            self.factor = self.add_weight(
                shape=input_shape[-1:],
                initializer=K.initializers.Constant(self.start),
                name="factor",
            )
            self.built = True

        def call(self, inputs):
            return K.ops.multiply(inputs, self.factor)

        def get_config(self):
            return {**super().get_config(), "start": self.start}

    @register
    class Quartic(K.losses.Loss):
        def call(self, y_true, y_pred):
            return K.ops.mean(K.ops.power(K.ops.subtract(y_pred, y_true), 4), axis=-1)

    @register
    class Blocks(K.Model):
        def __init__(self, width=4, **options):
            super().__init__(**options)
            self.width = width
            self.blocks = [[K.layers.Dense(width), Scale(0.5)] for _ in range(2)]
            self.named = {"b": K.layers.Dense(width), "a": K.layers.Dense(width)}
            self.out = K.layers.Dense(2)

        def call(self, inputs):
            x = inputs
            for dense, scale in self.blocks:
                x = K.ops.tanh(scale(dense(x)))
            return self.out(self.named["a"](self.named["b"](x)))

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    return Scale, Quartic, Blocks


@model((6,), targets=[(2,)])
def own_layer_and_loss(K):
    Scale, Quartic, _ = own_classes(K)
    x = K.Input((6,))
    made = K.Model(x, Scale(2.0)(K.layers.Dense(2)(x)))
    made.compile(K.optimizers.SGD(0.01), Quartic())
    return made


@model((6,), targets=[(2,)])
def a_subclass_with_nested_lists(K):
    _, _, Blocks = own_classes(K)
    made = Blocks(5)
    made.compile(K.optimizers.Adam(1e-2), "mse")
    return made
