"""A residual network with batch normalization and a projection where it narrows."""

import numpy as np


def program(keras, start):
    layers = keras.layers

    def block(x, filters, stride):
        shortcut = x
        if stride > 1 or x.shape[-1] != filters:
            shortcut = layers.Conv2D(filters, 1, strides=stride, use_bias=False)(x)
            shortcut = layers.BatchNormalization()(shortcut)
        x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        x = layers.Activation("relu")(x)
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        return layers.ReLU()(layers.add([x, shortcut]))

    inputs = keras.Input((8, 8, 2), name="images")
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    x = block(x, 4, 1)
    x = block(x, 6, 2)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model(inputs, outputs, name="residual")
    start(model)

    rng = np.random.default_rng(3)
    images = rng.normal(size=(24, 8, 8, 2)).astype("float32")
    bright = (images[..., 0].mean((1, 2)) > 0).astype("float32")
    model.compile(
        keras.optimizers.SGD(0.05), "binary_crossentropy", metrics=["accuracy"]
    )
    history = model.fit(
        images,
        bright,
        batch_size=24,
        epochs=2,
        validation_data=(images[:10], bright[:10]),
        shuffle=False,
        verbose=0,
    )
    return {"fit": history.history}
