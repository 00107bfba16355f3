"""A transformer block of one's own reads texts."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Block(layers.Layer):
        def __init__(self, width, heads, inner, rate=0.0):
            super().__init__()
            self.attention = layers.MultiHeadAttention(
                num_heads=heads, key_dim=width // heads
            )
            self.network = keras.Sequential(
                [layers.Dense(inner, activation="relu"), layers.Dense(width)]
            )
            self.first_norm = layers.LayerNormalization(epsilon=1e-6)
            self.second_norm = layers.LayerNormalization(epsilon=1e-6)
            self.first_drop = layers.Dropout(rate)
            self.second_drop = layers.Dropout(rate)

        def call(self, inputs, training=False):
            seen = self.first_drop(self.attention(inputs, inputs), training=training)
            x = self.first_norm(inputs + seen)
            more = self.second_drop(self.network(x), training=training)
            return self.second_norm(x + more)

    class Places(layers.Layer):
        def __init__(self, length, words, width):
            super().__init__()
            self.words = layers.Embedding(words, width)
            self.places = layers.Embedding(length, width)

        def call(self, x):
            places = ops.arange(0, ops.shape(x)[-1])
            return self.words(x) + self.places(places)

    inputs = keras.Input((9,), dtype="int32")
    x = Places(9, 30, 8)(inputs)
    x = Block(8, 2, 12)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(6, activation="relu")(x)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    start(model)

    rng = np.random.default_rng(17)
    texts = rng.integers(0, 30, size=(30, 9))
    labels = (texts[:, 2] > texts[:, 5]).astype("int32")
    model.compile(
        keras.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(
        texts,
        labels,
        batch_size=30,
        epochs=3,
        shuffle=False,
        verbose=0,
    )
    return {"fit": history.history, "predict": model.predict(texts[:5], verbose=0)}
