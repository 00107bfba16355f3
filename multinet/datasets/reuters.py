"""Reuters: 11,228 newswires as lists of word numbers, in 46 topics.

D. D. Lewis, "Reuters-21578 Text Categorization Collection", 1997.
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
    parts,
    shuffled,
    words,
)
from multinet.tracebacks import shortening

__all__ = ["get_label_names", "get_word_index", "load_data"]

surface.show(__name__)

_TOPICS = """
    cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade
    reserves ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum
    oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber heat jobs
    lei bop zinc orange pet-chem dlr gas silver wpi hog lead
"""


@shortening
def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Pair, Pair]:
    """Return ((x_train, y_train), (x_test, y_test)): lists of numbers, and topics.

    The arguments are those of `imdb.load_data`; the last `test_split` is for the test.
    """
    found = arrays(fetch("reuters.npz", path))
    x, y = shuffled(found["x"], found["y"], np.random.RandomState(seed))
    rows, y = no_longer(marked(x, start_char, index_from), y, maxlen)
    rows = words(rows, num_words, skip_top, oov_char)
    return parts(objects(rows), y, test_split)


@shortening
def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Return the numbers of words, before `index_from` is added."""
    return index(fetch("reuters_word_index.json", path))


@shortening
def get_label_names() -> tuple[str, ...]:
    """Return the names of the topics, by their numbers."""
    return tuple(_TOPICS.split())
