"""A WGAN with gradient penalty as a `train_step`: the same file on every backend.

The penalty is a derivative inside a derivative. Run it with, say,
`MULTINET_BACKEND=jax python examples/wgan_gp.py`.

Source: Gulrajani et al., "Improved training of Wasserstein GANs", 2017.
"""

import argparse

import multinet as keras
from multinet import layers, ops

LATENT, PIXELS = 16, 64


class WassersteinGan(keras.Model):
    """A generator of digits, and the critic that tells them from real ones."""

    def __init__(self, penalty=10.0):
        super().__init__()
        self.penalty = penalty
        self.generator = keras.Sequential(
            [
                keras.Input((LATENT,)),
                layers.Dense(64, activation="gelu"),
                layers.Dense(PIXELS, activation="sigmoid"),
            ]
        )
        self.critic = keras.Sequential(
            [
                keras.Input((PIXELS,)),
                layers.Dense(64, activation="gelu"),
                layers.Dense(32, activation="gelu"),
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


def main():
    """Train, and print how far apart the critic holds real and generated digits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=1600)
    options = parser.parse_args()
    keras.set_random_seed(0)
    (images, _), _ = keras.datasets.digits.load_data()
    images = images.reshape(len(images), PIXELS).astype("float32")
    images = images[: options.samples] / images.max()
    model = WassersteinGan()
    rate = {"learning_rate": 1e-3, "beta_1": 0.5}
    model.compile(keras.optimizers.Adam(**rate), keras.optimizers.Adam(**rate))
    history = model.fit(images, batch_size=64, epochs=options.epochs, verbose=2)
    for name, values in history.history.items():
        print(name, *[f"{value:.6f}" for value in values])


if __name__ == "__main__":
    main()
