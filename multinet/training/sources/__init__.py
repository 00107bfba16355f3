"""Sources: how batches come to the loop."""

from multinet.training.sources.arrays import ArraySource
from multinet.training.sources.choosing import (
    fit_sources,
    is_stream,
    source_of,
    steps_of,
    validation_source,
)
from multinet.training.sources.classes import weigh_classes
from multinet.training.sources.columns import leaf_of
from multinet.training.sources.generators import GeneratorSource
from multinet.training.sources.orders import Orders
from multinet.training.sources.peeked import peek
from multinet.training.sources.preparing import prepare
from multinet.training.sources.rows import holds_rows, sparse_again
from multinet.training.sources.source import (
    Chunk,
    Column,
    DeviceBatch,
    HostBatch,
    Leaf,
    Room,
    Source,
    is_used_up,
    warn_if_short,
)
from multinet.training.sources.staged import staged_batch, through_stage

__all__ = [
    "ArraySource",
    "Chunk",
    "Column",
    "DeviceBatch",
    "GeneratorSource",
    "HostBatch",
    "Leaf",
    "Orders",
    "Room",
    "Source",
    "fit_sources",
    "is_stream",
    "is_used_up",
    "holds_rows",
    "leaf_of",
    "peek",
    "prepare",
    "sparse_again",
    "staged_batch",
    "through_stage",
    "source_of",
    "steps_of",
    "validation_source",
    "warn_if_short",
    "weigh_classes",
]
