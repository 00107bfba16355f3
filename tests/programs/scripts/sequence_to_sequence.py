"""An encoder hands its state to a decoder, which is then run word by word."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    units = 12
    source = keras.Input((None, 7), name="source")
    _, *state = layers.LSTM(units, return_state=True, name="encoder")(source)
    target = keras.Input((None, 6), name="target")
    lstm = layers.LSTM(units, return_sequences=True, return_state=True, name="decoder")
    sequence, _, _ = lstm(target, initial_state=state)
    dense = layers.Dense(6, activation="softmax", name="letters")
    model = keras.Model([source, target], dense(sequence))
    start(model)

    rng = np.random.default_rng(16)
    said = rng.integers(0, 7, size=(24, 5))
    answer = np.concatenate([np.zeros((24, 1), int), said[:, ::-1] % 5 + 1], 1)
    x = np.eye(7, dtype="float32")[said]
    y = np.eye(6, dtype="float32")[answer]
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        [x, y[:, :-1]], y[:, 1:], epochs=3, batch_size=24, shuffle=False, verbose=0
    )

    encoder = keras.Model(source, state)
    given = [keras.Input((units,)), keras.Input((units,))]
    step, *after = lstm(target, initial_state=given)
    decoder = keras.Model([target, *given], [dense(step), *after])
    states = encoder.predict(x[:3], verbose=0)
    letters, spoken = y[:3, :1], []
    for _ in range(3):
        letters, *states = decoder.predict([letters, *states], verbose=0)
        spoken.append(letters)
    return {"fit": history.history, "predict": np.concatenate(spoken, 1)}
