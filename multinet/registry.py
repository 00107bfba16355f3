"""Which backend computes: plug-ins, `set_backend`, and `use_backend` for a block."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import warnings
from contextvars import ContextVar, Token
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from multinet import surface
from multinet.errors import BackendError, MissingPrimitive, unknown_name
from multinet.interface import INTERFACE, Backend, Plugin

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "BackendInfo",
    "GROUP",
    "VARIABLE",
    "backend",
    "backends",
    "current",
    "draft",
    "follow",
    "get",
    "loaded",
    "owner",
    "packages",
    "register",
    "set_backend",
    "unregister",
    "use_backend",
]

surface.show(__name__)

GROUP = "multinet.backends"
VARIABLE = "MULTINET_BACKEND"

_lock = threading.RLock()
_variables = [VARIABLE]
_loaded: dict[str, Backend[Any]] = {}
_registered: dict[str, Plugin] = {}
_owners: dict[type, Backend[Any]] = {}  # of the classes of tensors met so far
_override: ContextVar[Backend[Any] | None] = ContextVar("backend", default=None)
_default: Backend[Any] | None = None


class _Kinds(dict[type, str]):
    """What the arguments of a class are, "" of the usual; asked once for each class.

    "sparse" are sparse tensors, SciPy's among them; those of a framework are known once
    its backend is loaded.
    """

    def __missing__(self, kind: type) -> str:
        self[kind] = found = "sparse" if _is_sparse(kind) else ""
        return found

    def renew(self) -> None:
        """Ask anew for the classes that were usual so far."""
        for kind in [kind for kind, found in self.items() if not found]:
            del self[kind]


WATCHED = _Kinds()


def _is_sparse(kind: type) -> bool:
    if hasattr(kind, "__multinet_sparse__") or hasattr(kind, "tocoo"):
        return True
    return any(b.sparse and b.sparse.is_kind(kind) for b in list(_loaded.values()))


def current() -> Backend[Any]:
    """Return the backend in use: the innermost `with use_backend`, or the default."""
    backend = _override.get()
    if backend is not None:
        return backend
    return _default if _default is not None else _load_default()


def _load_default() -> Backend[Any]:
    global _default
    named = (os.environ.get(variable) for variable in _variables)
    backend = get(next(filter(None, named), "numpy"))
    with _lock:
        if _default is None:
            _default = backend
        return _default


def follow(variable: str) -> None:
    """Let one more environment variable name the default, after those known."""
    if variable not in _variables:
        _variables.append(variable)


def get(name: str) -> Backend[Any]:
    """Return the backend called `name`, importing its framework on first use.

    `ArgumentError` if no plug-in has that name, `BackendError` if its framework is not
    installed (with the command that installs it) or the plug-in is broken.
    """
    backend = _loaded.get(name)
    if backend is None:
        with _lock:
            backend = _loaded.get(name)
            if backend is None:
                backend = _loaded[name] = _load(name)
                WATCHED.renew()
    return backend


def register(plugin: Plugin) -> None:
    """Make a backend known without an entry point, such as one being written."""
    with _lock:
        _registered[plugin.name] = plugin
        _loaded.pop(plugin.name, None)
        _owners.clear()


def unregister(name: str) -> None:
    """Forget a backend that `register` made known; those of entry points stay."""
    with _lock:
        _registered.pop(name, None)
        _loaded.pop(name, None)
        _owners.clear()


def draft(name: str) -> Backend[Any]:
    """Return a backend that may be unfinished: what it lacks raises when called.

    A fresh instance on each call, in use by nobody; `MissingPrimitive` is what raises.
    """
    return _load(name, unfinished=True)


def _load(name: str, unfinished: bool = False) -> Backend[Any]:
    known = _known()
    if name not in known:
        told = [v for v in _variables if os.environ.get(v) == name]
        place = f" of {told[0]} in the environment" if told else ""
        raise unknown_name(f"backend{place}", name, known)
    plugin = _resolve(known[name])
    missing = _missing(plugin)
    if missing:
        ready = [info.name for info in backends() if info.installed]
        raise BackendError(
            f"Backend {name!r} needs {missing}, which is not installed. Install it "
            f"with: {plugin.install}. Ready to use: {', '.join(ready)}."
        )
    try:
        cls = plugin.load()
    except ImportError as error:
        raise BackendError(
            f"The plug-in of backend {name!r} failed to import although "
            f"{', '.join(plugin.requires)} is installed: {error}. This is a fault of "
            "the plug-in or of that installation, not a missing framework."
        ) from error
    return _instantiate(name, cls, unfinished)


def _instantiate(
    name: str, cls: type[Backend[Any]], unfinished: bool = False
) -> Backend[Any]:
    major, minor = cls.interface
    if major != INTERFACE[0] or minor > INTERFACE[1]:
        raise BackendError(
            f"Backend {name!r} is written for interface {major}.{minor}, this Multinet "
            f"has {INTERFACE[0]}.{INTERFACE[1]}. Install matching versions of the two."
        )
    lacking = sorted(getattr(cls, "__abstractmethods__", ()))
    if lacking and minor == INTERFACE[1] and not unfinished:
        raise BackendError(
            f"Backend {name!r} lacks {len(lacking)} primitives: {', '.join(lacking)}. "
            f"While it is being written, check it with: multinet conform {name} --draft"
        )
    bodies: dict[str, Any] = {
        method: _lacking(name, method, cls.interface) for method in lacking
    }
    return type(cls.__name__, (cls,), bodies)() if bodies else cls()


def _lacking(name: str, method: str, version: tuple[int, int]) -> Any:
    def body(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise MissingPrimitive(
            f"Backend {name!r} has no primitive {method!r}: it is written for "
            f"interface {version[0]}.{version[1]}. Update the plug-in, or use another "
            "backend.",
            method,
        )

    return body


def _known() -> dict[str, Plugin | EntryPoint]:
    from importlib.metadata import entry_points  # slow, and email and more with it

    entries: dict[str, Plugin | EntryPoint] = {
        entry.name: entry for entry in entry_points(group=GROUP)
    }
    return entries | _registered


@cache
def _installed(path: tuple[str, ...]) -> list[tuple[str, EntryPoint]]:
    """Return the plug-ins that are installed, looked up once for each `sys.path`.

    Finding them takes 8 ms, and tensors of other frameworks ask in each batch.
    """
    return [(name, x) for name, x in _known().items() if not isinstance(x, Plugin)]


@cache
def _resolve(found: Plugin | EntryPoint) -> Plugin:
    if isinstance(found, Plugin):
        return found
    where = f"The entry point {found.name} = {found.value} of group {GROUP}"
    try:
        plugin = found.load()
    except Exception as error:
        raise BackendError(
            f"{where} does not load: {error!r}. Repair or uninstall that plug-in."
        ) from error
    if not isinstance(plugin, Plugin):
        raise BackendError(
            f"{where} must name a multinet.interface.Plugin, got "
            f"{type(plugin).__name__}."
        )
    return plugin


def _missing(plugin: Plugin) -> str:
    absent = [r for r in plugin.requires if importlib.util.find_spec(r) is None]
    return ", ".join(absent)


@dataclass(frozen=True)
class BackendInfo:
    """One known backend, as `multinet.backends()` lists it; `error` if it is broken."""

    name: str
    installed: bool
    version: str | None
    install: str
    error: str | None = None

    def devices(self) -> tuple[str, ...]:
        """Return its devices, which imports the framework; empty if not installed."""
        return get(self.name).devices() if self.installed else ()


def backends() -> tuple[BackendInfo, ...]:
    """Return every known backend: installed or not, its version, how to install it.

    Imports no framework; `info.devices()` does.

    >>> [info.name for info in multinet.backends() if info.installed]
    ['numpy', 'torch']
    """
    return tuple(_info(name, found) for name, found in _known().items())


def _info(name: str, found: Plugin | EntryPoint) -> BackendInfo:
    from importlib import metadata  # as in _known

    try:
        plugin = _resolve(found)
    except BackendError as error:
        return BackendInfo(name, False, None, "", str(error))
    if _missing(plugin):
        return BackendInfo(name, False, None, plugin.install)
    try:
        version = metadata.version(plugin.distribution)
    except metadata.PackageNotFoundError:
        version = None
    return BackendInfo(name, True, version, plugin.install)


def set_backend(backend: str | Backend[Any]) -> None:
    """Choose the backend of the whole process: every thread, outside of `use_backend`.

    Accepts a name or a `Backend`.

    >>> multinet.set_backend("torch")
    """
    global _default
    chosen = get(backend) if isinstance(backend, str) else backend
    with _lock:
        _default = chosen


class use_backend:
    """Choose the backend for a block, in this thread or task only.

    Accepts a name or a `Backend`. One that is never entered chooses nothing, and warns:
    `set_backend` is for the whole process.

    >>> with multinet.use_backend("jax"):
    ...     model.fit(x, y)
    """

    _made: tuple[str, int] | None = None  # file and line, until the block is entered

    def __init__(self, name: str | Backend[Any]) -> None:
        self.backend = get(name) if isinstance(name, str) else name
        self._tokens: list[Token[Backend[Any] | None]] = []
        caller = sys._getframe(1)
        self._made = caller.f_code.co_filename, caller.f_lineno

    def __enter__(self) -> Backend[Any]:
        """Let the backend hold for the block."""
        self._made = None
        self._tokens.append(_override.set(self.backend))
        return self.backend

    def __exit__(self, *exc: object) -> None:
        """Return to the backend that held before."""
        _override.reset(self._tokens.pop())

    def __del__(self) -> None:
        """Warn, at the line that made it, where no block was ever entered."""
        if self._made is not None:
            warnings.warn_explicit(
                f"{self!r} was dropped without being entered, so it chose nothing. "
                f"Write `with {self!r}:` for a block, or "
                f"multinet.set_backend({self.backend.name!r}) for the whole process.",
                UserWarning,
                *self._made,
            )

    @classmethod
    def scoped(cls, backend: Backend[Any]) -> use_backend:
        """Return a scope for a backend that is at hand, at the least cost."""
        scope = cls.__new__(cls)
        scope.backend, scope._tokens = backend, []
        return scope

    def __repr__(self) -> str:
        return f"use_backend({self.backend.name!r})"


def loaded() -> list[Backend[Any]]:
    """Return the backends whose frameworks have been imported through Multinet."""
    return list(_loaded.values())


def packages() -> tuple[frozenset[str], frozenset[str]]:
    """Return the packages of the backends that are loaded, and of their frameworks."""
    return _packages(tuple(_loaded))


@cache
def _packages(names: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    known = _known()
    classes = (cls for name in names for cls in type(get(name)).__mro__)
    plugins = (_resolve(known[name]) for name in names if name in known)
    return (
        frozenset(cls.__module__.partition(".")[0] for cls in classes),
        frozenset(required for plugin in plugins for required in plugin.requires),
    )


def owner(x: object) -> Backend[Any] | None:
    """Return the backend that the tensor `x` belongs to, if any."""
    found = _owners.get(type(x))
    if found is not None:
        return found
    if hasattr(x, "__array__") or hasattr(x, "shape"):
        _load_imported()
    found = next((b for b in loaded() if b.is_tensor(x)), None)
    # Of NumPy's own some are tensors of its backend, and some are of nobody.
    if found is not None and not isinstance(x, np.ndarray | np.generic):
        _owners[type(x)] = found
    return found


def _load_imported() -> None:
    """Load the backends whose framework the program has imported: `x` may be theirs."""
    for name, found in _installed(tuple(sys.path)):
        if name in _loaded or name in _registered:
            continue
        try:
            plugin = _resolve(found)
            if all(required in sys.modules for required in plugin.requires):
                get(name)
        except BackendError:
            continue  # a broken plug-in, as `backends()` says, owns no tensor


def backend() -> str:
    """Return the name of the backend in use, as `keras.backend.backend()` does."""
    return current().concrete.name
