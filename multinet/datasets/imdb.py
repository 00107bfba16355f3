"""IMDB: 50,000 reviews of films as lists of word numbers, half of them good.

A. L. Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011.
"""

from __future__ import annotations

import numpy as np

from multinet import surface
from multinet.datasets.remote import (
    Pair,
    arrays,
    fetch,
    index,
    marked,
    no_longer,
    objects,
    shuffled,
    words,
)
from multinet.tracebacks import shortening

__all__ = ["get_word_index", "load_data"]

surface.show(__name__)


@shortening
def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Pair, Pair]:
    """Return ((x_train, y_train), (x_test, y_test)): lists of numbers, labels 0 and 1.

    The commoner a word, the lower its number; numbers begin after `index_from`, reviews
    with `start_char`. Words from `num_words` on, and those below `skip_top`, are
    `oov_char`, or left out if it is None. Reviews of `maxlen` words or more are left
    out.
    """
    found = arrays(fetch("imdb.npz", path))
    random, pairs = np.random.RandomState(seed), []
    for part in ("train", "test"):
        x, y = shuffled(found[f"x_{part}"], found[f"y_{part}"], random)
        pairs.append(no_longer(marked(x, start_char, index_from), y, maxlen))
    (x, y), (x_test, y_test) = pairs
    rows = words([*x, *x_test], num_words, skip_top, oov_char)
    return (objects(rows[: len(x)]), y), (objects(rows[len(x) :]), y_test)


@shortening
def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Return the numbers of words, before `index_from` is added."""
    return index(fetch("imdb_word_index.json", path))
