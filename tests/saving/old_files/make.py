"""Make the files of this folder: one model as several versions of Keras write it.

Run once for each version, installed alone in a folder of its own:

    pip install --no-deps --target old keras==3.5.0
    KERAS_BACKEND=jax PYTHONPATH=old python make.py keras

Versions 3.0 and 3.5 ran with KERAS_BACKEND=torch. Keras 2 needs the TensorFlow of its
time, on Python 3.11, and its files lie in an archive, where they take little room:

    pip install tensorflow-cpu==2.15.* tf-keras==2.15.*
    python make.py tf_keras

2.15 to 2.20 write the same but for the module of optimizers, which is
`keras.optimizers.experimental` in 2.15; so of those after it only some were made, on
the TensorFlow of 2.21:

    pip install --no-deps --target old tf-keras==2.16.*
    PYTHONPATH=old python make.py tf_keras sequential functional adam sgd legacy_adam
"""

import importlib
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
LIBRARY, *WANTED = sys.argv[1:]
K = importlib.import_module(LIBRARY)
KERAS_2 = LIBRARY == "tf_keras"
NUMBERS = np.random.default_rng(0)
X = NUMBERS.normal(size=(4, 6, 3)).astype("float32")
WORDS = NUMBERS.integers(1, 9, (4, 6)).astype("int32")
Y = NUMBERS.normal(size=(4, 2)).astype("float32")


def sequential():
    """Return a model of layers in a row."""
    return K.Sequential(
        [
            K.layers.Input((6, 3)) if KERAS_2 else K.Input((6, 3)),
            K.layers.Conv1D(4, 3, padding="same", activation="relu"),
            K.layers.BatchNormalization(),
            K.layers.Bidirectional(K.layers.LSTM(3, return_sequences=True)),
            K.layers.GRU(3),
            K.layers.Dropout(0.0 if KERAS_2 else 0.5),  # so training can be repeated
            K.layers.Dense(2, kernel_regularizer="l2"),
        ]
    )


def functional():
    """Return a model of two inputs, with a shared layer and one inside."""
    a, b = K.Input((6, 3), name="a"), K.Input((6,), dtype="int32", name="b")
    shared = K.layers.Dense(4, activation="tanh", name="shared")
    left = shared(a)
    right = shared(K.layers.Embedding(10, 3)(b))
    y = K.layers.Concatenate()([left, right])
    y = K.layers.MultiHeadAttention(2, 3)(y, y)
    y = K.layers.LayerNormalization()(y)
    inner = K.Sequential([K.layers.Flatten(), K.layers.Dense(3)], name="inner")
    y = K.layers.Dense(2)(inner(y))
    return K.Model([a, b], y)


def small():
    """Return a model of few weights, one of them frozen."""
    a, b = K.Input((6, 3), name="a"), K.Input((6,), dtype="int32", name="b")
    y = K.layers.Dense(2, name="one")(K.layers.Flatten()(a))
    fixed = K.layers.Dense(2, name="fixed", trainable=False)
    y = K.layers.BatchNormalization(name="norm")(fixed(y))
    words = K.layers.Flatten()(K.layers.Embedding(10, 1, name="words")(b))
    return K.Model(
        [a, b], K.layers.Dense(2, name="last")(K.layers.Concatenate()([y, words]))
    )


def rules():
    """Return optimizers of Keras 2 by name, those of TensorFlow 1's kind as well."""
    new, old = K.optimizers, K.optimizers.legacy
    rate = new.schedules.ExponentialDecay(0.1, 2, 0.5)
    made = {
        "sgd": new.SGD(rate, momentum=0.9),
        "plain": new.SGD(0.1),
        "adam": new.Adam(1e-2, epsilon=1e-3, amsgrad=True),
        "adamw": new.AdamW(1e-2, epsilon=1e-3, weight_decay=0.01),
        "adamax": new.Adamax(1e-2, epsilon=1e-3),
        "adagrad": new.Adagrad(0.1),
        "adadelta": new.Adadelta(1.0),
        "rmsprop": new.RMSprop(1e-2, momentum=0.5, centered=True, epsilon=1e-3),
        "ema": new.Adam(1e-2, epsilon=1e-3, use_ema=True),
    }
    return made | {
        "legacy_sgd": old.SGD(0.1, momentum=0.9),
        "legacy_adam": old.Adam(1e-2, epsilon=1e-3, amsgrad=True),
        "legacy_adamax": old.Adamax(1e-2, epsilon=1e-3),
        "legacy_adagrad": old.Adagrad(0.1),
        "legacy_adadelta": old.Adadelta(1.0),
        "legacy_rmsprop": old.RMSprop(1e-2, momentum=0.5, centered=True, epsilon=1e-3),
    }


def keras_3():
    """Write files of Keras 3 and the outputs of the models."""
    for build, x in ((sequential, X), (functional, [X, WORDS])):
        model = build()
        model.compile("adam", "mse")
        model.fit(x, Y, verbose=0)
        name = HERE / f"{LIBRARY}-{K.__version__}-{build.__name__}"
        model.save(f"{name}.keras")
        outputs = model.predict(x, verbose=0)
        np.savez(f"{name}.npz", x=X, words=WORDS, y=outputs)


def keras_2(folder):
    """Write files of Keras 2 with outputs, and the weights after one more epoch."""
    for build, x in ((sequential, X), (functional, [X, WORDS])):
        if build.__name__ in WANTED or not WANTED:
            rule = K.optimizers.Adam(epsilon=1e-3)
            write(build(), x, rule, folder / build.__name__)
    for name, rule in rules().items():
        if name in WANTED or not WANTED:
            K.backend.clear_session()
            write(small(), [X, WORDS], rule, folder / f"small_{name}")


def write(model, x, rule, path):
    """Train a model, write its files, and train it once more."""
    model.compile(rule, "mse")
    model.fit(x, Y, epochs=3, verbose=0)
    model.save(f"{path}.keras")
    model.save(f"{path}.h5")
    if "small" not in path.name:
        model.save_weights(f"{path}-weights.h5")
    arrays = {"x": X, "words": WORDS, "y": model.predict(x, verbose=0)}
    model.fit(x, Y, verbose=0)
    for layer in model.layers:
        for i, weight in enumerate(layer.get_weights()):
            arrays[f"after|{layer.name}|{i}"] = weight
    np.savez(f"{path}.npz", **arrays, targets=Y)


def main():
    """Write the files of the version that is installed."""
    if not KERAS_2:
        keras_3()
        return
    with tempfile.TemporaryDirectory() as made:
        keras_2(Path(made))
        target = HERE / f"{LIBRARY}-{K.__version__}.tar.xz"
        with tarfile.open(target, "w:xz") as archive:
            for path in sorted(Path(made).iterdir()):
                archive.add(path, path.name)


if __name__ == "__main__":
    main()
