"""Telling three kinds of wine apart by a table of measures and of words for them."""

import numpy as np
from sklearn.datasets import load_wine


def program(keras, inside):
    """Return a compiled model, x, y, and what prepares x where the model does not."""
    wine = load_wine()
    columns = dict(zip(wine.feature_names, wine.data.T.astype("float32")))
    words = np.array(["pale", "medium", "deep"])
    table = {
        "alcohol": columns["alcohol"],
        "proline": columns["proline"],
        "ash": columns["ash"],
        "colour": words[np.digitize(columns["color_intensity"], [4, 6])],
        "magnesium": columns["magnesium"].astype("int32") // 10,
        "hue": words[np.digitize(columns["hue"], [0.8, 1.1])],
    }
    order = np.random.default_rng(0).permutation(len(wine.target))
    table = {name: column[order] for name, column in table.items()}

    space_of = keras.utils.FeatureSpace
    space = space_of(
        {
            "alcohol": "float_normalized",
            "proline": "float_normalized",
            "ash": space_of.float_discretized(num_bins=5),
            "colour": "string_categorical",
            "magnesium": "integer_categorical",
            "hue": space_of.string_hashed(num_bins=4),
        },
        crosses=[("colour", "hue")],
        crossing_dim=8,
    )
    space.adapt(table)
    encoded = space.get_encoded_features()
    inputs = space.get_inputs() if inside else keras.Input(encoded.shape[1:])
    x = keras.layers.Dense(12, activation="tanh")(encoded if inside else inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, table, wine.target[order], space
