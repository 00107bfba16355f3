"""An autoencoder whose halves are models that are used on their own afterwards."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    encoder = keras.Sequential(
        [
            keras.Input((20,)),
            layers.Dense(10, activation="gelu"),
            layers.Dense(3, name="code"),
        ],
        name="encoder",
    )
    decoder = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(10, activation="gelu"),
            layers.Dense(20, activation="sigmoid"),
        ],
        name="decoder",
    )
    inputs = keras.Input((20,))
    model = keras.Model(inputs, decoder(encoder(inputs)), name="autoencoder")
    start(model)

    rng = np.random.default_rng(5)
    hidden = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 20))
    curves = (1 / (1 + np.exp(-hidden))).astype("float32")
    model.compile("adam", "mse", metrics=["mae", "cosine_similarity"])
    history = model.fit(
        curves, curves, epochs=3, batch_size=40, shuffle=False, verbose=0
    )
    codes = encoder.predict(curves[:8], verbose=0)
    return {
        "fit": history.history,
        "predict_codes": codes,
        "predict_decoded": decoder.predict(codes, verbose=0),
    }
