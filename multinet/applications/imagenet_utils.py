"""What goes into networks trained on ImageNet, and what comes out of them.

O. Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", 2015,
arXiv:1409.0575.
"""

from __future__ import annotations

import json

import numpy as np

from multinet import ops, surface
from multinet.applications import pixels, weights
from multinet.checks import one_of, whole
from multinet.errors import ShapeError
from multinet.tracebacks import shortening
from multinet.typing import Tensor

__all__ = ["decode_predictions", "preprocess_input"]

surface.show(__name__)

_WAYS = {
    "caffe": pixels.centred,
    "tf": pixels.scaled,
    "torch": pixels.standardized,
}


@shortening
def preprocess_input(
    x: Tensor, data_format: str | None = None, mode: str = "caffe"
) -> Tensor:
    """Return images as a network was trained on them.

    `x` is one image or a batch, with 3 channels of 0 to 255. `mode` is "caffe": blue,
    green, red, less the mean of each; "tf": from -1 to 1; or "torch": mean 0 and
    deviation 1 in each channel. A float array of the host is written over; a tensor
    never is.

    >>> preprocess_input(np.full((1, 1, 3), 255.0), mode="tf")
    array([[[1., 1., 1.]]])
    """
    return _WAYS[one_of(mode, "mode", _WAYS)](x, data_format)


@shortening
def decode_predictions(
    preds: Tensor, top: int = 5
) -> list[list[tuple[str, str, float]]]:
    """Return the likeliest classes of each sample: (WordNet id, word, score).

    `preds` are scores of the 1,000 classes of ImageNet, (samples, 1000). Their names
    are downloaded once.

    >>> decode_predictions(model.predict(images), top=1)  # doctest: +SKIP
    [[('n02504458', 'African_elephant', 0.9)]]
    """
    shape = ops.shape(preds)
    if len(shape) != 2 or shape[1] != weights.CLASSES:
        raise ShapeError(
            f"Expected scores of shape (samples, {weights.CLASSES}), got {shape}."
        )
    whole(top, "top")
    path = weights.fetch(**weights.table()["classes"])
    names = json.loads(path.read_text())
    found = []
    for scores in ops.convert_to_numpy(preds):
        best = np.argsort(scores)[::-1][:top]
        found.append([(*names[str(i)], scores[i]) for i in best])
    return found
