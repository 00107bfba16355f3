"""A convolutional autoencoder that is shown spoilt images and asked for clean ones."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    x = layers.UpSampling2D(2)(x)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    outputs = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
    model = keras.Model(inputs, outputs)
    start(model)

    rng = np.random.default_rng(6)
    rows, columns = np.mgrid[:8, :8]
    centres = rng.uniform(2, 6, size=(24, 2, 1, 1))
    distances = np.hypot(rows - centres[:, 0], columns - centres[:, 1])
    clean = (distances < 2.2).astype("float32")[..., None]
    noise = rng.normal(scale=0.4, size=clean.shape)
    spoilt = np.clip(clean + noise, 0, 1).astype("float32")

    model.compile("adam", keras.losses.BinaryCrossentropy())
    history = model.fit(
        spoilt,
        clean,
        epochs=3,
        batch_size=24,
        shuffle=False,
        verbose=0,
    )
    return {"fit": history.history, "predict": model.predict(spoilt[:3], verbose=0)}
