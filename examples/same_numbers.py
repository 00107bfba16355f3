"""Train one CNN with dropout from one seed on every installed backend, in one process.

Initial weights and dropout masks are equal bit for bit, and the loss curves agree.
"""

import numpy as np
from digits import cnn
from rich.console import Console
from rich.table import Table

import multinet

EPOCHS, SEED = 5, 7
(IMAGES, LABELS), _ = multinet.datasets.digits.load_data()
IMAGES = IMAGES[..., None] / 16.0


def train(backend: str) -> tuple[list[np.ndarray], np.ndarray, list[float]]:
    """Return initial weights, a dropout mask, and the loss after each epoch."""
    with multinet.use_backend(backend):
        multinet.set_random_seed(SEED)
        model = cnn()
        start = model.get_weights()
        ones = multinet.ops.ones((1000,))
        key = multinet.random.SeedGenerator(SEED)
        mask = multinet.ops.convert_to_numpy(
            multinet.random.dropout(ones, 0.3, seed=key)
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        history = model.fit(IMAGES, LABELS, batch_size=64, epochs=EPOCHS, verbose=0)
        return start, mask > 0, history.history["loss"]


def main() -> None:
    """Train on every backend and print the curves side by side."""
    names = [info.name for info in multinet.backends() if info.installed]
    runs = {name: train(name) for name in names}
    first = runs[names[0]]
    table = Table(title=f"Loss of one CNN, seed {SEED}")
    for column in ("epoch", *names, "largest relative difference"):
        table.add_column(column, justify="right")
    worst = 0.0
    for epoch in range(EPOCHS):
        losses = [runs[name][2][epoch] for name in names]
        difference = (max(losses) - min(losses)) / min(losses)
        worst = max(worst, difference)
        cells = [f"{loss:.8f}" for loss in losses]
        table.add_row(str(epoch + 1), *cells, f"{difference:.1e}")
    console = Console()
    console.print(table)
    for name in names[1:]:
        start, mask, _ = runs[name]
        weights = all(
            np.array_equal(a, b) for a, b in zip(start, first[0], strict=True)
        )
        masks = np.array_equal(mask, first[1])
        console.print(
            f"{name} against {names[0]}: initial weights identical: {weights}, "
            f"dropout masks identical: {masks}"
        )
    console.print(f"Largest relative difference of a loss: {worst:.1e}")


if __name__ == "__main__":
    main()
