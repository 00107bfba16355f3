"""What `dir()` shows of a public module: the names in its `__all__`, and nothing else.

The modules import what they need under plain names, so that they read well; `dir`,
completion and `help` do not show those.
"""

from __future__ import annotations

from types import ModuleType


def show(*modules: ModuleType) -> None:
    """Let `dir` of modules list their `__all__`."""
    for module in modules:
        setattr(module, "__dir__", _of(module))  # noqa: B010


def _of(module: ModuleType) -> object:
    def __dir__() -> list[str]:
        return list(vars(module)["__all__"])

    return __dir__
