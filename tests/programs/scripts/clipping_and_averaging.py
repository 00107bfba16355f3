"""Three ways to clip gradients, and a moving average of the weights for use later."""

import numpy as np


def program(keras, start):
    layers, optimizers = keras.layers, keras.optimizers
    rng = np.random.default_rng(35)
    x = (3 * rng.normal(size=(40, 3))).astype("float32")
    y = (x**2).sum(1, keepdims=True)
    results = {}
    for name, optimizer in {
        "norm": optimizers.SGD(0.1, clipnorm=0.5),
        "global_norm": optimizers.Adam(
            0.1, epsilon=1e-3, global_clipnorm=1.0, amsgrad=True
        ),
        "value_average": optimizers.SGD(
            0.1, momentum=0.5, clipvalue=0.1, use_ema=True, ema_momentum=0.8
        ),
    }.items():
        model = keras.Sequential(
            [keras.Input((3,)), layers.Dense(5, activation="relu"), layers.Dense(1)]
        )
        start(model)
        model.compile(optimizer, "huber")
        history = model.fit(x, y, epochs=2, batch_size=10, shuffle=False, verbose=0)
        if name.endswith("average"):
            optimizer.finalize_variable_values(model.trainable_variables)
        results[name] = history.history
        results[f"predict_{name}"] = model.predict(x[:6], verbose=0)
    return results
