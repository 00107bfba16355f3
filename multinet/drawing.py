"""Whether data are being drawn: layers that prepare them work in NumPy then."""

from __future__ import annotations

from contextvars import ContextVar, Token

_drawing: ContextVar[bool] = ContextVar("drawing", default=False)


class Drawing:
    """A block in which data are drawn for a model, or for `adapt`.

    A layer that prepares data, `layers.Normalization` say, gives arrays for arrays in
    it, whatever the backend: what it computes is not for the device yet.

    >>> with Drawing():
    ...     batch = next(batches)
    """

    _token: Token[bool]

    def __enter__(self) -> None:
        self._token = _drawing.set(True)

    def __exit__(self, *exc: object) -> None:
        _drawing.reset(self._token)


def is_drawing() -> bool:
    """Return whether the program is within such a block."""
    return _drawing.get()
