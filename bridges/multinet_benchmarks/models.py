"""The models in Keras's API, written once: `keras` is Keras 3, or Multinet."""

from __future__ import annotations

from typing import Any

from multinet_benchmarks import workloads
from multinet_benchmarks.workloads import Workload


def build(keras: Any, workload: Workload) -> Any:
    """Return the compiled model of a workload."""
    make = {
        "linear": _linear,
        "mlp": _mlp,
        "cnn": _cnn,
        "transformer": _transformer,
        "lstm": _lstm,
        "resnet": _resnet,
    }[workload.kind]
    model = make(keras, workload)
    loss: Any = "mse"
    if workload.kind != "linear":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=_optimizer(keras, workload), loss=loss)
    return model


def _optimizer(keras: Any, workload: Workload) -> Any:
    options = dict(workload.options)
    rate = options.pop("rate")
    if workload.optimizer in ("sgd", "momentum"):
        return keras.optimizers.SGD(rate, **options)
    if workload.optimizer == "adamw":
        decay = options.pop("decay")
        return keras.optimizers.AdamW(rate, weight_decay=decay, **options)
    return keras.optimizers.Adam(rate, **options)


def _linear(keras: Any, workload: Workload) -> Any:
    return keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, name="output")], name="linear"
    )


def _mlp(keras: Any, workload: Workload) -> Any:
    layers, (first, second) = keras.layers, workloads.HIDDEN
    return keras.Sequential(
        [
            keras.Input((workloads.PIXELS,)),
            layers.Dense(first, activation="relu", name="hidden1"),
            layers.Dense(second, activation="relu", name="hidden2"),
            layers.Dense(workloads.CLASSES, name="output"),
        ],
        name="mlp",
    )


def _cnn(keras: Any, workload: Workload) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu", name="hidden"),
            layers.Dropout(workload.dropout),
            layers.Dense(workloads.CLASSES, name="output"),
        ],
        name="cnn",
    )


def _transformer(keras: Any, workload: Workload) -> Any:
    layers, width = keras.layers, workloads.WIDTH
    epsilon = workloads.NORM_EPSILON
    inputs = keras.Input((workloads.LENGTH,), dtype="int32")
    x = layers.Embedding(workloads.VOCABULARY, width, name="tokens")(inputs)
    x = _positions(keras)(name="positions")(x)
    for i in range(workloads.BLOCKS):
        h = layers.LayerNormalization(epsilon=epsilon, name=f"norm{i}a")(x)
        attention = layers.MultiHeadAttention(
            workloads.HEADS, width // workloads.HEADS, name=f"attention{i}"
        )
        x = layers.Add()([x, attention(h, h, use_causal_mask=True)])
        h = layers.LayerNormalization(epsilon=epsilon, name=f"norm{i}b")(x)
        h = layers.Dense(workloads.INNER, activation="gelu", name=f"inner{i}")(h)
        x = layers.Add()([x, layers.Dense(width, name=f"outer{i}")(h)])
    x = layers.LayerNormalization(epsilon=epsilon, name="norm")(x)
    outputs = layers.Dense(workloads.VOCABULARY, name="output")(x)
    return keras.Model(inputs, outputs, name="transformer")


def _positions(keras: Any) -> Any:
    class Positions(keras.layers.Layer):
        """Add a learned vector to each position: (b, t, d) -> (b, t, d)."""

        def build(self, input_shape: Any) -> None:
            shape = tuple(input_shape[1:])
            self.table = self.add_weight(name="table", shape=shape, initializer="zeros")

        def call(self, inputs: Any) -> Any:
            return keras.ops.add(inputs, self.table)

    return Positions


def _lstm(keras: Any, workload: Workload) -> Any:
    return keras.Sequential(
        [
            keras.Input((workloads.TIMES, workloads.FEATURES)),
            keras.layers.LSTM(workloads.UNITS, name="lstm"),
            keras.layers.Dense(workloads.CLASSES, name="output"),
        ],
        name="lstm_classifier",
    )


def _resnet(keras: Any, workload: Workload) -> Any:
    layers = keras.layers

    def conv(x: Any, filters: int, size: int, stride: int, name: str) -> Any:
        return layers.Conv2D(
            filters, size, stride, padding="same", use_bias=False, name=name
        )(x)

    def norm(x: Any, name: str) -> Any:
        return layers.BatchNormalization(
            momentum=workloads.BATCH_MOMENTUM,
            epsilon=workloads.NORM_EPSILON,
            name=name,
        )(x)

    def relu(x: Any) -> Any:
        return layers.Activation("relu")(x)

    inputs = keras.Input((32, 32, 3))
    x = relu(norm(conv(inputs, 16, 3, 1, "stem"), "stem_norm"))
    for block in workloads.residual_blocks():
        name, filters = block.name, block.filters
        h = conv(x, filters, 3, block.stride, f"{name}_conv1")
        h = relu(norm(h, f"{name}_norm1"))
        h = norm(conv(h, filters, 3, 1, f"{name}_conv2"), f"{name}_norm2")
        if block.projects:
            x = conv(x, filters, 1, block.stride, f"{name}_conv3")
            x = norm(x, f"{name}_norm3")
        x = relu(layers.Add()([x, h]))
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(workloads.CLASSES, name="output")(x)
    return keras.Model(inputs, outputs, name="resnet20")
