"""Mocks of what gives warnings: that one comes is compared, its words are not."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any
from unittest import mock

from absl import logging

from .case import OTHER_WORDS

_object: Any = mock.patch.object
_GIVERS = ((warnings, "warn"), (logging, "warning"))


class _Words(str):
    """A text in which every other is found."""

    __slots__ = ()

    def __contains__(self, text: object) -> bool:
        if str(text) not in str(self):
            OTHER_WORDS.append(self[:200])
        return True


class _Warned(mock.Mock):
    def __call__(self, message: object, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(_Words(message), *args, **kwargs)

    def assert_called_once_with(self, *args: Any, **kwargs: Any) -> None:
        """Check that there was one warning."""
        self.assert_called_once()
        OTHER_WORDS.append(str(self.call_args.args[0])[:200])


@contextlib.contextmanager
def _warned() -> Iterator[_Warned]:
    """Let a mock take what `warnings` and the log are given, whichever is used."""
    told = _Warned()
    with contextlib.ExitStack() as stack:
        for target, name in _GIVERS:
            stack.enter_context(_object(target, name, told))
        yield told


def _patched(target: Any, attribute: str, *args: Any, **kwargs: Any) -> Any:
    if (target, attribute) in _GIVERS and not args and not kwargs:
        return _warned()
    return _object(target, attribute, *args, **kwargs)


def install() -> None:
    """Let `mock.patch.object` give such mocks."""
    mock.patch.object = _patched
