"""Texts of several lengths, padded with a 0 that the LSTM does not read."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(25, 8, mask_zero=True),
            layers.LSTM(8, return_sequences=True),
            layers.LSTM(6),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    start(model)

    rng = np.random.default_rng(10)
    texts = rng.integers(1, 25, size=(30, 10))
    lengths = rng.integers(2, 11, size=30)
    texts[np.arange(10) >= lengths[:, None]] = 0
    first = (texts[:, 0] > 12).astype("float32")
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["acc"])
    history = model.fit(
        texts,
        first,
        epochs=3,
        batch_size=30,
        shuffle=False,
        verbose=0,
    )
    longer = np.pad(texts[:4], [(0, 0), (0, 3)])
    return {"fit": history.history, "predict": model.predict(longer, verbose=0)}
