"""Models on sparse data: the same as on the whole arrays, in each way of running."""

import numpy as np
import pytest
import scipy.sparse

import multinet
from multinet import layers, models, ops, optimizers
from multinet.ops.sparse_forms import is_sparse_tensor
from multinet.sparse import SparseTensor

RNG = np.random.default_rng(0)
WHOLE = (RNG.standard_normal((50, 20)) * (RNG.random((50, 20)) < 0.2)).astype("float32")
X, Y = scipy.sparse.csr_array(WHOLE), RNG.standard_normal((50, 2)).astype("float32")


def build():
    multinet.utils.set_random_seed(3)
    inputs = layers.Input((20,), sparse=True, name="words")
    hidden = layers.Dense(4, activation="tanh", name="hidden")(inputs)
    return models.Model(inputs, layers.Dense(2, name="scores")(hidden))


def trained(x, **options):
    model = build()
    model.compile(optimizers.Adam(0.01), "mse", **options)
    history = model.fit(
        x, Y, batch_size=8, epochs=2, validation_data=(x, Y), verbose=0
    ).history
    numbers = [*history["loss"], *history["val_loss"], model.evaluate(x, Y, verbose=0)]
    return numbers, model.predict(x, verbose=0), model.train_on_batch(x, Y)


@pytest.mark.parametrize("eagerly", [False, True])
def test_fit_evaluate_and_predict_as_on_whole_arrays(eagerly, backend):
    found = trained(X, run_eagerly=eagerly)
    wanted = trained(WHOLE, run_eagerly=eagerly)
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-4, atol=1e-5)


def test_batches_may_be_sparse_tensors_of_the_framework(real_backend):
    model = build()
    model.compile("sgd", "mse")
    batches = [(ops.convert_to_tensor(X[k : k + 8]), Y[k : k + 8]) for k in (0, 8, 16)]
    history = model.fit((batch for batch in batches), verbose=0).history
    whole = build()
    whole.compile("sgd", "mse")
    wanted = whole.fit(
        WHOLE[:24], Y[:24], batch_size=8, shuffle=False, verbose=0
    ).history
    np.testing.assert_allclose(history["loss"], wanted["loss"], rtol=1e-4)


def test_batches_of_another_framework_are_data_too(backends):
    with multinet.use_backend("tensorflow"):
        x = ops.convert_to_tensor(X)
    with multinet.use_backend("jax"):
        model = build()
        got = model.predict(x, verbose=0)
        np.testing.assert_allclose(got, model.predict(WHOLE, verbose=0), rtol=1e-4)


def test_a_model_keeps_sparse_inputs_sparse_and_others_dense(backend):
    inputs = [layers.Input((20,), sparse=sparse) for sparse in (True, False)]
    assert [x.sparse for x in inputs] == [True, False]
    seen = []

    class Look(layers.Layer):
        def call(self, x):
            seen.append(is_sparse_tensor(x))
            return x

    model = models.Model(inputs, [Look()(x) for x in inputs])
    seen.clear()
    model([X, X])
    assert seen == [True, False]


def test_layers_with_sparse_results(backend):
    x = ops.convert_to_tensor(X)
    total = layers.Add()([x, x])
    product = layers.Multiply()([x, WHOLE])
    joined = layers.Concatenate()([x, x])
    shaped = layers.Reshape((4, 5))(x)
    for got, want in (
        (total, 2 * WHOLE),
        (product, WHOLE**2),
        (joined, np.hstack([WHOLE, WHOLE])),
        (shaped, WHOLE.reshape(-1, 4, 5)),
        (layers.Identity()(x), WHOLE),
        (layers.Dropout(0.5)(x), WHOLE),
    ):
        assert is_sparse_tensor(got)
        np.testing.assert_allclose(ops.convert_to_numpy(got), want, rtol=1e-6)


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
def test_layers_of_categories_give_sparse_vectors(mode, backend):
    categories = np.array([[0, 2, 2], [1, 3, 0]])
    dense = layers.CategoryEncoding(4, mode)(categories)
    sparse = layers.CategoryEncoding(4, mode, sparse=True)(categories)
    texts = np.array([["a", "c", "c"], ["b", "?", "a"]])
    lookup = {"vocabulary": ["a", "b", "c"], "output_mode": mode}
    pairs = [
        (dense, sparse),
        (
            layers.StringLookup(**lookup)(texts),
            layers.StringLookup(sparse=True, **lookup)(texts),
        ),
    ]
    for whole, entries in pairs:
        assert is_sparse_tensor(entries) and not is_sparse_tensor(whole)
        np.testing.assert_array_equal(*map(ops.convert_to_numpy, (whole, entries)))


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adagrad", "RMSprop", "Lion"])
def test_gradients_of_rows_move_weights_as_whole_ones(name, backend):
    rows = ops.convert_to_tensor(np.ones((3, 2), "float32"))
    places = ops.convert_to_tensor(np.array([[0], [2], [2]], "int32"))
    whole = np.zeros((4, 2), "float32")
    np.add.at(whole, [0, 2, 2], 1.0)
    results = []
    for gradient in (SparseTensor(places, rows, (4, 2)), ops.convert_to_tensor(whole)):
        variable = multinet.Variable(np.ones((4, 2), "float32"))
        optimizer = getattr(optimizers, name)(0.1)
        for _ in range(2):
            optimizer.apply([gradient], [variable])
        results.append(ops.convert_to_numpy(variable))
    np.testing.assert_allclose(*results, rtol=1e-6)
