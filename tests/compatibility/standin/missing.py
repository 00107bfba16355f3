"""What stands for a name that the package under test does not have."""

import functools
from typing import Any


class NotPublic(Exception):
    """The test needs something that the public API does not offer."""


class _Absent(type):
    path: str

    def __getattr__(cls, name: str) -> "_Absent":
        if name.startswith("__"):
            raise AttributeError(name)
        return missing(f"{cls.path}.{name}")

    def _refuse(cls, *args: Any, **kwargs: Any) -> Any:
        raise NotPublic(f"no public object for {cls.path}")

    __call__ = _refuse  # type: ignore[assignment]
    __instancecheck__ = __iter__ = __len__ = _refuse  # type: ignore[assignment]
    __getitem__ = __contains__ = __enter__ = __exit__ = _refuse


@functools.cache
def missing(path: str) -> _Absent:
    """Return a placeholder to import and to inherit from, which fails in use."""
    return _Absent("Missing_" + path.rsplit(".", 1)[-1], (), {"path": path})
