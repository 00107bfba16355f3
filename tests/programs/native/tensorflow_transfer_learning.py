"""A frozen base and a new head, then loops with a tape that tune all of it finely."""

import numpy as np
import tensorflow as tf


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

        @tf.function
        def step(x, y):
            with tf.GradientTape() as tape:
                loss = loss_fn(y, model(x, training=False))
            grads = tape.gradient(loss, model.trainable_weights)
            optimizer.apply_gradients(zip(grads, model.trainable_weights))
            return loss

        losses = []
        for _ in range(epochs):
            for i in range(0, 32, 8):
                batch = tf.constant(x[i : i + 8]), tf.constant(y[i : i + 8])
                losses.append(float(step(*batch)))
        return {"loss": losses, "count": len(model.trainable_weights)}

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
