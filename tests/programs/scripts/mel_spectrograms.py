"""Telling tones from noise by their mel spectrograms, which the model makes itself."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    rng = np.random.default_rng(6)
    time = np.arange(1024) / 4000
    tones = np.sin(2 * np.pi * rng.uniform(200, 900, (12, 1)) * time)
    noise = rng.normal(0, 0.7, (12, 1024))
    signals = np.concatenate([tones, noise]).astype("float32")
    labels = np.repeat([0, 1], 12)
    order = rng.permutation(24)

    inputs = keras.Input((1024,))
    mel = layers.MelSpectrogram(
        fft_length=256, sequence_stride=128, sampling_rate=4000, num_mel_bins=16
    )(inputs)
    mel = layers.Normalization(mean=-20.0, variance=400.0, axis=None)(mel)
    images = layers.Reshape((16, 9, 1))(mel)
    x = layers.Conv2D(6, 3, activation="relu")(images)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    start(model)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        signals[order], labels[order], epochs=3, batch_size=8, shuffle=False, verbose=0
    )
    return {"fit": history.history, "predict": model.predict(signals, verbose=0)}
