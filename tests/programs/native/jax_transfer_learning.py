"""A frozen base and a new head, then a loop in JAX that tunes all of it finely."""

import jax
import numpy as np


def program(keras, start):
    layers = keras.layers
    base = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
        ],
        name="base",
    )
    base.trainable = False
    inputs = keras.Input((8, 8, 2))
    model = keras.Model(inputs, layers.Dense(1)(base(inputs, training=False)))
    start(model)
    rng = np.random.default_rng(4)
    x = rng.normal(size=(32, 8, 8, 2)).astype("float32")
    y = (x[:, :4].mean((1, 2, 3)) > 0).astype("float32")[:, None]
    loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
    plan = {"batch_size": 8, "shuffle": False, "verbose": 0}
    model.compile(keras.optimizers.Adam(0.05), loss_fn)
    head = model.fit(x, y, epochs=3, **plan)

    def loop(rate, epochs):
        optimizer = keras.optimizers.Adam(rate)
        optimizer.build(model.trainable_variables)

        def compute(trained, others, x, y):
            logits, others = model.stateless_call(trained, others, x, training=False)
            return loss_fn(y, logits), others

        @jax.jit
        def step(state, x, y):
            trained, others, slots = state
            both = jax.value_and_grad(compute, has_aux=True)
            (loss, others), grads = both(trained, others, x, y)
            trained, slots = optimizer.stateless_apply(slots, grads, trained)
            return loss, (trained, others, slots)

        groups = [model.trainable_variables, model.non_trainable_variables]
        groups.append(optimizer.variables)
        state = tuple([v.value for v in group] for group in groups)
        losses = []
        for _ in range(epochs):
            for i in range(0, 32, 8):
                loss, state = step(state, x[i : i + 8], y[i : i + 8])
                losses.append(float(loss))
        for group, values in zip(groups, state):
            for variable, value in zip(group, values):
                variable.assign(value)
        return {"loss": losses, "count": len(groups[0])}

    frozen = loop(0.05, 2)
    base.trainable = True
    tuned = loop(0.005, 2)
    base.trainable = False
    model.compile(keras.optimizers.Adam(0.005), loss_fn)
    last = model.fit(x, y, epochs=2, **plan)
    return {
        "fit": head.history,
        "frozen": frozen,
        "tuned": tuned,
        "last": last.history,
        "predict": model.predict(x[:5], verbose=0),
    }
