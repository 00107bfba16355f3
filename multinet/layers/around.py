"""Layers around what a framework has: `multinet.layers` brings them from bridges."""

from multinet.bridging import bridged
from multinet.layers.base import Layer

NAMES = frozenset({"FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"})

FlaxLayer: type[Layer]
JaxLayer: type[Layer]
TFSMLayer: type[Layer]
TorchModuleWrapper: type[Layer]


def __getattr__(name: str) -> type[Layer]:
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return bridged(name)
