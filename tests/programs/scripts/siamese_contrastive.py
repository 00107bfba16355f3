"""Two towers with one set of weights; pairs that belong together come close."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Distance(layers.Layer):
        def call(self, a, b):
            total = ops.sum(ops.square(a - b), axis=1, keepdims=True)
            return ops.sqrt(ops.maximum(total, 1e-7))

    def contrastive(margin):
        def loss(y_true, y_pred):
            near = ops.square(y_pred)
            far = ops.square(ops.maximum(margin - y_pred, 0))
            return ops.mean((1 - y_true) * near + y_true * far)

        return loss

    digit = keras.Input((6, 6, 1))
    x = layers.BatchNormalization()(digit)
    x = layers.Conv2D(3, 3, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.BatchNormalization()(x)
    tower = keras.Model(digit, layers.Dense(4, activation="tanh")(x))

    left, right = keras.Input((6, 6, 1)), keras.Input((6, 6, 1))
    distance = Distance()(tower(left), tower(right))
    x = layers.BatchNormalization()(distance)
    model = keras.Model([left, right], layers.Dense(1, activation="sigmoid")(x))
    start(model)

    rng = np.random.default_rng(24)
    kinds = rng.normal(size=(3, 6, 6, 1))
    which = rng.integers(0, 3, size=(2, 36))
    pairs = (kinds[which] + 0.3 * rng.normal(size=(2, 36, 6, 6, 1))).astype("float32")
    unlike = (which[0] != which[1]).astype("float32")[:, None]
    model.compile(loss=contrastive(margin=1), optimizer="RMSprop", metrics=["accuracy"])
    history = model.fit(
        [pairs[0], pairs[1]],
        unlike,
        batch_size=36,
        epochs=3,
        shuffle=False,
        verbose=0,
    )
    return {"fit": history.history}
