"""Three quantiles at once, each output with a loss made by a function."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    def pinball(share):
        def loss(y_true, y_pred):
            error = y_true - y_pred
            return ops.mean(ops.maximum(share * error, (share - 1) * error), axis=-1)

        return loss

    inputs = keras.Input((2,))
    x = layers.Dense(10, activation="relu6")(inputs)
    x = layers.Dense(10, activation=lambda x: ops.log(1 + ops.exp(x)))(x)
    shares = {"low": 0.1, "middle": 0.5, "high": 0.9}
    outputs = {name: layers.Dense(1, name=name)(x) for name in shares}
    model = keras.Model(inputs, outputs)
    start(model)

    rng = np.random.default_rng(62)
    x = rng.uniform(-1, 1, size=(40, 2)).astype("float32")
    y = x[:, :1] + np.abs(x[:, 1:]) * rng.normal(size=(40, 1)).astype("float32")
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.5),
        loss={name: pinball(share) for name, share in shares.items()},
    )
    targets = dict.fromkeys(shares, y)
    history = model.fit(x, targets, epochs=3, batch_size=8, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(x[:6], verbose=0)}
