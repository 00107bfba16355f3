"""Train on one of two devices of the host; print where all lies and what came out.

python jax_second_device.py 0 | 1
"""

import json
import os
import sys

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
)
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy as np

import multinet
from multinet import layers, ops, optimizers, random


def models():
    """Return models, by name, with inputs and targets."""
    rng = np.random.default_rng(1)
    pictures = rng.normal(size=(12, 6, 6, 2)).astype("float32")
    steps = rng.normal(size=(12, 5, 3)).astype("float32")
    words = rng.integers(0, 7, (12, 4)).astype("int32")
    sequence = layers.LSTM(3, return_sequences=True), layers.GRU(3), layers.Dense(2)
    picture = (
        layers.Conv2D(3, 3, padding="same"),
        layers.BatchNormalization(),
        layers.AveragePooling2D(3, 2, padding="same"),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(2),
    )
    word = (
        layers.Embedding(7, 4),
        layers.LayerNormalization(),
        layers.GaussianNoise(0.1),
        layers.GlobalMaxPooling1D(),
        layers.Dense(2),
    )
    chosen = {"pictures": picture, "steps": sequence, "words": word}
    given = {"pictures": pictures, "steps": steps, "words": words}
    for name, parts in chosen.items():
        yield name, multinet.Sequential(parts), given[name]


def main(index):
    """Print the device of every value, and the losses."""
    device = jax.devices()[index]
    jax.config.update("jax_default_device", device)
    places, numbers = {}, {}

    def look(name, x):
        places[name] = sorted(d.id for d in x.devices())

    multinet.set_backend("jax")
    multinet.set_random_seed(3)
    y = np.random.default_rng(2).integers(0, 2, 12).astype("int32")
    rates = optimizers.schedules.CosineDecay(0.01, 20)
    for name, model, x in models():
        loss = multinet.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizers.Adam(rates), loss, metrics=["accuracy"])
        history = model.fit(x, y, 4, 2, verbose=0).history
        numbers[name] = [*history["loss"], *history["accuracy"]]
        numbers[name] += [float(v) for v in model.evaluate(x, y, 4, verbose=0)]
        numbers[name] += np.ravel(model.predict(x, verbose=0)).tolist()
        for kind in ("weights", "metrics_variables"):
            for i, v in enumerate(getattr(model, kind)):
                look(f"{name} {kind} {i}", v.value)
        for i, v in enumerate(model.optimizer.variables):
            look(f"{name} slot {i}", v.value)
        look(f"{name} output", model(x))
    look("constant", ops.ones((2,)))
    look("converted", ops.convert_to_tensor(np.ones((2, 3), "float32")))
    look("range", ops.arange(4))
    look("draw", random.normal((3,), seed=1))
    print(json.dumps({"device": device.id, "places": places, "numbers": numbers}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
