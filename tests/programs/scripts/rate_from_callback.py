"""A callback sets the learning rate before each epoch, and writes it to the logs."""

import numpy as np


def program(keras, start):
    layers = keras.layers

    class Plan(keras.callbacks.Callback):
        def __init__(self, rates):
            super().__init__()
            self.rates, self.seen, self.losses = rates, [], []

        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = self.rates[epoch]

        def on_train_batch_end(self, batch, logs=None):
            self.losses.append(float(logs["loss"]))

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append(float(self.model.optimizer.learning_rate))
            if logs["loss"] > 100:
                self.model.stop_training = True

    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(8, activation="swish"), layers.Dense(1)]
    )
    start(model)
    rng = np.random.default_rng(28)
    x = rng.normal(size=(24, 3)).astype("float32")
    y = np.prod(x, axis=1, keepdims=True)
    plan = Plan([0.1, 0.01, 0.05, 0.2])
    model.compile(keras.optimizers.SGD(0.5, momentum=0.5), "mse")
    history = model.fit(
        x, y, epochs=4, batch_size=8, callbacks=[plan], shuffle=False, verbose=0
    )
    return {"fit": history.history, "rates": plan.seen, "batches_loss": plan.losses}
