"""A stiff little regression in double precision."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    inputs = keras.Input((3,), dtype="float64")
    x = layers.Dense(6, activation="softsign", dtype="float64")(inputs)
    x = layers.LayerNormalization(dtype="float64")(x)
    model = keras.Model(inputs, layers.Dense(1, dtype="float64")(x))
    start(model)
    rng = np.random.default_rng(42)
    x = rng.normal(size=(20, 3))
    y = np.exp(x[:, :1])
    model.compile(keras.optimizers.Adagrad(0.1), "mse")
    history = model.fit(x, y, epochs=3, batch_size=10, shuffle=False, verbose=0)
    predictions = model.predict(x, verbose=0)
    assert predictions.dtype == "float64"
    return {"fit": history.history, "predict": predictions}
