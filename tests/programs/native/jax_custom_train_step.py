"""Steps of `fit` in JAX's way: pure functions of the state, by `stateless_*`."""

import jax
import numpy as np


def program(keras, start):
    class Stepped(keras.Model):
        def loss_and_updates(self, trained, others, x, y, weight, training):
            y_pred, others = self.stateless_call(trained, others, x, training=training)
            loss = self.compute_loss(x, y, y_pred, sample_weight=weight)
            return loss, (y_pred, others)

        def measured(self, values, loss, y, y_pred):
            logs, new = {}, []
            for metric in self.metrics:
                own = values[len(new) : len(new) + len(metric.variables)]
                if metric.name == "loss":
                    own = metric.stateless_update_state(own, loss)
                else:
                    own = metric.stateless_update_state(own, y, y_pred)
                logs[metric.name] = metric.stateless_result(own)
                new += own
            return logs, new

        def train_step(self, state, data):
            trained, others, slots, values = state
            x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
            both = jax.value_and_grad(self.loss_and_updates, has_aux=True)
            (loss, (y_pred, others)), grads = both(trained, others, x, y, weight, True)
            trained, slots = self.optimizer.stateless_apply(slots, grads, trained)
            logs, values = self.measured(values, loss, y, y_pred)
            return logs, (trained, others, slots, values)

        def test_step(self, state, data):
            trained, others, values = state
            x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
            given = trained, others, x, y, weight, False
            loss, (y_pred, others) = self.loss_and_updates(*given)
            logs, values = self.measured(values, loss, y, y_pred)
            return logs, (trained, others, values)

    inputs = keras.Input((5,))
    x = keras.layers.Dense(8, activation="tanh")(inputs)
    x = keras.layers.BatchNormalization()(x)
    outputs = keras.layers.Dense(1)(x)
    model = Stepped(inputs, outputs)
    start(model)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 5)).astype("float32")
    y = np.sin(x[:, :1]) + x[:, 1:2]
    weight = rng.uniform(0.5, 1.5, 40).astype("float32")
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    plan = {"batch_size": 10, "shuffle": False, "verbose": 0}
    first = model.fit(x, y, sample_weight=weight, epochs=3, **plan)
    checked = model.evaluate(x, y, batch_size=10, return_dict=True, verbose=0)
    again = model.fit(x, y, epochs=2, validation_data=(x[:10], y[:10]), **plan)
    return {
        "fit": first.history,
        "evaluate": checked,
        "again": again.history,
        "predict": model.predict(x[:4], verbose=0),
        "updates": int(keras.ops.convert_to_numpy(model.optimizer.iterations)),
    }
