"""A table of numbers and names: each column as a vector in its own way."""

import numpy as np


def program(keras, start):
    rng = np.random.default_rng(4)
    table = {
        "age": rng.normal(40, 12, 60).astype("float32"),
        "income": rng.lognormal(3, 1, 60).astype("float32"),
        "city": rng.choice(["Oslo", "Rome", "Lima", "Cork"], 60),
        "trade": rng.integers(0, 9, 60),
        "street": rng.choice(["high", "low", "back", "long"], 60),
    }
    bought = (table["age"] + table["income"] > 60).astype("float32")

    space_of = keras.utils.FeatureSpace
    space = space_of(
        {
            "age": "float_normalized",
            "income": space_of.float_discretized(num_bins=6),
            "city": "string_categorical",
            "trade": "integer_categorical",
            "street": space_of.string_hashed(num_bins=5),
        },
        crosses=[("city", "trade")],
        crossing_dim=16,
    )
    space.adapt(table)
    x = np.array(space(table))

    inputs = keras.Input((x.shape[-1],))
    hidden = keras.layers.Dense(10, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
    start(model)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, bought, epochs=3, batch_size=20, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(x, verbose=0)}
