"""A question looks at a text: dot-product and additive attention with both masks."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    question = keras.Input((None,), dtype="int32")
    text = keras.Input((None,), dtype="int32")
    words = layers.Embedding(20, 6, mask_zero=True)
    asked, told = words(question), words(text)
    convolve = layers.Conv1D(6, 3, padding="same")
    asked, told = convolve(asked), convolve(told)
    found = layers.Attention(use_scale=True)([asked, told])
    added = layers.AdditiveAttention()([asked, told])
    x = layers.Concatenate()(
        [
            layers.GlobalAveragePooling1D()(asked),
            layers.GlobalAveragePooling1D()(found),
            layers.GlobalAveragePooling1D()(added),
        ]
    )
    model = keras.Model([question, text], layers.Dense(1)(x))
    start(model)

    rng = np.random.default_rng(19)

    def padded(length):
        some = rng.integers(1, 20, size=(24, length))
        some[np.arange(length) >= rng.integers(2, length + 1, size=(24, 1))] = 0
        return some

    x = [padded(4), padded(9)]
    y = (x[0][:, :1] == x[1]).sum(1, keepdims=True).astype("float32")
    model.compile(keras.optimizers.Adam(0.01), "mse")
    history = model.fit(x, y, epochs=3, batch_size=24, shuffle=False, verbose=0)
    return {
        "fit": history.history,
        "predict": model.predict([x[0][:5], x[1][:5]], verbose=0),
    }
