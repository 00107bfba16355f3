"""Mixed precision on numbers that bfloat16 has exactly, so every sum is the same.

Weights go to halves after each update: what the update itself rounds does not stay.
"""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Halves(keras.constraints.Constraint):
        def __call__(self, w):
            return ops.round(2.0 * w + 0.03) / 2.0

    halves = Halves()
    options = {
        "kernel_constraint": halves,
        "bias_constraint": halves,
        "dtype": keras.dtype_policies.DTypePolicy("mixed_bfloat16"),
    }
    inputs = keras.Input((4,))
    x = layers.Dense(3, activation="relu", **options)(inputs)
    x = layers.Dense(2, **options)(x)
    outputs = layers.Activation("linear", dtype="float32")(x)
    model = keras.Model(inputs, outputs)
    start(model)
    rng = np.random.default_rng(41)
    model.set_weights([np.round(2 * w) / 2 for w in model.get_weights()])

    x = rng.integers(-1, 2, size=(8, 4)).astype("float32")
    y = rng.integers(-2, 3, size=(8, 2)).astype("float32")
    model.compile(keras.optimizers.SGD(0.5), "mse")
    history = model.fit(x, y, batch_size=8, epochs=4, shuffle=False, verbose=0)
    return {
        "fit": history.history,
        "predict": model.predict(x, verbose=0),
        "dtypes": [float(w.dtype == "float32") for w in model.weights],
    }
