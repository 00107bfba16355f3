"""Finding what made a NaN, and conditions that must not hold.

>>> with multinet.debug.nan_finder():
...     model.fit(x, y)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from multinet import surface
from multinet.debug.watching import Watching, watching
from multinet.errors import CheckFailed
from multinet.ops.conversion import convert_to_numpy
from multinet.registry import current, use_backend
from multinet.scope import active_scope
from multinet.tracebacks import shortening
from multinet.typing import Tensor

__all__ = ["checked", "error_if", "nan_finder"]

surface.show(__name__)


@contextmanager
def nan_finder() -> Iterator[None]:
    """Raise `NotFinite` in a block where a NaN or an infinite number is first made.

    It names the op, the layer, the step, and the line of the program; also of what is
    made on the way back, in a gradient. Ops are looked at as they run; `fit`,
    `evaluate` and `predict` run compiled, one step at a time, and a step that spoils
    a value runs once more, op by op. A loop, a branch or a mapped function
    (`ops.scan`, `cond`, `vmap`, `checkpoint`) is one op. For the backend in use.

    >>> with nan_finder():
    ...     ops.log(-1.0)
    Traceback (most recent call last):
    multinet.errors.NotFinite: log made a NaN of finite numbers, outside of layers...
    """
    with _watched(eagerly=False):
        yield


@contextmanager
def checked() -> Iterator[None]:
    """Compile nothing in a block, and check all: each result, and each `error_if`.

    Steps run op by op, as with `compile(run_eagerly=True)`; see `nan_finder`.
    """
    with _watched(eagerly=True):
        yield


@contextmanager
def _watched(eagerly: bool) -> Iterator[None]:
    with use_backend(watching(current(), eagerly)):
        yield


@shortening
def error_if(condition: Tensor, message: str) -> None:
    """Raise `CheckFailed` with a message if a bool tensor is true anywhere.

    Where values are at hand it looks at once. In a compiled step, in `jit` and in a
    derivative it does so in `checked()`, and costs nothing otherwise.

    >>> error_if(ops.any(ops.less(x, 0)), "x must not be negative")
    """
    backend = current()
    looked_at = isinstance(backend, Watching) and not backend.differentiates
    known = looked_at or (active_scope() is None and backend.trace is None)
    if backend.symbolic or not known:
        return
    if bool(np.any(convert_to_numpy(condition))):
        raise CheckFailed(message)
