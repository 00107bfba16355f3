"""Losses that leave out unknown targets: a function, a class, and a metric."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    def known_loss(y_true, y_pred):
        known = ops.cast(y_true >= 0, "float32")
        labels = ops.cast(ops.maximum(y_true, 0), "int32")
        losses = keras.losses.sparse_categorical_crossentropy(labels, y_pred)
        return ops.sum(losses * known) / ops.maximum(ops.sum(known), 1.0)

    class KnownSquares(keras.losses.Loss):
        def __init__(self, missing, **kwargs):
            super().__init__(**kwargs)
            self.missing = missing

        def call(self, y_true, y_pred):
            known = ops.cast(ops.not_equal(y_true, self.missing), y_pred.dtype)
            return ops.sum(known * ops.square(y_true - y_pred), axis=-1)

    def known_accuracy(y_true, y_pred):
        known = ops.cast(y_true >= 0, "float32")
        said = ops.cast(ops.argmax(y_pred, axis=-1), y_true.dtype)
        right = ops.cast(ops.equal(said, y_true), "float32")
        return ops.sum(right * known, axis=-1) / ops.sum(known, axis=-1)

    inputs = keras.Input((6, 3))
    x = layers.GRU(6, return_sequences=True)(inputs)
    kinds = layers.Dense(4, activation="softmax", name="kinds")(x)
    sizes = layers.Dense(2, name="sizes")(x)
    model = keras.Model(inputs, {"kinds": kinds, "sizes": sizes})
    start(model)

    rng = np.random.default_rng(40)
    x = rng.normal(size=(20, 6, 3)).astype("float32")
    labels = rng.integers(0, 4, size=(20, 6)).astype("float32")
    labels[:, 1:][rng.uniform(size=(20, 5)) < 0.4] = -1
    targets = np.where(rng.uniform(size=(20, 6, 2)) < 0.3, -99, x[..., :2] * 2)
    model.compile(
        "adam",
        loss={"kinds": known_loss, "sizes": KnownSquares(-99.0)},
        metrics={"kinds": known_accuracy},
    )
    history = model.fit(
        x,
        {"kinds": labels, "sizes": targets.astype("float32")},
        epochs=3,
        batch_size=20,
        shuffle=False,
        verbose=0,
    )
    return {"fit": history.history}
