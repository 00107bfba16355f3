"""Requests with a title, a text and marks; their urgency and the office for them."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    title = keras.Input((None,), dtype="int32", name="title")
    body = keras.Input((None,), dtype="int32", name="body")
    marks = keras.Input((5,), name="marks")
    words = layers.Embedding(30, 6)
    read = [
        layers.LSTM(6)(words(title)),
        layers.GRU(4)(words(body)),
        marks,
    ]
    joined = layers.concatenate(read)
    model = keras.Model(
        inputs={"title": title, "body": body, "marks": marks},
        outputs={
            "urgency": layers.Dense(1, name="urgency")(joined),
            "office": layers.Dense(3, name="office")(joined),
        },
    )
    start(model)

    rng = np.random.default_rng(8)
    x = {
        "title": rng.integers(1, 30, size=(32, 5)),
        "body": rng.integers(1, 30, size=(32, 9)),
        "marks": rng.integers(0, 2, size=(32, 5)).astype("float32"),
    }
    y = {
        "urgency": x["marks"][:, :1],
        "office": np.eye(3, dtype="float32")[x["title"][:, 0] % 3],
    }
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-2),
        loss={
            "urgency": keras.losses.BinaryCrossentropy(from_logits=True),
            "office": keras.losses.CategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"urgency": 1.0, "office": 0.2},
        metrics={"office": ["accuracy"]},
    )
    history = model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(x, verbose=0)}
