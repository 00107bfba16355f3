"""A variational autoencoder of digits: each image becomes a point of a plane.

An encoder says where on the plane an image may be, a mean and a variance; a decoder
draws the image of a point. What pulls the points to a normal distribution, the KL
divergence, is a loss that a layer adds.

Source: Kingma and Welling, "Auto-encoding variational Bayes", 2013.
"""

import argparse

import images
import numpy as np
import plots

import multinet as keras
from multinet import layers, ops


class Sample(layers.Layer):
    """Draws a point from the normal distribution that the encoder names."""

    def __init__(self, cost, **options):
        super().__init__(**options)
        self.cost = cost
        self.noise = keras.random.SeedGenerator(1)

    def call(self, mean, log_variance, training=False):
        apart = ops.square(mean) + ops.exp(log_variance) - log_variance - 1
        self.add_loss(self.cost * ops.mean(ops.sum(apart, -1)) / 2)
        if not training:
            return mean
        noise = keras.random.normal(ops.shape(mean), seed=self.noise)
        return mean + ops.exp(log_variance / 2) * noise


def autoencoder(pixels):
    """Return the whole model, its encoder (the means), and its decoder."""
    image = keras.Input((pixels,))
    x = layers.Dense(256, activation="gelu")(image)
    x = layers.Dense(128, activation="gelu")(x)
    mean, log_variance = layers.Dense(2)(x), layers.Dense(2)(x)
    # The other loss is a mean over pixels, so the divergence is divided by them, too.
    point = Sample(1 / pixels)(mean, log_variance)
    decoder = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(128, activation="gelu"),
            layers.Dense(256, activation="gelu"),
            layers.Dense(pixels, activation="sigmoid"),
        ]
    )
    return keras.Model(image, decoder(point)), keras.Model(image, mean), decoder


def draw(path, models, x, y, shape):
    """Draw where images are on the plane, what is there, and what comes back."""
    model, encoder, decoder = models
    figure, (left, middle, right) = plots.figure(1, 3, width=4.4, height=4.2)
    points = encoder.predict(x, verbose=0)
    for digit in range(10):
        left.scatter(*points[y == digit].T, s=14, color=plots.tab(digit))
        center = np.median(points[y == digit], 0)
        left.text(*center, digit, fontsize=14, weight="bold", ha="center", va="center")
    left.set(title="Where the encoder sees test images")
    steps = np.linspace(-2, 2, 12, dtype="float32")
    plane = np.stack(np.meshgrid(steps, -steps), -1).reshape(-1, 2)
    drawn = decoder.predict(plane, verbose=0).reshape(-1, *shape)
    plots.picture(middle, plots.tiles(drawn, 12))
    middle.set(title="What the decoder draws there, -2 to 2")
    again = model.predict(x[:32], verbose=0)
    pairs = np.stack([x[:32].reshape(4, 8, -1), again.reshape(4, 8, -1)], 1)
    plots.picture(right, plots.tiles(pairs.reshape(-1, *shape), 8))
    right.set(title="Test images, below each what comes back")
    plots.save(figure, path)


def main():
    """Train, print the losses, and draw the plane."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--plot", default="vae.png")
    images.ask(parser)
    options = parser.parse_args()
    keras.set_random_seed(0)
    (x, _), (x_test, y_test) = images.load(options)
    shape = x.shape[1:3]
    x, x_test = x.reshape(len(x), -1), x_test.reshape(len(x_test), -1)
    model, encoder, decoder = autoencoder(x.shape[1])
    model.compile(keras.optimizers.Adam(2e-3), "binary_crossentropy")
    epochs = options.epochs if len(x) < 5000 else options.epochs // 5
    logs = model.fit(x, x, 64, epochs, validation_data=(x_test, x_test), verbose=0)
    losses = [logs.history[name][-1] for name in ("loss", "val_loss")]
    print(f"Backend: {keras.config.backend()}")
    print("loss {:.5f}, of test images {:.5f}".format(*losses))
    draw(options.plot, (model, encoder, decoder), x_test, y_test, shape)


if __name__ == "__main__":
    main()
