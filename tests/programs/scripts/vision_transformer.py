"""Images cut into patches, which attend to each other."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Patches(layers.Layer):
        def __init__(self, size):
            super().__init__()
            self.size = size

        def call(self, images):
            _, height, width, channels = images.shape
            rows, columns = height // self.size, width // self.size
            x = ops.reshape(images, (-1, rows, self.size, columns, self.size, channels))
            x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
            return ops.reshape(x, (-1, rows * columns, self.size**2 * channels))

    class Encoder(layers.Layer):
        def __init__(self, patches, width):
            super().__init__()
            self.patches = patches
            self.projection = layers.Dense(width)
            self.positions = layers.Embedding(patches, width)

        def call(self, x):
            places = ops.expand_dims(ops.arange(self.patches), 0)
            return self.projection(x) + self.positions(places)

    inputs = keras.Input((8, 8, 3))
    x = Encoder(4, 8)(Patches(4)(inputs))
    for _ in range(2):
        seen = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([layers.MultiHeadAttention(2, 4, dropout=0.0)(seen, seen), x])
        inner = layers.LayerNormalization(epsilon=1e-6)(x)
        inner = layers.Dense(12, activation=keras.activations.gelu)(inner)
        x = layers.Add()([layers.Dense(8)(inner), x])
    x = layers.Flatten()(layers.LayerNormalization(epsilon=1e-6)(x))
    model = keras.Model(inputs, layers.Dense(3)(x))
    start(model)

    rng = np.random.default_rng(20)
    images = rng.uniform(size=(18, 8, 8, 3)).astype("float32")
    labels = images.mean((1, 2)).argmax(-1)
    model.compile(
        optimizer=keras.optimizers.SGD(0.05, momentum=0.9, weight_decay=0.001),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
            keras.metrics.SparseTopKCategoricalAccuracy(2, name="top-2-accuracy"),
        ],
    )
    history = model.fit(
        images, labels, batch_size=6, epochs=2, shuffle=False, verbose=0
    )
    return {"fit": history.history, "predict": model.predict(images[:4], verbose=0)}
