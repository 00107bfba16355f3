"""A layer at the end that takes the targets too, and adds the loss itself."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Endpoint(layers.Layer):
        def __init__(self, name=None):
            super().__init__(name=name)
            self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
            self.accuracy = keras.metrics.BinaryAccuracy(name="accuracy")

        def call(self, targets, logits, sample_weight=None):
            self.add_loss(self.loss_fn(targets, logits, sample_weight))
            self.accuracy.update_state(targets, ops.sigmoid(logits), sample_weight)
            return ops.softmax(logits)

    inputs = keras.Input((3,), name="inputs")
    targets = keras.Input((10,), name="targets")
    weights = keras.Input((1,), name="weights")
    logits = layers.Dense(10)(inputs)
    predictions = Endpoint(name="predictions")(targets, logits, weights)
    model = keras.Model([inputs, targets, weights], predictions)
    start(model)

    rng = np.random.default_rng(26)
    data = {
        "inputs": rng.uniform(size=(20, 3)).astype("float32"),
        "targets": rng.integers(0, 2, size=(20, 10)).astype("float32"),
        "weights": rng.uniform(size=(20, 1)).astype("float32"),
    }
    model.compile(optimizer="adam")
    history = model.fit(data, epochs=4, batch_size=20, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(data, verbose=0)}
