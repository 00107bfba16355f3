"""FeatureSpace against Keras, and in models on every backend."""

import keras
import numpy as np
import pytest

import multinet
from multinet import Model, layers, ops
from multinet.errors import ArgumentError
from multinet.utils import FeatureSpace

RNG = np.random.default_rng(2)
TABLE = {
    "age": RNG.normal(40, 10, 30).astype("float32"),
    "city": RNG.choice(["Oslo", "Rome", "Lima"], 30),
    "trade": RNG.integers(0, 5, 30),
    "height": RNG.normal(0, 1, 30).astype("float32"),
    "street": RNG.choice(["a", "b"], 30),
    "room": RNG.integers(0, 50, 30),
    "score": RNG.normal(0, 1, 30).astype("float32"),
    "size": RNG.normal(0, 1, 30).astype("float32"),
}


def made(lib, **options):
    space = lib.utils.FeatureSpace
    return space(
        {
            "age": "float_normalized",
            "city": "string_categorical",
            "trade": space.integer_categorical(num_oov_indices=2),
            "height": space.float_discretized(num_bins=4),
            "street": space.string_hashed(num_bins=3),
            "room": space.integer_hashed(num_bins=6),
            "score": "float",
            "size": space.float_rescaled(0.5, 1.0),
        },
        crosses=[("city", "trade"), ("street", "room")],
        crossing_dim=8,
        **options,
    )


def numbers(x):
    return np.asarray(ops.convert_to_numpy(x))


@pytest.fixture(scope="module")
def reference():
    """What Keras makes of the table, and of its first row."""
    space = made(keras)
    space.adapt(TABLE)
    row = {name: column[0] for name, column in TABLE.items()}
    return np.asarray(space(TABLE)), np.asarray(space(row))


def test_it_gives_the_vectors_of_keras(reference, backend):
    space = made(multinet)
    space.adapt(TABLE)
    np.testing.assert_allclose(numbers(space(TABLE)), reference[0], atol=1e-5)
    row = {name: column[0] for name, column in TABLE.items()}
    np.testing.assert_allclose(numbers(space(row)), reference[1], atol=1e-5)


def test_it_adapts_on_batches_in_one_pass(reference):
    space = made(multinet)
    drawn = []

    def batches():
        for i in range(0, 30, 7):
            drawn.append(i)
            yield {name: column[i : i + 7] for name, column in TABLE.items()}

    space.adapt(batches())
    assert drawn == [0, 7, 14, 21, 28]
    found, expected = numbers(space(TABLE)), reference[0]
    np.testing.assert_allclose(found[:, :1], expected[:, :1], atol=1e-5)
    assert found.shape == expected.shape


def test_in_a_model_it_is_what_it_is_in_a_source(real_backend):
    multinet.utils.set_random_seed(0)
    space = made(multinet)
    space.adapt(TABLE)
    y = TABLE["age"] / 40
    inputs, encoded = space.get_inputs(), space.get_encoded_features()
    model = Model(inputs, layers.Dense(1)(encoded))
    start = model.layers[-1].get_weights()
    model.compile("sgd", "mse")
    options = {"epochs": 2, "shuffle": False, "verbose": 0, "batch_size": 10}
    within = model.fit(TABLE, y, **options).history["loss"]

    other = multinet.Sequential([multinet.Input((encoded.shape[-1],)), layers.Dense(1)])
    other.set_weights(start)
    other.compile("sgd", "mse")

    def batches():
        for i in range(0, 30, 10):
            part = {name: column[i : i + 10] for name, column in TABLE.items()}
            vectors = space(part)
            assert type(vectors) is np.ndarray
            yield vectors, y[i : i + 10]

    beside = other.fit(batches, epochs=2, verbose=0).history["loss"]
    np.testing.assert_allclose(within, beside, rtol=1e-5)


def test_dicts_come_out_by_name():
    space = made(multinet, output_mode="dict")
    space.adapt(TABLE)
    found = space(TABLE)
    assert found["city"].shape == (30, 4) and found["city_X_trade"].shape == (30, 8)
    assert found["age"].shape == (30, 1)


def test_a_layer_of_ones_own_prepares_a_feature():
    words = layers.TextVectorization(output_mode="multi_hot")
    space = FeatureSpace({"text": FeatureSpace.feature("string", words, "float")})
    space.adapt({"text": ["a b", "b c"]})
    assert numbers(space({"text": ["c", "d"]})).tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]


def test_what_is_wrong_is_said():
    with pytest.raises(ArgumentError, match="at least one"):
        FeatureSpace({})
    with pytest.raises(ArgumentError, match="kind of feature"):
        FeatureSpace({"age": "floating"})
    with pytest.raises(ArgumentError, match="not among the features"):
        FeatureSpace({"age": "float"}, crosses=[("age", "city")])
    space = FeatureSpace({"city": "string_categorical"})
    with pytest.raises(ArgumentError, match="call adapt"):
        space({"city": ["a"]})
    with pytest.raises(ArgumentError, match="dicts of columns"):
        space.adapt([np.ones(3)])
    space = FeatureSpace({"trade": FeatureSpace.integer_hashed(3, output_mode="int")})
    with pytest.raises(ArgumentError, match="not encoded"):
        space({"trade": [1]})
