"""The host stage: texts and vocabularies before a model's first tensor layer."""

import numpy as np
import pytest

import multinet
from multinet import Input, Model, Sequential, layers, ops
from multinet.errors import ArgumentError, DTypeError

TEXTS = np.array(
    [
        "the cat sat on the mat",
        "a dog ate the cat",
        "birds fly high",
        "the dog runs",
        "cats and dogs",
        "high birds sing now",
    ]
    * 6
)
LABELS = np.array([0, 1, 2, 1, 0, 2] * 6)


def vectorizer():
    layer = layers.TextVectorization(max_tokens=40)
    layer.adapt(TEXTS)
    return layer


def body():
    return [
        layers.Embedding(40, 4),
        layers.GlobalAveragePooling1D(),
        layers.Dense(3, activation="softmax"),
    ]


def chained(x, parts):
    for part in parts:
        x = part(x)
    return x


def first():
    """A model that meets its data without an input."""
    return Sequential([vectorizer(), *body()])


def declared():
    """One with an input of texts."""
    return Sequential([Input((), dtype="string"), vectorizer(), *body()])


def behind_a_model():
    """One whose preprocessing is a model of its own."""
    texts = Input((1,), dtype="string")
    before = Model(texts, vectorizer()(texts))
    x = Input((1,), dtype="string")
    return Model(x, chained(before(x), body()))


def within_a_model():
    """One that begins with a model of host and tensor layers."""
    *inner, last = body()
    before = Sequential([Input((), dtype="string"), vectorizer(), *inner])
    x = Input((), dtype="string")
    return Model(x, last(before(x)))


def trained(model, x=TEXTS, **options):
    model.compile("adam", "sparse_categorical_crossentropy")
    options = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0} | options
    return model.fit(x, LABELS, **options).history["loss"]


@pytest.fixture
def in_source():
    """The losses where the data source prepares the texts, on NumPy."""
    multinet.utils.set_random_seed(0)
    words, model = vectorizer(), Sequential([Input((None,), dtype="int32"), *body()])
    model.compile("adam", "sparse_categorical_crossentropy")

    def batches():
        for i in range(0, 36, 8):
            yield words(TEXTS[i : i + 8]), LABELS[i : i + 8]

    return model.fit(batches, epochs=2, verbose=0).history["loss"]


@pytest.mark.parametrize("make", [first, declared, behind_a_model, within_a_model])
def test_a_model_of_texts_trains_as_if_its_source_prepared_them(
    make, in_source, real_backend
):
    multinet.utils.set_random_seed(0)
    model = make()
    np.testing.assert_allclose(trained(model), in_source, rtol=2e-6)
    predicted = model.predict(TEXTS, verbose=0, batch_size=36)
    called = ops.convert_to_numpy(model(TEXTS))
    np.testing.assert_allclose(called, predicted, rtol=1e-5)
    tested = model.evaluate(TEXTS, LABELS, verbose=0, batch_size=36)
    picked = predicted[np.arange(36), LABELS]
    np.testing.assert_allclose(tested, -np.log(picked).mean(), rtol=1e-5)


def test_texts_are_enough_to_build_a_model_of_texts(backend):
    words = layers.TextVectorization(vocabulary=["a", "b"])
    alone = Sequential([words])(np.array(["b a", "c"]))
    np.testing.assert_array_equal(ops.convert_to_numpy(alone), [[3, 2], [1, 0]])


def test_on_the_strict_backend_too(in_source):
    with multinet.use_backend("strict"):
        multinet.utils.set_random_seed(0)
        np.testing.assert_allclose(trained(declared()), in_source, rtol=2e-6)


def test_texts_come_from_generators_too_and_in_single_batches(in_source):
    def batches():
        for i in range(0, 36, 8):
            yield TEXTS[i : i + 8], LABELS[i : i + 8]

    multinet.utils.set_random_seed(0)
    model = declared()
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(batches, epochs=2, verbose=0, validation_data=(TEXTS, LABELS))
    np.testing.assert_allclose(history.history["loss"], in_source, rtol=2e-6)
    assert "val_loss" in history.history
    before = model.evaluate(TEXTS, LABELS, verbose=0)
    model.train_on_batch(TEXTS, LABELS)
    assert model.test_on_batch(TEXTS, LABELS) < before
    assert model.predict_on_batch(list(TEXTS[:2])).shape == (2, 3)


def test_shuffled_texts_come_in_the_order_of_their_prepared_numbers():
    multinet.utils.set_random_seed(1)
    prepared = vectorizer()
    prepared = layers.TextVectorization(
        vocabulary=prepared.get_vocabulary(), output_sequence_length=6
    )
    model = Sequential([Input((), dtype="string"), prepared, *body()])
    found = trained(model, shuffle=True)
    multinet.utils.set_random_seed(1)
    other = Sequential([Input((6,), dtype="int32"), *body()])
    other = trained(other, prepared(TEXTS), shuffle=True)
    np.testing.assert_allclose(found, other, rtol=2e-6)


def test_numbers_pass_beside_texts(real_backend):
    multinet.utils.set_random_seed(0)
    city, age = Input((1,), dtype="string", name="city"), Input((1,), name="age")
    found = layers.StringLookup(vocabulary=["Oslo", "Rome"], output_mode="multi_hot")
    bins = layers.Discretization([30.0, 50.0])(age)
    crossed = layers.HashedCrossing(8, output_mode="one_hot")([bins, bins])
    x = layers.Concatenate()([found(city), age, crossed])
    model = Model({"city": city, "age": age}, layers.Dense(1)(x))
    data = {"city": np.array(["Rome", "Oslo", "Lima"] * 4), "age": np.arange(12) * 6.0}
    model.compile("sgd", "mse")
    losses = model.fit(data, np.ones(12), epochs=2, verbose=0, shuffle=False).history
    expected = [4.0, 3.0]
    assert len(losses["loss"]) == len(expected) and np.isfinite(losses["loss"]).all()
    kernel, bias = model.get_weights()
    lookup = np.eye(3)[[2, 1, 0] * 4]
    place = np.digitize(data["age"], [30.0, 50.0])
    hashed = np.asarray(
        ops.convert_to_numpy(
            layers.HashedCrossing(8, output_mode="one_hot")([place, place])
        )
    )
    by_hand = np.concatenate([lookup, data["age"][:, None], hashed], 1) @ kernel + bias
    np.testing.assert_allclose(model.predict(data, verbose=0), by_hand, rtol=1e-4)


def test_a_training_step_of_the_program_sees_what_the_stage_gave(real_backend):
    class Own(Model):
        def train_step(self, data):
            x, y = data
            return super().train_step((x, y))

    x = Input((), dtype="string")
    model = Own(x, chained(x, [vectorizer(), *body()]))
    assert np.isfinite(trained(model)).all()


def test_large_integers_are_looked_up_on_the_host():
    ids = np.array([2**40, 7, 2**40 + 1])
    x = Input((1,), dtype="int64")
    lookup = layers.IntegerLookup(vocabulary=[2**40, 7], output_mode="multi_hot")
    model = Model(x, lookup(x))
    np.testing.assert_array_equal(
        model.predict(ids, verbose=0), [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    )


def test_a_layer_of_the_host_behind_weights_is_refused():
    x = Input((3,))
    bins = layers.Hashing(4)(layers.Dense(2)(x))
    model = Model(x, layers.CategoryEncoding(4)(bins))
    with pytest.raises(ArgumentError, match="weights to train"):
        model.predict(np.ones((2, 3)), verbose=0)


def test_texts_for_a_tensor_layer_are_refused():
    with pytest.raises((ArgumentError, DTypeError)):
        layers.Dense(2)(np.array(["a"]))
    model = Sequential([Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(DTypeError, match="strings"):
        model.fit(np.array([["a"]]), np.ones(1), verbose=0)


def test_numbers_for_an_input_of_texts_are_refused():
    with pytest.raises(ArgumentError, match="expects texts"):
        declared().predict(np.ones(3), verbose=0)


def test_a_larger_vocabulary_under_a_model_of_a_size_is_refused():
    x = Input((1,), dtype="string")
    lookup = layers.StringLookup(vocabulary=["a"], output_mode="multi_hot")
    lookup(x)
    with pytest.raises(ArgumentError, match="made for 2 places"):
        lookup.set_vocabulary(["a", "b"])


def test_a_copy_and_a_pickle_keep_the_vocabulary():
    import copy
    import pickle

    model = declared()
    expected = model.predict(TEXTS[:3], verbose=0)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_allclose(other.predict(TEXTS[:3], verbose=0), expected)


def test_a_live_model_moves_with_its_stage():
    model = declared()
    expected = model.predict(TEXTS[:3], verbose=0)
    model.to_backend("torch")
    with multinet.use_backend("torch"):
        found = model.predict(TEXTS[:3], verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
