"""A trained base gets a new head: first frozen, then tuned at a low rate."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    rng = np.random.default_rng(30)
    images = rng.uniform(size=(24, 6, 6, 3)).astype("float32")
    old = images.mean((1, 2)).argmax(-1)
    new = (images[:, :3].mean((1, 2, 3)) > 0.5).astype("float32")

    base = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
        ],
        name="base",
    )
    first = keras.Sequential([base, layers.Dense(3, activation="softmax")])
    start(first)
    first.compile("adam", "sparse_categorical_crossentropy")
    results = {
        "first": first.fit(
            images, old, batch_size=24, epochs=2, shuffle=False, verbose=0
        ).history
    }

    base.trainable = False
    inputs = keras.Input((6, 6, 3))
    x = base(layers.Rescaling(2.0, offset=-1.0)(inputs), training=False)
    model = keras.Model(inputs, layers.Dense(1)(layers.Dropout(0.0)(x)))
    start(model)
    accuracy = keras.metrics.BinaryAccuracy
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.05), loss, metrics=[accuracy()])
    frozen = model.fit(images, new, epochs=2, batch_size=24, shuffle=False, verbose=0)

    base.trainable = True
    base.layers[1].trainable = False  # statistics stay as they are
    model.compile(keras.optimizers.Adam(0.001), loss, metrics=[accuracy()])
    tuned = model.fit(images, new, epochs=2, batch_size=24, shuffle=False, verbose=0)
    counts = [len(model.trainable_weights), len(model.non_trainable_weights)]
    return results | {
        "frozen": frozen.history,
        "tuned": tuned.history,
        "counts": counts,
        "predict": model.predict(images, verbose=0),
    }
