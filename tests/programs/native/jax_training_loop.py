"""A loop of one's own in JAX: the state in lists, a jitted step, `fit` in between."""

import jax
import numpy as np


def program(keras, start):
    layers = keras.layers
    inputs = keras.Input((6,))
    x = layers.Dense(10, activation="relu", kernel_regularizer="l2")(inputs)
    x = layers.BatchNormalization()(x)
    model = keras.Model(inputs, layers.Dense(3)(x))
    start(model)
    optimizer = keras.optimizers.Adam(0.02)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    model.compile(optimizer, loss_fn)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(48, 6)).astype("float32")
    y = x[:, :3].argmax(1)
    batches = [(x[i : i + 12], y[i : i + 12]) for i in range(0, 48, 12)]

    def loss_and_updates(trained, others, metric, x, y):
        logits, others, losses = model.stateless_call(
            trained, others, x, training=True, return_losses=True
        )
        loss = loss_fn(y, logits) + sum(losses)
        metric = accuracy.stateless_update_state(metric, y, logits)
        return loss, (others, metric)

    both = jax.value_and_grad(loss_and_updates, has_aux=True)

    @jax.jit
    def train(state, x, y):
        trained, others, slots, metric = state
        (loss, (others, metric)), grads = both(trained, others, metric, x, y)
        trained, slots = optimizer.stateless_apply(slots, grads, trained)
        return loss, (trained, others, slots, metric)

    @jax.jit
    def test(state, x, y):
        trained, others, _, metric = state
        logits, _ = model.stateless_call(trained, others, x, training=False)
        return accuracy.stateless_update_state(metric, y, logits)

    def loop(epochs):
        groups = [model.trainable_variables, model.non_trainable_variables]
        groups += [optimizer.variables, accuracy.variables]
        state = tuple([v.value for v in group] for group in groups)
        losses, results = [], []
        for _ in range(epochs):
            for batch in batches:
                loss, state = train(state, *batch)
                losses.append(float(loss))
            results.append(float(accuracy.stateless_result(state[3])))
            state = (*state[:3], accuracy.stateless_reset_state())
        metric = state[3]
        for batch in batches:
            metric = test(state, *batch)
        results.append(float(accuracy.stateless_result(metric)))
        for group, values in zip(groups, state):
            for variable, value in zip(group, values):
                variable.assign(value)
        return {"loss": losses, "accuracy": results}

    optimizer.build(model.trainable_variables)
    first = loop(3)
    fitted = model.fit(x, y, batch_size=12, shuffle=False, epochs=2, verbose=0)
    return {
        "first": first,
        "fit": fitted.history,
        "again": loop(2),
        "predict": model.predict(x[:5], verbose=0),
    }
