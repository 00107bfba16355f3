"""A graph whose nodes tell their neighbours what they know; some have labels."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops
    rng = np.random.default_rng(46)
    count = 16
    edges = rng.uniform(size=(count, count)) < 0.2
    edges = (edges | edges.T | np.eye(count, dtype=bool)).astype("float32")
    degree = edges.sum(1)
    features = rng.normal(size=(count, 5)).astype("float32")
    kinds = ((edges @ features[:, 0]) > 0).astype("int32")

    class Passing(layers.Layer):
        def __init__(self, units, adjacency, activation=None, **kwargs):
            super().__init__(**kwargs)
            self.adjacency = ops.convert_to_tensor(adjacency)
            self.own, self.told = layers.Dense(units), layers.Dense(units)
            self.activation = keras.activations.get(activation)

        def call(self, nodes):
            heard = ops.matmul(self.adjacency, self.told(nodes))
            return self.activation(self.own(nodes) + heard)

    class Network(keras.Model):
        def __init__(self, features, adjacency):
            super().__init__()
            self.features = ops.convert_to_tensor(features)
            self.first = Passing(8, adjacency, "relu")
            self.second = Passing(8, adjacency, "relu")
            self.answer = layers.Dense(2)

        def call(self, which):
            nodes = self.second(self.first(self.features))
            return self.answer(ops.take(nodes, ops.reshape(which, (-1,)), axis=0))

    scaled = edges / np.sqrt(degree[:, None] * degree)
    model = Network(features, scaled.astype("float32"))
    which = np.arange(count)
    model(which)
    start(model)
    model.compile(
        keras.optimizers.Adam(0.02),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["acc"],
    )
    history = model.fit(
        which[:12], kinds[:12], batch_size=12, epochs=3, shuffle=False, verbose=0
    )
    return {"fit": history.history, "predict": model.predict(which, verbose=0)}
