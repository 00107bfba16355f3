"""Labels and indices out of range in the data of fit, evaluate and predict."""

import numpy as np
import pytest

import multinet
from multinet import layers, losses, metrics, ops
from multinet.errors import OutOfRange

ROWS, LENGTH, WORDS, CLASSES = 24, 3, 7, 4
X = np.arange(ROWS * LENGTH, dtype="int32").reshape(ROWS, LENGTH) % WORDS
Y = np.arange(ROWS, dtype="int32") % CLASSES
CALLS = {
    "fit": lambda m, x, y: m.fit(x, y, batch_size=8, verbose=0),
    "validation": lambda m, x, y: m.fit(X, Y, validation_data=(x, y), verbose=0),
    "evaluate": lambda m, x, y: m.evaluate(x, y, verbose=0),
    "train_on_batch": lambda m, x, y: m.train_on_batch(x, y),
    "test_on_batch": lambda m, x, y: m.test_on_batch(x, y),
    "generator": lambda m, x, y: m.fit(
        ((x[i : i + 8], y[i : i + 8]) for i in range(0, ROWS, 8)), verbose=0
    ),
}


def network(loss=None, **options):
    model = multinet.Sequential(
        [
            layers.Input((LENGTH,), dtype="int32"),
            layers.Embedding(WORDS, 2, name="words"),
            layers.Flatten(),
            layers.Dense(CLASSES, name="scores"),
        ]
    )
    loss = loss or losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, **options)
    return model


def wrong(array, number, row=13):
    array = array.copy()
    array[row] = number
    return array


def kept(model, weights):
    return all(map(np.array_equal, model.get_weights(), weights))


@pytest.mark.parametrize("label", [-1, CLASSES])
def test_labels_are_looked_at_before_a_step_runs(real_backend, label):
    model = network(metrics=["accuracy"])
    model.fit(X, Y, verbose=0)
    weights = model.get_weights()
    for name, call in CALLS.items():
        if name in ("validation", "generator"):
            continue  # they train before they come to it
        text = f"labels of the 4 classes of 'scores' in .0, 4.*{label}.* 13"
        with pytest.raises(OutOfRange, match=text):
            call(model, X, wrong(Y, label))
        assert kept(model, weights), name
    for name in ("validation", "generator"):
        with pytest.raises(OutOfRange, match="labels of the 4 classes of 'scores'"):
            CALLS[name](model, X, wrong(Y, label))


def test_integers_of_an_embedding_are_looked_at(real_backend):
    model = network()
    for call in CALLS.values():
        with pytest.raises(OutOfRange, match="integers of 'words' in .0, 7.*got 7"):
            call(model, wrong(X, WORDS), Y)
    model.predict(X, verbose=0)
    for data in (wrong(X, -1), wrong(X, -1, row=2)[:8]):
        with pytest.raises(OutOfRange, match="integers of 'words' in .0, 7.*got -1"):
            model.predict(data, verbose=0)
    with pytest.raises(OutOfRange, match="words: .*got 7 at position .0, 1.*input_dim"):
        model(ops.convert_to_tensor(np.array([[0, 7, 1]], "int32")))


class Words(multinet.Model):
    """A model whose graph nobody knows."""

    def __init__(self):
        super().__init__()
        self.words = layers.Embedding(WORDS, CLASSES, name="words")

    def call(self, x):
        return ops.mean(self.words(x["x"]), axis=1)


class Scaled(Words):
    """Its step is its own, so which labels it uses is not known."""

    def train_step(self, data):
        x, y = data
        loss, grads = multinet.value_and_grad(
            lambda _: self.compute_loss(y=y, y_pred=self(x, training=True))
        )(self.trainable_variables)
        self.optimizer.apply(grads, self.trainable_variables)
        return {"loss": loss}


def test_a_model_that_was_never_compiled_predicts_no_nan(real_backend):
    with pytest.raises(OutOfRange, match="integers of 'words' in .0, 7"):
        Words().predict({"x": wrong(X, WORDS)}, verbose=0)


def test_a_nan_loss_of_a_step_of_ones_own_is_explained(real_backend):
    model = Scaled()
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(OutOfRange, match="The loss is NaN. .*labels of the 4 .* got 9"):
        model.fit({"x": X}, wrong(Y, 9), batch_size=ROWS, verbose=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    history = model.fit({"x": X}, Y, batch_size=ROWS, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_a_class_to_ignore_may_be_any_number(real_backend):
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    model = network(
        loss, metrics=["accuracy", metrics.SparseTopKCategoricalAccuracy(4)]
    )
    y = np.where(Y == 2, -1, Y)
    history = model.fit(X, y, batch_size=ROWS, verbose=0).history
    # All classes are among the best 4; what is ignored is none of them, as in Keras.
    assert history["sparse_top_k_categorical_accuracy"] == [0.75]
    assert np.isfinite(history["loss"] + history["accuracy"]).all()
    with pytest.raises(OutOfRange, match="got -2"):
        model.fit(X, np.where(Y == 2, -2, Y), verbose=0)


@pytest.mark.parametrize("name", ["loss", "metric"])
def test_labels_made_in_a_program_give_nan(backend, name):
    def compute(y, p):
        if name == "loss":
            return losses.sparse_categorical_crossentropy(y, p)
        hits = metrics.accuracy.sparse_categorical_accuracy(y, p)
        best = metrics.accuracy.sparse_top_k_categorical_accuracy(y, p, 2)
        return ops.add(hits, best)

    p = ops.convert_to_tensor(np.full((3, 2), 0.5, "float32"))
    for label in (-3, -1, 2):
        y = np.array([0, label, 1], "int32")
        got = ops.convert_to_numpy(multinet.jit(compute)(ops.convert_to_tensor(y), p))
        np.testing.assert_array_equal(np.isnan(got), [False, True, False])
        with pytest.raises(OutOfRange, match=f"labels of 2 classes in .0, 2.*{label}"):
            compute(ops.convert_to_tensor(y), p)


def test_iou_counts_classes_only(backend):
    metric = metrics.MeanIoU(num_classes=2)
    good, bad = np.array([0, 1, 1, 0], "int32"), np.array([0, 1, 2, 0], "int32")
    update = multinet.jit(metric.update_state)
    for pair in ((good, bad), (bad, good)):
        metric.reset_state()
        update(*map(ops.convert_to_tensor, pair))
        assert np.isnan(ops.convert_to_numpy(metric.result()))
    metric.reset_state()
    with pytest.raises(OutOfRange, match="labels of 2 classes in .0, 2.*got 2"):
        metric.update_state(bad, good)
    with pytest.raises(OutOfRange, match="predictions among 2 classes in .0, 2.*got 2"):
        metric.update_state(good, bad)
    # What weighs nothing may be any number: the other three are right.
    metric.update_state(bad, good, np.array([1, 1, 0, 1], "float32"))
    assert ops.convert_to_numpy(metric.result()) == 1.0
