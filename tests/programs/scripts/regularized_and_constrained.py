"""Every kind of penalty and constraint that a layer takes, and one of one's own."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Even(keras.regularizers.Regularizer):
        def __init__(self, strength):
            self.strength = strength

        def __call__(self, x):
            return self.strength * ops.var(x)

    class Centred(keras.constraints.Constraint):
        def __call__(self, w):
            return w - ops.mean(w, axis=0, keepdims=True)

    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(
                8,
                activation="relu",
                kernel_regularizer=keras.regularizers.L1L2(1e-3, 1e-2),
                bias_regularizer="l1",
                activity_regularizer=keras.regularizers.L2(1e-3),
                kernel_constraint=keras.constraints.MaxNorm(1.0, axis=0),
            ),
            layers.Dense(
                8,
                activation="tanh",
                kernel_regularizer=keras.regularizers.OrthogonalRegularizer(0.01),
                kernel_constraint=Centred(),
                bias_constraint="non_neg",
            ),
            layers.ActivityRegularization(l1=1e-3, l2=1e-3),
            layers.Dense(
                2,
                kernel_regularizer=Even(0.1),
                kernel_constraint=keras.constraints.UnitNorm(),
            ),
        ]
    )
    start(model)
    rng = np.random.default_rng(36)
    x = rng.normal(size=(30, 6)).astype("float32")
    y = x[:, :2] - x[:, 2:4]
    model.compile(keras.optimizers.SGD(0.1), "mse")
    history = model.fit(x, y, epochs=3, batch_size=30, shuffle=False, verbose=0)
    return {
        "fit": history.history,
        "evaluate": model.evaluate(x, y, verbose=0),
        "predict_kernels": [w for w in model.get_weights() if w.ndim == 2],
    }
