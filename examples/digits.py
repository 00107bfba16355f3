"""Train an MLP and a CNN on real handwritten digits, on the backend in use.

Choose the backend with MULTINET_BACKEND=numpy|jax|torch|tensorflow; NumPy is the
default. `--mnist mnist.npz` or `--fashion` takes other images.
"""

import argparse

import images
import numpy as np
import plots

import multinet
from multinet import layers


def mlp(shape=(8, 8, 1)) -> multinet.Model:
    """Return a perceptron with two hidden layers."""
    return multinet.Sequential(
        [
            multinet.Input(shape),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        name="mlp",
    )


def cnn(shape=(8, 8, 1)) -> multinet.Model:
    """Return a small convolutional network; it looks at large images in strides."""
    return multinet.Sequential(
        [
            multinet.Input(shape),
            # No bias before a batch normalization: it would have no effect, and its
            # gradient, zero but for rounding, is what Adam would follow.
            layers.Conv2D(16, 3, shape[0] // 14 or 1, padding="same", use_bias=False),
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


def draw(path, histories, x, y, probabilities):
    """Draw how the networks learned, and what the last one takes for what."""
    figure, (left, middle, right) = plots.figure(1, 3, width=4.4, height=4)
    for name, losses in histories.items():
        left.plot(range(1, len(losses) + 1), losses, label=name)
    left.set(title="Loss of the training", xlabel="epoch", yscale="log")
    left.legend()
    found = probabilities.argmax(-1)
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (y, found), 1)
    plots.matrix(middle, counts, range(10))
    middle.set(title="Test images of the CNN", xlabel="found", ylabel="true")
    hardest = np.argsort(probabilities[np.arange(len(y)), y])[:20]
    size = x.shape[1]
    framed = np.pad(x[hardest, ..., 0], ((0, 0), (size // 4, 0), (0, 0)))
    plots.picture(right, plots.tiles(framed, 5))
    for i, image in enumerate(hardest):
        place = (i % 5 + 0.6) * size * 1.25, (i // 5 + 0.32) * size * 1.5
        color = "black" if found[image] == y[image] else "firebrick"
        text = f"{y[image]}: {found[image]}"
        right.text(*place, text, color=color, ha="center", va="bottom", fontsize=8)
    right.set(title="The hardest, true: found")
    plots.save(figure, path)


def main() -> None:
    """Train both networks, print their accuracies, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, help="of the CNN; the MLP has three each")
    parser.add_argument("--plot", default="digits.png")
    images.ask(parser)
    options = parser.parse_args()
    multinet.set_random_seed(1)
    (x, y), (x_test, y_test) = images.load(options)
    shape = x.shape[1:]
    epochs = options.epochs or (10 if len(x) < 5000 else 3)
    print(f"Backend: {multinet.config.backend()}")
    accuracies, histories = {}, {}
    for network, rounds in ((mlp, 3 * epochs), (cnn, epochs)):
        model = network(shape)
        name = model.name.upper()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.summary()
        histories[name] = model.fit(x, y, batch_size=32, epochs=rounds).history["loss"]
        _, accuracies[name] = model.evaluate(x_test, y_test, verbose=0)
    for name, accuracy in accuracies.items():
        print(f"{name} test accuracy: {accuracy:.2%}")
    draw(options.plot, histories, x_test, y_test, model.predict(x_test, verbose=0))


if __name__ == "__main__":
    main()
