"""Train an MLP and a CNN on real handwritten digits, on the backend in use.

Choose the backend with MULTINET_BACKEND=numpy|jax|torch|tensorflow; NumPy is the
default.
"""

import multinet
from multinet import layers
from multinet.datasets import digits

(x_train, y_train), (x_test, y_test) = digits.load_data()
x_train, x_test = x_train[..., None] / 16.0, x_test[..., None] / 16.0


def mlp() -> multinet.Model:
    """Return a perceptron with two hidden layers."""
    return multinet.Sequential(
        [
            multinet.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        name="mlp",
    )


def cnn() -> multinet.Model:
    """Return a small convolutional network."""
    return multinet.Sequential(
        [
            multinet.Input((8, 8, 1)),
            # No bias before a batch normalization: it would have no effect, and its
            # gradient, zero but for rounding, is what Adam would follow.
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("gelu"),
            layers.Conv2D(32, 3, padding="same", activation="gelu"),
            layers.AveragePooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="gelu"),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ],
        name="cnn",
    )


def train(model: multinet.Model, epochs: int) -> float:
    """Train the model, and return its accuracy on the test set."""
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.summary()
    model.fit(x_train, y_train, batch_size=32, epochs=epochs)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return accuracy


if __name__ == "__main__":
    multinet.set_random_seed(1)
    print(f"Backend: {multinet.config.backend()}")
    results = {"MLP": train(mlp(), epochs=30), "CNN": train(cnn(), epochs=10)}
    for name, accuracy in results.items():
        print(f"{name} test accuracy: {accuracy:.2%}")
