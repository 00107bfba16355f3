"""A loop of one's own in TensorFlow: eager, then in a `tf.function`, with `fit`."""

import numpy as np
import tensorflow as tf


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
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(12)

    def train(x, y):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = loss_fn(y, logits) + sum(model.losses)
        grads = tape.gradient(loss, model.trainable_weights)
        optimizer.apply_gradients(zip(grads, model.trainable_weights))
        accuracy.update_state(y, logits)
        return loss

    def loop(train, epochs):
        losses, results = [], []
        for _ in range(epochs):
            losses += [float(train(*batch)) for batch in data]
            results.append(float(accuracy.result()))
            accuracy.reset_state()
        return {"loss": losses, "accuracy": results}

    @tf.function
    def compiled(x, y):
        return train(x, y)

    first = loop(train, 2)
    fitted = model.fit(x, y, batch_size=12, shuffle=False, epochs=2, verbose=0)
    traced = loop(compiled, 3)
    again = model.fit(x, y, batch_size=12, shuffle=False, epochs=1, verbose=0)
    return {
        "first": first,
        "fit": fitted.history,
        "traced": traced,
        "fit again": again.history,
        "traced again": loop(compiled, 1),
        "eager again": loop(train, 1),
        "updates": int(keras.ops.convert_to_numpy(optimizer.iterations)),
        "predict": model.predict(x[:5], verbose=0),
    }
