"""Layers that are used more than once, and models over parts of a graph."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    first, second = keras.Input((5,), name="first"), keras.Input((5,), name="second")
    dense = layers.Dense(6, activation="tanh", name="shared")
    norm = layers.LayerNormalization(name="norm")
    a, b = norm(dense(first)), norm(dense(second))
    both = layers.Multiply()([a, b])
    difference = keras.ops.abs(a - b)
    top = layers.Dense(1, name="top")(layers.Average()([both, difference]) * 2.0)
    model = keras.Model([first, second], top)
    start(model)

    rng = np.random.default_rng(38)
    x = rng.normal(size=(2, 28, 5)).astype("float32")
    y = (x[0] * x[1]).sum(1, keepdims=True)
    model.compile("rmsprop", "log_cosh")
    history = model.fit(
        {"first": x[0], "second": x[1]},
        y,
        epochs=3,
        batch_size=28,
        shuffle=False,
        verbose=0,
    )
    features = keras.Model(first, model.get_layer("norm").output)
    middle = keras.Model(model.inputs, [both, difference])
    return {
        "fit": history.history,
        "predict_features": features.predict(x[0], verbose=0),
        "predict_middle": middle.predict([x[0], x[1]], verbose=0),
    }
