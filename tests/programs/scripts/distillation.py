"""A small network learns from the softened answers of a larger one."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    def network(width, name):
        return keras.Sequential(
            [
                keras.Input((5,)),
                layers.Dense(width, activation="relu"),
                layers.Dense(3),
            ],
            name=name,
        )

    class Distiller(keras.Model):
        def __init__(self, student, teacher):
            super().__init__()
            self.student, self.teacher = student, teacher
            self.teacher.trainable = False

        def compile(self, soft_loss, alpha, temperature, **kwargs):
            super().compile(**kwargs)
            self.soft_loss = soft_loss
            self.alpha, self.temperature = alpha, temperature

        def call(self, x):
            return self.student(x)

        def compute_loss(
            self, x=None, y=None, y_pred=None, sample_weight=None, training=True
        ):
            hard = super().compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=sample_weight
            )
            told = self.teacher(x, training=False)
            soft = self.soft_loss(
                ops.softmax(told / self.temperature, axis=1),
                ops.softmax(y_pred / self.temperature, axis=1),
            )
            soft = soft * self.temperature**2
            return self.alpha * hard + (1 - self.alpha) * soft

    rng = np.random.default_rng(23)
    x = rng.normal(size=(48, 5)).astype("float32")
    y = (x @ rng.normal(size=(5, 3))).argmax(-1)
    teacher, student = network(16, "teacher"), network(4, "student")
    start(teacher, student)
    options = {
        "optimizer": "adam",
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": [keras.metrics.SparseCategoricalAccuracy()],
    }
    teacher.compile(**options)
    taught = teacher.fit(x, y, epochs=2, batch_size=48, shuffle=False, verbose=0)
    model = Distiller(student, teacher)
    options["optimizer"] = keras.optimizers.Adam(0.01)
    model.compile(
        soft_loss=keras.losses.KLDivergence(), alpha=0.1, temperature=5, **options
    )
    history = model.fit(x, y, epochs=3, batch_size=48, shuffle=False, verbose=0)
    return {
        "teacher": taught.history,
        "fit": history.history,
        "evaluate": model.evaluate(x, y, verbose=0),
    }
