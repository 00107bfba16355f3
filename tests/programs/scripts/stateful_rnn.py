"""Long series cut in pieces; the LSTM remembers from one batch to the next."""

import numpy as np


def program(keras, start):
    layers = keras.layers

    class Forget(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            for layer in self.model.layers:
                if hasattr(layer, "reset_states"):
                    layer.reset_states()

    inputs = keras.Input(batch_shape=(4, 5, 2))
    x = layers.LSTM(6, stateful=True, return_sequences=True, name="memory")(inputs)
    outputs = layers.Dense(1)(layers.SimpleRNN(4, stateful=True)(x))
    model = keras.Model(inputs, outputs)
    start(model)

    rng = np.random.default_rng(13)
    long = rng.normal(size=(4, 15, 2)).astype("float32")
    pieces = np.concatenate([long[:, i : i + 5] for i in (0, 5, 10)])
    sums = np.concatenate([long[:, : i + 5, :1].sum(1) for i in (0, 5, 10)])
    model.compile("adam", "mse")
    history = model.fit(
        pieces,
        sums,
        epochs=3,
        batch_size=4,
        shuffle=False,
        verbose=0,
        callbacks=[Forget()],
    )
    model.get_layer("memory").reset_states()
    predictions = model.predict(pieces, batch_size=4, verbose=0)
    return {"fit": history.history, "predict": predictions}
