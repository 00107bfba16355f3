"""Which of three collections of data a line of text describes."""

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine


def program(keras, inside):
    """Return a compiled model, x, y, and what prepares x where the model does not."""
    texts, labels = [], []
    for label, load in enumerate((load_breast_cancer, load_diabetes, load_wine)):
        lines = [line for line in load().DESCR.splitlines() if len(line.split()) > 3]
        texts += lines[:40]
        labels += [label] * len(lines[:40])
    order = np.random.default_rng(0).permutation(len(texts))
    texts, labels = np.array(texts)[order], np.array(labels)[order]

    words = keras.layers.TextVectorization(max_tokens=200, output_sequence_length=12)
    words.adapt(texts)
    begin = [keras.Input((12,), dtype="int32")]
    if inside:
        begin = [keras.Input((), dtype="string"), words]
    body = [
        keras.layers.Embedding(200, 8, mask_zero=True),
        keras.layers.GRU(8),
        keras.layers.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential([*begin, *body])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, texts, labels, words
