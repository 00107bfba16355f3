"""A generator and a discriminator with an optimizer each; the noise is in the data."""

import numpy as np
from seam import value_and_grad


def program(keras, start):
    layers, ops = keras.layers, keras.ops
    judge = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(12),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(1),
        ],
        name="discriminator",
    )
    maker = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(12),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(3, activation="tanh"),
        ],
        name="generator",
    )

    class Gan(keras.Model):
        def __init__(self, judge, maker):
            super().__init__()
            self.judge, self.maker = judge, maker
            self.judge_tracker = keras.metrics.Mean(name="d_loss")
            self.maker_tracker = keras.metrics.Mean(name="g_loss")
            self.built = True

        def compile(self, judge_optimizer, maker_optimizer, loss_fn):
            super().compile()
            self.judge_optimizer = judge_optimizer
            self.maker_optimizer = maker_optimizer
            self.loss_fn = loss_fn

        @property
        def metrics(self):
            return [self.judge_tracker, self.maker_tracker]

        def train_step(self, data):
            real, noise = data
            count = ops.shape(real)[0]
            labels = ops.concatenate([ops.ones((count, 1)), ops.zeros((count, 1))])

            def judged():
                both = ops.concatenate([self.maker(noise), real])
                return self.loss_fn(labels, self.judge(both)), ()

            weights = self.judge.trainable_weights
            (judge_loss, _), grads = value_and_grad(keras, judged, weights)
            self.judge_optimizer.apply(grads, weights)

            def fooled():
                verdict = self.judge(self.maker(noise))
                return self.loss_fn(ops.zeros((count, 1)), verdict), ()

            weights = self.maker.trainable_weights
            (maker_loss, _), grads = value_and_grad(keras, fooled, weights)
            self.maker_optimizer.apply(grads, weights)
            self.judge_tracker.update_state(judge_loss)
            self.maker_tracker.update_state(maker_loss)
            return {
                "d_loss": self.judge_tracker.result(),
                "g_loss": self.maker_tracker.result(),
            }

    start(judge, maker)
    model = Gan(judge, maker)
    model.compile(
        judge_optimizer=keras.optimizers.Adam(0.01),
        maker_optimizer=keras.optimizers.Adam(0.02, beta_1=0.5),
        loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    rng = np.random.default_rng(22)
    real = (0.3 * rng.normal(size=(40, 3)) + [0.5, 0.0, -0.5]).astype("float32")
    noise = rng.normal(size=(40, 2)).astype("float32")
    history = model.fit(real, noise, epochs=4, batch_size=10, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": maker.predict(noise[:6], verbose=0)}
