"""A small language model that sees only what came before, with one table of words."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Language(keras.Model):
        def __init__(self, words, length, width):
            super().__init__()
            self.embedding = layers.Embedding(words, width, mask_zero=True)
            self.places = self.add_weight(
                shape=(length, width), initializer="random_normal", name="places"
            )
            self.norms = [layers.LayerNormalization() for _ in range(3)]
            self.attention = layers.MultiHeadAttention(2, width // 2)
            self.widen = layers.Dense(2 * width, activation="gelu")
            self.narrow = layers.Dense(width)

        def call(self, tokens):
            x = self.embedding(tokens) + self.places[: ops.shape(tokens)[1]]
            seen = self.norms[0](x)
            x = x + self.attention(seen, seen, use_causal_mask=True)
            x = x + self.narrow(self.widen(self.norms[1](x)))
            table = ops.transpose(ops.convert_to_tensor(self.embedding.embeddings))
            return ops.matmul(self.norms[2](x), table)

    rng = np.random.default_rng(18)
    counted = (np.arange(9) + rng.integers(0, 9, size=(20, 1))) % 9 + 1
    x, y = counted[:, :-1], counted[:, 1:]
    model = Language(10, 8, 8)
    model(x[:1])
    start(model)
    model.compile(
        keras.optimizers.AdamW(0.01, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    history = model.fit(x, y, epochs=3, batch_size=20, shuffle=False, verbose=0)

    said = np.pad(x[:2, :4], [(0, 0), (0, 4)])
    for place in range(3, 7):
        scores = model.predict(said, verbose=0)
        said[:, place + 1] = scores[:, place].argmax(-1)
    return {"fit": history.history, "predict": scores[:, :7], "said": said}
