"""A WGAN with gradient penalty as a `train_step`: the same file on every backend.

The penalty is a derivative inside a derivative. Run it with, say,
`MULTINET_BACKEND=jax python examples/wgan_gp.py`.

Source: Gulrajani et al., "Improved training of Wasserstein GANs", 2017.
"""

import argparse

import images
import numpy as np
import plots

import multinet as keras
from multinet import layers, ops

LATENT = 16


class WassersteinGan(keras.Model):
    """A generator of digits, and the critic that tells them from real ones."""

    def __init__(self, pixels, penalty=10.0):
        super().__init__()
        self.penalty = penalty
        self.generator = keras.Sequential(
            [
                keras.Input((LATENT,)),
                layers.Dense(128, activation="gelu"),
                layers.Dense(128, activation="gelu"),
                layers.Dense(pixels, activation="sigmoid"),
            ]
        )
        self.critic = keras.Sequential(
            [
                keras.Input((pixels,)),
                layers.Dense(128, activation="gelu"),
                layers.Dense(128, activation="gelu"),
                layers.Dense(1),
            ]
        )
        self.noise = keras.random.SeedGenerator(1)

    def compile(self, critic_optimizer, generator_optimizer):
        super().compile()
        self.critic_optimizer = critic_optimizer
        self.generator_optimizer = generator_optimizer

    def call(self, inputs):
        return self.generator(inputs)

    def draw(self, count):
        return keras.random.normal((count, LATENT), seed=self.noise)

    def slope(self, images):
        """Return the norm of the critic's gradient at each image."""
        gradient = keras.grad(lambda x: ops.sum(self.critic(x)))(images)
        return ops.sqrt(ops.sum(ops.square(gradient), -1) + 1e-12)

    def train_step(self, data):
        count = ops.shape(data)[0]
        fake = self.generator(self.draw(count))
        mix = keras.random.uniform((count, 1), seed=self.noise)
        between = data * mix + fake * (1 - mix)

        def critic_loss(variables):
            distance = ops.mean(self.critic(data)) - ops.mean(self.critic(fake))
            excess = ops.mean(ops.square(self.slope(between) - 1))
            return self.penalty * excess - distance, distance

        weights = self.critic.trainable_variables
        both = keras.value_and_grad(critic_loss, has_aux=True)
        (_, distance), gradients = both(weights)
        self.critic_optimizer.apply(gradients, weights)
        noise = self.draw(count)

        def generator_loss(variables):
            return -ops.mean(self.critic(self.generator(noise)))

        weights = self.generator.trainable_variables
        loss, gradients = keras.value_and_grad(generator_loss)(weights)
        self.generator_optimizer.apply(gradients, weights)
        return {"distance": distance, "generator_loss": loss}


class Snapshots(keras.callbacks.Callback):
    """Keeps what ten points of the noise have become after some of the epochs."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs, self.images = epochs, []
        self.noise = np.random.normal(size=(10, LATENT)).astype("float32")

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 in self.epochs:
            drawn = self.model.generator(self.noise)
            self.images.append(ops.convert_to_numpy(drawn))


def draw(path, distance, shown, real, shape):
    """Draw the training, and what points of the noise have become."""
    figure, (left, right) = plots.figure(1, 2, width=5, height=3.6)
    smooth = [
        np.mean(distance[i - i // 5 : i + i // 5 + 1]) for i in range(len(distance))
    ]
    epochs = range(1, len(distance) + 1)
    left.plot(epochs, distance, alpha=0.3)
    left.plot(epochs, smooth, color=plots.COLORS[0])
    left.set(title="Distance of generated images from real ones")
    left.set(xlabel="epoch", ylabel="as the critic sees it", xscale="log")
    rows = np.concatenate([*shown.images, real]).reshape(-1, *shape)
    plots.picture(right, plots.tiles(rows, 10))
    places = (np.arange(len(shown.epochs) + 1) + 0.6) * shape[0] * 1.25
    right.set_yticks(places, [*shown.epochs, "real"])
    right.set(title="Ten points of the noise", ylabel="after epoch")
    right.tick_params(left=False)
    plots.save(figure, path)


def main():
    """Train, print how far apart the critic holds real and generated digits, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--plot", default="wgan_gp.png")
    images.ask(parser)
    options = parser.parse_args()
    keras.set_random_seed(0)
    (x, _), _ = images.load(options)
    shape, x = x.shape[1:3], x.reshape(len(x), -1)
    model = WassersteinGan(x.shape[1])
    rate = {"learning_rate": 1e-3, "beta_1": 0.5, "beta_2": 0.9}
    model.compile(keras.optimizers.Adam(**rate), keras.optimizers.Adam(**rate))
    shown = Snapshots(sorted({*np.geomspace(1, options.epochs, 6).astype(int)}))
    history = model.fit(
        x, batch_size=64, epochs=options.epochs, callbacks=[shown], verbose=0
    ).history
    print(f"Backend: {keras.config.backend()}")
    for name, values in history.items():
        print(name, *[f"{value:.6f}" for value in values[-5:]])
    draw(options.plot, history["distance"], shown, x[:10], shape)


if __name__ == "__main__":
    main()
