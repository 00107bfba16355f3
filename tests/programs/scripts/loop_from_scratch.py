"""A training loop without `fit`: batches, gradients, metrics, all by hand."""

import numpy as np
from seam import value_and_grad


def program(keras, start):
    layers, ops = keras.layers, keras.ops
    inputs = keras.Input((4,), name="points")
    x = layers.Dense(6, activation="relu")(inputs)
    x = layers.Dense(6, activation="relu")(x)
    model = keras.Model(inputs, layers.Dense(3, name="predictions")(x))
    start(model)
    rng = np.random.default_rng(54)
    points = rng.normal(size=(30, 4)).astype("float32")
    kinds = points[:, :3].argmax(1)

    optimizer = keras.optimizers.Adam(learning_rate=0.02)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    losses, accuracies = [], []
    for _ in range(2):
        for begin in range(0, 30, 10):
            x, y = points[begin : begin + 10], kinds[begin : begin + 10]

            def forward(x=x, y=y):
                logits = model(x, training=True)
                return loss_fn(y, logits), logits

            weights = model.trainable_weights
            (loss, logits), grads = value_and_grad(keras, forward, weights)
            optimizer.apply(grads, weights)
            accuracy.update_state(y, logits)
            losses.append(float(loss))
        accuracies.append(float(accuracy.result()))
        accuracy.reset_state()
    scores = ops.convert_to_numpy(ops.softmax(model(points, training=False)))
    return {"loss": losses, "accuracy": accuracies, "predict": scores}
