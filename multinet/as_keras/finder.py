"""Where `import keras` finds the modules of Multinet."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from multinet import absent
from multinet.as_keras.inside import INSIDE

VERSION = "3.15.1"
_PREFIX = "keras.src"


class Finder(MetaPathFinder, Loader):
    """Answers imports of `keras` and what is below it."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return what makes `keras` or a module of `keras.src`; refuse other names.

        Public namespaces are found among the imported modules and never come here.
        """
        if fullname.partition(".")[0] != "keras":
            return None
        inner = fullname.removeprefix(_PREFIX).lstrip(".")
        if fullname == "keras" or (fullname.startswith(_PREFIX) and inner in INSIDE):
            return ModuleSpec(fullname, self, is_package=True)
        raise ModuleNotFoundError(_refusal(fullname), name=fullname)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module that asks Multinet for its names."""
        return _Keras(spec.name) if spec.name == "keras" else _Inside(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Name the public namespaces for imports such as `import keras.layers`."""
        if module.__name__ == "keras":
            for name, space in _namespaces(_multinet()).items():
                sys.modules[f"keras.{name}"] = space


class _Keras(ModuleType):
    """`keras`: the names of Multinet, the version of Keras."""

    __version__ = VERSION

    def __getattr__(self, name: str) -> object:
        if name == "src":
            return importlib.import_module(_PREFIX)
        try:
            return getattr(_multinet(), name)
        except AttributeError as error:
            raise absent.refusal(str(error), name, sys._getframe(1)) from None

    def version(self) -> str:
        """Return the version of Keras whose names these are."""
        return VERSION

    def __dir__(self) -> list[str]:
        return dir(_multinet())


class _Inside(ModuleType):
    """A module of `keras.src`, whose listed names are public ones."""

    def __getattr__(self, name: str) -> object:
        inner = self.__name__.removeprefix(_PREFIX).lstrip(".")
        below = f"{inner}.{name}".lstrip(".")
        if below in INSIDE:
            return importlib.import_module(f"{_PREFIX}.{below}")
        place = _place(inner, name)
        if place is None:
            text = _refusal(f"{self.__name__}.{name}")
            raise absent.refusal(text, name, sys._getframe(1))
        return getattr(importlib.import_module(place), name)


def _place(inner: str, name: str) -> str | None:
    """Return the public module that has a name of `keras.src.<inner>`, if one does."""
    for place, names in INSIDE[inner].items():
        if name in names or (not names and name in dir(importlib.import_module(place))):
            return place
    return None


def _multinet() -> ModuleType:
    return importlib.import_module("multinet")


def _namespaces(module: ModuleType, prefix: str = "") -> dict[str, ModuleType]:
    """Return the public namespaces below a module, by dotted name."""
    found = {}
    for name in dir(module):
        space = getattr(module, name)
        if isinstance(space, ModuleType):
            found[prefix + name] = space
            found |= _namespaces(space, f"{prefix}{name}.")
    return found


def _refusal(name: str) -> str:
    if name.startswith("keras.src"):
        return (
            f"{name} is internal to Keras, and not among the names of keras.src that "
            "multinet.as_keras maps. Use the public name, keras.layers.Dense rather "
            "than keras.src.layers.core.dense.Dense."
        )
    return (
        f"No module named {name!r}: keras is Multinet here (multinet.as_keras), which "
        f"has no {name.removeprefix('keras.')}."
    )
