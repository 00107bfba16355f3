"""A training loop of one's own: `value_and_grad`, `jit` and an optimizer.

The same file on every backend: `MULTINET_BACKEND=torch python examples/custom_loop.py`.
"""

import argparse

import numpy as np

import multinet
from multinet import layers, ops


def main():
    """Train an MLP with dropout on digits, and print losses and the accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    multinet.set_random_seed(0)
    (x, y), (x_test, y_test) = multinet.datasets.digits.load_data()
    x, x_test = (a.reshape(len(a), -1).astype("float32") / 16 for a in (x, x_test))
    model = multinet.Sequential(
        [
            multinet.Input((64,)),
            layers.Dense(64, activation="gelu"),
            layers.Dropout(0.1),
            layers.Dense(10),
        ]
    )
    optimizer = multinet.optimizers.AdamW(3e-3)
    optimizer.build(model.trainable_variables)

    def loss(variables, x, y):
        logits = model(x, training=True)
        each = ops.sparse_categorical_crossentropy(y, logits, from_logits=True)
        return ops.mean(each)

    @multinet.jit
    def step(x, y):
        both = multinet.value_and_grad(loss)
        value, gradients = both(model.trainable_variables, x, y)
        optimizer.apply(gradients, model.trainable_variables)
        return value

    rng = np.random.default_rng(0)
    for i in range(options.steps):
        rows = rng.integers(0, len(x), 64)
        value = step(x[rows], y[rows].astype("int32"))
        if i % 50 == 0 or i == options.steps - 1:
            print(f"step {i}: loss {float(ops.convert_to_numpy(value)):.6f}")
    found = model.predict(x_test, verbose=0).argmax(-1)
    print(f"test accuracy {np.mean(found == y_test):.4f}")


if __name__ == "__main__":
    main()
