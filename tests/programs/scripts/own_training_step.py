"""A training step written out, which logs the length of the gradient as well."""

import numpy as np
from seam import value_and_grad


def program(keras, start):
    ops = keras.ops

    class Measured(keras.Model):
        def train_step(self, data):
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)

            def forward():
                y_pred = self(x, training=True)
                loss = self.compute_loss(
                    x=x, y=y, y_pred=y_pred, sample_weight=sample_weight
                )
                return loss, y_pred

            variables = self.trainable_variables
            (loss, y_pred), grads = value_and_grad(keras, forward, variables)
            self.optimizer.apply(grads, variables)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred, sample_weight=sample_weight)
            squares = [ops.sum(ops.square(g)) for g in grads]
            logs = {m.name: m.result() for m in self.metrics}
            return {**logs, "gradient": ops.sqrt(sum(squares))}

    inputs = keras.Input((6,))
    x = keras.layers.Dense(8, activation="tanh")(inputs)
    model = Measured(inputs, keras.layers.Dense(1)(x))
    start(model)
    rng = np.random.default_rng(32)
    x = rng.normal(size=(30, 6)).astype("float32")
    y = np.sin(x[:, :1]) + x[:, 1:2]
    weight = rng.uniform(0.5, 1.5, size=30).astype("float32")
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    history = model.fit(
        x, y, sample_weight=weight, epochs=3, batch_size=30, shuffle=False, verbose=0
    )
    return {"fit": history.history, "predict": model.predict(x[:5], verbose=0)}
