"""`train_on_batch` and `test_on_batch` in a loop of one's own."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(6, activation="tanh"), layers.Dense(1)]
    )
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    rng = np.random.default_rng(64)
    x = rng.normal(size=(32, 3)).astype("float32")
    y = x[:, :1] - x[:, 1:2] * x[:, 2:]
    trained, tested = [], []
    for begin in (0, 8, 16):
        batch = slice(begin, begin + 8)
        logs = model.train_on_batch(x[batch], y[batch], return_dict=True)
        trained.append([float(logs["loss"]), float(logs["mae"])])
        tested.append([float(value) for value in model.test_on_batch(x[24:], y[24:])])
    weights = np.linspace(0, 1, 8).astype("float32")
    weighted = model.train_on_batch(x[:8], y[:8], sample_weight=weights)
    return {
        "trained_loss": np.array(trained),
        "tested_loss": np.array(tested),
        "weighted": [float(value) for value in weighted],
        "predict": model.predict_on_batch(x),
    }
