"""What comes from a bridge: a package that knows a framework and the layers.

Bridges are packages of their own, which nothing here imports. They say what they have
by entry points of the group `multinet.bridges`, under the names by which programs know
it: `TorchModuleWrapper = "package:TorchModuleWrapper"`.
"""

from __future__ import annotations

import functools

from multinet.typing import AnyLayer, Made

GROUP = "multinet.bridges"


@functools.cache
def bridged(name: str) -> Made:
    """Return what a bridge has under a name; `ImportError` if none is installed."""
    from importlib.metadata import entry_points  # slow, and email and more with it

    found = entry_points(group=GROUP, name=name)
    if not found:
        raise ImportError(
            f"{name} is in a bridge to a framework, and none that has it is installed. "
            "Install Multinet anew: its wheel has them."
        )
    return next(iter(found)).load()


def as_torch_module(model: AnyLayer) -> Made:
    """Return a live `nn.Module` over the values of a built model of that backend.

    Its parameters and buffers share memory with the Variables of the model, so that
    what trains one trains the other. Its calls record gradients of the framework.

    >>> module = as_torch_module(model)
    >>> optimizer = torch.optim.SGD(module.parameters(), 0.1)
    >>> module(x).sum().backward()
    """
    return bridged("as_torch_module")(model)
