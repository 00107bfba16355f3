"""Training ends when it does not get better, and goes back to where it was best."""

import numpy as np


def program(keras, start):
    layers, callbacks = keras.layers, keras.callbacks
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(24, activation="relu"), layers.Dense(1)]
    )
    start(model)
    rng = np.random.default_rng(53)
    x = rng.normal(size=(20, 6)).astype("float32")
    y = x[:, :1] + rng.normal(size=(20, 1)).astype("float32")
    seen = []
    stopping = callbacks.EarlyStopping(
        monitor="val_loss", patience=2, min_delta=0.01, restore_best_weights=True
    )
    notes = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(epoch)
    )
    model.compile(keras.optimizers.SGD(0.1, momentum=0.5), "mse")
    history = model.fit(
        x,
        y,
        epochs=12,
        batch_size=5,
        validation_split=0.4,
        callbacks=[stopping, notes],
        shuffle=False,
        verbose=0,
    )
    return {
        "fit": history.history,
        "epochs": seen,
        "stopped": [stopping.stopped_epoch, stopping.best_epoch],
        "predict": model.predict(x, verbose=0),
    }
