"""Training on inputs that were moved the way that hurts most."""

import numpy as np
from seam import value_and_grad


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Hardened(keras.Model):
        def __init__(self, inner, size, **kwargs):
            super().__init__(**kwargs)
            self.inner, self.size = inner, size
            self.shift = self.add_weight(
                shape=(5,), initializer="zeros", trainable=True, name="shift"
            )
            self.worse = keras.metrics.Mean(name="worse_loss")

        def call(self, x):
            return self.inner(x)

        def train_step(self, data):
            x, y = data

            def moved():
                y_pred = self.inner(x + self.shift, training=True)
                return self.compute_loss(x=x, y=y, y_pred=y_pred), ()

            (_, _), (direction,) = value_and_grad(keras, moved, [self.shift])
            near = x + self.size * ops.sign(direction)

            def both():
                plain = self.inner(x, training=True)
                moved = self.inner(near, training=True)
                loss = self.compute_loss(x=x, y=y, y_pred=plain)
                worse = self.compute_loss(x=x, y=y, y_pred=moved)
                return (loss + worse) / 2, worse

            variables = self.inner.trainable_variables
            (loss, worse), grads = value_and_grad(keras, both, variables)
            self.optimizer.apply(grads, variables)
            self.worse.update_state(worse)
            return {"both_loss": loss, "worse_loss": self.worse.result()}

    inner = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(8, activation="sigmoid"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    start(inner)
    model = Hardened(inner, 0.1)
    rng = np.random.default_rng(60)
    x = rng.normal(size=(32, 5)).astype("float32")
    y = (x[:, :1] > 0).astype("float32")
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    history = model.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(x[:5], verbose=0)}
