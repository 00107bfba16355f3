"""A variational autoencoder with a step of its own; the noise comes with the data."""

import numpy as np
from seam import value_and_grad


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Sample(layers.Layer):
        def call(self, inputs):
            mean, log_variance, noise = inputs
            return mean + ops.exp(0.5 * log_variance) * noise

    inputs, noise = keras.Input((10,)), keras.Input((2,))
    x = layers.Dense(8, activation="relu")(inputs)
    mean = layers.Dense(2, name="mean")(x)
    log_variance = layers.Dense(2, name="log_variance")(x)
    z = Sample()([mean, log_variance, noise])
    encoder = keras.Model([inputs, noise], [mean, log_variance, z], name="encoder")
    decoder = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(10, activation="sigmoid"),
        ],
        name="decoder",
    )

    class Variational(keras.Model):
        def __init__(self, encoder, decoder, **kwargs):
            super().__init__(**kwargs)
            self.encoder, self.decoder = encoder, decoder
            self.total = keras.metrics.Mean(name="total_loss")
            self.built_again = keras.metrics.Mean(name="reconstruction_loss")
            self.divergence = keras.metrics.Mean(name="kl_loss")
            self.built = True

        @property
        def metrics(self):
            return [self.total, self.built_again, self.divergence]

        def train_step(self, data):
            x, noise = data[0] if isinstance(data, tuple) and len(data) == 1 else data

            def losses():
                mean, log_variance, z = self.encoder([x, noise])
                again = self.decoder(z)
                entropy = keras.losses.binary_crossentropy(x, again)
                built_again = ops.mean(entropy) * 10
                inner = 1 + log_variance - ops.square(mean) - ops.exp(log_variance)
                divergence = ops.mean(ops.sum(-0.5 * inner, axis=1))
                return built_again + divergence, (built_again, divergence)

            variables = self.trainable_variables
            (total, parts), grads = value_and_grad(keras, losses, variables)
            self.optimizer.apply(grads, variables)
            self.total.update_state(total)
            self.built_again.update_state(parts[0])
            self.divergence.update_state(parts[1])
            return {m.name: m.result() for m in self.metrics}

    model = Variational(encoder, decoder)
    start(encoder, decoder)
    rng = np.random.default_rng(21)
    curves = (rng.uniform(size=(32, 1)) < rng.uniform(size=10)).astype("float32")
    draws = rng.normal(size=(32, 2)).astype("float32")
    model.compile(optimizer=keras.optimizers.Adam(0.01, epsilon=1e-3))
    history = model.fit(
        curves, draws, epochs=3, batch_size=32, shuffle=False, verbose=0
    )
    codes = encoder.predict([curves[:5], np.zeros((5, 2), "float32")], verbose=0)
    return {
        "fit": history.history,
        "predict": codes,
        "predict_decoded": decoder.predict(codes[2], verbose=0),
    }
