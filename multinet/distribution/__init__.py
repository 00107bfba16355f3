"""Training on several devices: the same script, and the numbers of one device.

A `DeviceMesh` has devices in a grid of named axes. A distribution says how weights and
batches lie on it: `DataParallel`, `ModelParallel` by a `LayoutMap`, or
`FullyShardedDataParallel`. `set_distribution` makes it hold for all models; layers,
losses, metrics and steps stay as they are, and `batch_size` is that of all devices
together.

>>> from multinet import distribution
>>> distribution.set_distribution(distribution.DataParallel())
>>> model.fit(x, y, batch_size=512)
"""

from multinet import surface
from multinet.distribution.layouts import LayoutMap
from multinet.distribution.meshes import (
    DeviceMesh,
    TensorLayout,
    distribute_tensor,
    get_device_count,
    list_devices,
)
from multinet.distribution.present import distribution, set_distribution
from multinet.distribution.strategies import (
    DataParallel,
    FullyShardedDataParallel,
    ModelParallel,
)

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "FullyShardedDataParallel",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "list_devices",
    "set_distribution",
]

surface.show(__name__)
