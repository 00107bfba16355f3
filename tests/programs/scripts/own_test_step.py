"""Evaluation by an averaged forecast over an input and its mirror image."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Mirrored(keras.Model):
        def test_step(self, data):
            x, y = data
            y_pred = (self(x, training=False) + self(-x, training=False)) / 2
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss, sample_weight=ops.shape(x)[0])
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

        def predict_step(self, data):
            x = data[0] if isinstance(data, tuple) else data
            return self(x, training=False) - self(-x, training=False)

    inputs = keras.Input((3,))
    hidden = layers.Dense(8, activation="softplus")(inputs)
    model = Mirrored(inputs, layers.Dense(1)(hidden))
    start(model)
    rng = np.random.default_rng(33)
    x = rng.normal(size=(28, 3)).astype("float32")
    y = np.abs(x).sum(1, keepdims=True)
    model.compile(loss="mse", optimizer="sgd")
    history = model.fit(
        x,
        y,
        epochs=3,
        batch_size=8,
        validation_data=(x[:11], y[:11]),
        validation_batch_size=4,
        shuffle=False,
        verbose=0,
    )
    return {
        "fit": history.history,
        "evaluate": model.evaluate(x, y, batch_size=10, verbose=0),
        "predict": model.predict(x, verbose=0),
    }
