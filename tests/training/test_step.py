"""Training against Keras 3 itself: the same weights, batches and optimizer."""

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 6)).astype("float32")
LABELS = RNG.integers(0, 3, 48)
TARGETS = RNG.normal(size=(48, 2)).astype("float32")


def pair(build):
    """Return our model and Keras's from one builder, with equal weights."""
    ours, theirs = build(multinet), build(peer)
    theirs.set_weights(ours.get_weights())
    return ours, theirs


def classifier(keras):
    """Return a small classifier with batch normalization."""
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_fit_gives_the_losses_and_weights_of_keras(backend, optimizer):
    ours, theirs = pair(classifier)
    options = {"batch_size": 16, "epochs": 3, "shuffle": False, "verbose": 0}
    logs = []
    for model in (ours, theirs):
        model.compile(
            optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        logs.append(model.fit(X, LABELS, **options).history)
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(logs[0][name], logs[1][name], rtol=2e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(
        ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        ours.evaluate(X, LABELS, verbose=0),
        theirs.evaluate(X, LABELS, verbose=0),
        rtol=1e-4,
    )


def test_regularizers_sample_weights_and_class_weights_count_as_in_keras(backend):
    def build(keras):
        return keras.Sequential(
            [
                keras.Input((6,)),
                keras.layers.Dense(
                    5, "tanh", kernel_regularizer="l2", activity_regularizer="l1"
                ),
                keras.layers.Dense(3, activation="softmax"),
            ]
        )

    ours, theirs = pair(build)
    weight = np.linspace(0.1, 2.0, 48).astype("float32")
    logs = []
    for model in (ours, theirs):
        model.compile("sgd", "sparse_categorical_crossentropy")
        first = model.fit(
            X, LABELS, sample_weight=weight, epochs=2, shuffle=False, verbose=0
        )
        second = model.fit(
            X, LABELS, class_weight={0: 0.2, 1: 3.0}, shuffle=False, verbose=0
        )
        logs.append(first.history["loss"] + second.history["loss"])
    np.testing.assert_allclose(logs[0], logs[1], rtol=2e-5)


def test_several_inputs_and_outputs_train_as_in_keras(backend):
    def build(keras):
        a, b = keras.Input((6,), name="a"), keras.Input((2,), name="b")
        shared = keras.layers.Dense(4, activation="tanh")
        left = shared(a)
        right = shared(keras.layers.Dense(6)(b))
        joined = keras.ops.concatenate([left, right], axis=-1) * 0.5
        first = keras.layers.Dense(3, activation="softmax", name="label")(joined)
        second = keras.layers.Dense(2, name="value")(left + right)
        return keras.Model([a, b], [first, second])

    ours, theirs = pair(build)
    logs = []
    for model in (ours, theirs):
        model.compile(
            "sgd",
            loss={"label": "sparse_categorical_crossentropy", "value": "mse"},
            loss_weights={"label": 1.0, "value": 0.3},
            metrics={"label": ["accuracy"], "value": ["mae"]},
        )
        history = model.fit(
            [X, TARGETS],
            [LABELS, TARGETS],
            epochs=2,
            shuffle=False,
            verbose=0,
        )
        logs.append(history.history)
    assert set(logs[0]) == set(logs[1])
    for name in logs[0]:
        np.testing.assert_allclose(
            logs[0][name], logs[1][name], rtol=5e-5, err_msg=name
        )


def test_a_subclassed_model_trains_and_draws_the_same_masks(backend):
    class Net(multinet.Model):
        def __init__(self):
            super().__init__()
            self.hidden = [layers.Dense(8, activation="relu"), layers.Dense(8)]
            self.drop = layers.Dropout(0.5)
            self.out = layers.Dense(2)

        def call(self, inputs, training=False):
            for layer in self.hidden:
                inputs = layer(inputs)
            return self.out(self.drop(inputs, training=training))

    losses = []
    for _ in range(2):
        multinet.set_random_seed(3)
        model = Net()
        model.compile("sgd", "mse")
        losses.append(model.fit(X, TARGETS, epochs=2, verbose=0).history["loss"])
        assert len(model.trainable_weights) == 6
    assert losses[0] == losses[1]


def test_two_models_that_share_a_layer_both_train_it(backend):
    shared = layers.Dense(4)
    models = []
    for _ in range(2):
        inputs = multinet.Input((6,))
        model = multinet.Model(inputs, layers.Dense(2)(shared(inputs)))
        model.compile("sgd", "mse")
        models.append(model)
    for model in models:
        before = shared.get_weights()[0]
        model.fit(X, TARGETS, verbose=0)
        assert not np.array_equal(before, shared.get_weights()[0])


def test_arrays_that_a_user_holds_never_change(backend):
    model = multinet.Sequential([multinet.Input((6,)), layers.Dense(2)])
    model.compile("adam", "mse")
    kernel = model.layers[0].kernel
    held = [kernel.value, model.get_weights()[0], multinet.ops.reshape(kernel, (12,))]
    copies = [np.array(multinet.ops.convert_to_numpy(h)) for h in held]
    x, y = X.copy(), TARGETS.copy()
    model.fit(x, y, epochs=2, verbose=0)
    model.train_on_batch(x, y)
    for array, copy in zip(held, copies):
        np.testing.assert_array_equal(multinet.ops.convert_to_numpy(array), copy)
    np.testing.assert_array_equal(x, X)


def test_an_interrupt_leaves_a_usable_model(backend):
    model = multinet.Sequential([multinet.Input((6,)), layers.Dense(2)])
    model.compile("adam", "mse")

    class Stop(multinet.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                raise KeyboardInterrupt

    start = model.get_weights()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, TARGETS, batch_size=8, callbacks=[Stop()], verbose=0)
    assert not np.array_equal(start[0], model.get_weights()[0])
    assert int(model.optimizer.iterations.numpy()) == 2
    before = model.evaluate(X, TARGETS, verbose=0)
    model.fit(X, TARGETS, epochs=20, verbose=0)
    assert model.evaluate(X, TARGETS, verbose=0) < before


def test_a_frozen_layer_stays_and_the_others_train(backend):
    model = multinet.Sequential(
        [multinet.Input((6,)), layers.Dense(4, name="kept"), layers.Dense(2)]
    )
    model.get_layer("kept").trainable = False
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(X, TARGETS, verbose=0)
    after = model.get_weights()
    assert np.array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])


def test_train_on_batch_equals_one_step_of_fit(backend):
    models = [classifier(multinet) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        model.compile("sgd", "sparse_categorical_crossentropy")
    models[0].fit(X, LABELS, batch_size=48, shuffle=False, verbose=0)
    models[1].train_on_batch(X, LABELS)
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_array_equal(a, b)


def test_running_eagerly_gives_the_compiled_numbers(backend):
    losses = []
    for eagerly in (True, False):
        multinet.set_random_seed(5)
        model = classifier(multinet)
        model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=eagerly)
        losses.append(model.fit(X, LABELS, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_add_loss_and_compute_loss_take_part(backend):
    class Penalty(multinet.Layer):
        def call(self, inputs):
            self.add_loss(multinet.ops.mean(multinet.ops.square(inputs)))
            return inputs

    inputs = multinet.Input((6,))
    model = multinet.Model(inputs, layers.Dense(2)(Penalty()(inputs)))
    model.compile("sgd", "mse")
    plain = float(np.mean((model.predict(X, verbose=0) - TARGETS) ** 2))
    loss = model.evaluate(X, TARGETS, batch_size=48, verbose=0)
    np.testing.assert_allclose(loss, plain + np.mean(X.astype("f8") ** 2), rtol=1e-5)


def test_loss_scaling_averaging_and_clipping_train_as_in_keras(backend):
    ours, theirs = pair(classifier)
    options = {"loss_scale_factor": 8.0, "use_ema": True, "global_clipnorm": 0.5}
    for model, optimizers in ((ours, multinet.optimizers), (theirs, peer.optimizers)):
        model.compile(optimizers.SGD(0.1, **options), "sparse_categorical_crossentropy")
        model.fit(X, LABELS, epochs=3, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5)


def test_a_schedule_sets_the_rate_of_each_step_as_in_keras(backend):
    ours, theirs = pair(classifier)
    for model, optimizers in ((ours, multinet.optimizers), (theirs, peer.optimizers)):
        rate = optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
        model.compile(optimizers.SGD(rate), "sparse_categorical_crossentropy")
        model.fit(X, LABELS, batch_size=8, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5)


def test_metrics_that_depend_on_shapes_agree_with_keras(backend):
    one_hot = np.eye(3, dtype="float32")[LABELS]
    ours, theirs = pair(classifier)
    results = []
    for model, metrics in ((ours, multinet.metrics), (theirs, peer.metrics)):
        model.compile(
            "sgd",
            "categorical_crossentropy",
            metrics=["accuracy", metrics.F1Score(average="macro"), metrics.AUC()],
        )
        results.append(model.evaluate(X, one_hot, verbose=0))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)


def test_weights_set_by_a_callback_stay_also_after_the_last_batch(backend):
    class Reset(multinet.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.set_weights(zeros)

    model = multinet.Sequential([multinet.Input((6,)), layers.Dense(2)])
    zeros = [np.zeros_like(w) for w in model.get_weights()]
    model.compile("adam", "mse")
    model.fit(X, TARGETS, batch_size=16, callbacks=[Reset()], verbose=0)
    for weight in model.get_weights():
        np.testing.assert_array_equal(weight, 0)


def test_a_step_returns_only_what_it_wrote(backend):
    model = classifier(multinet)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, LABELS, verbose=0)
    model.evaluate(X, LABELS, verbose=0)
    model.predict(X, verbose=0)
    steps = [
        state.step
        for states in model._trainer.programs.kept.values()
        for state in states
    ]
    written = {step.kind: len(step.written) for step in steps}
    assert written == {"train": 10, "test": 2, "predict": 0}, "of 8 weights, 2 counters"
