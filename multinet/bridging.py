"""What comes from a bridge: a package that knows a framework and the layers.

Bridges are packages of their own, which nothing here imports. They say what they have
by entry points of the group `multinet.bridges`, under the names by which programs know
it: `TorchModuleWrapper = "package:TorchModuleWrapper"`.
"""

from __future__ import annotations

import functools
import importlib.metadata

from multinet.typing import Made

GROUP = "multinet.bridges"


@functools.cache
def bridged(name: str) -> Made:
    """Return what a bridge has under a name; `ImportError` if none is installed."""
    found = importlib.metadata.entry_points(group=GROUP, name=name)
    if not found:
        raise ImportError(
            f"{name} is in a bridge to a framework, and none that has it is installed. "
            "Install Multinet anew: its wheel has them."
        )
    return next(iter(found)).load()
