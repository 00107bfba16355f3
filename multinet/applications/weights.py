"""Weights of the architectures: those of a file, and ImageNet's, downloaded once.

`weights.json` has addresses and hashes. The environment variable
`MULTINET_APPLICATIONS` names another address that has the same files, such as a mirror.
"""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.resources import files
from pathlib import Path

from multinet import activations
from multinet.errors import ArgumentError
from multinet.models import Model
from multinet.typing import ActivationLike, Config
from multinet.utils import get_file

IMAGENET = "imagenet"
CLASSES = 1000

Weights = str | os.PathLike[str] | None


@cache
def table() -> Config:
    """Return the addresses and hashes."""
    place = files("multinet.applications").joinpath("weights.json")
    return json.loads(place.read_text())


def fetch(path: str, digest: str, base: str) -> Path:
    """Return a file of ImageNet, downloaded if it is not there, its hash checked."""
    base = os.environ.get("MULTINET_APPLICATIONS") or base
    address = f"{base.rstrip('/')}/{path}"
    name = path.rpartition("/")[2]
    return Path(get_file(name, address, cache_subdir="models", file_hash=digest))


def check_weights(weights: Weights, name: str) -> None:
    """Refuse what is neither ImageNet's nor a file."""
    if weights == IMAGENET and name not in table()["networks"]:
        raise ArgumentError(
            f"There are no weights 'imagenet' of {name} with a published hash, so a "
            "download could not be checked. Say weights=None, or give the path of a "
            "file that you have."
        )
    if weights not in (None, IMAGENET) and not Path(weights).exists():
        raise ArgumentError(
            "Expected weights to be None, 'imagenet' or the path of a file of weights; "
            f"there is no file {os.fspath(weights)!r}."
        )


def check_top(
    weights: Weights, classes: int, activation: ActivationLike | None
) -> None:
    """Refuse a classifier that is not the one of the weights."""
    if weights == IMAGENET and classes != CLASSES:
        raise ArgumentError(
            f"The classifier of the weights 'imagenet' has {CLASSES} classes, got "
            f"classes={classes}. Use include_top=False, and a classifier of your own."
        )
    known = (activations.get("softmax"), activations.get(None))
    if weights is not None and activations.get(activation) not in known:
        raise ArgumentError(
            "Expected classifier_activation to be 'softmax' or None with trained "
            f"weights, got {activation!r}."
        )


def load(model: Model, weights: Weights, name: str, classifier: bool) -> None:
    """Give a model the weights that were asked for."""
    if weights == IMAGENET:
        weights = imagenet(name, classifier)
    if weights is not None:
        model.load_weights(weights)


def imagenet(name: str, classifier: bool) -> Path:
    """Return the file of a network's weights, with its classifier or without."""
    known = table()["networks"][name]
    path, digest = known["classifier" if classifier else "features"]
    return fetch(path, digest, known.get("base", table()["base"]))
