"""Tell the language of a word from its letters alone, without the accents.

The words are those of Debian's spelling dictionaries, one file a language:

    apt-get install wamerican wngerman wfrench witalian wspanish wdutch wswedish wpolish

Where these stand in another folder, give it as `--lists FOLDER`: each file in it is a
language. Run it on a backend with, say,
`MULTINET_BACKEND=jax python examples/languages.py`.
"""

import argparse
import sys
import unicodedata
from pathlib import Path

import numpy as np
import plots

import multinet
from multinet import layers

LONGEST = 16


def plain(word: str) -> str:
    """Return the word in small letters without accents: é is e, ł is l."""
    letters = unicodedata.normalize("NFKD", word.lower()).translate(
        {322: "l", 248: "o"}
    )
    return "".join(c for c in letters if "a" <= c <= "z")


def read(folder: Path, count: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return words, their languages as numbers, and the names of the languages."""
    files = [file for file in sorted(folder.glob("*")) if not file.is_symlink()]
    if len(files) < 2:
        sys.exit(
            f"There are no word lists in {folder}. Get them with: apt-get install "
            "wamerican wngerman wfrench witalian wspanish wdutch wswedish wpolish"
        )
    draw = np.random.default_rng(1)
    words, languages = [], []
    for number, file in enumerate(files):
        text = file.read_bytes()
        try:
            found = text.decode().split()
        except UnicodeDecodeError:  # the Swedish list is older than UTF-8
            found = text.decode("latin-1").split()
        some = draw.choice(found, min(len(found), 2 * count), replace=False)
        kept = sorted({w for w in map(plain, some) if 4 <= len(w) <= LONGEST})[:count]
        words += kept
        languages += [number] * len(kept)
    order = draw.permutation(len(words))
    names = [file.name.removeprefix("n").split("-")[-1] for file in files]
    return np.array(words)[order], np.array(languages)[order], names


def network(words: np.ndarray, languages: int) -> multinet.Model:
    """Return a model from words, as strings, to the probability of each language."""
    letters = layers.TextVectorization(
        standardize=None, split="character", output_sequence_length=LONGEST
    )
    letters.adapt(words)
    return multinet.Sequential(
        [
            multinet.Input((), dtype="string"),
            letters,
            layers.Embedding(letters.vocabulary_size(), 16),
            layers.Conv1D(64, 3, padding="same", activation="relu"),
            layers.Conv1D(64, 3, padding="same", activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dropout(0.3),
            layers.Dense(languages, activation="softmax"),
        ]
    )


def main() -> None:
    """Train on nine words of ten, test on the others."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lists", type=Path, default="/usr/share/dict")
    parser.add_argument("--samples", type=int, default=2500, help="words a language")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--plot", type=Path, default="languages.png")
    options = parser.parse_args()
    multinet.set_random_seed(1)

    words, languages, names = read(options.lists, options.samples)
    tenth = len(words) // 10
    test, answers = words[:tenth], languages[:tenth]
    model = network(words[tenth:], len(names))
    model.compile(
        multinet.optimizers.Adam(3e-3),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        words[tenth:],
        languages[tenth:],
        batch_size=64,
        epochs=options.epochs,
        verbose=2,
    )
    guesses = model.predict(test, verbose=0).argmax(axis=-1)

    print(f"{np.mean(guesses == answers):.1%} of {tenth} new words: {', '.join(names)}")
    for word in ("schoolmaster", "schadenfreude", "bouillabaisse", "quattrocento"):
        chances = model.predict(np.array([word]), verbose=0)[0]
        best = chances.argmax()
        print(f"{word:>16} is {names[best]} ({chances[best]:.0%})")
    confusion = np.zeros((len(names), len(names)))
    np.add.at(confusion, (answers, guesses), 1)
    draw(confusion / confusion.sum(axis=1, keepdims=True), names, options.plot)


def draw(confusion: np.ndarray, names: list[str], path: Path) -> None:
    """Draw which languages are taken for which: a row is the true one."""
    figure, axes = plots.figure(width=6.2, height=5.6)
    axes.imshow(confusion, cmap="Purples", vmin=0, vmax=1)
    axes.set(
        title="Of 100 words of a language, how many are taken for which",
        xlabel="taken for",
        ylabel="is",
        xticks=range(len(names)),
        yticks=range(len(names)),
        yticklabels=names,
    )
    axes.set_xticklabels(names, rotation=45, ha="right")
    axes.grid(False)
    for (row, column), share in np.ndenumerate(confusion):
        color = "white" if share > 0.5 else "#444"
        axes.text(column, row, round(100 * share), ha="center", va="center", c=color)
    plots.save(figure, path)


if __name__ == "__main__":
    main()
