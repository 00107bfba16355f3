"""Recommend libraries to programs: matrix factorisation, and two towers that read.

Who needs what is told by the packages of Debian: thousands of programs, and libraries:

    apt-cache dumpavail > packages.txt

Matrix factorisation learns a vector of each program and each library from this alone,
so it knows nothing of a new program. The towers make these vectors of what a program
and a library say of themselves, so that they have an answer there, too. Run it on a
backend with, say, `MULTINET_BACKEND=jax python examples/recommendation.py`.
"""

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import plots

import multinet
from multinet import layers, ops

SIZE = 32  # of a vector
FAMILIES = ("python3-", "libqt5", "libkf5", "libgtk", "libx", "r-")


def read(path: Path, count: int | None):
    """Return texts of programs and libraries, names of these, and who needs which."""
    if not path.exists():
        sys.exit(f"There is no {path}. Get it with: apt-cache dumpavail > {path}")
    texts, needs = {}, {}
    for entry in path.read_text(encoding="utf-8").split("\n\n"):
        field = dict(re.findall(r"^([A-Z]\w+): (.*)$", entry, re.M))
        if "Package" not in field or field.get("Section") == "haskell":
            continue
        name = field["Package"]
        said = f"{name} {field.get('Section', '')} {field.get('Description', '')}"
        texts[name] = re.sub(r"[^a-z]+|\blib", " ", said.lower())
        needs[name] = set(
            re.findall(r"(?:^|, )([a-z0-9.+-]+)", field.get("Depends", ""))
        )
    uses = Counter(library for some in needs.values() for library in some)
    libraries = sorted(x for x, n in uses.items() if 30 <= n <= 4000 and x in texts)
    number = {library: i for i, library in enumerate(libraries)}
    wanted = {p: [number[x] for x in some if x in number] for p, some in needs.items()}
    programs = sorted(name for name, some in wanted.items() if len(some) >= 5)
    programs = np.random.default_rng(1).permutation(programs)[:count]
    needed = np.zeros((len(programs), len(libraries)), "float32")
    for row, name in zip(needed, programs):
        row[wanted[name]] = 1
    return (
        [texts[p] for p in programs],
        [texts[x] for x in libraries],
        libraries,
        needed,
    )


class TwoTowers(multinet.Model):
    """Scores of all libraries for a program, from the words of both."""

    def __init__(self, vocabulary: int, libraries: np.ndarray):
        super().__init__()
        self.libraries = libraries
        self.program, self.library = (
            multinet.Sequential(
                [
                    layers.Embedding(vocabulary, SIZE, mask_zero=True),
                    layers.GlobalAveragePooling1D(),
                    layers.Dense(64, activation="relu"),
                    layers.Dense(SIZE),
                ]
            )
            for _ in range(2)
        )
        self.popular = self.add_weight(shape=(len(libraries),), name="popular")

    def call(self, words):
        vectors = self.library(self.libraries)
        scores = ops.matmul(self.program(words), ops.transpose(vectors))
        return scores + self.popular


def train(model: multinet.Model, x, needed: np.ndarray, epochs: int) -> multinet.Model:
    """Teach a model which libraries each program needs."""
    share = needed / needed.sum(axis=1, keepdims=True)
    loss = multinet.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(multinet.optimizers.Adam(0.01), loss)
    model.fit(x, share, batch_size=64, epochs=epochs, verbose=2)
    return model


def hits(scores: np.ndarray, hidden: np.ndarray, known: np.ndarray) -> float:
    """Return how much of what is hidden is among the ten best that are not known."""
    best = np.argsort(np.where(known > 0, -np.inf, scores), axis=1)[:, -10:]
    return (
        np.take_along_axis(hidden, best, 1).sum() / np.minimum(hidden.sum(1), 10).sum()
    )


def main() -> None:
    """Hide a library of each program, and all of some, and look who finds them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default="packages.txt")
    parser.add_argument("--samples", type=int, help="programs to use; all by default")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--plot", type=Path, default="recommendation.png")
    options = parser.parse_args()
    multinet.set_random_seed(1)

    programs, libraries, names, needed = read(options.data, options.samples)
    words = layers.TextVectorization(max_tokens=5000, output_sequence_length=20)
    words.adapt(programs + libraries)
    x = ops.convert_to_numpy(words(np.array(programs)))
    catalogue = ops.convert_to_numpy(words(np.array(libraries)))

    new = len(programs) // 10  # the first ones are new, and of the others one is hidden
    chance = np.random.default_rng(2).uniform(size=needed[new:].shape)
    hidden = np.eye(len(names))[np.argmax(chance * needed[new:], axis=1)]
    known = needed[new:] - hidden.astype("float32")
    ids = np.arange(len(known))

    factors = multinet.Sequential(
        [
            multinet.Input((), dtype="int32"),
            layers.Embedding(len(known), SIZE),
            layers.Dense(len(names), name="libraries"),
        ]
    )
    train(factors, ids, known, 2 * options.epochs)
    towers = train(
        TwoTowers(words.vocabulary_size(), catalogue), x[new:], known, options.epochs
    )
    popular = np.tile(known.sum(axis=0), (len(needed), 1))
    answers = {
        "the most needed": (popular[new:], popular[:new]),
        "factorisation": (factors.predict(ids, verbose=0), None),
        "two towers": np.split(towers.predict(x, verbose=0), [new])[::-1],
    }
    print("Found among ten guesses:  hidden ones  of new programs")
    table = {}
    for name, (one, fresh) in answers.items():
        right = 0.0 if fresh is None else hits(fresh, needed[:new], 0 * needed[:new])
        table[name] = hits(one, hidden, known), right
        print("{:>24}  {:>11.1%}  {:>15.1%}".format(name, *table[name]))
    vectors = factors.get_layer("libraries").get_weights()[0].T
    draw(table, vectors, names, options.plot)


def draw(table, vectors: np.ndarray, names: list[str], path: Path) -> None:
    """Draw who finds how many, and the libraries: near are those needed together."""
    figure, (left, right) = plots.figure(
        columns=2, width=6, height=4.8, width_ratios=[2, 3]
    )
    rows = np.arange(len(table))
    for i, label in enumerate(("one hidden library", "all of a new program")):
        shares = [shares[i] for shares in table.values()]
        left.bar(rows + 0.4 * i - 0.2, shares, 0.4, label=label)
    left.set(title="Share found in ten guesses", xticks=rows, xticklabels=table)
    left.set_ylim(0, 0.9)
    left.legend(loc="upper left")
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    _, _, axes = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    place = vectors @ axes[:2].T
    right.scatter(*place.T, s=14, c="#ccc", linewidths=0)
    for family, color in zip(FAMILIES, plots.COLORS):
        one = [i for i, name in enumerate(names) if name.startswith(family)]
        right.scatter(*place[one].T, s=20, c=color, label=f"{family}…")
    right.set(
        title="The libraries: near are those needed together", xticks=[], yticks=[]
    )
    right.legend(title="names begin with", loc="upper left", fontsize=8)
    plots.save(figure, path)


if __name__ == "__main__":
    main()
