"""Learn how pleasant a sentence is, from the ratings of twenty people each.

Ratings from -4 to 4 of tweets, reviews and editorials come with the source distribution
of vaderSentiment (C. J. Hutto and E. Gilbert, "VADER", ICWSM 2014; MIT licence):

    pip download --no-deps --no-binary :all: vaderSentiment

The model takes strings: the text is cut into words and pairs of words inside of it. Run
it on a backend with, say, `MULTINET_BACKEND=torch python examples/sentiment.py
--data vaderSentiment-3.3.2.tar.gz`.
"""

import argparse
import io
import sys
import tarfile
from pathlib import Path

import numpy as np
import plots

import multinet
from multinet import layers

SOURCES = ("tweets", "amazonReviewSnippets", "movieReviewSnippets")


def read(path: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sentences and their mean ratings, of an archive inside an archive."""
    if not path.exists():
        sys.exit(
            f"There is no {path}. Get it with: "
            "pip download --no-deps --no-binary :all: vaderSentiment"
        )
    with tarfile.open(path) as outer:
        inner = next(
            n for n in outer.getnames() if n.endswith("hutto_ICWSM_2014.tar.gz")
        )
        archive = io.BytesIO(outer.extractfile(inner).read())
    lines = []
    with tarfile.open(fileobj=archive) as inside:
        for source in SOURCES:
            file = inside.extractfile(f"hutto_ICWSM_2014/{source}_GroundTruth.txt")
            lines += file.read().decode("utf-8", errors="replace").splitlines()
    rows = [line.split("\t", 2) for line in lines]
    rows = [row for row in rows if any(c.isalnum() for c in row[-1])]  # not just :-)
    chosen = np.random.default_rng(1).permutation(len(rows))[:count]
    texts = np.array([rows[i][2] for i in chosen])
    ratings = np.array([float(rows[i][1]) for i in chosen], "float32")
    return texts, ratings


def network(texts: np.ndarray) -> multinet.Model:
    """Return a model that adds up what each word and each pair of words is worth."""
    words = layers.TextVectorization(
        max_tokens=12000, ngrams=2, output_sequence_length=60
    )
    words.adapt(texts)
    return multinet.Sequential(
        [
            multinet.Input((), dtype="string"),
            words,
            layers.Embedding(words.vocabulary_size(), 16, mask_zero=True, name="words"),
            layers.GlobalAveragePooling1D(),
            layers.Dropout(0.3),
            layers.Dense(16, activation="relu"),
            layers.Dense(1, activation="tanh"),
            layers.Rescaling(4),  # as the ratings, from -4 to 4
        ]
    )


def main() -> None:
    """Train on nine sentences of ten, test on the others."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default="vaderSentiment-3.3.2.tar.gz")
    parser.add_argument("--samples", type=int, default=20000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--plot", type=Path, default="sentiment.png")
    options = parser.parse_args()
    multinet.set_random_seed(1)

    texts, ratings = read(options.data, options.samples)
    tenth = len(texts) // 10
    model = network(texts[tenth:])
    model.compile(multinet.optimizers.Adam(3e-3), "mse")
    model.fit(
        texts[tenth:], ratings[tenth:], batch_size=64, epochs=options.epochs, verbose=2
    )
    test, truth = texts[:tenth], ratings[:tenth]
    guess = model.predict(test, verbose=0)[:, 0]

    clear = np.abs(truth) > 0.5
    right = np.mean(np.sign(guess[clear]) == np.sign(truth[clear]))
    correlation = np.corrcoef(guess, truth)[0, 1]
    print(f"{tenth} new sentences: the correlation with people is {correlation:.2f},")
    print(f"and of the {clear.sum()} clear ones {right:.1%} have the right sign")
    for text in ("What a lovely day", "This is a waste of money", "It is not bad"):
        print(f"{model.predict(np.array([text]), verbose=0)[0, 0]:+.1f}  {text}")
    draw(model, guess, truth, options.plot)


def draw(model: multinet.Model, guess, truth, path: Path) -> None:
    """Draw ratings beside those of people, and the words that count the most."""
    vocabulary = np.array(model.layers[0].get_vocabulary()[2:1000])
    vocabulary = vocabulary[[" " not in word for word in vocabulary]]
    sentences = np.array([f"it is {word} today" for word in vocabulary])
    worth = model.predict(sentences, verbose=0)[:, 0]
    order = np.argsort(worth)
    ends = np.concatenate([order[:12], order[-12:]])
    figure, (left, right) = plots.figure(columns=2, width=5, height=4.6)
    left.scatter(truth, guess, s=9, alpha=0.4, linewidths=0)
    left.plot([-4, 4], [-4, 4], c="#888", lw=1)
    left.set(title="New sentences", xlabel="rated by people", ylabel="by the model")
    colors = [plots.COLORS[int(worth[i] > 0)] for i in ends]
    right.barh(range(len(ends)), worth[ends], color=colors)
    right.set(title="It is … today", yticks=range(len(ends)))
    right.set_yticklabels(vocabulary[ends], fontsize=8)
    right.set_xlabel("by the model")
    right.grid(axis="y", visible=False)
    plots.save(figure, path)


if __name__ == "__main__":
    main()
