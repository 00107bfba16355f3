"""PyDataset: batches by their numbers, made by threads or processes if need be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sized
from itertools import count

from multinet.checks import flag, whole
from multinet.typing import Tree


class PyDataset(ABC):
    """Batches that `fit`, `evaluate` and `predict` ask for by number.

    Define `__getitem__`, which returns batch `index` as x, (x, y) or (x, y,
    sample_weight), and `__len__`, which returns how many there are. Where their number
    is endless, let `num_batches` be None. `on_epoch_end` is called after each epoch,
    `on_epoch_begin` before.

    With `workers` above 1 so many threads make batches ahead, or processes if
    `use_multiprocessing`; `max_queue_size` bounds how many wait to be used. They come
    in the same order as without, whatever the number of workers. Processes begin with
    a copy of the data set, and cannot change what the others see.

    >>> class Squares(utils.PyDataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         x = np.arange(8.0)[:, None] + 8 * index
    ...         return x, x**2
    >>> len(Squares(workers=2))
    4
    """

    def __init__(
        self,
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    @property
    def workers(self) -> int:
        """How many threads or processes make batches; 0 and 1 are the caller alone."""
        return getattr(self, "_workers", 1)

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = whole(value, "workers", least=0)

    @property
    def use_multiprocessing(self) -> bool:
        """Whether the workers are processes."""
        return getattr(self, "_use_multiprocessing", False)

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = flag(value, "use_multiprocessing")

    @property
    def max_queue_size(self) -> int:
        """How many batches wait at most."""
        return getattr(self, "_max_queue_size", 10)

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = whole(value, "max_queue_size")

    @abstractmethod
    def __getitem__(self, index: int) -> Tree:
        """Return a batch: x, (x, y) or (x, y, sample_weight)."""

    @property
    def num_batches(self) -> int | None:
        """How many batches an epoch has: `len`, or None for no end."""
        if isinstance(self, Sized):
            return len(self)
        raise NotImplementedError(
            f"{type(self).__name__} has no __len__. Define it, or num_batches as a "
            "property that is None where there is no end."
        )

    def __iter__(self) -> Iterator[Tree]:
        """Iterate over the batches of an epoch, without workers."""
        size = self.num_batches
        yield from (self[i] for i in (count() if size is None else range(size)))

    def on_epoch_begin(self) -> None:  # noqa: B027
        """Do what comes before an epoch: nothing here."""

    def on_epoch_end(self) -> None:  # noqa: B027
        """Do what comes after an epoch, such as a new order: nothing here."""
