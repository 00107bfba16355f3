"""Patches and channels mixed in turn by dense layers, as one subclassed model."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Mixer(layers.Layer):
        def __init__(self, patches, width, hidden, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.over_patches = keras.Sequential(
                [layers.Dense(patches, activation="gelu"), layers.Dense(patches)]
            )
            self.over_channels = keras.Sequential(
                [layers.Dense(hidden, activation="gelu"), layers.Dense(width)]
            )
            self.norm = layers.LayerNormalization(epsilon=1e-6)

        def build(self, input_shape):
            super().build(input_shape)

        def call(self, inputs):
            x = self.norm(inputs)
            channels = ops.transpose(x, axes=(0, 2, 1))
            mixed = ops.transpose(self.over_patches(channels), axes=(0, 2, 1))
            x = mixed + inputs
            return x + self.over_channels(self.norm(x))

    class Classifier(keras.Model):
        def __init__(self, kinds):
            super().__init__()
            self.cut = layers.Conv2D(6, 3, strides=3)
            self.line = layers.Reshape((9, 6))
            self.blocks = [Mixer(9, 6, 8) for _ in range(2)]
            self.pool = layers.GlobalAveragePooling1D()
            self.answer = layers.Dense(kinds)

        def call(self, images):
            x = self.line(self.cut(images))
            for block in self.blocks:
                x = block(x)
            return self.answer(self.pool(x))

    rng = np.random.default_rng(63)
    images = rng.uniform(size=(20, 9, 9, 1)).astype("float32")
    kinds = images.reshape(20, 3, 27).mean(-1).argmax(-1)
    model = Classifier(3)
    model(images[:1])
    start(model)
    model.compile(
        optimizer=keras.optimizers.AdamW(learning_rate=0.01, weight_decay=0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["acc"],
    )
    history = model.fit(images, kinds, batch_size=5, epochs=2, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(images[:5], verbose=0)}
