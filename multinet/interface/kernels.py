"""Which kernels of its own a backend uses in a step: noted as it is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_noted: ContextVar[set[str] | None] = ContextVar("kernels", default=None)


def used(kernel: str) -> None:
    """Note that what is being traced uses a kernel; nothing where nobody asks."""
    names = _noted.get()
    if names is not None:
        names.add(kernel)


@contextmanager
def noting(names: set[str]) -> Iterator[None]:
    """Return a context in which the kernels that are `used` are put into `names`."""
    token = _noted.set(names)
    try:
        yield
    finally:
        _noted.reset(token)
