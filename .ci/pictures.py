"""Draw the pictures of the documentation, each for light and for dark pages.

python .ci/pictures.py        # needs all backends, and matplotlib
"""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot as plt
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI
from rich.text import Text

import multinet
from multinet import explain, layers, ops
from multinet.datasets import digits

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
MODES: dict[str, dict[str, Any]] = {
    "light": {"style": "default", "ink": "#24292f", "theme": DEFAULT_TERMINAL_THEME},
    "dark": {"style": "dark_background", "ink": "#d5d9e0", "theme": MONOKAI},
}
BACKENDS = ("numpy", "jax", "torch", "tensorflow")
EPOCHS = 12


@contextmanager
def figure(name: str, columns: int = 1) -> Iterator[Any]:
    """Yield a function that draws: it is called once for each mode."""
    drawn: list[Any] = []
    yield drawn.append
    for mode, look in MODES.items():
        with plt.style.context(look["style"]):
            matplotlib.rcParams.update(
                {"text.color": look["ink"], "axes.labelcolor": look["ink"]}
            )
            made, axes = plt.subplots(1, columns, figsize=(4.4 * columns, 3.0))
            drawn[0](axes)
            made.tight_layout()
            path = FOLDER / f"{name}-{mode}.svg"
            made.savefig(path, transparent=True, metadata={"Date": None})
            plt.close(made)


def start_model() -> multinet.Model:
    """Return the model of docs/start.md."""
    return multinet.Sequential(
        [
            multinet.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


def curves() -> None:
    """Draw the losses of docs/start.md."""
    (x, y), _ = digits.load_data()
    multinet.set_random_seed(1)
    model = start_model()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    options = {"validation_split": 0.1, "batch_size": 32, "epochs": 15, "verbose": 0}
    logs = model.fit(x[..., None] / 16, y, **options).history

    def draw(axes: Any) -> None:
        epochs = range(1, 16)
        axes.plot(epochs, logs["loss"], label="training", color="#5c6bc0")
        axes.plot(epochs, logs["val_loss"], label="validation", color="#ef6c00")
        axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
        axes.legend(frameon=False)

    with figure("curves") as drawn:
        drawn(draw)


def summary() -> None:
    """Draw what a terminal shows of `model.summary()`."""
    lines: list[str] = []
    start_model().summary(print_fn=lines.append)
    for mode, look in MODES.items():
        console = Console(record=True, file=io.StringIO(), width=64)
        console.print(Text("\n".join(line.rstrip() for line in lines)))
        svg = console.export_svg(title="model.summary()", theme=look["theme"])
        path = FOLDER / f"summary-{mode}.svg"
        path.write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S))


def losses(smooth: bool) -> dict[str, np.ndarray]:
    """Return the loss of one CNN by epoch, on each backend."""
    (x, y), _ = digits.load_data()
    pool = layers.AveragePooling2D if smooth else layers.MaxPooling2D
    activation = "gelu" if smooth else "relu"
    found = {}
    for name in BACKENDS:
        with multinet.use_backend(name):
            multinet.set_random_seed(7)
            model = multinet.Sequential(
                [
                    multinet.Input((8, 8, 1)),
                    layers.Conv2D(16, 3, padding="same", activation=activation),
                    layers.Conv2D(32, 3, padding="same", activation=activation),
                    pool(),
                    layers.Flatten(),
                    layers.Dropout(0.3),
                    layers.Dense(10, activation="softmax"),
                ]
            )
            model.compile("adam", "sparse_categorical_crossentropy")
            logs = model.fit(x[..., None] / 16, y, 64, EPOCHS, verbose=0).history
            found[name] = np.array(logs["loss"])
    return found


def agreement() -> None:
    """Draw the losses of one CNN on four backends, and how far they are apart."""
    runs = {"gelu, average pooling": losses(True), "relu, max pooling": losses(False)}
    epochs = range(1, EPOCHS + 1)

    def draw(axes: Any) -> None:
        styles = zip(BACKENDS, ("-", "--", "-.", ":"), (6, 4.5, 3, 1.5))
        for name, style, width in styles:
            first = next(iter(runs.values()))
            axes[0].plot(epochs, first[name], style, lw=width, alpha=0.8, label=name)
        axes[0].set(xlabel="epoch", ylabel="loss", ylim=(0, None))
        axes[0].legend(frameon=False)
        for (kind, found), color in zip(runs.items(), ("#5c6bc0", "#ef6c00")):
            stacked = np.stack([found[name] for name in BACKENDS])
            spread = np.ptp(stacked, axis=0) / stacked.min(axis=0)
            axes[1].semilogy(epochs, spread, "o-", ms=4, label=kind, color=color)
        axes[1].set(xlabel="epoch", ylabel="largest relative difference")
        axes[1].set_ylim(1e-9, 1)
        axes[1].legend(frameon=False)

    with figure("agreement", columns=2) as drawn:
        drawn(draw)


def explanations() -> None:
    """Draw what the model of docs/explain.md looks at."""
    (x, y), (test_x, _) = digits.load_data()
    multinet.set_random_seed(1)
    model = start_model()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x[..., None] / 16, y, 32, 5, verbose=0)
    rest = multinet.Sequential(model.layers[:-1])
    kernel, bias = model.layers[-1].weights
    found = explain.integrated_gradients(
        lambda inputs: ops.matmul(rest(inputs), kernel) + bias,
        test_x[:3, ..., None].astype("float32") / 16,
        steps=256,
    )
    found.plot(FOLDER / "explained.svg")


if __name__ == "__main__":
    matplotlib.rcParams["svg.hashsalt"] = "multinet"
    FOLDER.mkdir(exist_ok=True)
    summary()
    curves()
    agreement()
    explanations()
