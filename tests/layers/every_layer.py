"""A row for each public layer, for the tests that none may be left out of."""

import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from layer_cases import CASES, build, inputs, make

from multinet import layers
from multinet.layers import around

sys.path.insert(0, str(Path(__file__).parent.parent / "preprocessing"))
from image_layer_cases import DRAWING, IMAGES

#: Bases and descriptions, and layers around what a framework has, in tests/bridges.
NONE = {"InputLayer", "InputSpec", "Layer", "Wrapper", *around.NAMES}

RNG = np.random.default_rng(5)
SEQUENCE = RNG.normal(size=(2, 5, 3)).astype("float32")
TABLE = RNG.normal(size=(4, 3)).astype("float32")
WAVES = RNG.normal(size=(2, 64)).astype("float32")
CODES = np.array([[0, 1, 4], [3, 3, 2]], "int32")
WORDS = np.array([["a", "b"], ["c", "b"]])
VOCABULARY = ["b", "a", "z"]


class Row(NamedTuple):
    """A layer and its inputs: `make` takes `multinet.layers` or `keras.layers`."""

    name: str
    make: Callable[..., Any]
    given: Any
    case: tuple | None = None  # of the table that is compared with Keras

    @property
    def host(self):
        """Whether the layer works on the host, on texts or by vocabularies."""
        return self.name in HOST

    @property
    def smooth(self):
        """Whether inputs and outputs have gradients."""
        return not self.host and self.name not in STEPS

    @property
    def draws(self):
        """Whether a call draws."""
        return self.name in DRAWING or self.name == "Pipeline"


def _same(x):
    return x


#: Layers around others, cells in a layer.
AROUND = {
    "RNN": lambda k: k.RNN([k.LSTMCell(3), k.GRUCell(2)]),
    "GRUCell": lambda k: k.RNN(k.GRUCell(3, reset_after=False)),
    "LSTMCell": lambda k: k.RNN(k.LSTMCell(3), return_sequences=True),
    "SimpleRNNCell": lambda k: k.RNN(k.SimpleRNNCell(3), go_backwards=True),
    "StackedRNNCells": lambda k: k.RNN(k.StackedRNNCells([k.GRUCell(2)] * 1)),
    "Bidirectional": lambda k: k.Bidirectional(k.GRU(2)),
    "TimeDistributed": lambda k: k.TimeDistributed(k.Dense(3)),
    "SpectralNormalization": lambda k: k.SpectralNormalization(k.Dense(3)),
    "Lambda": lambda k: k.Lambda(_same),
}
HOST = {
    "Hashing": (lambda k: k.Hashing(5), CODES),
    "HashedCrossing": (lambda k: k.HashedCrossing(7), [CODES[:, 0], CODES[:, 1]]),
    "IntegerLookup": (lambda k: k.IntegerLookup(vocabulary=[3, 1]), CODES),
    "StringLookup": (lambda k: k.StringLookup(vocabulary=VOCABULARY), WORDS),
    "TextVectorization": (
        lambda k: k.TextVectorization(
            vocabulary=VOCABULARY, output_sequence_length=3, split="character"
        ),
        WORDS[:, :1],
    ),
}
NUMERIC = {
    "Normalization": (
        lambda k: k.Normalization(mean=[0.5, -1, 0], variance=[2, 1, 0.5]),
        TABLE,
    ),
    "Discretization": (lambda k: k.Discretization([-1.0, 0.5]), TABLE),
    "CategoryEncoding": (lambda k: k.CategoryEncoding(5), CODES),
    "MelSpectrogram": (
        lambda k: k.MelSpectrogram(32, 16, num_mel_bins=4, sampling_rate=100),
        WAVES,
    ),
    "STFTSpectrogram": (
        lambda k: k.STFTSpectrogram("magnitude", frame_length=16, expand_dims=True),
        WAVES[..., None],
    ),
}
IMAGE = {
    "AutoContrast": lambda k: k.AutoContrast(),
    "CenterCrop": lambda k: k.CenterCrop(4, 5),
    "ContrastLimitedAdaptiveHistogramEqualization": (
        lambda k: k.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
    ),
    "Equalization": lambda k: k.Equalization(),
    "Pipeline": lambda k: k.Pipeline([k.RandomFlip(seed=3), k.Rescaling(0.5)]),
    "Resizing": lambda k: k.Resizing(5, 9),
}
#: Steps of their inputs, whose gradients are 0 or go by no rule.
STEPS = {
    "AugMix",
    "CategoryEncoding",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Discretization",
    "Equalization",
    "MaxNumBoundingBoxes",
    "RandAugment",
    "RandomPosterization",
}
BOXED = {
    "bounding_boxes": {
        "boxes": np.array([[[1, 2, 4, 6], [0, 0, 3, 3]]] * 3, "float32"),
        "labels": np.array([[1, 2]] * 3, "int32"),
    },
    "images": IMAGES,
}


def kept():
    """Return the last case of each class, mostly the one with the most options, and
    the first of those that have weights.
    """
    classes = {}
    for case in CASES:
        if "lora_rank" in case[1]:
            continue
        classes.setdefault(case[0], []).append(case)
    for listed in classes.values():
        yield listed[-1]
        layer = make(layers, listed[0])
        build(layer, listed[0][2])
        if len(listed) > 1 and layer.weights:
            yield listed[0]


def _named(name, arguments, k):
    return getattr(k, name)(**arguments)


@cache
def rows():
    """Return all rows."""
    found = [
        Row(case[0], partial(_named, case[0], case[1]), inputs(case), case)
        for case in kept()
    ]
    found += [Row(name, make_, SEQUENCE) for name, make_ in AROUND.items()]
    found += [Row(name, *pair) for name, pair in {**HOST, **NUMERIC}.items()]
    found += [Row(name, make_, IMAGES) for name, make_ in IMAGE.items()]
    found += [
        Row(name, partial(_named, name, {**options, "seed": 7}), IMAGES)
        for name, options in DRAWING.items()
    ]
    boxes = {"max_number": 3, "bounding_box_format": "xyxy"}
    name = "MaxNumBoundingBoxes"
    return [*found, Row(name, partial(_named, name, boxes), BOXED)]


def public():
    """Return the first names of all public layers."""
    found = {getattr(layers, name) for name in layers.__all__}
    return {kind.__name__ for kind in found if isinstance(kind, type)} - NONE


def title(row):
    """Return a name of a row, for pytest: LSTM-2, if it is the second of a class."""
    same = [other for other in rows() if other.name == row.name]
    place = next(i for i, other in enumerate(same) if other is row)
    return f"{row.name}-{place + 1}" if place else row.name


def short(x):
    """Return an array rounded to 8 bits, so that each dtype has its numbers."""
    if x.dtype != "float32":
        return x
    return np.ldexp(np.round(np.ldexp(np.frexp(x)[0], 8)), np.frexp(x)[1] - 8).astype(
        "float32"
    )


def made(row):
    """Return the layer of a row, built, with weights of 8 bits."""
    layer = row.make(layers)
    if row.case is not None:
        build(layer, row.case[2])
    elif isinstance(row.given, np.ndarray) and not row.host:
        layer.build(row.given.shape)
    rng = np.random.default_rng(7)
    if layer.weights:
        layer.set_weights(
            [short(rng.uniform(0.2, 1.2, w.shape).astype("f4")) for w in layer.weights]
        )
    return layer
