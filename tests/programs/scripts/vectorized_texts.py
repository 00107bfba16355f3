"""Reading reviews: words by their places in a vocabulary, counts of a few of them."""

import numpy as np

GOOD = ["a fine film", "fine acting, and fun", "what fun it was!", "I liked it"]
BAD = ["a dull film", "dull, and too long", "what a bore it was!", "I left early"]


def program(keras, start):
    layers = keras.layers
    texts = np.array([f"{a}. {b}" for a in GOOD + BAD for b in GOOD + BAD])
    praise = np.array([i < 4 for i in range(8) for _ in range(8)], "float32")

    words = layers.TextVectorization(max_tokens=20, output_sequence_length=8)
    words.adapt(texts)
    counts = layers.TextVectorization(max_tokens=12, ngrams=2, output_mode="tf_idf")
    counts.adapt(texts)
    x = [np.array(words(texts)), np.array(counts(texts))]

    places = keras.Input((8,), dtype="int32")
    weighed = keras.Input((12,))
    read = layers.GlobalAveragePooling1D()(layers.Embedding(20, 6)(places))
    hidden = layers.Dense(8, activation="relu")(layers.Concatenate()([read, weighed]))
    outputs = layers.Dense(1, activation="sigmoid")(hidden)
    model = keras.Model([places, weighed], outputs)
    start(model)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, praise, epochs=3, batch_size=16, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(x, verbose=0)}
