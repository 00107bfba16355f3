"""The same start, and each optimizer with the options it has."""

import numpy as np


def program(keras, start):
    layers, optimizers = keras.layers, keras.optimizers
    rng = np.random.default_rng(55)
    x = rng.normal(size=(32, 4)).astype("float32")
    y = np.cos(x[:, :1]) * x[:, 1:2]
    results = {}
    for name, optimizer in {
        "rmsprop": optimizers.RMSprop(0.01, rho=0.8, momentum=0.5, centered=True),
        "adagrad": optimizers.Adagrad(0.1, initial_accumulator_value=0.2),
        "adadelta": optimizers.Adadelta(1.0, rho=0.9, epsilon=1e-4),
        "adamax": optimizers.Adamax(0.02, weight_decay=0.01),
        "lion": optimizers.Lion(0.003, beta_2=0.95),
    }.items():
        model = keras.Sequential(
            [keras.Input((4,)), layers.Dense(5, activation="tanh"), layers.Dense(1)]
        )
        start(model)
        model.compile(optimizer, "mse")
        history = model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)
        results[name] = history.history
    return results
