"""Every layer that normalizes, and every activation that is a layer."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    inputs = keras.Input((4, 4, 6))
    parts = [
        layers.GroupNormalization(groups=3)(inputs),
        layers.LayerNormalization(axis=[1, 2, 3])(inputs),
        layers.BatchNormalization(axis=-1, momentum=0.7, scale=False)(inputs),
        layers.UnitNormalization(axis=-1)(inputs),
        layers.RMSNormalization()(inputs),
    ]
    kinds = [
        layers.PReLU(shared_axes=[1, 2]),
        layers.ELU(alpha=0.7),
        layers.LeakyReLU(negative_slope=0.1),
        layers.ReLU(max_value=2.0, negative_slope=0.01, threshold=0.1),
        layers.Softmax(axis=-1),
    ]
    x = layers.concatenate([kind(part) for kind, part in zip(kinds, parts)])
    x = layers.Conv2D(4, 2, strides=2, activation="hard_silu")(x)
    x = layers.Flatten()(x)
    model = keras.Model(inputs, layers.Dense(2)(x))
    start(model)

    rng = np.random.default_rng(52)
    x = rng.normal(loc=0.5, size=(24, 4, 4, 6)).astype("float32")
    y = x.std((1, 2))[:, :2]
    model.compile("adam", "mse")
    history = model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(x[:4], verbose=0)}
