"""How much a reader will like a book: a product of two embeddings, and two biases."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Recommender(keras.Model):
        def __init__(self, readers, books, size, **kwargs):
            super().__init__(**kwargs)
            self.readers = layers.Embedding(
                readers,
                size,
                embeddings_initializer="he_normal",
                embeddings_regularizer=keras.regularizers.l2(1e-3),
            )
            self.reader_bias = layers.Embedding(readers, 1)
            self.books = layers.Embedding(
                books, size, embeddings_regularizer=keras.regularizers.l2(1e-3)
            )
            self.book_bias = layers.Embedding(books, 1)
            self.dot = layers.Dot(axes=-1)

        def call(self, inputs):
            reader, book = inputs[:, 0], inputs[:, 1]
            product = self.dot([self.readers(reader), self.books(book)])
            x = product + self.reader_bias(reader) + self.book_bias(book)
            return ops.sigmoid(x)

    rng = np.random.default_rng(44)
    pairs = np.stack([rng.integers(0, 12, 60), rng.integers(0, 9, 60)], axis=1)
    marks = ((pairs.sum(1) % 5) / 4).astype("float32")
    model = Recommender(12, 9, 5)
    model(pairs[:2])
    start(model)
    model.compile(
        loss=keras.losses.BinaryCrossentropy(),
        optimizer=keras.optimizers.Adam(learning_rate=0.01),
    )
    history = model.fit(
        x=pairs,
        y=marks,
        batch_size=60,
        epochs=3,
        shuffle=False,
        verbose=0,
    )
    return {"fit": history.history, "predict": model.predict(pairs[:8], verbose=0)}
