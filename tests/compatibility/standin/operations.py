"""Operation classes, `ops.numpy.Add`, made around the public functions.

`Operation(*made)(*inputs)` calls the function of that name: inputs fill its parameters
in order, what the class was made with fills the rest.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from . import parts, places

_NAMES = {
    "layernorm": "layer_normalization",
    "rmsnorm": "rms_normalization",
    "batchnorm": "batch_normalization",
}
# What they were made with comes before the inputs.
_MADE_FIRST = {
    *("einsum", "while_loop", "vectorize", "map", "scan", "fori_loop"),
    *("associative_scan", "full"),
}


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


@functools.cache
def _functions(space: str) -> dict[str, tuple[str, Callable[..., Any]]]:
    module = places.namespace(space)
    found: dict[str, tuple[str, Callable[..., Any]]] = {}
    for name in dir(module) if module is not None else ():
        value = getattr(module, name, None)
        if callable(value) and not name.startswith("_") and not isinstance(value, type):
            found.setdefault(_plain(name), (name, value))
    return found


class Operation:
    """What the made classes have in common."""

    function: ClassVar[Callable[..., Any]]
    function_name: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any):
        self.name = kwargs.pop("name", None) or self.function_name
        self._made, self._options = args, kwargs

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function gives."""
        first = self.function_name in _MADE_FIRST
        values = [*self._made, *args] if first else [*args, *self._made]
        names, options = self._parameters(), {**self._options, **kwargs}
        taken = set((names or [])[: len(values)]) & set(self._options)
        if names is None or not (self._made or taken):
            return type(self).function(*values, **options)
        free = [name for name in names if name not in options]
        if len(values) > len(free):
            raise TypeError(f"{self.function_name}: {len(values)} values for {free}")
        return type(self).function(**dict(zip(free, values)), **options)

    __call__ = call

    @classmethod
    def _parameters(cls) -> list[str] | None:
        try:
            parameters = inspect.signature(cls.function).parameters.values()
        except (TypeError, ValueError):
            return None
        if any(p.kind is p.VAR_POSITIONAL for p in parameters):
            return None
        return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the symbolic results."""
        return self.call(*parts.symbolized(args), **parts.symbolized(kwargs))

    symbolic_call = compute_output_spec


@functools.cache
def operation(relative: str, name: str) -> type[Operation] | None:
    """Return the class for `src.<relative>.<name>`, None if no function is like it."""
    if not (relative == "ops" or relative.startswith("ops.")) or not name[:1].isupper():
        return None
    key = _plain(_NAMES.get(_plain(name), name))
    for space in places.spaces(relative):
        found = _functions(space).get(key) if space else None
        if found is not None:
            inner = {"function_name": found[0], "function": staticmethod(found[1])}
            return type(name, (Operation,), {**inner, "__module__": relative})
    return None
