"""Imports of `kerastests` and `conftest`.

Which names below `kerastests.src` are modules is read off the file names of the
installed Keras; one that ends in `_test` is its test file, rewritten and run.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .. import rewriting, selection
from . import places

ROOT = "kerastests"
SOURCE = ROOT + ".src"


class Finder(MetaPathFinder, Loader):
    """Finds and makes the modules of the stand-in."""

    _lent: tuple[ModuleType, Any, Any]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        """Return the specification of a module of the stand-in."""
        if fullname in (ROOT, "conftest"):
            return ModuleSpec(fullname, self, is_package=fullname == ROOT)
        if not fullname.startswith(ROOT + "."):
            return None
        inner = fullname.removeprefix(ROOT + ".")
        if inner == "src" or inner.startswith("src."):
            return self._in_source(fullname, inner)
        if places.namespace(inner) is None:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def _in_source(self, fullname: str, inner: str) -> ModuleSpec | None:
        relative = inner.removeprefix("src").lstrip(".")
        if not places.is_module(relative):
            return None
        is_file = (selection.source() / path_of(relative)).is_file()
        return ModuleSpec(fullname, self, is_package=not is_file)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return the namespace of the package under test, else None: a new module."""
        inner = spec.name.removeprefix(ROOT + ".")
        if inner in (ROOT, "conftest", "src") or inner.startswith("src."):
            return None
        module = places.namespace(inner)
        assert module is not None
        self._lent = (module, module.__spec__, getattr(module, "__loader__", None))
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Fill a module, or give back a lent namespace as it was."""
        name = module.__name__
        if name == ROOT:
            module.__dict__["__getattr__"] = places.top_level
        elif name == "conftest":
            from ..recording import skip_if_backend

            module.__dict__["skip_if_backend"] = skip_if_backend
        elif name == SOURCE or name.startswith(SOURCE + "."):
            self._fill(module, name.removeprefix(SOURCE).lstrip("."))
        else:
            lent, lent.__spec__, lent.__loader__ = self._lent

    def _fill(self, module: ModuleType, relative: str) -> None:
        if relative.endswith("_test"):
            path = selection.source() / path_of(relative)
            module.__file__ = str(path)
            text = rewriting.rewrite(path.read_text(encoding="utf-8"))
            exec(compile(text, str(path), "exec"), module.__dict__)
        else:
            module.__dict__["__getattr__"] = lambda name: places.answer(relative, name)


def path_of(relative: str) -> str:
    """Return the file of a dotted name below `src`."""
    return relative.replace(".", "/") + ".py"


def install() -> None:
    """Let `kerastests` be imported."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
