"""The images that examples learn: digits from the wheel, MNIST, or Fashion-MNIST."""

import numpy as np

from multinet import datasets


def ask(parser):
    """Let a program be told which images it shall take, and how many."""
    parser.add_argument("--mnist", metavar="FILE", help="MNIST instead, from mnist.npz")
    parser.add_argument(
        "--fashion", action="store_true", help="Fashion-MNIST instead, downloaded once"
    )
    parser.add_argument("--samples", type=int, default=10_000, help="at most as many")


def load(options):
    """Return (images, labels) for training and for a test.

    Images are float32 (n, height, width, 1), 0 for paper and 1 for ink.
    """
    if options.mnist:
        with np.load(options.mnist, allow_pickle=False) as file:
            train, test = ((file[f"x_{p}"], file[f"y_{p}"]) for p in ("train", "test"))
    elif options.fashion:
        train, test = datasets.fashion_mnist.load_data()
    else:
        train, test = datasets.digits.load_data()
    brightest = train[0].max()
    return tuple(
        (
            x[: options.samples, ..., None].astype("float32") / brightest,
            y[: options.samples],
        )
        for x, y in (train, test)
    )
