"""Two tasks whose weights are learned, by a layer that adds both of their losses."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Tasks(layers.Layer):
        def __init__(self, kinds, **kwargs):
            super().__init__(**kwargs)
            self.kinds = kinds

        def build(self, *shapes):
            self.log_variances = self.add_weight(
                shape=(len(self.kinds),), initializer="zeros", name="log_variances"
            )

        def call(self, targets, predictions):
            for i, kind in enumerate(self.kinds):
                precision = ops.exp(-self.log_variances[i])
                loss = kind(targets[i], predictions[i])
                self.add_loss(precision * loss + self.log_variances[i])
            return ops.concatenate(predictions, axis=-1)

    inputs = keras.Input((5,))
    size, kind = keras.Input((1,)), keras.Input((1,))
    x = layers.Dense(8, activation="relu")(inputs)
    predictions = [layers.Dense(1)(x), layers.Dense(1, activation="sigmoid")(x)]
    tasks = Tasks([keras.losses.Huber(), keras.losses.BinaryCrossentropy()])
    model = keras.Model([inputs, size, kind], tasks([size, kind], predictions))
    start(model)
    rng = np.random.default_rng(59)
    x = rng.normal(size=(30, 5)).astype("float32")
    data = [x, 3 * x[:, :1], (x[:, 1:2] > 0).astype("float32")]
    model.compile(keras.optimizers.SGD(0.05))
    history = model.fit(data, epochs=4, batch_size=10, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(data, verbose=0)}
