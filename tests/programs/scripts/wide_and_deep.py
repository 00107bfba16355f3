"""Two inputs, a deep and a wide way, and a helping output on the deep one."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    wide = keras.Input((4,), name="wide")
    deep = keras.Input((6,), name="deep")
    hidden = layers.Dense(12, activation="relu")(deep)
    hidden = layers.Dense(8, activation="relu")(hidden)
    joined = layers.concatenate([wide, hidden])
    main = layers.Dense(1, name="main")(joined)
    helper = layers.Dense(1, name="helper")(hidden)
    model = keras.Model(inputs=[wide, deep], outputs=[main, helper])
    start(model)

    rng = np.random.default_rng(7)
    a = rng.normal(size=(50, 4)).astype("float32")
    b = rng.normal(size=(50, 6)).astype("float32")
    price = (a.sum(1) + np.abs(b[:, 0]) * b[:, 1]).reshape(-1, 1).astype("float32")
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss=["mse", "mae"],
        loss_weights=[0.9, 0.1],
        metrics=[["mae"], ["mse"]],
    )
    history = model.fit(
        [a, b], [price, price], batch_size=50, epochs=3, shuffle=False, verbose=0
    )
    return {
        "fit": history.history,
        "evaluate": model.evaluate([a, b], [price, price], return_dict=True, verbose=0),
    }
