"""An anchor nearer to its like than to another, by a loss of the model itself."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Triplets(keras.Model):
        def __init__(self, embedding, margin):
            super().__init__()
            self.embedding, self.margin = embedding, margin

        def call(self, inputs):
            anchor, like, other = (self.embedding(x) for x in inputs)
            near = ops.sum(ops.square(anchor - like), -1)
            far = ops.sum(ops.square(anchor - other), -1)
            return near, far

        def compute_loss(
            self, x=None, y=None, y_pred=None, sample_weight=None, training=True
        ):
            near, far = y_pred
            return ops.mean(ops.relu(near - far + self.margin))

    embedding = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(8, activation="selu"),
            layers.Dense(4),
            layers.UnitNormalization(),
        ]
    )
    start(embedding)
    model = Triplets(embedding, 0.5)
    rng = np.random.default_rng(25)
    anchor, other = rng.normal(size=(2, 40, 5)).astype("float32")
    like = anchor + 0.2 * rng.normal(size=(40, 5)).astype("float32")
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    history = model.fit(
        (anchor, like, other), epochs=4, batch_size=10, shuffle=False, verbose=0
    )
    return {"fit": history.history, "predict": embedding.predict(anchor, verbose=0)}
