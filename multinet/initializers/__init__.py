"""Initial values of weights, made on the host: bit-identical on every backend."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from multinet import surface, variables
from multinet.initializers.base import Constant, Identity, Initializer, Ones, Zeros
from multinet.initializers.distributions import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomInitializer,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    compute_fans,
)
from multinet.initializers.fourier import STFT
from multinet.objects.tables import Table
from multinet.registry import current
from multinet.tracebacks import shortening
from multinet.typing import Data, Host, InitializerLike, Made

_CLASSES = (
    Zeros,
    Ones,
    Constant,
    Identity,
    RandomUniform,
    RandomNormal,
    TruncatedNormal,
    VarianceScaling,
    GlorotUniform,
    GlorotNormal,
    HeUniform,
    HeNormal,
    LecunUniform,
    LecunNormal,
    Orthogonal,
    STFT,
)
IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
_table = Table(
    "initializer",
    _CLASSES,
    {
        **{
            "zero": Zeros,
            "one": Ones,
            "normal": RandomNormal,
            "uniform": RandomUniform,
        },
        **{f"{cls.__name__}Initializer": cls for cls in (Identity, Orthogonal, STFT)},
    },
)
zeros, ones, constant, identity = Zeros, Ones, Constant, Identity
random_uniform, random_normal = RandomUniform, RandomNormal
truncated_normal, variance_scaling = TruncatedNormal, VarianceScaling
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal
orthogonal, stft = Orthogonal, STFT


@shortening
def get(
    identifier: InitializerLike | Host | float | None,
) -> Made:
    """Return the initializer of a name, a configuration, or the object itself.

    A number, an array or a tensor is the constant that it holds.
    """
    if isinstance(identifier, int | float | np.ndarray):
        return Constant(identifier)
    told = identifier is None or isinstance(identifier, str | dict)
    # A name needs no backend, which would be loaded by it.
    if not told and not callable(identifier) and current().is_tensor(identifier):
        return Constant(current().to_numpy(identifier))
    return _table.get(identifier)


@shortening
def serialize(initializer: object) -> Data:
    """Return the configuration of an initializer."""
    return _table.serialize(initializer)


@shortening
def deserialize(config: Data, custom_objects: Mapping[str, Any] | None = None) -> Made:
    """Return the initializer of a configuration."""
    return _table.deserialize(config, custom_objects)


variables.install(get)

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFT",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

surface.show(__name__)
