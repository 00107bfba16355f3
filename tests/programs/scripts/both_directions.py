"""Reading a series forwards and backwards, put together in four ways."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    inputs = keras.Input((6, 3))
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(inputs)
    x = layers.Bidirectional(
        layers.GRU(4, return_sequences=True),
        backward_layer=layers.LSTM(4, return_sequences=True, go_backwards=True),
        merge_mode="sum",
    )(x)
    multiplied = layers.Bidirectional(layers.SimpleRNN(5), merge_mode="mul")(x)
    averaged = layers.Bidirectional(layers.LSTM(5), merge_mode="ave")(x)
    outputs = layers.Dense(1)(layers.subtract([multiplied, averaged]))
    model = keras.Model(inputs, outputs)
    start(model)

    rng = np.random.default_rng(14)
    series = rng.normal(size=(20, 6, 3)).astype("float32")
    ends = series[:, :1, 0] * series[:, -1:, 1]
    model.compile(keras.optimizers.Adam(0.01), "mse")
    history = model.fit(series, ends, epochs=3, batch_size=10, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(series[:5], verbose=0)}
