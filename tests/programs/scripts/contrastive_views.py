"""Two views of each image, alike among all of the batch; a probe reads the features."""

import numpy as np
from seam import value_and_grad


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Contrastive(keras.Model):
        def __init__(self, temperature):
            super().__init__()
            self.temperature = temperature
            self.encoder = keras.Sequential(
                [
                    keras.Input((6, 6, 1)),
                    layers.Conv2D(3, 3, strides=2, activation="relu"),
                    layers.Flatten(),
                    layers.Dense(6, activation="relu"),
                ]
            )
            self.head = keras.Sequential(
                [keras.Input((6,)), layers.Dense(6, activation="relu"), layers.Dense(4)]
            )
            self.probe = keras.Sequential([keras.Input((6,)), layers.Dense(2)])
            self.alike = keras.metrics.Mean(name="c_loss")
            self.right = keras.metrics.SparseCategoricalAccuracy(name="p_acc")
            self.probed = keras.metrics.Mean(name="p_loss")
            self.built = True

        def compile(self, main, probe):
            super().compile()
            self.main_optimizer, self.probe_optimizer = main, probe
            self.loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        @property
        def metrics(self):
            return [self.alike, self.right, self.probed]

        def between(self, first, second):
            first, second = (ops.normalize(v, axis=1) for v in (first, second))
            alike = ops.matmul(first, ops.transpose(second)) / self.temperature
            labels = ops.arange(ops.shape(first)[0])
            there = keras.losses.sparse_categorical_crossentropy(
                labels, alike, from_logits=True
            )
            back = keras.losses.sparse_categorical_crossentropy(
                labels, ops.transpose(alike), from_logits=True
            )
            return ops.mean(there + back) / 2

        def train_step(self, data):
            (left, right), labels = data

            def views():
                heads = [
                    self.head(self.encoder(v, training=True)) for v in (left, right)
                ]
                return self.between(*heads), ()

            weights = self.encoder.trainable_weights + self.head.trainable_weights
            (loss, _), grads = value_and_grad(keras, views, weights)
            self.main_optimizer.apply(grads, weights)
            self.alike.update_state(loss)
            features = self.encoder(left, training=False)

            def probed():
                logits = self.probe(ops.stop_gradient(features), training=True)
                return self.loss_fn(labels, logits), logits

            weights = self.probe.trainable_weights
            (loss, logits), grads = value_and_grad(keras, probed, weights)
            self.probe_optimizer.apply(grads, weights)
            self.right.update_state(labels, logits)
            self.probed.update_state(loss)
            return {m.name: m.result() for m in self.metrics}

    model = Contrastive(0.5)
    start(model.encoder, model.head, model.probe)
    rng = np.random.default_rng(61)
    images = rng.uniform(size=(24, 6, 6, 1))
    labels = (images[:, :3].mean((1, 2, 3)) > 0.5).astype("int32")
    views = images + 0.1 * rng.normal(size=(2, *images.shape))
    left, right = views.astype("float32")
    model.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.02))
    history = model.fit(
        (left, right), labels, epochs=3, batch_size=8, shuffle=False, verbose=0
    )
    return {"fit": history.history, "predict": model.encoder.predict(left, verbose=0)}
