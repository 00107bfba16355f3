"""A step of `fit` in TensorFlow's way: a tape, and `apply_gradients`."""

import numpy as np
import tensorflow as tf


def program(keras, start):
    class Stepped(keras.Model):
        def train_step(self, data):
            x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=weight)
            trained = self.trainable_weights
            grads = tape.gradient(loss, trained)
            self.optimizer.apply_gradients(zip(grads, trained))
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    inputs = keras.Input((5,))
    x = keras.layers.Dense(8, activation="tanh")(inputs)
    x = keras.layers.BatchNormalization()(x)
    model = Stepped(inputs, keras.layers.Dense(1, kernel_regularizer="l2")(x))
    start(model)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 5)).astype("float32")
    y = np.sin(x[:, :1]) + x[:, 1:2]
    weight = rng.uniform(0.5, 1.5, 40).astype("float32")
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    plan = {"batch_size": 10, "shuffle": False, "verbose": 0}
    first = model.fit(x, y, sample_weight=weight, epochs=3, **plan)
    checked = model.evaluate(x, y, batch_size=10, return_dict=True, verbose=0)
    again = model.fit(x, y, epochs=2, **plan)
    return {
        "fit": first.history,
        "evaluate": checked,
        "again": again.history,
        "predict": model.predict(x[:4], verbose=0),
        "updates": int(keras.ops.convert_to_numpy(model.optimizer.iterations)),
    }
