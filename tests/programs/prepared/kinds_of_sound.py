"""Telling tones, rising tones and noise apart by their mel spectrograms."""

import numpy as np


def program(keras, inside):
    """Return a compiled model, x, y, and what prepares x where the model does not."""
    rng = np.random.default_rng(3)
    time, pitch = np.arange(800) / 4000, rng.uniform(200, 800, (30, 1))
    tones = np.sin(2 * np.pi * pitch * time)
    rising = np.sin(2 * np.pi * pitch * time * (1 + 3 * time))
    noise = rng.normal(0, 0.7, (30, 800))
    order = rng.permutation(90)
    x = np.concatenate([tones, rising, noise]).astype("float32")[order]
    y = np.repeat([0, 1, 2], 30)[order]

    layers = keras.layers
    mel = layers.MelSpectrogram(
        fft_length=128, sequence_stride=64, sampling_rate=4000, num_mel_bins=16
    )
    normalize = layers.Normalization(axis=None)
    normalize.adapt(np.asarray(keras.ops.convert_to_numpy(mel(x))))
    prepare = keras.Sequential([keras.Input((800,)), mel, normalize])
    inputs = keras.Input((800,) if inside else prepare.output_shape[1:])
    h = prepare(inputs) if inside else inputs
    h = layers.Conv1D(8, 3, activation="relu")(layers.Permute((2, 1))(h))
    h = layers.GlobalAveragePooling1D()(h)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(h))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, x, y, prepare
