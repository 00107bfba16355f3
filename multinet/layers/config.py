"""What layers of many options share: their configuration, by names of attributes."""

from __future__ import annotations

from typing import Any

from multinet import activations, constraints, initializers, regularizers

_SERIALIZE = {
    "initializer": initializers.serialize,
    "regularizer": regularizers.serialize,
    "constraint": constraints.serialize,
    "activation": activations.serialize,
}


def config_of(layer: Any, *names: str) -> dict[str, Any]:
    """Return attributes as data; the last word of a name says what kind it is."""
    config = {}
    for name in names:
        serialize = _SERIALIZE.get(name.rpartition("_")[2])
        value = getattr(layer, name)
        config[name] = value if serialize is None else serialize(value)
    return config
