"""Two batches for each update, and one update for each two batches."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    rng = np.random.default_rng(48)
    x = rng.normal(size=(48, 5)).astype("float32")
    y = (x[:, :1] > x[:, 1:2]).astype("float32")
    results = {}
    for name, optimizer in {
        "adam": keras.optimizers.Adam(0.05, gradient_accumulation_steps=2),
        "momentum": keras.optimizers.SGD(
            0.1, momentum=0.9, gradient_accumulation_steps=3
        ),
    }.items():
        model = keras.Sequential(
            [keras.Input((5,)), layers.Dense(6, activation="tanh"), layers.Dense(1)]
        )
        start(model)
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(optimizer, loss)
        history = model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
        results[name] = history.history
        results[f"predict_{name}"] = model.predict(x[:4], verbose=0)
    return results
