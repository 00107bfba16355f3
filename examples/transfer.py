"""Transfer: what a network learned of the digits 0 to 4 helps it to learn 5 to 9.

A CNN is trained on the first five digits and saved. The file is loaded, its head
replaced, and the rest frozen; then the whole network is tuned at a small rate. Both are
compared with a network that has seen nothing before: all get the same few examples, and
as many steps in all. The plot has means of the repeats, with their standard errors.
"""

import argparse
import tempfile
from pathlib import Path

import images
import numpy as np
import plots

import multinet
from multinet import layers

WAYS = ("from scratch", "frozen but for the head", "then all of it tuned")


def network(shape):
    """Return a CNN that tells five digits apart; its last layer is the head."""
    return multinet.Sequential(
        [
            multinet.Input(shape),
            layers.Conv2D(
                16, 3, shape[0] // 14 or 1, padding="same", activation="gelu"
            ),
            layers.Conv2D(32, 3, padding="same", activation="gelu"),
            layers.AveragePooling2D(),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(5, activation="softmax"),
        ]
    )


def new_head(path):
    """Return the network of a file, frozen, with a head that knows nothing yet."""
    body = multinet.saving.load_model(path).layers[:-1]
    for layer in body:
        layer.trainable = False
    return multinet.Sequential([*body, layers.Dense(5, activation="softmax")])


def fit(model, x, y, rate, steps):
    """Train for a number of steps on batches drawn from what there is."""
    model.compile(multinet.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    rows = np.random.randint(0, len(x), 32 * steps)
    model.fit(x[rows], y[rows], 32, verbose=0)


def few(x, y, count):
    """Return as many examples of each of five digits, by chance."""
    rows = [np.random.permutation(np.flatnonzero(y == i))[:count] for i in range(5)]
    return x[np.concatenate(rows)], y[np.concatenate(rows)]


def accuracy(model, x, y):
    """Return the share of images that are told right."""
    return np.mean(model.predict(x, verbose=0).argmax(-1) == y)


def compare(path, few, test, steps):
    """Return the accuracies of the three ways, from the same examples."""
    scratch, tuned = network(test[0].shape[1:]), new_head(path)
    fit(scratch, *few, 5e-3, steps)
    fit(tuned, *few, 5e-3, steps // 2)
    found = [accuracy(scratch, *test), accuracy(tuned, *test)]
    tuned.trainable = True
    fit(tuned, *few, 5e-4, steps // 2)
    return [*found, accuracy(tuned, *test)]


def draw(path, counts, found, title):
    """Draw the accuracies, an array of (counts, repeats, ways)."""
    figure, axes = plots.figure(width=5.5, height=4)
    for way, values in zip(WAYS, np.moveaxis(found, -1, 0)):
        mean, error = values.mean(1), values.std(1) / values.shape[1] ** 0.5
        axes.plot(counts, mean, "o-", label=way)
        axes.fill_between(counts, mean - error, mean + error, alpha=0.15)
    axes.set_xscale("log")
    axes.set_xticks(counts, counts)
    axes.minorticks_off()
    axes.set(title=title, xlabel="examples of each digit", ylabel="accuracy")
    axes.legend()
    plots.save(figure, path)


def main():
    """Compare the ways for each number of examples, print a table, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[2, 8, 32])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--plot", default="transfer.png")
    images.ask(parser)
    options = parser.parse_args()
    multinet.set_random_seed(0)
    (x, y), (x_test, y_test) = images.load(options)
    low, high, test = y < 5, y >= 5, y_test >= 5
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "low.keras"
        first = network(x.shape[1:])
        fit(first, x[low], y[low], 2e-3, 15 * options.steps)
        first.save(path)
        x, y, test = x[high], y[high] - 5, (x_test[test], y_test[test] - 5)
        found = [
            [
                compare(path, few(x, y, count), test, options.steps)
                for _ in range(options.repeats)
            ]
            for count in options.counts
        ]
    print(f"Backend: {multinet.config.backend()}")
    print("accuracy by examples of a digit:", *options.counts)
    for way, means in zip(WAYS, np.mean(found, 1).T):
        print(f"{way}:", *(f"{value:.2%}" for value in means))
    title = f"Digits 5 to 9, {options.steps} steps of training"
    draw(options.plot, options.counts, np.array(found), title)


if __name__ == "__main__":
    main()
