"""Train a small Transformer to go on with a text, word by word, and let it write.

The text is Python's own manual of its syntax, which the standard library has in
`pydoc_data.topics` (PSF licence; `help("if")` shows it). Another one can be given as
`--text FILE`. Random draws are the same on every backend, so the texts begin alike,
until rounding, which 600 steps have made larger, tips the choice of a word. Run it on a
backend with, say, `MULTINET_BACKEND=jax python examples/writer.py`.
"""

import argparse
import re
import textwrap
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import plots

import multinet
from multinet import layers, ops

CONTEXT, WIDTH, HEADS = 32, 64, 4


def read(path: Path | None) -> list[str]:
    """Return the words and the signs of a text, in their order."""
    text = path.read_text(encoding="utf-8") if path else "\n".join(topics.values())
    # Of the manual, the paragraphs that are prose, not examples or grammar.
    prose = [part for part in text.split("\n\n") if not re.search(r"^ {3}|::=", part)]
    return re.findall(r"[A-Za-z_']+|[.,:;?!()]", " ".join(prose).replace("*", ""))


class Block(layers.Layer):
    """Attention to the words before, then a network for each word."""

    def __init__(self, **options):
        super().__init__(**options)
        self.attention = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)
        self.network = multinet.Sequential(
            [layers.Dense(4 * WIDTH, activation="relu"), layers.Dense(WIDTH)]
        )
        self.first, self.second = (layers.LayerNormalization() for _ in range(2))

    def call(self, x):
        y = self.first(x)
        x = x + self.attention(y, y, use_causal_mask=True)
        return x + self.network(self.second(x))


def transformer(words: int) -> multinet.Model:
    """Return a model of each next word: (n, time) to logits (n, time, words)."""
    before = multinet.Input((CONTEXT,), dtype="int32")
    embedding = layers.Embedding(words, WIDTH)
    x = embedding(before) + layers.Embedding(CONTEXT, WIDTH)(ops.arange(CONTEXT))
    for i in range(2):
        x = Block(name=f"block_{i}")(x)
    x = layers.Dropout(0.1)(layers.LayerNormalization()(x))
    return multinet.Model(before, layers.Dense(words)(x))


def write(model: multinet.Model, start: list[int], count: int):
    """Return the numbers of words that the model writes, and how likely each was."""
    seed = multinet.random.SeedGenerator(7)
    written, chances = list(start), [1.0] * len(start)
    for _ in range(count):
        seen = written[-CONTEXT:]
        batch = np.zeros((1, CONTEXT), "int32")
        batch[0, : len(seen)] = seen
        logits = model.predict(batch, verbose=0)[:, len(seen) - 1] / 0.7
        logits[0, 0] = -1e9  # never the sign of an unknown word
        word = int(multinet.random.categorical(logits, 1, seed=seed)[0, 0])
        chances.append(float(ops.softmax(logits)[0, word]))
        written.append(word)
    return written, chances


def main() -> None:
    """Train on a text, and print and draw what the model writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="a text to learn from, in UTF-8")
    parser.add_argument("--samples", type=int, help="words to use; all by default")
    parser.add_argument("--words", type=int, default=1500, help="words to know")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--plot", type=Path, default="writer.png")
    options = parser.parse_args()
    multinet.set_random_seed(1)

    text = read(options.text)[: options.samples]
    words, counts = np.unique(text, return_counts=True)
    known = ["?", *words[np.argsort(-counts, kind="stable")][: options.words]]
    number = {word: i for i, word in enumerate(known)}
    numbers = np.array([number.get(word, 0) for word in text], "int32")
    draw = np.random.default_rng(1)
    starts = draw.integers(0, len(numbers) - CONTEXT, 32 * options.steps)
    parts = numbers[starts[:, None] + np.arange(CONTEXT + 1)]

    model = transformer(len(known))
    loss = multinet.losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = multinet.optimizers.schedules.CosineDecay(4e-3, options.steps)
    model.compile(multinet.optimizers.AdamW(rate), loss)
    losses: list[float] = []
    curve = multinet.callbacks.LambdaCallback(
        on_train_batch_end=lambda step, logs: losses.append(logs["loss"])
    )
    model.fit(parts[:, :-1], parts[:, 1:], shuffle=False, verbose=2, callbacks=[curve])
    begin = [number.get(word, 0) for word in ("The", "value", "of", "the")]
    written, chances = write(model, begin, 100)
    sentence = re.sub(r" ([.,:;?!)])", r"\1", " ".join(known[i] for i in written))
    print(textwrap.fill(sentence.replace("( ", "("), 80))
    print(f"first loss: {losses[0]:.4f}, mean loss: {losses[-1]:.4f}")
    picture(losses, [known[i] for i in written], chances, options.plot)


def picture(losses, words: list[str], chances: list[float], path: Path) -> None:
    """Draw the loss, and the words that were written, dark where they were likely."""
    figure, (left, right) = plots.figure(columns=2, width=5, width_ratios=[2, 3])
    left.plot(range(1, len(losses) + 1), losses)
    left.set(title="Mean loss so far", xlabel="step", ylabel="nats a word")
    right.set(title="Written; the darker, the likelier", xlim=(0, 62), ylim=(9.5, -0.5))
    right.axis("off")
    x, line = 0, 0
    for word, chance in zip(words, chances):
        if x + len(word) > 60:
            x, line = 0, line + 1
        look = {"facecolor": plots.COLORS[0], "alpha": 0.6 * chance, "lw": 0, "pad": 2}
        right.text(x, line, word, family="monospace", fontsize=8, bbox=look)
        x += len(word) + 1
    plots.save(figure, path)


if __name__ == "__main__":
    main()
