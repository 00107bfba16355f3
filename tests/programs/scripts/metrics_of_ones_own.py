"""Metrics with state: a class of one's own beside those for thresholds."""

import numpy as np


def program(keras, start):
    layers, ops, metrics = keras.layers, keras.ops, keras.metrics

    class RightPositives(metrics.Metric):
        def __init__(self, name="right_positives", **kwargs):
            super().__init__(name=name, **kwargs)
            self.count = self.add_variable(
                shape=(), initializer="zeros", name="count", dtype="float32"
            )

        def update_state(self, y_true, y_pred, sample_weight=None):
            right = ops.logical_and(ops.equal(y_true, 1), ops.greater(y_pred, 0.5))
            values = ops.cast(right, self.dtype)
            if sample_weight is not None:
                values = values * ops.broadcast_to(sample_weight, ops.shape(values))
            self.count.assign(self.count + ops.sum(values))

        def result(self):
            return self.count + 0.0

    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    start(model)
    rng = np.random.default_rng(50)
    x = rng.normal(size=(64, 4)).astype("float32")
    y = (x[:, :1] + 0.5 * x[:, 1:2] > 0).astype("float32")
    model.compile(
        keras.optimizers.Adam(0.02),
        "binary_crossentropy",
        metrics=[
            RightPositives(),
            metrics.AUC(name="auc"),
            metrics.AUC(curve="PR", num_thresholds=50, name="pr"),
            metrics.Precision(name="precision"),
            metrics.Recall(thresholds=[0.3, 0.6], name="recall"),
            metrics.FalseNegatives(name="misses"),
            metrics.F1Score("macro", threshold=0.5, name="f1"),
        ],
    )
    history = model.fit(
        x,
        y,
        epochs=3,
        batch_size=64,
        shuffle=False,
        verbose=0,
    )
    return {"fit": history.history}
