"""The same small problem under learning rates that follow a plan."""

import numpy as np


def program(keras, start):
    plans = keras.optimizers.schedules

    class Warm(plans.LearningRateSchedule):
        def __init__(self, peak, steps):
            self.peak, self.steps = peak, steps

        def __call__(self, step):
            step = keras.ops.cast(step, "float32") + 1
            return self.peak * keras.ops.minimum(step / self.steps, self.steps / step)

    rng = np.random.default_rng(29)
    x = rng.normal(size=(32, 4)).astype("float32")
    y = np.tanh(x[:, :1] - x[:, 1:2])
    results = {}
    for name, plan in {
        "exponential": plans.ExponentialDecay(0.1, 4, 0.5, staircase=True),
        "pieces": plans.PiecewiseConstantDecay([3, 7], [0.1, 0.03, 0.01]),
        "cosine": plans.CosineDecay(0.01, 6, warmup_target=0.1, warmup_steps=3),
        "warm": Warm(0.1, 5),
    }.items():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        start(model)
        model.compile(keras.optimizers.SGD(plan), "mse")
        history = model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
        results[name] = history.history
    return results
